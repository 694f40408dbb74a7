// Which order is looked at: whoever shows orders may choose one, the story tells of it.

const listeners = [];
let selected = null;

export const selectedKey = () => selected;

export function select(key) {
  selected = key;
  for (const listener of listeners) listener(key);
}

export const onSelect = (listener) => listeners.push(listener);

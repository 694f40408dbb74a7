// Which order is looked at: whoever shows orders may choose one, the story tells of it.

const listeners = [];
let selected = null;

export const selectedKey = () => selected;

export function select(key) {
  selected = key;
  for (const listener of listeners) listener(key);
}

export const onSelect = (listener) => listeners.push(listener);

// Our name for an order at the venue holds its key: session and number in digits of base 36.
export function keyOfName(name) {
  const match = /^hft-([0-9a-z]{1,13})-([0-9a-z]{1,13})$/.exec(name ?? "");
  return match ? `${wholeOf(match[1])}-${wholeOf(match[2])}` : null;
}

function wholeOf(digits) {
  let value = 0n;
  for (const digit of digits) value = value * 36n + BigInt(parseInt(digit, 36));
  return value;
}

// A strip of bars around zero: where money was made and lost, at a glance.  The same numbers stand in the
// words of each bar, for those who hear the page and for those who point at one.

import { element } from "./dom.js";

// `items` are {label, value, text}; a value of null leaves its place empty.  `reach` is [lowest, highest].
export function bars(node, items, [low, high]) {
  const whole = high - low || 1;
  const zero = (high / whole) * 100;
  node.style.setProperty("--zero", `${zero}%`);
  node.replaceChildren(...items.map(({ label, value, text }) => {
    const item = element("li");
    item.title = text;
    const plot = element("span", null, "plot");
    if (value) {
      const bar = element("i", null, value > 0 ? "gain" : "loss");
      const size = (Math.abs(value) / whole) * 100;
      bar.style.height = `max(1px, ${size}%)`;
      bar.style.top = `${value > 0 ? zero - size : zero}%`;
      plot.append(bar);
    }
    const name = element("span", label, "bar-label");
    name.setAttribute("aria-hidden", "true");
    item.append(plot, name, element("span", text, "spoken"));
    return item;
  }));
}

// The least reach that holds all values and zero.
export function reachOf(values) {
  const known = values.filter(Number.isFinite);
  return [Math.min(0, ...known), Math.max(0, ...known)];
}

// What the venue allows just now: limits used, its clock, and the switch that cancels when we fall silent.

import { element, setText } from "./dom.js";
import { Facts } from "./system_facts.js";
import { number, signed } from "./format.js";

const NEAR = 0.8;
const DOUBTFUL_MS = 100;

export class Allowance extends Facts {
  constructor() {
    super("What the venue allows");
    this.meters = element("div", null, "meters");
    this.node.insertBefore(this.meters, this.list);
  }

  tell(told) {
    const { limits } = told;
    while (this.meters.children.length > limits.length) this.meters.lastElementChild.remove();
    limits.forEach((limit, index) => fill(this.meters.children[index] ?? this.meters.appendChild(meter()), limit));
    this.show([
      ...(limits.length ? [] : [["Limits", "not known yet"]]),
      ["Requests", requestsText(told), told.banned_s > 0 || told.limited_s > 0],
      ["Venue's clock", clockText(told), told.clock_error_ms == null || told.clock_error_ms > DOUBTFUL_MS],
      ["Dead-man switch", told.countdown_armed ? `armed, wound ${number(told.countdown_said_s, 1)} s ago` : "off"],
    ]);
  }
}

function requestsText({ banned_s: banned, limited_s: limited, weight_full_in_s: full }) {
  if (banned > 0) return `banned for ${number(banned)} s: nothing is sent`;
  if (limited > 0) return `wait ${number(limited)} s, orders go on`;
  return full == null ? "go out freely" : `full in ${number(full)} s at this pace`;
}

const clockText = ({ clock_offset_ms: offset, clock_error_ms: error }) =>
  offset == null ? "not measured yet" : `${signed(offset, 1)} ± ${number(error, 1)} ms`;

function meter() {
  const node = element("div", null, "meter");
  const bar = element("span", null, "track");
  bar.setAttribute("role", "meter");
  bar.setAttribute("aria-valuemin", "0");
  bar.append(element("i"));
  node.append(element("span", "", "name"), bar, element("span", "", "number"));
  return node;
}

function fill(node, { name, used, limit }) {
  const [label, bar, text] = node.children;
  const isNear = used >= NEAR * limit;
  setText(label, name);
  setText(text, `${number(used)} of ${number(limit)}${isNear ? ", nearly full" : ""}`);
  bar.setAttribute("aria-label", name);
  bar.setAttribute("aria-valuemax", String(limit));
  bar.setAttribute("aria-valuenow", String(used));
  bar.firstElementChild.style.width = `${Math.min(100, (used / limit) * 100)}%`;
  node.classList.toggle("amber", isNear);
}

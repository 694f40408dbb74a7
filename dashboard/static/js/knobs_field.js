// One value of a form: its control, what may be typed, and what it says about itself.

import { element, setText } from "./dom.js";
import { number } from "./format.js";

const WHOLE = /^[+-]?\d+$/;
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const DECIMALS_MAX = 8;

// Numbers as people write them, without zeros that say nothing.
export const plain = (value) => {
  if (typeof value !== "number") return value === true ? "on" : value === false ? "off" : String(value);
  const [, fraction = ""] = value.toFixed(DECIMALS_MAX).replace(/0+$/, "").split(".");
  return number(value, fraction.length);
};

const SAID_BY_UNIT = [["/s", "_per_second"], ["/min", "_per_minute"]];
const FROM_HERE_ENDLESS = 1e9; // Such a bound only keeps out what no machine number holds.

// Names of the config file as words; the unit stands beside the field and is not said twice.
export function labelOf({ name, unit }) {
  const endings = [`_${unit}`, ...SAID_BY_UNIT.filter(([end]) => unit.endsWith(end)).map(([, said]) => said)];
  const said = endings.find((ending) => unit && name.endsWith(ending)) ?? "";
  return name.slice(0, name.length - said.length).replaceAll("_", " ");
}

export class Field {
  // `spec` is as the API gives it; `onEdit()` is called after each keystroke.  With `zeroIsOff` a field
  // that takes 0 is off then.
  constructor(form, spec, { onEdit, zeroIsOff }) {
    Object.assign(this, { onEdit, zeroIsOff });
    this.base = spec.value; // What was in force when the edit began.
    const id = `${form}-${spec.name}`;
    this.control = controlOf(spec);
    this.control.id = id;
    this.control.name = spec.name;
    this.hint = element("p", "", "hint");
    this.hint.id = `${id}-hint`;
    this.about = element("span", aboutOf(spec), "spoken");
    this.about.id = `${id}-about`;
    this.control.setAttribute("aria-describedby", `${this.about.id} ${this.hint.id}`);
    const label = element("label", labelOf(spec));
    label.htmlFor = id;
    this.node = element("div", null, `field ${spec.kind}`);
    this.node.title = `${spec.name}: ${aboutOf(spec)}`;
    this.node.append(label, this.control, element("span", spec.unit, "unit"), this.hint, this.about);
    this.control.addEventListener("input", () => this.edited());
    this.control.addEventListener("keydown", (event) => this.step(event));
    this.take(spec);
  }

  get value() {
    if (this.spec.kind === "bool") return this.control.checked;
    return this.spec.kind === "choice" ? this.control.value : Number(this.control.value.trim());
  }

  // What is wrong with what stands in the field, in a sentence; nothing when it may be sent.
  get wrong() {
    return isNumber(this.spec) ? wrongNumber(this.control.value.trim(), this.spec) : "";
  }

  get isChanged() {
    return Boolean(this.wrong) || this.value !== this.spec.value;
  }

  // Takes the newest from the server: an untouched field follows it, a touched one says what changed.
  take(spec) {
    const untouched = !this.spec || !this.isChanged;
    const isFirst = !this.spec;
    this.spec = spec;
    // What means the same is left as it is written: somebody may be typing just now.
    if (isFirst || (untouched && this.isChanged)) this.reset();
    if (!this.isChanged) this.base = spec.value;
    this.show();
  }

  reset() {
    if (this.spec.kind === "bool") this.control.checked = this.spec.value;
    else this.control.value = String(this.spec.value);
    this.base = this.spec.value;
    this.show();
  }

  edited() {
    if (!this.isChanged) this.base = this.spec.value;
    this.show();
    this.onEdit();
  }

  // The arrows go a step up or down, as far as is allowed.
  step(event) {
    const ways = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!ways || !isNumber(this.spec) || !this.spec.step || this.wrong) return;
    event.preventDefault();
    const next = this.value + ways * this.spec.step;
    const text = String(Number(next.toFixed(DECIMALS_MAX)));
    if (wrongNumber(text, this.spec)) return;
    this.control.value = text;
    this.edited();
  }

  show() {
    const { wrong, spec, isChanged } = this;
    const elsewhere = isChanged && this.base !== spec.value;
    this.node.classList.toggle("changed", isChanged);
    this.node.classList.toggle("look", Boolean(wrong) || elsewhere);
    this.control.setAttribute("aria-invalid", String(Boolean(wrong)));
    setText(this.hint, wrong || this.told(isChanged, elsewhere));
  }

  told(isChanged, elsewhere) {
    const { spec } = this;
    const told = [];
    if (elsewhere) told.push(`changed elsewhere to ${plain(spec.value)}`);
    else if (isChanged) told.push(`in force: ${plain(spec.value)}`);
    if (spec.file_value !== spec.value) told.push(`file: ${plain(spec.file_value)}`);
    if (told.length) return told.join(" · ");
    const range = this.zeroIsOff && spec.at_least === 0 ? ["0 is off", upTo(spec)] : [rangeOf(spec)];
    return [...range, `default ${plain(spec.default)}`].filter(Boolean).join(" · ");
  }
}

const aboutOf = (spec) =>
  [spec.description, rangeOf(spec), `default ${plain(spec.default)}`].filter(Boolean).join("; ");

export const isNumber = ({ kind }) => kind === "int" || kind === "float";
const isBound = (bound) => bound !== null && bound !== undefined;

const isEndless = (bound) => !isBound(bound) || Math.abs(bound) >= FROM_HERE_ENDLESS;
const upTo = ({ at_most: most, below }) =>
  !isEndless(most) ? `up to ${plain(most)}` : !isEndless(below) ? `below ${plain(below)}` : "";

function rangeOf(spec) {
  const { at_least: least, at_most: most, above } = spec;
  if (isBound(least) && !isEndless(most)) return `${plain(least)} to ${plain(most)}`;
  const from = isBound(least) ? `from ${plain(least)}` : isBound(above) ? `above ${plain(above)}` : "";
  return [from, upTo(spec)].filter(Boolean).join(", ");
}

function wrongNumber(text, spec) {
  if (!text) return "A number is needed here.";
  if (spec.kind === "int" && !WHOLE.test(text)) return "Write a whole number, such as 50.";
  if (!DECIMAL.test(text)) return "Write a number with a point, such as 0.5.";
  const value = Number(text);
  if (!Number.isFinite(value) || (spec.kind === "int" && !Number.isSafeInteger(value))) return "This number is too large.";
  const { at_least: least, at_most: most, above, below } = spec;
  if (isBound(least) && value < least) return `At least ${plain(least)} is needed.`;
  if (isBound(above) && value <= above) return `It must be above ${plain(above)}.`;
  if (isBound(most) && value > most) return `At most ${plain(most)} is allowed.`;
  if (isBound(below) && value >= below) return `It must be below ${plain(below)}.`;
  return "";
}

function controlOf(spec) {
  if (spec.kind === "choice") {
    const list = element("select");
    list.append(...spec.choices.map((name) => new Option(name, name)));
    return list;
  }
  const input = element("input");
  input.type = spec.kind === "bool" ? "checkbox" : "text";
  if (isNumber(spec)) {
    input.inputMode = spec.kind === "int" ? "numeric" : "decimal";
    input.spellcheck = false;
  }
  return input;
}

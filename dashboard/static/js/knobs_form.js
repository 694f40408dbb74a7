// A form over values in force: edit, preview where there is one, apply, take back.  Only what was changed
// is sent, and only when every field holds something that may be sent.

import { answer, attempt } from "./controls.js";
import { byId, element, setText } from "./dom.js";
import { Field, plain } from "./knobs_field.js";
import { Preview } from "./knobs_preview.js";
import { change, get, Refused } from "./server.js";

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

export class ValuesForm {
  // `path` is the API's; `mayApply(changes)` resolves to whether changes [{spec, to}] are meant.
  constructor(form, path, { preview = false, zeroIsOff = false, mayApply = async () => true } = {}) {
    Object.assign(this, { form: byId(form), path, zeroIsOff, mayApply });
    this.fields = new Map();
    this.undo = null;
    this.strategy = null;
    this.loading = null;
    this.isTrying = false;
    this.list = element("div", null, "field-list");
    this.previewed = preview ? new Preview(() => this.back()) : null;
    this.build();
    this.show();
    this.load();
  }

  build() {
    const bar = element("div", null, "knob-actions");
    const action = (text, className, deed, title) => {
      const button = element("button", text, className);
      button.type = "button";
      button.title = title;
      button.addEventListener("click", deed);
      bar.append(button);
      return button;
    };
    if (this.previewed) {
      this.previewButton = action("Preview", "button small", () => this.tryOut(), "Run the last market data with both sets of values; changes nothing");
    }
    this.applyButton = action("Apply", "button small", () => this.apply(), "Put the changed values in force");
    this.resetButton = action("reset", "link", () => this.reset(), "Back to the values in force (Esc)");
    this.undoButton = action("", "link undo grow", () => this.takeBack(), "");
    this.form.append(this.list, ...(this.previewed ? [this.previewed.node] : []), bar);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.isPreviewFirst) this.tryOut();
      else this.apply();
    });
    // Enter submits only a form that has a button for it.
    const submit = element("button", "Send", "spoken");
    submit.tabIndex = -1;
    submit.setAttribute("aria-hidden", "true");
    this.form.append(submit);
    this.form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !this.edits.length) return;
      event.preventDefault();
      this.reset();
    });
  }

  get edits() {
    return [...this.fields.values()].filter((field) => field.isChanged);
  }

  get values() {
    return Object.fromEntries(this.edits.map((field) => [field.spec.name, field.value]));
  }

  get inForce() {
    return [...this.fields.values()].map((field) => field.spec.value);
  }

  get isPreviewFirst() {
    return this.previewed !== null && !this.previewed.isOf(this.values);
  }

  // Reads what is in force; calls that come while one is on its way share its answer.
  load() {
    this.loading ??= this.read().finally(() => (this.loading = null));
    return this.loading;
  }

  async read() {
    try {
      this.take(await get(this.path));
    } catch (refusal) {
      if (!(refusal instanceof Refused)) throw refusal;
      if (!this.fields.size) setText(this.list, refusal.message);
    }
  }

  take({ strategy = null, fields, undo }) {
    const names = fields.map((spec) => spec.name);
    if (strategy !== this.strategy || !same(names, [...this.fields.keys()])) {
      if (this.edits.length) answer(`${strategy} trades now: what was typed for ${this.strategy} is dropped.`, true);
      this.strategy = strategy;
      const terms = { onEdit: () => this.edited(), zeroIsOff: this.zeroIsOff };
      this.fields = new Map(fields.map((spec) => [spec.name, new Field(this.form.id, spec, terms)]));
      const none = element("p", "This strategy has no parameters.", "empty");
      this.list.replaceChildren(...(fields.length ? [...this.fields.values()].map((field) => field.node) : [none]));
      this.previewed?.clear();
    } else {
      // What was tried out was tried beside the values of that moment.
      if (!same(fields.map((spec) => spec.value), this.inForce)) this.previewed?.clear();
      for (const spec of fields) this.fields.get(spec.name).take(spec);
    }
    this.undo = undo;
    this.show();
  }

  edited() {
    this.previewed?.clear();
    this.show();
  }

  show() {
    const { edits } = this;
    const sendable = edits.length > 0 && edits.every((field) => !field.wrong);
    const trying = this.previewed?.isOf(this.values) ?? false;
    this.list.hidden = trying;
    if (this.previewed) this.form.closest(".panel").classList.toggle("previewing", trying);
    if (this.previewButton) {
      this.previewButton.disabled = !sendable || trying || this.isTrying;
      this.previewButton.classList.toggle("primary", !trying);
    }
    this.applyButton.disabled = !sendable;
    this.applyButton.classList.toggle("primary", !this.isPreviewFirst);
    this.resetButton.hidden = edits.length === 0;
    this.undoButton.hidden = !this.undo;
    if (this.undo) {
      const back = this.undo.changes.map((one) => `${one.name} ${plain(one.to)} → ${plain(one.from)}`);
      setText(this.undoButton, `undo: ${back[0]}${back.length > 1 ? ` and ${back.length - 1} more` : ""}`);
      this.undoButton.title = `${back.join("\n")}\n${this.undo.message}`;
    }
  }

  reset() {
    for (const field of this.fields.values()) field.reset();
    this.previewed?.clear();
    this.show();
  }

  back() {
    this.previewed.clear();
    this.show();
    this.edits[0]?.control.focus();
  }

  body(values) {
    return this.strategy ? { values, strategy: this.strategy } : { values };
  }

  async tryOut() {
    const { values, inForce } = this;
    if (this.previewButton.disabled) return;
    this.isTrying = this.previewButton.disabled = true;
    setText(this.previewButton, "Trying…");
    try {
      const told = await change("POST", `${this.path}/preview`, this.body(values));
      // Whoever typed on meanwhile wants to know about something else, and so does who has other values in force.
      if (same(values, this.values) && same(inForce, this.inForce)) this.previewed.tell(values, told, this.edits);
    } catch (refusal) {
      if (!(refusal instanceof Refused)) throw refusal;
      answer(refusal.message, true);
    } finally {
      this.isTrying = false;
      setText(this.previewButton, "Preview");
      this.show();
    }
  }

  async apply() {
    if (this.applyButton.disabled) return;
    const { values, edits } = this;
    const seen = Object.fromEntries(edits.map(({ spec }) => [spec.name, spec.value]));
    if (!(await this.mayApply(edits.map(({ spec, value }) => ({ spec, from: spec.value, to: value }))))) return;
    if (await this.send(() => change("POST", this.path, { ...this.body(values), seen }))) this.edited();
  }

  async takeBack() {
    const { change: number, changes } = this.undo;
    const back = changes.map((one) => ({ spec: this.fields.get(one.name).spec, from: one.to, to: one.from }));
    if (!(await this.mayApply(back))) return;
    await this.send(() => change("POST", `${this.path}/undo`, { change: number }));
  }

  // Whatever the answer was: what is in force now is what the server says.
  async send(deed) {
    const reply = await attempt(this.form.id, deed);
    await this.loading;
    await this.load();
    return reply !== null;
  }
}

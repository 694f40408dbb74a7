// The log: new lines at the end, filtered here, following only while the reader is at the end.

import { byId, element, setPressed, setText } from "./dom.js";
import { timeMs } from "./format.js";

const LINES_MAX = 512;
const LOUD = new Set(["WARNING", "ERROR"]);

export class Logs {
  constructor() {
    this.lines = [];
    this.box = byId("logs");
    this.filter = byId("log-filter");
    this.filter.addEventListener("input", () => this.redraw());
    this.level = "all";
    for (const button of byId("log-levels").children) {
      button.addEventListener("click", () => this.choose(button.dataset.level));
    }
    // A hidden panel measures 0, so only what a person scrolls while seeing it says where they are.
    this.following = true;
    this.height = 0;
    new ResizeObserver(() => this.shown()).observe(this.box);
    this.box.addEventListener("scroll", () => this.measure(), { passive: true });
    byId("logs-newest").addEventListener("click", () => this.toNewest());
    this.until = Infinity; // The last line that is shown; a pause keeps those behind it back.
    byId("log-pause").addEventListener("click", () => this.pause(this.until === Infinity));
  }

  // Lines as the stream brings them; a lower number than the last one belongs to another session.
  notice(lines) {
    const last = this.lines.at(-1)?.number ?? 0;
    if (lines.length && lines.at(-1).number < last) this.reset();
    this.add(lines);
  }

  // What comes while paused is kept, and shown with the end of the pause.
  pause(paused) {
    this.until = paused ? (this.lines.at(-1)?.number ?? 0) : Infinity;
    setText(byId("log-pause"), paused ? "resume" : "pause");
    byId("log-pause").setAttribute("aria-pressed", String(paused));
    if (!paused) this.redraw();
  }

  reset() {
    this.lines = [];
    this.box.replaceChildren();
  }

  add(logs) {
    const last = this.lines.at(-1)?.number ?? 0;
    const fresh = logs.filter((line) => line.number > last);
    if (!fresh.length) return;
    this.lines.push(...fresh);
    this.lines.splice(0, Math.max(0, this.lines.length - LINES_MAX));
    if (this.until < Infinity) {
      setText(byId("log-pause"), "resume, there is more");
      return;
    }
    this.box.append(...fresh.filter((line) => this.matches(line)).map(row));
    while (this.box.children.length > LINES_MAX) this.box.firstElementChild.remove();
    this.shown();
  }

  redraw() {
    this.box.replaceChildren(...this.lines.filter((line) => this.matches(line)).map(row));
    this.toNewest();
  }

  choose(level) {
    this.level = level;
    setPressed(byId("log-levels").children, (button) => button.dataset.level === level);
    this.redraw();
  }

  measure() {
    if (!this.box.clientHeight) return;
    // A panel that has another height than before was scrolled by its layout, not by a person.
    if (this.box.clientHeight !== this.height) return;
    this.following = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 24;
    byId("logs-newest").hidden = this.following;
  }

  // Call when the panel has come into view or has grown.
  shown() {
    this.height = this.box.clientHeight;
    if (this.following) this.box.scrollTop = this.box.scrollHeight;
  }

  toNewest() {
    this.following = true;
    byId("logs-newest").hidden = true;
    this.shown();
  }

  matches(line) {
    if (line.number > this.until) return false;
    if (this.level === "warnings" && !LOUD.has(line.level)) return false;
    const wanted = this.filter.value.trim().toLowerCase();
    return !wanted || `${line.level} ${line.role} ${line.text}`.toLowerCase().includes(wanted);
  }
}

function row(line) {
  const node = element("p");
  const lost = line.dropped_before ? `(${line.dropped_before} lines lost before) ` : "";
  node.append(
    element("span", timeMs(line.ts_ms), "quiet"),
    element("span", line.level, line.level),
    element("span", line.role, "quiet"),
    element("span", lost + line.text),
  );
  return node;
}

// Which stretch of time the figures are of, in the viewer's zone.

import { element, segments, setPressed } from "./dom.js";
import { day, rangeStart } from "./format.js";

const CHOICES = [["session", "Session"], ["today", "Today"], ["week", "7 days"], ["month", "Month"], ["year", "Year"], ["all", "All"]];
const DAYS = 6; // And today.

export class Range {
  constructor(onChoice) {
    this.onChoice = onChoice;
    this.chosen = "session";
    this.sessionMs = null;
    this.node = element("div", null, "range");
    this.segments = segments("Range", CHOICES, this.chosen, (value) => this.choose(value));
    this.from = this.dateField("From");
    this.to = this.dateField("to");
    this.node.append(this.segments, this.from.parentElement, this.to.parentElement);
  }

  dateField(name) {
    const label = element("label", name, "date");
    const input = element("input");
    input.type = "date";
    input.addEventListener("change", () => this.chooseDates());
    label.append(input);
    return input;
  }

  choose(value) {
    this.chosen = value;
    this.from.value = this.to.value = "";
    this.mark();
    this.onChoice();
  }

  chooseDates() {
    const bounds = [dayOf(this.from), dayOf(this.to)];
    if (bounds.every((one) => one === null)) {
      this.choose("all");
      return;
    }
    const isBackwards = bounds.every((one) => one !== null) && bounds[0] > bounds[1];
    this.to.setCustomValidity(isBackwards ? "The last day lies before the first." : "");
    if (isBackwards) {
      this.to.reportValidity();
      return;
    }
    this.chosen = "dates";
    this.mark();
    this.onChoice();
  }

  mark() {
    setPressed(this.segments.children, (one) => one.dataset.value === this.chosen);
  }

  // From (inclusive) and to (exclusive) in milliseconds; null: open.
  bounds() {
    if (this.chosen === "dates") {
      const last = dayOf(this.to);
      return [dayOf(this.from)?.getTime() ?? null, last && new Date(last.getFullYear(), last.getMonth(), last.getDate() + 1).getTime()];
    }
    if (this.chosen === "session") return [this.sessionMs, null];
    if (this.chosen === "week") {
      const now = new Date();
      return [new Date(now.getFullYear(), now.getMonth(), now.getDate() - DAYS).getTime(), null];
    }
    return [rangeStart(this.chosen), null];
  }

  // The bounds as a query, and `more` with them.
  query(more = {}) {
    const [from, to] = this.bounds();
    const query = new URLSearchParams(more);
    if (from !== null) query.set("from_ms", String(from));
    if (to !== null) query.set("to_ms", String(to));
    return query.toString();
  }

  text(fromMs, toMs) {
    const days = [day(fromMs), day(toMs - 1)];
    return days[0] === days[1] ? days[0] : days.join(" to ");
  }
}

function dayOf(input) {
  const [year, month, date] = input.value.split("-").map(Number);
  return input.value ? new Date(year, month - 1, date) : null;
}

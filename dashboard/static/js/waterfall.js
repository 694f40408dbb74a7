// An order's way in stages: a table first, and beside each stage a bar drawn to a logarithmic scale, so that
// a microsecond and a tenth of a second are both seen.

import { element, setText } from "./dom.js";
import { nanos, UNKNOWN } from "./format.js";

const SHORTEST_NS = 100;
const NARROWEST = 0.35;

// The stages by their short names; what they mean is their title.
const NAMES = {
  venue_event: "venue to socket",
  decoded: "decoded",
  to_strategy: "to the strategy",
  decided: "decided",
  to_execution: "to execution",
  gated: "gated",
  signed: "signed",
  sent: "sent",
  acknowledged: "acknowledged",
  filled: "filled",
};

// Length of a bar in decades above the shortest span that is told apart.
const lengthOf = (ns) => Math.max(NARROWEST, Math.log10(Math.max(ns, SHORTEST_NS) / SHORTEST_NS));

export class Waterfall {
  constructor() {
    this.node = element("table", null, "waterfall");
    const head = this.node.createTHead().insertRow();
    for (const name of ["Stage", "Took", "Drawn"]) {
      const cell = element("th", name);
      cell.scope = "col";
      head.append(cell);
    }
    this.node.tHead.className = "spoken";
    this.body = this.node.createTBody();
    this.note = element("p", "", "sub waterfall-note");
  }

  // Stages as the API tells them; each bar begins where the one before ended.
  show(stages) {
    while (this.body.rows.length > stages.length) this.body.deleteRow(-1);
    while (this.body.rows.length < stages.length) this.addRow();
    const spans = stages.map(spanOf);
    const whole = spans.reduce((sum, span) => sum + span.length, 0) || 1;
    const longest = Math.max(...spans.map((span) => span.ns ?? 0));
    let from = 0;
    stages.forEach((stage, index) => {
      this.fill(this.body.rows[index], stage, spans[index], { from, whole, isLongest: spans[index].ns === longest && longest > 0 });
      from += spans[index].length;
    });
    const banded = stages.find((stage) => stage.band_ns);
    const band = banded ? ` ≈ and hatched: the clocks leave ±${nanos(banded.band_ns)} open.` : "";
    setText(this.note, stages.length ? `Each tenfold of time adds the same length.${band}` : "");
  }

  addRow() {
    const row = this.body.insertRow();
    row.append(element("th"), element("td", "", "r number"), element("td", "", "lane"));
    row.cells[0].scope = "row";
    row.cells[2].setAttribute("aria-hidden", "true");
    row.cells[2].append(element("i", null, "bar"), element("i", null, "band"));
  }

  fill(row, stage, span, { from, whole, isLongest }) {
    const [name, took, lane] = row.cells;
    setText(name, NAMES[stage.name] ?? stage.label);
    setText(took, span.ns === null ? UNKNOWN : `${stage.band_ns ? "≈ " : stage.at_least ? "≥ " : ""}${nanos(span.ns)}`);
    row.title = [stage.label, stage.sentence].filter(Boolean).join(". ");
    row.classList.toggle("longest", isLongest);
    row.dataset.stage = stage.name;
    const [bar, band] = lane.children;
    const percent = (decades) => `${(100 * decades) / whole}%`;
    bar.style.left = percent(from);
    bar.style.width = percent(span.length);
    bar.hidden = span.ns === null;
    band.hidden = !stage.band_ns || span.ns === null;
    band.style.left = percent(from + span.sure);
    band.style.width = percent(span.length - span.sure);
  }
}

// How long a stage took; with a band, up to where it is sure to reach and how far it may.
function spanOf({ from_ns: from, to_ns: to, band_ns: band }) {
  if (from === null || to === null) return { ns: null, sure: 0, length: 0 };
  const ns = to - from;
  if (!band) return { ns, sure: lengthOf(ns), length: lengthOf(ns) };
  return { ns, sure: ns > band ? lengthOf(ns - band) : 0, length: lengthOf(Math.max(0, ns) + band) };
}

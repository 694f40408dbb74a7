// A histogram over time on a logarithmic axis, with the percentiles as marks; in words beside it.

import { colour, faded, painted, surface } from "./colours.js";
import { element, setText } from "./dom.js";
import { nanos, number } from "./format.js";

const FOOT = 18;
const HEAD = 30;
const NAMES = { p50_ns: "p50", p90_ns: "p90", p99_ns: "p99", p99_9_ns: "p99.9" };

export class Histogram {
  constructor() {
    this.canvas = element("canvas", null, "histogram");
    this.canvas.setAttribute("role", "img");
    this.text = element("p", "", "sub");
    this.sub = element("span", "", "sub");
    this.leg = null;
    this.marks = [];
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    painted(() => this.draw());
  }

  // A leg as the API tells it; `marks` are [name, ns], ns null where there are too few samples.
  show(leg, marks) {
    this.leg = leg ?? null;
    this.marks = marks.filter(([, ns]) => ns !== null);
    setText(this.sub, leg?.label ?? "");
    const words = this.marks.map(([name, ns]) => `${NAMES[name]} ${nanos(ns)}`).join(", ");
    const told = leg?.count ? `${number(leg.count)} samples, ${words || "too few for a percentile"}, longest ${nanos(leg.max_ns)}` : "No sample yet.";
    setText(this.text, told);
    this.canvas.setAttribute("aria-label", `Histogram of ${leg?.label ?? "a leg"}: ${told}`);
    this.draw();
  }

  draw() {
    const place = surface(this.canvas);
    if (!place || !this.leg?.bins?.length) return;
    const { context, width, height } = place;
    const bins = this.leg.bins;
    // Whole decades around what there is; a bin that begins at 0 is as wide as its neighbour would be.
    const low = Math.floor(Math.log10(Math.max(100, bins[0][0] || bins[0][1] / 2)));
    const high = Math.max(low + 1, Math.ceil(Math.log10(bins.at(-1)[1])));
    const left = (ns) => ((Math.log10(Math.max(ns, 10 ** low)) - low) / (high - low)) * (width - 2) + 1;
    const tallest = Math.max(...bins.map(([, , count]) => count));
    const room = height - FOOT - HEAD;
    const size = parseFloat(getComputedStyle(this.canvas).fontSize);
    context.font = `${size}px ${getComputedStyle(this.canvas).fontFamily}`;
    this.axis(context, { low, high, left, height, width });
    context.fillStyle = faded("--accent", 0.75);
    for (const [from, to, count] of bins) {
      const tall = Math.max(2, (count / tallest) * room);
      context.fillRect(left(from), height - FOOT - tall, Math.max(1.5, left(to) - left(from) - 0.5), tall);
    }
    this.drawMarks(context, { left, height, width, size });
  }

  axis(context, { low, high, left, height, width }) {
    context.strokeStyle = colour("--line");
    context.fillStyle = colour("--quiet");
    context.textBaseline = "bottom";
    for (let decade = low; decade <= high; decade += 1) {
      const x = left(10 ** decade);
      context.beginPath();
      context.moveTo(Math.round(x) + 0.5, HEAD);
      context.lineTo(Math.round(x) + 0.5, height - FOOT);
      context.stroke();
      context.textAlign = decade === low ? "left" : decade === high ? "right" : "center";
      context.fillText(decadeName(decade), Math.min(width, x), height);
    }
  }

  // Labels stand in two rows so that neighbours do not cover each other, and above every line.
  drawMarks(context, { left, height, width, size }) {
    const ends = [-Infinity, -Infinity];
    const marks = this.marks.map(([name, ns]) => {
      const text = `${NAMES[name]} ${nanos(ns)}`;
      const wide = context.measureText(text).width;
      const from = Math.max(0, Math.min(width - wide, left(ns) + 3));
      const row = ends[0] + 6 < from ? 0 : 1;
      const isTold = ends[row] + 6 <= from;
      if (isTold) ends[row] = from + wide;
      return { x: Math.round(left(ns)) + 0.5, text, wide, from, top: row * (size + 2), isTold };
    });
    context.strokeStyle = colour("--text");
    context.setLineDash([2, 3]);
    for (const { x, top } of marks) {
      context.beginPath();
      context.moveTo(x, top);
      context.lineTo(x, height - FOOT);
      context.stroke();
    }
    context.setLineDash([]);
    context.textBaseline = "top";
    context.textAlign = "left";
    const [ground, ink] = [colour("--panel"), colour("--text")];
    for (const { text, wide, from, top } of marks.filter((mark) => mark.isTold)) {
      context.fillStyle = ground;
      context.fillRect(from - 1, top, wide + 2, size);
      context.fillStyle = ink;
      context.fillText(text, from, top);
    }
  }
}

const decadeName = (decade) =>
  decade < 3 ? `${10 ** decade} ns` : decade < 6 ? `${10 ** (decade - 3)} µs` : decade < 9 ? `${10 ** (decade - 6)} ms` : `${10 ** (decade - 9)} s`;

// The strip of the distance to firing over time: 1 is where the strategy acts, in its own measure.

import { colour, faded, painted, surface } from "./colours.js";
import { byId, setText } from "./dom.js";
import { number, signed } from "./format.js";

const KEPT_MS = 600_000;
const TALLEST = 1.3;
const GAP_MS = 3000;
const FIRES = new Set(["ENTER", "EXIT"]);

export class DistanceStrip {
  constructor() {
    this.canvas = byId("distance-strip");
    this.points = [];
    this.lastMs = 0;
    this.symbol = undefined;
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    painted(() => this.draw());
  }

  // Whether points of this symbol go on with those before; if not, it is empty from now on and they begin it.
  isOf(symbol) {
    const first = this.symbol === undefined || this.symbol === symbol;
    if (!first) {
      this.points = [];
      this.lastMs = 0;
    }
    this.symbol = symbol;
    return first;
  }

  // Points are [ms, distance, needed, verdict]; `verdict` is the newest, for the words below.
  add(points, verdict) {
    const fresh = points.filter(([ms]) => ms > this.lastMs);
    this.points.push(...fresh);
    this.lastMs = this.points.at(-1)?.[0] ?? this.lastMs;
    const oldest = this.lastMs - KEPT_MS;
    const from = this.points.findIndex(([ms]) => ms >= oldest);
    if (from > 0) this.points.splice(0, from);
    byId("distance").hidden = !this.points.some(([, , needed]) => needed);
    if (verdict?.needed) {
      setText(byId("distance-text"), `${signed(verdict.distance, 1)} of ${number(Math.abs(verdict.needed), 1)} needed`);
    }
    this.draw();
  }

  draw() {
    const place = surface(this.canvas);
    if (!place || this.points.length < 2) return;
    const { context, width, height } = place;
    const fromMs = this.points[0][0];
    const spanMs = Math.max(1000, this.lastMs - fromMs);
    const both = this.points.some(([, distance, needed]) => needed > 0 && distance < 0);
    const top = (ratio) => both
      ? height / 2 - (Math.max(-TALLEST, Math.min(TALLEST, ratio)) / TALLEST) * (height / 2 - 2)
      : height - 2 - (Math.max(0, Math.min(TALLEST, ratio)) / TALLEST) * (height - 4);
    const left = (ms) => ((ms - fromMs) / spanMs) * (width - 2) + 1;
    rule(context, width, top(0), colour("--line"));
    for (const ratio of both ? [1, -1] : [1]) rule(context, width, top(ratio), colour("--look"), [3, 3]);
    context.strokeStyle = colour("--accent");
    context.fillStyle = faded("--accent", 0.16);
    this.curve(context, left, top, both ? top(0) : height);
    context.fillStyle = colour("--look");
    for (const [ms, distance, needed, verdict] of this.points) {
      if (!FIRES.has(verdict)) continue;
      context.fillRect(left(ms) - 1, top(needed ? distance / Math.abs(needed) : 1) - 2, 3, 4);
    }
    const seconds = spanMs / 1000;
    setText(byId("distance-span"), `last ${seconds < 100 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`}, dashed: fires`);
  }

  // One line for each stretch without a hole.
  curve(context, left, top, base) {
    let began = null;
    let before = null;
    const line = new Path2D();
    const area = new Path2D();
    const close = () => {
      if (began === null) return;
      area.lineTo(left(before), base);
      area.lineTo(left(began), base);
      area.closePath();
    };
    for (const [ms, distance, needed] of this.points) {
      const known = needed && Number.isFinite(distance);
      if (!known || (before !== null && ms - before > GAP_MS)) {
        close();
        began = before = null;
        if (!known) continue;
      }
      const at = [left(ms), top(distance / Math.abs(needed))];
      if (began === null) {
        line.moveTo(...at);
        area.moveTo(...at);
        began = ms;
      } else {
        line.lineTo(...at);
        area.lineTo(...at);
      }
      before = ms;
    }
    close();
    context.fill(area);
    context.lineWidth = 1.25;
    context.stroke(line);
  }
}

function rule(context, width, y, style, dashes = []) {
  context.save();
  context.strokeStyle = style;
  context.setLineDash(dashes);
  context.beginPath();
  context.moveTo(0, Math.round(y) + 0.5);
  context.lineTo(width, Math.round(y) + 0.5);
  context.stroke();
  context.restore();
}

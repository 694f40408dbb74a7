// The P&L chart on a real time axis: the session live, or the history from the database.

import { BaselineSeries, LineSeries, createChart } from "../vendor/lightweight-charts/lightweight-charts.mjs";
import { colour, faded, painted } from "./colours.js";
import { byId, setPressed } from "./dom.js";
import { rangeStart, signed } from "./format.js";
import { get, Refused } from "./server.js";

const REFRESH_MS = 15_000;
const GRID_POINTS = 1500;
// The chart places its points side by side whatever the time between them.  Values on an even grid of
// whole seconds, each carried on until the next one, make its axis a real time axis.
function onGrid(points, value, fromS, toS, stepS) {
  const entries = [];
  let at = 0;
  let last = 0;
  for (let time = fromS; time <= toS; time += stepS) {
    while (at < points.length && points[at].ts_ms < (time + stepS) * 1000) last = value(points[at++]);
    entries.push({ time, value: last });
  }
  return entries;
}

export class PnlChart {
  constructor() {
    this.range = "session";
    this.stepS = 1;
    this.firstS = 0;
    this.lastS = 0;
    this.loading = false;
    this.following = true;
    this.box = byId("chart");
    this.chart = createChart(this.box, {
      autoSize: true,
      layout: { attributionLogo: false, background: { color: "transparent" } },
      timeScale: { timeVisible: true, secondsVisible: true, rightOffset: 2 },
      localization: { priceFormatter: (value) => signed(value) },
    });
    this.total = this.chart.addSeries(BaselineSeries, { baseValue: { type: "price", price: 0 }, lineWidth: 2 });
    this.realised = this.chart.addSeries(LineSeries, { lineWidth: 1, lineStyle: 2, priceLineVisible: false, lastValueVisible: false });
    painted(() => this.paint());
    for (const button of byId("ranges").children) {
      button.addEventListener("click", () => this.choose(button.dataset.range));
    }
    // Whoever zooms or pans keeps what they look at; "reset zoom" follows the whole range again.
    this.box.addEventListener("wheel", () => this.follow(false), { passive: true });
    this.box.addEventListener("pointermove", (event) => event.buttons && this.follow(false), { passive: true });
    byId("chart-reset").addEventListener("click", () => this.follow(true));
    setInterval(() => !document.hidden && this.range !== "session" && this.load(), REFRESH_MS);
    this.load();
  }

  paint() {
    const [up, down, line, quiet] = ["--up", "--down", "--line", "--quiet"].map(colour);
    this.chart.applyOptions({
      layout: { textColor: quiet, attributionLogo: false },
      grid: { vertLines: { color: faded("--line", 0.6) }, horzLines: { color: faded("--line", 0.6) } },
      rightPriceScale: { borderColor: line, scaleMargins: { top: 0.1, bottom: 0.08 } },
      timeScale: { borderColor: line },
      crosshair: { vertLine: { labelBackgroundColor: line }, horzLine: { labelBackgroundColor: line } },
    });
    this.total.applyOptions({
      topLineColor: up, topFillColor1: faded("--up", 0.28), topFillColor2: faded("--up", 0.02),
      bottomLineColor: down, bottomFillColor1: faded("--down", 0.02), bottomFillColor2: faded("--down", 0.28),
    });
    this.realised.applyOptions({ color: quiet });
  }

  follow(following) {
    this.following = following;
    byId("chart-reset").hidden = following;
    if (following) this.fit();
  }

  // The whole range, with room at the left for half a label of the time axis.
  fit() {
    const steps = (this.lastS - this.firstS) / this.stepS;
    this.chart.timeScale().setVisibleLogicalRange({ from: -0.06 * steps - 0.5, to: 1.03 * steps + 0.5 });
  }

  choose(range) {
    this.range = range;
    this.follow(true);
    byId("legend-realised").hidden = range !== "session";
    setPressed(byId("ranges").children, (button) => button.dataset.range === range);
    this.load();
  }

  async load() {
    const range = this.range;
    const mode = range === "session" ? "session" : "historical";
    this.loading = true;
    try {
      const { points } = await get(`/api/pnl_series?mode=${mode}`);
      if (range === this.range) this.curve(within(points, rangeStart(range) ?? -Infinity), mode);
    } catch (refusal) {
      if (!(refusal instanceof Refused)) throw refusal;
      // The banner and the trades panel say what is wrong; the last curve stays.
    } finally {
      this.loading = false;
    }
  }

  curve(points, mode) {
    const nowS = Math.floor(Date.now() / 1000);
    const beganS = Math.min(nowS, points.length ? Math.floor(points[0].ts_ms / 1000) : nowS);
    this.stepS = Math.max(1, Math.ceil((nowS - beganS) / GRID_POINTS));
    this.firstS = beganS - (beganS % this.stepS);
    this.lastS = nowS - (nowS % this.stepS);
    const grid = (value) => points.length ? onGrid(points, value, this.firstS, this.lastS, this.stepS) : [];
    this.total.setData(grid((point) => point.pnl));
    this.realised.setData(mode === "session" ? grid((point) => point.realized_pnl) : []);
    byId("chart-empty").hidden = points.length > 0;
    if (this.following) this.fit();
  }

  // One live point.  After a pause, or when the grid has become too fine, the curve is read anew.
  show(status) {
    this.add(status, Date.now());
  }

  add(status, nowMs) {
    if (this.range !== "session" || status.total_pnl === null || this.loading) return;
    const nowS = Math.floor(nowMs / 1000);
    const time = nowS - (nowS % this.stepS);
    if (time < this.lastS) return;
    const tooFar = time > this.lastS + 3 * this.stepS || (time - this.firstS) / this.stepS > 2 * GRID_POINTS;
    if (tooFar) {
      this.load();
      return;
    }
    const grown = time > this.lastS;
    this.lastS = time;
    byId("chart-empty").hidden = true;
    this.total.update({ time, value: status.total_pnl });
    this.realised.update({ time, value: status.realized_pnl });
    if (grown && this.following) this.fit();
  }
}

// P&L within a range starts from zero at the range's start: what was made before is taken off.
function within(points, startMs) {
  if (startMs === -Infinity) return points;
  let before = 0;
  const kept = [];
  for (const point of points) {
    if (point.ts_ms < startMs) before = point.pnl;
    else kept.push({ ts_ms: point.ts_ms, pnl: point.pnl - before });
  }
  return kept.length ? [{ ts_ms: startMs, pnl: 0 }, ...kept] : kept;
}

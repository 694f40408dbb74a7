// The P&L chart on a real time axis: the session live, or the history from the database.

import { BaselineSeries, LineSeries, createChart } from "../vendor/lightweight-charts/lightweight-charts.mjs";
import { byId, setPressed } from "./dom.js";
import { signed } from "./format.js";
import { get } from "./server.js";

const REFRESH_MS = 15_000;
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function faded(hex, alpha) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  return `rgba(${r}, ${g}, ${b}, ${alpha})`;
}

// The chart wants whole seconds, rising, each once: of several points in a second the last counts.
function bySecond(points, value) {
  const kept = [];
  for (const point of points) {
    const entry = { time: Math.floor(point.ts_ms / 1000), value: value(point) };
    if (kept.length && kept[kept.length - 1].time >= entry.time) {
      kept[kept.length - 1].value = entry.value;
    } else {
      kept.push(entry);
    }
  }
  return kept;
}

function rangeStart(range) {
  const now = new Date();
  const [year, month, date] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
  if (range === "today") return Date.UTC(year, month, date);
  if (range === "month") return Date.UTC(year, month, 1);
  if (range === "year") return Date.UTC(year, 0, 1);
  return -Infinity;
}

export class PnlChart {
  constructor() {
    this.range = "session";
    this.last = 0;
    this.box = byId("chart");
    this.chart = createChart(this.box, {
      autoSize: true,
      layout: { attributionLogo: false, background: { color: "transparent" } },
      timeScale: { timeVisible: true, secondsVisible: true, rightOffset: 2 },
      localization: { priceFormatter: (value) => signed(value) },
      crosshair: { horzLine: { labelVisible: true } },
    });
    this.total = this.chart.addSeries(BaselineSeries, { baseValue: { type: "price", price: 0 }, lineWidth: 2 });
    this.realised = this.chart.addSeries(LineSeries, { lineWidth: 1, lineStyle: 2, priceLineVisible: false, lastValueVisible: false });
    this.paint();
    matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => this.paint());
    for (const button of byId("ranges").children) {
      button.addEventListener("click", () => this.choose(button.dataset.range));
    }
    byId("chart-reset").addEventListener("click", () => this.chart.timeScale().fitContent());
    setInterval(() => !document.hidden && this.range !== "session" && this.load(false), REFRESH_MS);
    this.load(true);
  }

  paint() {
    const [up, down, line, quiet] = ["--up", "--down", "--line", "--quiet"].map(colour);
    this.chart.applyOptions({
      layout: { textColor: quiet, attributionLogo: false },
      grid: { vertLines: { color: faded(line, 0.6) }, horzLines: { color: faded(line, 0.6) } },
      rightPriceScale: { borderColor: line },
      timeScale: { borderColor: line },
    });
    this.total.applyOptions({
      topLineColor: up, topFillColor1: faded(up, 0.28), topFillColor2: faded(up, 0.02),
      bottomLineColor: down, bottomFillColor1: faded(down, 0.02), bottomFillColor2: faded(down, 0.28),
    });
    this.realised.applyOptions({ color: quiet });
  }

  choose(range) {
    this.range = range;
    setPressed(byId("ranges").children, (button) => button.dataset.range === range);
    this.load(true);
  }

  async load(fit) {
    const range = this.range;
    const mode = range === "session" ? "session" : "historical";
    let points;
    try {
      ({ points } = await get(`/api/pnl_series?mode=${mode}`));
    } catch {
      return; // The banner and the log say what is wrong; the last curve stays.
    }
    if (range !== this.range) return;
    this.show(mode === "session" ? points : within(points, rangeStart(range)), mode, fit);
  }

  show(points, mode, fit) {
    const total = bySecond(points, (point) => point.pnl);
    this.total.setData(total);
    this.realised.setData(mode === "session" ? bySecond(points, (point) => point.realized_pnl) : []);
    this.last = total.length ? total[total.length - 1].time : 0;
    byId("chart-empty").hidden = total.length > 0;
    if (fit) this.chart.timeScale().fitContent();
  }

  // One live point; earlier than the last one it is not drawn.
  add(status, nowMs) {
    if (this.range !== "session" || status.total_pnl === null) return;
    const time = Math.floor(nowMs / 1000);
    if (time < this.last) return;
    this.last = time;
    byId("chart-empty").hidden = true;
    this.total.update({ time, value: status.total_pnl });
    this.realised.update({ time, value: status.realized_pnl });
  }
}

// P&L within a range starts from zero: what was made before it is taken off.
function within(points, startMs) {
  if (startMs === -Infinity) return points;
  let before = 0;
  const kept = [];
  for (const point of points) {
    if (point.ts_ms < startMs) before = point.pnl;
    else kept.push({ ts_ms: point.ts_ms, pnl: point.pnl - before });
  }
  return kept;
}

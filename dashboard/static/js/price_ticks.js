// The trades and the top of the book of the last minutes, on an even grid so that time is time.

import { LineSeries, LineType } from "../vendor/lightweight-charts/lightweight-charts.mjs";
import { colour, faded } from "./colours.js";
import { get, Refused } from "./server.js";
import { decimalFormat, placeOf } from "./time_chart.js";

const STEP_MS = 100;
const KEPT = 6000; // Ten minutes.
const TRIM_AT = 7500;
const HOLE_MAX = 600;
const POLL_MS = 330;
const RETRY_MS = 3000;
const LIMIT = 5000;
const BAR_PX = 1.6;

// `rows` are [ms, trade, bid, ask] at the end of each step; what is not known yet is null.
export class Ticks {
  constructor(chart, symbol, decimals) {
    Object.assign(this, { chart, symbol });
    this.barPx = BAR_PX;
    this.rows = [];
    this.newest = 0;
    this.asking = false;
    this.askedAt = -Infinity;
    const quiet = { priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false, lineWidth: 1, lineType: LineType.WithSteps, priceFormat: decimalFormat(decimals) };
    this.bid = chart.addSeries(LineSeries, quiet);
    this.ask = chart.addSeries(LineSeries, quiet);
    this.series = chart.addSeries(LineSeries, { ...quiet, lineWidth: 2, crosshairMarkerVisible: true, lastValueVisible: true, priceLineVisible: true, priceLineStyle: 1 });
    this.series.priceScale().applyOptions({ scaleMargins: { top: 0.12, bottom: 0.12 } });
    this.lines = [this.series, this.bid, this.ask];
    this.paint();
  }

  close() {
    this.closed = true;
    for (const line of this.lines) this.chart.removeSeries(line);
  }

  paint() {
    this.series.applyOptions({ color: colour("--text"), priceLineColor: colour("--quiet") });
    this.bid.applyOptions({ color: faded("--up", 0.7) });
    this.ask.applyOptions({ color: faded("--down", 0.7) });
  }

  get count() {
    return this.rows.length;
  }

  placeOf(ms) {
    return placeOf(this.rows, ms);
  }

  show() {
    if (!this.asking && performance.now() - this.askedAt >= POLL_MS) this.poll();
  }

  async poll() {
    this.asking = true;
    this.askedAt = performance.now();
    try {
      const query = new URLSearchParams({ symbol: this.symbol, after: this.newest, limit: LIMIT });
      const answer = await get(`/api/ticks?${query}`);
      if (this.closed) return;
      // A number below ours is another run's count: everything is read anew.
      if (answer.newest < this.newest) this.rows = [];
      this.take(answer);
      this.newest = answer.newest;
    } catch (refusal) {
      if (!(refusal instanceof Refused)) throw refusal;
      this.askedAt = performance.now() + RETRY_MS;
    } finally {
      this.asking = false;
    }
  }

  // However many records a look brings, each step of the grid gets its last values only.
  take({ trades, tops }) {
    const records = [...trades.map(([seq, ms, price]) => [seq, ms, price]), ...tops.map(([seq, ms, bid, ask]) => [seq, ms, null, bid, ask])]
      .sort((a, b) => a[0] - b[0]);
    if (!records.length) return;
    const [first, before] = [this.rows[0], this.rows.length];
    for (const [, ms, trade, bid, ask] of records) {
      const row = this.step(ms - (ms % STEP_MS));
      if (trade !== null) row[1] = trade;
      else [row[2], row[3]] = [bid, ask];
    }
    if (this.rows.length > TRIM_AT) this.rows = this.rows.slice(-KEPT);
    if (!before || this.rows[0] !== first) this.draw();
    else for (let at = before - 1; at < this.rows.length; at++) this.lines.forEach((line, index) => line.update(pointOf(this.rows[at], index + 1)));
  }

  // The row of a step; steps without a record carry the values on.  What comes late counts as now.
  step(ms) {
    const last = this.rows.at(-1);
    if (last && ms <= last[0]) return last;
    const hole = last && (ms - last[0]) / STEP_MS <= HOLE_MAX;
    for (let at = hole ? last[0] + STEP_MS : ms; at < ms; at += STEP_MS) this.rows.push([at, ...last.slice(1)]);
    this.rows.push([ms, ...(last?.slice(1) ?? [null, null, null])]);
    return this.rows.at(-1);
  }

  draw() {
    this.lines.forEach((line, index) => line.setData(this.rows.map((row) => pointOf(row, index + 1))));
  }

  tell(place, price) {
    const row = this.rows[place];
    if (!row) return "";
    return `trade ${price(row[1])}  bid ${price(row[2])}  ask ${price(row[3])}`;
  }
}

const pointOf = (row, column) => row[column] === null ? { time: row[0] / 1000 } : { time: row[0] / 1000, value: row[column] };

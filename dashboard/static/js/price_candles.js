// Candles with their volume: history from the server, further back as the person pans, the newest one live.

import { CandlestickSeries, HistogramSeries } from "../vendor/lightweight-charts/lightweight-charts.mjs";
import { colour, faded } from "./colours.js";
import { get, Refused } from "./server.js";
import { decimalFormat, placeOf } from "./time_chart.js";

const SPANS_MS = { "1s": 1e3, "5s": 5e3, "15s": 15e3, "1m": 6e4, "5m": 3e5, "15m": 9e5, "1h": 36e5, "4h": 144e5, "1d": 864e5 };
const PAGE = 1000;
const OLDER_WITHIN = 60; // Candles left of what is seen when more are asked for.
const HOLE_MAX = 600; // A longer time without trades is closed up instead of drawn.
const KEPT_MAX = 20_000;
const RETRY_MS = 5000;
const BAR_PX = 7;

export const INTERVALS = Object.keys(SPANS_MS);

// `rows` are [ms, open, high, low, close, volume, trades], or [ms] where nothing was traded.
export class Candles {
  constructor(chart, symbol, interval, decimals) {
    Object.assign(this, { chart, symbol, interval });
    this.spanMs = SPANS_MS[interval];
    this.barPx = BAR_PX;
    this.rows = [];
    this.last = null;
    this.whole = false; // Nothing older is known to the server.
    this.asking = false;
    this.askedAt = -Infinity;
    this.everyMs = this.spanMs < 60_000 ? 2000 : 5000;
    this.volume = chart.addSeries(HistogramSeries, { priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    this.series = chart.addSeries(CandlestickSeries, { borderVisible: false, priceLineStyle: 1, priceFormat: decimalFormat(decimals) });
    this.series.priceScale().applyOptions({ scaleMargins: { top: 0.1, bottom: 0.22 } });
    this.paint();
  }

  close() {
    this.closed = true;
    this.chart.removeSeries(this.series);
    this.chart.removeSeries(this.volume);
  }

  paint() {
    const [up, down] = [colour("--up"), colour("--down")];
    this.series.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down, priceLineColor: colour("--quiet") });
    this.shades = [faded("--down", 0.28), faded("--up", 0.28)];
    this.draw();
  }

  get count() {
    return this.rows.length;
  }

  placeOf(ms) {
    return placeOf(this.rows, ms);
  }

  // Called with every frame.  `row` is the symbol's row of the status, `fresh` whether its prices are new.
  show(row, fresh) {
    if (fresh && row.last != null && row.last_tick_ms != null) this.live(row.last, row.last_tick_ms);
    const now = performance.now();
    if (!this.asking && now - this.askedAt >= this.everyMs) this.ask(this.recent());
    const range = this.chart.timeScale().getVisibleLogicalRange();
    const olderWanted = this.rows.length && !this.whole && range && range.from < OLDER_WITHIN;
    if (olderWanted && !this.asking && now >= this.askedAt && this.rows.length < KEPT_MAX) this.ask({ to_ms: this.rows[0][0], limit: PAGE });
  }

  // What the server says of the newest candles is right; before there are any, a page of them is asked for.
  recent() {
    if (!this.told) return { limit: PAGE };
    return { from_ms: Math.max(this.rows[0][0], this.told - 2 * this.spanMs), limit: PAGE };
  }

  async ask(span) {
    this.asking = true;
    const older = span.to_ms !== undefined;
    if (!older) this.askedAt = performance.now();
    try {
      const query = new URLSearchParams({ symbol: this.symbol, interval: this.interval, ...span });
      const { candles } = await get(`/api/candles?${query}`);
      if (this.closed) return;
      if (older) this.whole = !candles.some(([ms]) => ms < this.rows[0][0]);
      else this.hear(candles);
      // Before the first that came nothing is known not to be: the server's memory may not reach further.
      if (candles.length) this.merge(candles, older ? Infinity : candles[0][0]);
    } catch (refusal) {
      if (!(refusal instanceof Refused)) throw refusal;
      // What is shown stays; the live price goes on, and the server is asked again later.
      this.askedAt = performance.now() + RETRY_MS;
    } finally {
      this.asking = false;
    }
  }

  // After a long pause, or one longer than what an answer holds, what came between is not known here: it
  // begins anew.  In a storm the server itself forgets within seconds: what is known then stays.
  hear(candles) {
    if (!candles.length) return;
    const pauseMs = this.told ? candles[0][0] - this.told : 0;
    if (pauseMs > HOLE_MAX * this.spanMs || (pauseMs > 0 && candles.length >= PAGE)) [this.rows, this.whole] = [[], false];
    this.told = candles.at(-1)[0];
  }

  // The price of the moment changes the last candle, or begins the next one.
  live(price, ms) {
    const beginMs = ms - (ms % this.spanMs);
    if (price === this.last || beginMs < (this.rows.at(-1)?.[0] ?? 0)) return;
    this.last = price;
    const row = this.rows.at(-1);
    if (row?.[0] !== beginMs) this.merge([[beginMs, price, price, price, price, 0, 0]]);
    else if (row.length === 1) this.set(this.rows.length - 1, [beginMs, price, price, price, price, 0, 0]);
    else {
      row[2] = Math.max(row[2], price);
      row[3] = Math.min(row[3], price);
      row[4] = price;
      this.set(this.rows.length - 1, row);
    }
  }

  // Takes candles in.  From `fromMs` on, candles between those that came are known not to be.
  merge(candles, fromMs = Infinity) {
    const lastMs = this.rows.at(-1)?.[0] ?? Infinity;
    const jump = candles.some(([ms], index) => {
      const before = index ? candles[index - 1][0] : lastMs;
      return ms > lastMs && ms - before > HOLE_MAX * this.spanMs;
    });
    const unknown = candles.some(([ms]) => ms < lastMs && this.rows[this.placeOf(ms)]?.[0] !== ms);
    if (!this.rows.length || jump || unknown) return this.rebuild(candles);
    const told = new Set(candles.map(([ms]) => ms));
    for (let at = Math.max(0, this.placeOf(fromMs)); at < this.rows.length - 1; at++) {
      const [ms] = this.rows[at];
      if (ms >= fromMs && ms < candles.at(-1)[0] && this.rows[at].length > 1 && !told.has(ms)) this.set(at, [ms]);
    }
    for (const candle of candles) {
      const at = this.placeOf(candle[0]);
      if (this.rows[at][0] === candle[0]) this.set(at, candle);
      else {
        for (let ms = this.rows.at(-1)[0] + this.spanMs; ms < candle[0]; ms += this.spanMs) this.set(this.rows.length, [ms]);
        this.set(this.rows.length, candle);
      }
    }
    // A page that is left open for days keeps the newest.
    if (this.rows.length > 1.25 * KEPT_MAX) {
      this.rows = this.rows.slice(-KEPT_MAX);
      this.draw();
    }
  }

  rebuild(candles) {
    const byTime = new Map(this.rows.filter((row) => row.length > 1).map((row) => [row[0], row]));
    for (const candle of candles) byTime.set(candle[0], candle);
    const rows = [];
    for (const row of [...byTime.values()].sort((a, b) => a[0] - b[0])) {
      const before = rows.at(-1)?.[0] ?? row[0];
      if (row[0] - before <= HOLE_MAX * this.spanMs) {
        for (let ms = before + this.spanMs; ms < row[0]; ms += this.spanMs) rows.push([ms]);
      }
      rows.push(row);
    }
    this.rows = rows;
    this.draw();
  }

  set(place, row) {
    const known = this.rows[place];
    if (known && known.length === row.length && known !== row && known.every((value, index) => value === row[index])) return;
    const past = place < this.rows.length - 1;
    this.rows[place] = row;
    this.series.update(candleOf(row), past);
    this.volume.update(this.volumeOf(row), past);
  }

  draw() {
    this.series.setData(this.rows.map(candleOf));
    this.volume.setData(this.rows.map((row) => this.volumeOf(row)));
  }

  volumeOf([ms, open, , , close, volume]) {
    const time = ms / 1000;
    return open === undefined ? { time } : { time, value: volume, color: this.shades[Number(close >= open)] };
  }

  // What a candle says in words: its prices and volume as `number(value, decimals)` writes them.
  tell(place, price, quantity) {
    const row = this.rows[place];
    if (!row || row.length === 1) return "";
    const [open, high, low, close] = row.slice(1, 5).map(price);
    return `O ${open}  H ${high}  L ${low}  C ${close}  V ${quantity(row[5])}`;
  }
}

const candleOf = ([ms, open, high, low, close]) =>
  open === undefined ? { time: ms / 1000 } : { time: ms / 1000, open, high, low, close };

// The P&L chart on a real time axis: the session live, or a range from the database, finer where one zooms in.

import { BaselineSeries, LineSeries } from "../vendor/lightweight-charts/lightweight-charts.mjs";
import { colour, faded } from "./colours.js";
import { byId, setPressed, setText } from "./dom.js";
import { rangeStart, signed, time, day } from "./format.js";
import { get, Refused, serverMs } from "./server.js";
import { decimalFormat, timeChart, wireKeys } from "./time_chart.js";

const GRID_POINTS = 1500;
const REFRESH_MS = 60_000;
const TRADED_MS = 2000; // After a trade a range is read again, and no more often than this.
const RETRY_MS = 5000;
const AWAY_MS = 3000;
const SETTLED_MS = 150;
const FINE_STEPS = 300; // A view of fewer steps than this is drawn anew, as fine as there are points.
const POINTS_MAX = 20_000;
const EMPTY = "No P&L in this range yet.";

// The chart places its points side by side whatever the time between them.  Values on an even grid of
// whole seconds, each carried on until the next one, make its axis a real time axis.
function onGrid(points, value, { firstS, lastS, stepS }) {
  const entries = [];
  let at = 0;
  let last = 0;
  for (let second = firstS; second <= lastS; second += stepS) {
    while (at < points.length && points[at].ts_ms < (second + stepS) * 1000) last = value(points[at++]);
    entries.push({ time: second, value: last });
  }
  return entries;
}

export class PnlChart {
  constructor() {
    this.range = "session";
    this.grid = null; // {firstS, lastS, stepS} of what is drawn.
    this.whole = []; // The points of the whole range,
    this.wholeRange = null; // and which range that is.
    this.wholeFromS = 0;
    this.loading = false;
    this.loadedAt = -Infinity;
    this.following = true;
    this.changedAt = -Infinity;
    this.trades = null;
    this.box = byId("chart");
    this.chart = timeChart(this.box, () => this.paint());
    this.chart.priceScale("right").applyOptions({ scaleMargins: { top: 0.1, bottom: 0.08 } });
    this.chart.timeScale().applyOptions({ rightOffset: 2 });
    this.total = this.chart.addSeries(BaselineSeries, { baseValue: { type: "price", price: 0 }, lineWidth: 2, priceFormat: decimalFormat(2, signed) });
    this.realised = this.chart.addSeries(LineSeries, { lineWidth: 1, lineStyle: 2, priceLineVisible: false, lastValueVisible: false, priceFormat: decimalFormat(2, signed) });
    this.paint();
    for (const button of byId("ranges").children) {
      button.addEventListener("click", () => this.choose(button.dataset.range));
    }
    // Whoever zooms or pans keeps what they look at; "reset zoom" follows the whole range again.
    this.box.addEventListener("wheel", () => this.follow(false), { passive: true });
    this.box.addEventListener("pointermove", (event) => event.buttons && this.follow(false), { passive: true });
    this.box.addEventListener("dblclick", () => this.follow(true));
    byId("chart-reset").addEventListener("click", () => this.follow(true));
    wireKeys(this.box, this.chart, { moved: () => this.follow(false), newest: () => this.follow(true) });
    this.chart.timeScale().subscribeVisibleLogicalRangeChange(() => {
      this.changedAt = performance.now();
      this.tell();
    });
  }

  paint() {
    if (!this.total) return;
    const [up, down] = [colour("--up"), colour("--down")];
    this.total.applyOptions({
      topLineColor: up, topFillColor1: faded("--up", 0.28), topFillColor2: faded("--up", 0.02),
      bottomLineColor: down, bottomFillColor1: faded("--down", 0.02), bottomFillColor2: faded("--down", 0.28),
    });
    this.realised.applyOptions({ color: colour("--quiet") });
  }

  // Called with every frame while the view is open.
  show(status) {
    const trades = status.ledger?.trades;
    const waited = performance.now() - this.loadedAt;
    const live = this.range === "session";
    const traded = !live && trades !== this.trades && waited > TRADED_MS;
    const failed = this.refused && waited > 0;
    if (!this.loading && (this.loadedAt === -Infinity || failed || traded || (!live && waited > REFRESH_MS))) {
      this.trades = trades;
      this.load();
    }
    if (live) this.add(status, serverMs());
    this.settle();
  }

  follow(following) {
    const was = this.following;
    this.following = following;
    byId("chart-reset").hidden = following;
    if (following && !was) this.draw(this.whole, this.wholeFromS, nowS());
  }

  // The whole range, with room at the left for half a label of the time axis.
  fit() {
    const steps = (this.grid.lastS - this.grid.firstS) / this.grid.stepS;
    this.chart.timeScale().setVisibleLogicalRange({ from: -0.03 * steps - 0.5, to: 1.02 * steps + 0.5 });
  }

  choose(range) {
    this.range = range;
    this.follow(true);
    byId("legend-realised").hidden = range !== "session";
    setPressed(byId("ranges").children, (button) => button.dataset.range === range);
    this.load();
  }

  async load() {
    const { range } = this;
    this.loading = true;
    this.loadedAt = performance.now();
    try {
      const fromMs = range === "session" ? null : (rangeStart(range, new Date(serverMs())) ?? 0);
      const points = await pointsOf(fromMs, null);
      if (range !== this.range) return;
      // "All" begins with the first trade there is.
      this.whole = fromMs === 0 ? points.slice(1) : points;
      if (!hasTrades(this.whole, range)) this.whole = [];
      this.wholeFromS = this.whole.length ? Math.floor(this.whole[0].ts_ms / 1000) : nowS();
      this.wholeRange = range;
      this.refused = null;
      if (this.following) this.draw(this.whole, this.wholeFromS, nowS());
      else if (this.grid) this.fine({ firstS: this.grid.firstS, lastS: Math.min(nowS(), this.grid.lastS) });
    } catch (refusal) {
      if (!(refusal instanceof Refused)) throw refusal;
      if (range !== this.range) return;
      this.refused = refusal.message;
      this.loadedAt += RETRY_MS;
      // The curve that is known stays, and so does what of it is looked at; another range's must not.
      if (this.wholeRange !== range) {
        [this.whole, this.wholeRange] = [[], range];
        this.draw([], nowS(), nowS());
      }
      this.say(this.whole.length);
    } finally {
      this.loading = false;
      this.addedMs = serverMs();
    }
  }

  // Draws points from one second to another; whoever zoomed goes on looking at the same time.
  draw(points, fromS, toS) {
    const seen = this.seen();
    const stepS = Math.max(1, Math.ceil((toS - fromS) / GRID_POINTS));
    this.grid = { stepS, firstS: fromS - (fromS % stepS), lastS: toS - (toS % stepS) };
    const lay = (value) => (points.length ? onGrid(points, value, this.grid) : []);
    this.total.setData(lay((point) => point.pnl));
    this.realised.setData(this.range === "session" ? lay((point) => point.realized_pnl) : []);
    this.say(points.length);
    if (this.following || !seen) this.fit();
    else {
      const { firstS } = this.grid;
      this.chart.timeScale().setVisibleLogicalRange({ from: (seen.fromS - firstS) / stepS, to: (seen.toS - firstS) / stepS });
    }
    this.tell();
  }

  // What is looked at, in seconds.
  seen() {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    if (!range || !this.grid) return null;
    const { firstS, stepS } = this.grid;
    return { fromS: firstS + range.from * stepS, toS: firstS + range.to * stepS };
  }

  // Once a zoom or pan has come to rest, what is looked at is drawn as fine as it can be.
  settle() {
    if (this.following || this.loading || !this.whole.length || performance.now() - this.changedAt < SETTLED_MS) return;
    const { firstS, lastS, stepS } = this.grid;
    const seen = this.seen();
    if (!seen) return; // A window this narrow shows no charts.
    const [fromS, toS] = [Math.max(seen.fromS, this.wholeFromS), Math.min(seen.toS, nowS())];
    const span = Math.max(30, toS - fromS);
    const coarse = stepS > 1 && span / stepS < FINE_STEPS;
    const beyond = fromS < firstS - stepS || toS > lastS + 3 * stepS + 2;
    if (toS <= fromS || !(coarse || beyond)) return;
    this.fine({ firstS: Math.max(this.wholeFromS, Math.floor(fromS - span)), lastS: Math.min(nowS(), Math.ceil(toS + span)) });
  }

  async fine({ firstS, lastS }) {
    this.changedAt = performance.now();
    if (this.range === "session") return this.draw(this.whole, firstS, lastS);
    const { range } = this;
    this.loading = true;
    try {
      const [before, points] = await Promise.all([
        // A curve starts at 0 where it begins: what was made before is added again.
        firstS > this.wholeFromS ? pointsOf(this.whole[0].ts_ms, firstS * 1000, 4) : [],
        pointsOf(firstS * 1000, (lastS + 1) * 1000),
      ]);
      if (range !== this.range || this.following) return;
      const base = before.at(-1)?.pnl ?? 0;
      this.draw(points.map((point) => ({ ...point, pnl: point.pnl + base })), firstS, lastS);
    } catch (refusal) {
      if (!(refusal instanceof Refused)) throw refusal;
      this.changedAt = performance.now() + RETRY_MS; // The coarse curve stays.
    } finally {
      this.loading = false;
    }
  }

  // One live point a second.  What came while nobody drew, or a clock was set, only the server knows.
  add(status, nowMs) {
    if (status.total_pnl == null || this.loading || !this.grid) return;
    const isAway = Math.abs(nowMs - this.addedMs) > AWAY_MS;
    this.addedMs = nowMs;
    if ((isAway || this.whole.length > POINTS_MAX) && !this.refused) return this.load();
    const second = Math.floor(nowMs / 1000);
    const point = { ts_ms: nowMs, pnl: status.total_pnl, realized_pnl: status.realized_pnl };
    const known = this.whole.at(-1);
    if (known && Math.floor(known.ts_ms / 1000) === second) this.whole[this.whole.length - 1] = point;
    else this.whole.push(point);
    if (this.whole.length === 1) this.wholeFromS = second;
    const { stepS, firstS, lastS } = this.grid;
    const at = second - (second % stepS);
    const tooFar = this.whole.length === 1 || at > lastS + 3 * stepS || (at - firstS) / stepS > 2 * GRID_POINTS;
    if (tooFar && this.following) {
      this.draw(this.whole, this.wholeFromS, second);
      return;
    }
    // The newest lies outside of what is looked at.
    if (tooFar || at < lastS) return;
    this.grid.lastS = at;
    this.say(this.whole.length);
    this.total.update({ time: at, value: point.pnl });
    this.realised.update({ time: at, value: point.realized_pnl });
    if (at > lastS && this.following) this.fit();
  }

  say(points) {
    const node = byId("chart-empty");
    setText(node, this.refused ?? EMPTY);
    node.hidden = points > 0 && !this.refused;
    node.classList.toggle("look", points > 0);
  }

  tell() {
    const seen = this.seen();
    if (!seen) return;
    const [fromMs, toMs] = [Math.round(seen.fromS * 1000), Math.round(seen.toS * 1000)];
    Object.assign(this.box.dataset, { shown: this.range, fromMs, toMs, points: this.whole.length, stepMs: this.grid.stepS * 1000 });
    const last = this.whole.at(-1);
    const label = last ? `Profit and loss, ${day(fromMs)} ${time(fromMs)} to ${day(toMs)} ${time(toMs)}, now ${signed(last.pnl)}` : "Profit and loss over time, nothing yet";
    if (this.label === label) return;
    this.label = label;
    this.box.setAttribute("aria-label", label);
  }
}

const nowS = () => Math.floor(serverMs() / 1000);
const hasTrades = (points, range) => points.length > (range === "session" || range === "all" ? 0 : 1);

async function pointsOf(fromMs, toMs, count = 2000) {
  const query = new URLSearchParams(fromMs === null ? { mode: "session" } : { mode: "range", from_ms: fromMs, points: count });
  if (toMs !== null) query.set("to_ms", toMs);
  return (await get(`/api/pnl_series?${query}`)).points;
}

// Price and own orders: ticks or candles, fills and orders as marks on them, the position and what waits.

import { byId, element, setPressed, setText } from "./dom.js";
import { age, number, time } from "./format.js";
import { Candles, INTERVALS } from "./price_candles.js";
import { OwnLines } from "./price_lines.js";
import { OwnMarks } from "./price_marks.js";
import { MarksView } from "./price_marks_view.js";
import { Ticks } from "./price_ticks.js";
import { Tip } from "./price_tip.js";
import { onSelect, select, selectedKey } from "./selection.js";
import { magnified, timeChart, wireKeys } from "./time_chart.js";

const KEPT_AS = "hft-interval";
const ROOM_PX = 60;
const LABEL_MS = 2000;

export class PriceChart {
  constructor() {
    this.box = byId("price-chart");
    this.panel = this.box.closest(".panel");
    // Over the chart, where its coming and going moves nothing.
    this.box.append(byId("price-hover"), byId("price-beyond"));
    this.symbol = null;
    this.feed = null;
    this.labelAt = -Infinity;
    this.interval = kept();
    this.chart = timeChart(this.box, () => this.feed?.paint());
    this.view = new MarksView();
    this.view.choose(selectedKey());
    this.tip = new Tip(this.box);
    onSelect((key) => this.view.choose(key));
    for (const button of byId("intervals").children) {
      button.addEventListener("click", () => this.choose(button.dataset.interval));
    }
    this.press();
    byId("price-symbol").addEventListener("change", (event) => {
      this.change(event.target.value);
      if (this.status) this.show(this.status);
    });
    byId("price-reset").addEventListener("click", () => this.follow());
    this.box.addEventListener("dblclick", () => this.follow());
    wireKeys(this.box, this.chart, { newest: () => this.follow() });
    this.box.addEventListener("keydown", (event) => this.walk(event));
    this.box.addEventListener("blur", () => this.tip.hide());
    this.chart.subscribeCrosshairMove((event) => this.hover(event));
    this.chart.subscribeClick(({ point }) => {
      const found = point && this.view.near(point.x, point.y);
      if (found?.mark.key) select(found.mark.key);
    });
    this.chart.timeScale().subscribeVisibleLogicalRangeChange(() => this.moved());
  }

  press() {
    setPressed(byId("intervals").children, (button) => button.dataset.interval === this.interval);
  }

  choose(interval) {
    this.interval = interval;
    keep(interval);
    this.press();
    if (this.symbol) this.begin();
  }

  // At most once per frame, while the view is open.
  show(status) {
    this.status = status;
    this.offer(status.symbols);
    const row = status.symbols.find(({ symbol }) => symbol === this.symbol);
    if (!row) return this.say("No market data yet.");
    const decimals = { price: row.price_decimals ?? 2, qty: row.qty_decimals ?? 3 };
    if (!this.feed || JSON.stringify(decimals) !== JSON.stringify(this.decimals)) {
      this.decimals = decimals;
      this.begin();
    }
    const fresh = row.tick_age_ms != null && row.tick_age_ms <= status.feed.stale_after_ms;
    this.feed.show(row, fresh);
    this.marks.show(status, this.feed.count ? this.timeAt(this.seen()?.from ?? 0) : null);
    this.lines.show(row, this.marks.open, this.decimals);
    const paneHeight = this.box.clientHeight - this.chart.timeScale().height();
    setText(byId("price-beyond"), this.feed.count ? this.lines.beyond(paneHeight) : "");
    this.panel.dataset.stale = fresh ? "no" : "yes";
    if (!this.feed.count) this.say("No market data yet.");
    else if (fresh) this.say("");
    else this.say(row.last_tick_ms ? `No market data since ${time(row.last_tick_ms)}, ${age(row.tick_age_ms)} ago` : "No market data now");
    this.moved();
  }

  // A choice of symbols stands there only where there is one to make.
  offer(symbols) {
    const names = symbols.map(({ symbol }) => symbol);
    const list = byId("price-symbol");
    if (list.options.length !== names.length || names.some((name, index) => list.options[index].value !== name)) {
      list.replaceChildren(...names.map((name) => element("option", name)));
      if (!names.includes(this.symbol)) this.change(names[0] ?? null);
      list.value = this.symbol ?? "";
    }
    list.hidden = names.length < 2;
  }

  // Nothing of the symbol before may stay; the new one is drawn as soon as its steps are known.
  change(symbol) {
    [this.symbol, this.decimals] = [symbol, null];
    this.begin();
  }

  // Draws another symbol or interval.
  begin() {
    if (this.feed) {
      this.feed.series.detachPrimitive(this.view);
      this.feed.close();
      this.feed = null;
    }
    this.tip.hide();
    this.labelAt = -Infinity; // What is drawn now is said at once.
    if (!this.decimals || !this.symbol) return;
    const { chart, symbol, interval, decimals } = this;
    this.feed = interval === "ticks" ? new Ticks(chart, symbol, decimals.price) : new Candles(chart, symbol, interval, decimals.price);
    if (this.marks?.symbol !== symbol) {
      const marks = new OwnMarks(symbol, () => marks === this.marks && this.marked());
      this.marks = marks;
    }
    const lines = new OwnLines(this.feed.series);
    this.lines = lines;
    this.feed.series.applyOptions({
      autoscaleInfoProvider: (original) => {
        const info = original();
        return info && { ...info, priceRange: lines.widened(info.priceRange) };
      },
    });
    this.feed.series.attachPrimitive(this.view);
    this.view.set(this.feed, this.marks);
    const seconds = interval === "ticks" || interval.endsWith("s");
    chart.applyOptions({ timeScale: { secondsVisible: seconds } });
    this.follow();
  }

  // Own orders have changed: they are drawn with the next frame, not with the next status.
  marked() {
    this.view.changed();
    this.moved();
  }

  follow() {
    if (!this.feed) return;
    const barSpacing = this.feed.barPx * magnified();
    const rightOffset = Math.round((ROOM_PX * magnified()) / barSpacing);
    const scale = this.chart.timeScale();
    scale.applyOptions({ barSpacing, rightOffset });
    scale.scrollToPosition(rightOffset, false);
    this.chart.priceScale("right").applyOptions({ autoScale: true });
  }

  seen() {
    return this.chart.timeScale().getVisibleLogicalRange();
  }

  timeAt(place) {
    const { rows } = this.feed;
    return rows[Math.max(0, Math.min(rows.length - 1, Math.round(place)))][0];
  }

  // Tells what is seen to whoever cannot see it, and whether the newest has been left.
  moved() {
    if (!this.feed?.count) return;
    const range = this.seen();
    if (!range) return;
    byId("price-reset").hidden = range.to > this.feed.count - 1;
    const [fromMs, toMs] = [this.timeAt(range.from), this.timeAt(range.to)];
    const inside = ({ ms }) => ms >= fromMs;
    Object.assign(this.box.dataset, {
      fromMs, toMs, symbol: this.symbol, shown: this.interval, candles: this.feed.count,
      markers: this.marks.fills.length, orders: this.marks.orders.length, lines: this.lines.lines.size,
    });
    const now = performance.now();
    if (now - this.labelAt < LABEL_MS) return;
    this.labelAt = now;
    const fills = this.marks.fills.filter(inside).length;
    this.box.setAttribute("aria-label", `Price of ${this.symbol}, ${this.interval}, ${time(fromMs)} to ${time(toMs)}, own fills ${fills}, orders at the venue ${this.marks.open.length}`);
  }

  say(text) {
    const node = byId("price-empty");
    setText(node, text);
    node.hidden = !text;
    node.classList.toggle("look", Boolean(this.feed?.count));
  }

  // Without a pointer: the brackets go from fill to fill, Enter chooses the one whose story is told.
  walk(event) {
    const step = { "[": -1, "]": 1 }[event.key];
    const told = this.tip.shown?.mark;
    if (event.key === "Enter" && told?.key) select(told.key);
    if (!step) return;
    const hits = this.view.hits.filter(({ kind }) => kind === "fill").sort((a, b) => a.x - b.x);
    const at = hits.findIndex(({ mark }) => mark === told);
    const hit = at < 0 ? hits.at(step < 0 ? -1 : 0) : hits[at + step];
    if (hit) this.tip.show(hit, this.decimals);
    event.preventDefault();
  }

  hover({ point, logical }) {
    const found = point && this.feed && this.view.near(point.x, point.y);
    if (found) this.tip.show(found, this.decimals);
    else this.tip.hide();
    const place = point && logical !== undefined ? Math.round(logical) : -1;
    const { price, qty } = this.decimals ?? {};
    setText(byId("price-hover"), place >= 0 && this.feed ? this.feed.tell(place, (value) => number(value, price), (value) => number(value, qty)) : "");
  }
}

function kept() {
  try {
    const name = localStorage.getItem(KEPT_AS);
    if (name === "ticks" || INTERVALS.includes(name)) return name;
  } catch {
    // Storage is forbidden: it begins as it does for everybody.
  }
  return "1s";
}

function keep(interval) {
  try {
    localStorage.setItem(KEPT_AS, interval);
  } catch {
    // It holds for this page then.
  }
}

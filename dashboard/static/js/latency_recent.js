// The last orders as a strip of bars, one for each tick to trade, on a logarithmic scale; a bar or a key
// chooses an order.

import { colour, painted, surface } from "./colours.js";
import { element, setText } from "./dom.js";
import { nanos, timeMs } from "./format.js";
import { select } from "./selection.js";

const FLOOR_NS = 1000;
const WIDEST = 14;
const FOOT = 2;

export class RecentOrders {
  constructor() {
    this.canvas = element("canvas", null, "recent");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "slider");
    this.canvas.setAttribute("aria-label", "Last orders, oldest first: arrows choose one");
    this.canvas.setAttribute("aria-valuemin", "1");
    this.text = element("p", "", "sub");
    this.sub = element("span", "", "sub");
    this.list = element("p", "", "sub");
    this.orders = [];
    this.key = null;
    this.canvas.addEventListener("click", (event) => this.clicked(event));
    this.canvas.addEventListener("keydown", (event) => this.pressed(event));
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    painted(() => this.draw());
  }

  get newestKey() {
    return this.orders.at(-1)?.key ?? null;
  }

  // Orders as [{key, ms, symbol, tick_to_trade_ns}], oldest first.
  show(orders) {
    this.orders = orders;
    setText(this.sub, orders.length ? `${orders.length}, oldest first` : "");
    this.canvas.hidden = orders.length === 0;
    this.tell();
  }

  mark(key) {
    if (this.key === key) return;
    this.key = key;
    this.tell();
  }

  tell() {
    const place = this.orders.findIndex((order) => order.key === this.key);
    const spans = this.orders.map((order) => order.tick_to_trade_ns);
    const slowest = this.orders[spans.indexOf(Math.max(...spans))];
    const order = this.orders[place];
    const chosen = order ? `${timeMs(order.ms)} ${order.symbol}: ${nanos(order.tick_to_trade_ns)}` : "";
    setText(this.text, this.orders.length ? chosen || "A bar chooses an order." : "No order caused by a tick yet.");
    setText(this.list, slowest ? `Slowest of these ${nanos(slowest.tick_to_trade_ns)} at ${timeMs(slowest.ms)}; bars grow by the same length with each tenfold.` : "");
    this.canvas.setAttribute("aria-valuemax", String(Math.max(1, this.orders.length)));
    this.canvas.setAttribute("aria-valuenow", String(place + 1 || this.orders.length || 1));
    this.canvas.setAttribute("aria-valuetext", chosen || "none chosen");
    this.draw();
  }

  draw() {
    const place = surface(this.canvas);
    if (!place || !this.orders.length) return;
    const { context, width, height } = place;
    this.step = Math.min(WIDEST, width / this.orders.length);
    const most = Math.log10(Math.max(10 * FLOOR_NS, ...this.orders.map((order) => order.tick_to_trade_ns)) / FLOOR_NS);
    this.orders.forEach((order, index) => {
      const tall = Math.max(0.04, Math.log10(Math.max(order.tick_to_trade_ns, FLOOR_NS) / FLOOR_NS) / most) * (height - 8 - FOOT);
      const chosen = order.key === this.key;
      context.fillStyle = colour(chosen ? "--accent" : "--edge");
      context.fillRect(index * this.step, height - FOOT - tall, Math.max(1, this.step - 1), tall);
      // Whoever does not see the colour sees the line below.
      if (chosen) context.fillRect(index * this.step, height - 1, Math.max(1, this.step - 1), 1);
    });
  }

  clicked(event) {
    const place = Math.floor((event.clientX - this.canvas.getBoundingClientRect().left) / this.step);
    if (this.orders[place]) select(this.orders[place].key);
  }

  pressed(event) {
    const now = this.orders.findIndex((order) => order.key === this.key);
    const last = this.orders.length - 1;
    const target = { ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1, Home: 0, End: last }[event.key];
    if (target === undefined || last < 0) return;
    event.preventDefault();
    select(this.orders[Math.max(0, Math.min(last, target))].key);
  }
}

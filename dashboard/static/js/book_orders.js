// The list of orders as execution's table has them: open ones first, then the newest.

import { element, setText, table } from "./dom.js";
import { age, micros, number, time } from "./format.js";
import { select, selectedKey } from "./selection.js";
import { get, serverMs } from "./server.js";
import { Windowed } from "./windowed.js";

const ORDERS_MAX = 1000;
const BETWEEN_MS = 500;
const AGES_MS = 1000;
const COUNTS = ["orders_sent", "open_orders", "unknown_orders", "trade_count", "rejected"];

export class OrderList {
  constructor(box) {
    this.orders = [];
    this.decimals = new Map();
    this.askedAt = -Infinity;
    this.agedAt = -Infinity;
    this.asking = false;
    this.mark = "";
    this.table = table("orders", [["Time", "time"], ["Symbol", "wide symbol"], ["Side", "side"], ["State", "state-word"], ["Price", "r"], ["Filled / quantity", "r filled"], ["Type", "wide type"], ["Latency", "r wide"], ["Age", "r wide age"]]);
    this.table.tHead.rows[0].cells[7].title = "tick to trade: from the tick's receipt to the order on the wire";
    this.table.setAttribute("role", "grid");
    this.table.setAttribute("aria-label", "Orders, open ones first");
    this.empty = element("p", "No orders in this session yet.", "empty");
    this.empty.hidden = true; // Until the first answer.
    box.append(this.empty);
    this.rows = new Windowed(box, this.table, {
      fill: (row, index) => this.fill(row, this.orders[index]),
      handleOf: (index) => this.orders[index]?.key,
      indexOf: (key) => Math.max(0, this.orders.findIndex((order) => order.key === key)),
      onAct: (index) => select(this.orders[index].key),
    });
  }

  learn(symbols) {
    for (const row of symbols) this.decimals.set(row.symbol, [row.price_decimals ?? 2, row.qty_decimals ?? 3]);
  }

  // Call with every status while the list is seen: it asks when a count has changed or something is open,
  // and at most twice a second.
  show(status) {
    this.showAges();
    const mark = COUNTS.map((name) => status[name]).join();
    const due = performance.now() - this.askedAt >= BETWEEN_MS;
    if (!due || this.asking || (mark === this.mark && !this.orders.some((order) => order.open))) return;
    this.mark = mark;
    this.refresh();
  }

  // Ages go on though nothing happens.
  showAges() {
    if (performance.now() - this.agedAt < AGES_MS) return;
    this.agedAt = performance.now();
    this.rows.shown();
  }

  async refresh() {
    this.asking = true;
    this.askedAt = performance.now();
    try {
      const { orders } = await get(`/api/orders?limit=${ORDERS_MAX}`);
      orders.sort((a, b) => Number(b.open) - Number(a.open) || b.intent_seq - a.intent_seq);
      this.rows.update(() => (this.orders = orders).length);
      this.empty.hidden = orders.length > 0;
    } catch {
      this.mark = ""; // Asked again with the next status; the strip of lights says what is wrong.
    } finally {
      this.asking = false;
    }
  }

  fill(row, order) {
    const [price, qty] = this.decimals.get(order.symbol) ?? [2, 3];
    const began = order.sent_ms ?? order.received_ms ?? order.updated_ms;
    const cells = [
      time(began),
      order.symbol,
      order.side,
      order.state_label ?? order.state,
      order.price === null ? number(order.average_price, price) : number(order.price, price),
      `${number(order.filled, qty)} / ${number(order.quantity, qty)}`,
      [order.type, order.tif, ...(order.flags ?? [])].filter(Boolean).join(" ").replaceAll("_", " ").toLowerCase(),
      micros(order.tick_to_trade_us),
      // What has ended is as old as its end; what is open, as long as it has waited.
      age(Math.max(0, serverMs() - (order.open ? began : order.updated_ms))),
    ];
    cells.forEach((text, column) => setText(row.cells[column], text));
    row.cells[2].dataset.tone = order.side === "BUY" ? "up" : "down";
    row.cells[3].title = cells[3];
    row.cells[3].dataset.tone = ["UNKNOWN", "REJECTED", "DENIED"].includes(order.state) ? "amber" : "";
    row.className = order.open ? "order open" : "order";
    row.setAttribute("aria-selected", String(order.key === selectedKey()));
  }
}

// Own orders and fills of a symbol: from the database for the times that are looked at, and the newest from
// the order table, so that a fill is seen before it is stored.

import { get, Refused, serverMs } from "./server.js";

const LIVE_LIMIT = 60;
const LIVE_MIN_MS = 150;
const LIVE_OPEN_MS = 1000; // While orders rest they may be changed, or partly filled.
const STORED_MIN_MS = 400;
const RETRY_MS = 4000;
const OVERLAP_MS = 60_000;
const KEPT_MAX = 20_000; // Fills, and orders: with more in sight, the oldest are left out.

export const isStop = (order) => order.type === "STOP_MARKET" || order.type === "TAKE_PROFIT_MARKET";
export const sign = (mark) => (mark.side === "BUY" ? 1 : -1);

export class OwnMarks {
  constructor(symbol, onChange) {
    Object.assign(this, { symbol, onChange });
    this.stored = { fills: new Map(), orders: new Map() };
    this.table = new Map(); // The order table's rows by key, as the page last saw them.
    this.fills = []; // All fills, oldest first.
    this.orders = []; // All orders, oldest first.
    this.open = []; // Those at the venue now.
    this.fromMs = Infinity; // From here on the database was asked.
    this.liveMark = this.storedMark = null;
    this.liveAt = this.storedAt = -Infinity;
    this.asking = { live: false, stored: false };
  }

  // Called with every frame; `fromMs` is the oldest time that is looked at, or null while there is none.
  show(status, fromMs) {
    const now = performance.now();
    const live = `${status.trade_count}/${status.open_orders}/${status.orders_sent}/${status.rejected}`;
    const due = now - this.liveAt >= (live !== this.liveMark ? LIVE_MIN_MS : LIVE_OPEN_MS);
    if ((live !== this.liveMark || status.open_orders || this.open.length) && due && !this.asking.live) {
      this.liveMark = live;
      this.ask("live", `/api/orders?limit=${LIVE_LIMIT}&symbol=${encodeURIComponent(this.symbol)}`);
    }
    if (fromMs === null || this.asking.stored || now - this.storedAt < STORED_MIN_MS) return;
    const stored = `${status.ledger?.trades}/${live}`;
    const query = new URLSearchParams({ symbol: this.symbol });
    if (fromMs < this.fromMs && this.stored.fills.size < KEPT_MAX) {
      if (this.fromMs < Infinity) query.set("to_ms", Math.floor(this.fromMs + OVERLAP_MS));
      // Some more than is seen, so that a slow pan asks seldom.
      this.fromMs = Math.max(0, Math.floor(fromMs - Math.max(OVERLAP_MS, (serverMs() - fromMs) / 2)));
      query.set("from_ms", this.fromMs);
    } else if (stored !== this.storedMark) {
      query.set("from_ms", Math.floor(Math.max(this.fromMs, (this.fills.at(-1)?.ms ?? this.fromMs) - OVERLAP_MS)));
    } else return;
    this.storedMark = stored;
    this.ask("stored", `/api/order_marks?${query}`);
  }

  async ask(what, path) {
    this.asking[what] = true;
    this[`${what}At`] = performance.now();
    try {
      const answer = await get(path);
      if (what === "live") this.table = new Map(answer.orders.map((row) => [row.key, row]));
      else this.store(answer);
      this.gather();
    } catch (refusal) {
      if (!(refusal instanceof Refused)) throw refusal;
      // Marks that are known stay; what was missed is asked for again.
      this[`${what}At`] = performance.now() + RETRY_MS;
      this[`${what}Mark`] = null;
      if (what === "stored") this.fromMs = Infinity;
    } finally {
      this.asking[what] = false;
    }
  }

  store({ fills, orders, cut }) {
    // A venue that begins anew, as the demo's does, counts its trades from the same number on.
    for (const fill of fills) this.stored.fills.set(`${fill.ms}/${fill.trade_id}`, fill);
    for (const order of orders) this.stored.orders.set(order.key, order);
    // An answer that was cut holds the newest of what was asked for: the older ones come with the next.
    if (cut) this.fromMs = cutAt(fills, orders);
    if (this.stored.fills.size > 1.25 * KEPT_MAX) this.fromMs = trimmed(this.stored.fills).ms;
    if (this.stored.orders.size > 1.25 * KEPT_MAX) trimmed(this.stored.orders);
  }

  // Everything once: what the database has, and of the order table what it has not yet.
  gather() {
    const filled = new Map();
    for (const { key, qty } of this.stored.fills.values()) filled.set(key, (filled.get(key) ?? 0) + qty);
    const orders = new Map(this.stored.orders);
    const fills = [...this.stored.fills.values()];
    for (const row of this.table.values()) {
      orders.set(row.key, orderOf(row));
      const missing = row.filled - (filled.get(row.key) ?? 0);
      if (missing > row.quantity * 1e-6) fills.push(fillOf(row, missing));
    }
    this.fills = fills.sort((a, b) => a.ms - b.ms);
    this.orders = [...orders.values()].sort((a, b) => a.ms - b.ms);
    this.open = [...this.table.values()].filter((row) => row.open).map(orderOf);
    this.onChange();
  }
}

// From when on an answer that was cut is whole.  The longer list is the one that was cut, or both are.
function cutAt(fills, orders) {
  const most = Math.max(fills.length, orders.length);
  const fromFill = fills.length === most ? fills[0].ms : 0;
  // Orders come by their last change, which of those that have ended is their end.
  const fromOrder = orders.length === most ? (orders.find(({ end_ms }) => end_ms !== null)?.end_ms ?? 0) : 0;
  return Math.max(fromFill, fromOrder);
}

// Leaves the newest marks in a map; returns the oldest of those that stay.
function trimmed(marks) {
  const kept = [...marks].sort(([, a], [, b]) => a.ms - b.ms).slice(-KEPT_MAX);
  marks.clear();
  for (const [key, mark] of kept) marks.set(key, mark);
  return kept[0][1];
}

const orderOf = (row) => ({
  key: row.key, ms: row.sent_ms ?? row.updated_ms, end_ms: row.open ? null : row.updated_ms,
  price: row.price, qty: row.quantity, filled: row.filled, side: row.side, type: row.type,
  state: row.state_label, strategy: row.strategy,
});

const fillOf = (row, qty) => ({
  key: row.key, ms: row.updated_ms, price: row.average_price, qty, side: row.side,
  pnl: row.realized_pnl, fee: row.fee, strategy: row.strategy, trade_id: null,
});

// Which fill closed what: pairs of where a position was opened (its average price) and where it was given back.
export function trips(fills) {
  const found = [];
  let [position, average, sinceMs] = [0, 0, 0];
  for (const fill of fills) {
    const change = sign(fill) * fill.qty;
    const closing = Math.sign(position) === -Math.sign(change);
    if (closing) {
      found.push({ fromMs: sinceMs, from: average, toMs: fill.ms, to: fill.price, pnl: fill.pnl });
    } else if (fill.pnl) {
      continue; // It closes what was opened before the first fill that is known.
    }
    const after = position + change;
    const flat = Math.abs(after) < fill.qty * 1e-6;
    if (flat) position = 0;
    else {
      if (!closing) average = (average * Math.abs(position) + fill.price * fill.qty) / Math.abs(after);
      if (position === 0 || Math.sign(after) !== Math.sign(position)) [sinceMs, average] = [fill.ms, fill.price];
      position = after;
    }
  }
  return found;
}

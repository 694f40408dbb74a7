// Trades since the last clearing, newest first, grouped by day.

import { byId, element, setText, table } from "./dom.js";
import { day, dayName, direction, number, signed, time } from "./format.js";
import { get } from "./server.js";

const PAGE = 200;
const RETRY_MS = 5000;

// A fee in another coin than the symbol's own money cannot be taken off without a price.
const net = (trade) => trade.pnl - (ownFee(trade) ? trade.fee : 0);
const ownFee = (trade) => !trade.fee_currency || trade.symbol.endsWith(trade.fee_currency);

export class Book {
  constructor(onTotals) {
    this.onTotals = onTotals;
    this.shown = PAGE;
    this.seen = -1;
    this.loading = false;
    this.failedAt = -Infinity;
    this.table = table("trades", ["Time", ["Symbol", "wide"], "Side", ["Price", "r"], ["Quantity", "r"], ["P&L before fees", "r"], ["Fee", "r wide"], ["Strategy", "wide"]]);
    this.empty = element("p", "No trades yet.", "empty");
    this.empty.id = "trades-empty";
    byId("trades-scroll").append(this.table, this.empty);
  }

  // Called with every status: the database is asked only when there is something new in it.
  count(status) {
    this.decimals = decimalsOf(status.symbols);
    const mark = `${status.trade_count}/${status.ledger?.trades ?? 0}`;
    if (mark === this.seen || this.loading || performance.now() - this.failedAt < RETRY_MS) return;
    this.seen = mark;
    this.load();
  }

  async load() {
    this.loading = true;
    try {
      const pages = [];
      for (let offset = 0; offset < this.shown; offset += PAGE) {
        const page = await get(`/api/history?limit=${PAGE}&offset=${offset}`);
        pages.push(page);
        if (page.trades.length < PAGE) break;
      }
      this.list(pages.flatMap((page) => page.trades), pages[0]);
    } catch (refusal) {
      setText(byId("trades-sub"), refusal.message);
      this.seen = -1;
      this.failedAt = performance.now();
    } finally {
      this.loading = false;
    }
  }

  show() {}

  list(trades, { count, totals }) {
    this.onTotals(totals);
    const body = this.table.tBodies[0];
    const rows = [];
    const complete = trades.length >= count;
    for (const group of groupByDay(trades).values()) {
      const last = trades[trades.length - 1] === group[group.length - 1];
      rows.push(dayRow(group, complete || !last), ...group.map((trade) => this.row(trade)));
    }
    body.replaceChildren(...rows);
    this.empty.hidden = trades.length > 0;
    this.table.hidden = trades.length === 0;
    const all = totals.all_time;
    setText(byId("trades-sub"), count ? `${number(count)} · net ${signed(all.net)} · fees ${number(all.fees, 2)}${all.funding ? ` · funding ${signed(all.funding)}` : ""}` : "");
  }

  row(trade) {
    const { price = 2, qty = 3 } = this.decimals?.[trade.symbol] ?? {};
    const row = element("tr");
    const cells = [
      [time(trade.exchange_ts_ms)],
      [trade.symbol, "wide"],
      [trade.side, trade.side === "BUY" ? "up" : "down"],
      [number(trade.price, price), "r"],
      [number(trade.quantity, qty), "r"],
      [signed(trade.pnl), `r ${tone(trade.pnl)}`],
      [ownFee(trade) ? number(trade.fee, 4) : `${trade.fee} ${trade.fee_currency}`, "r wide"],
      [trade.strategy || "by hand", "wide quiet"],
    ];
    for (const [text, className] of cells) row.append(element("td", text, className));
    row.title = `order ${trade.order_id}, trade ${trade.exec_id ?? trade.trade_id}`;
    return row;
  }
}

const decimalsOf = (symbols) => Object.fromEntries(symbols.map((row) =>
  [row.symbol, { price: row.price_decimals ?? 2, qty: row.qty_decimals ?? 3 }]));

const tone = (value) => ["down", "", "up"][direction(value) + 1];

function groupByDay(trades) {
  const groups = new Map();
  for (const trade of trades) {
    const key = day(trade.exchange_ts_ms);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(trade);
  }
  return groups;
}

// Fees in the symbol's own money as one sum, those in another coin by their names.
function feesOf(group) {
  const sums = new Map();
  for (const trade of group) {
    const coin = ownFee(trade) ? "" : trade.fee_currency;
    sums.set(coin, (sums.get(coin) ?? 0) + trade.fee);
  }
  return [...sums].map(([coin, sum]) => (coin ? `${number(sum, 8)} ${coin}` : number(sum, 4))).join(" + ");
}

function dayRow(group, whole) {
  const row = element("tr", null, "day");
  const head = element("td", dayName(group[0].exchange_ts_ms));
  head.colSpan = 3;
  const sum = group.reduce((total, trade) => total + net(trade), 0);
  const count = element("td", whole ? `${number(group.length)} trades` : "", "r quiet");
  const total = element("td", whole ? `${signed(sum)} net` : "", `r ${whole ? tone(sum) : ""}`);
  total.title = "P&L less fees";
  const fees = element("td", whole ? feesOf(group) : "", "r wide");
  row.append(head, element("td", "", "wide"), count, total, fees, element("td", "", "wide"));
  return row;
}

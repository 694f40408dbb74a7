// The list of trades: a timeline by year, month and day of which only the rows in sight exist.

import { PAGE, Timeline } from "./book_days.js";
import { element, setText, table } from "./dom.js";
import { direction, number, shortDay, signed, time, zone } from "./format.js";
import { keyOfName, select, selectedKey } from "./selection.js";
import { get, Refused } from "./server.js";
import { Windowed } from "./windowed.js";

const FETCHES_MAX = 2;
const RETRY_MS = 5000;
const TONES = ["down", "", "up"];
const tone = (value) => TONES[direction(value) + 1];
// A fee in another coin than the symbol's own money is shown with its coin.
const inOwnCoin = (trade) => !trade.fee_currency || trade.symbol.endsWith(trade.fee_currency);
const wins = ({ wins: won, losses }) => (won + losses ? `${Math.round((100 * won) / (won + losses))}% won` : "");

export class TradeList {
  // `onTotals(count, totals)` hears the sums of everything; `onNews(unseen)` how many trades are above what is seen.
  constructor(box, { onTotals, onNews }) {
    Object.assign(this, { onTotals, onNews });
    this.timeline = new Timeline();
    this.newest = [];
    this.unseen = 0;
    this.fetching = 0;
    this.decimals = new Map();
    this.table = table("trades", [["Time", "time"], ["Symbol", "wide symbol"], ["Side", "side"], ["Price", "r"], ["Quantity", "r"], ["P&L", "r pnl"], ["Fee", "r wide fee"], ["Strategy", "wide strategy"]]);
    this.table.setAttribute("role", "treegrid");
    this.table.setAttribute("aria-label", "Trades by day");
    const head = this.table.tHead.rows[0].cells;
    head[5].title = "P&L of the fill before fees; days, months and years are net of them";
    head[5].append(element("span", " before fees, sums net of them", "spoken"));
    this.timeHead = head[0];
    this.empty = element("p", "No trades yet.", "empty");
    this.empty.id = "trades-empty";
    this.empty.hidden = true; // Until the database has answered.
    box.append(this.empty);
    this.rows = new Windowed(box, this.table, {
      fill: (row, index) => this.fill(row, index),
      handleOf: (index) => this.timeline.handleOf(index),
      indexOf: (handle) => this.timeline.indexOf(handle),
      onAct: (index) => this.act(index),
      onFold: (index, open) => this.unfold(index, open),
      onSeen: (first, last) => this.seen(first, last),
    });
  }

  learn(symbols) {
    for (const row of symbols) this.decimals.set(row.symbol, [row.price_decimals ?? 2, row.qty_decimals ?? 3]);
  }

  // Asks the calendar, and for the trades since the newest known one.  In this order: a trade that comes in
  // between is then shown although no sum holds it yet, and never the other way round.  An answer that is not
  // the newest any more by `isNewest()` is dropped.
  async refresh({ anew, isNewest }) {
    const { days } = await get(`/api/calendar?zone=${encodeURIComponent(zone)}`);
    const page = await get(`/api/history?limit=${PAGE}&zone=${encodeURIComponent(zone)}`);
    if (!isNewest()) return;
    const last = this.newest[0]?.id;
    const fresh = page.trades.findIndex((trade) => trade.id === last);
    if (anew || (last !== undefined && fresh < 0)) this.timeline.forget();
    const below = !this.rows.atTop && fresh > 0 ? fresh : 0;
    this.newest = page.trades;
    this.onTotals(page.count, page.totals);
    this.rows.update(() => this.timeline.renew(days, page.trades));
    this.tellNews(this.unseen + below);
    this.empty.hidden = this.timeline.count > 0;
  }

  tellNews(unseen) {
    this.unseen = this.rows.atTop ? 0 : unseen;
    this.onNews(this.unseen, this.rows.atTop);
  }

  seen(first, last) {
    if (first >= last) return;
    const trade = this.tradeAt(first);
    // Far down in a day its own row is out of sight; then the head of the column names it.
    setText(this.timeHead, trade ? shortDay(trade.exchange_ts_ms) : "Time");
    this.tellNews(this.unseen);
    // A scroll runs over more pages than anybody reads.  Few are fetched at a time, and what is in sight then
    // comes next: no order of a person may wait behind them for a connection.
    for (const [day, page] of this.timeline.missing(first, last)) {
      if (this.fetching < FETCHES_MAX) this.fetch(day, page);
    }
  }

  async fetch(day, page) {
    this.fetching += 1;
    try {
      await day.load(page);
    } catch (refusal) {
      if (!(refusal instanceof Refused)) throw refusal;
      setTimeout(() => this.rows.shown(), RETRY_MS); // The strip of lights says what is wrong.
      return;
    } finally {
      this.fetching -= 1;
    }
    this.rows.update(() => this.timeline.arrange());
  }

  tradeAt(index) {
    const { part, place } = this.timeline.locate(index);
    return place < 0 ? null : part.day.at(place);
  }

  fill(row, index) {
    const { part, place } = this.timeline.locate(index);
    const trade = place < 0 ? null : part.day.at(place);
    row.setAttribute("aria-level", String(place < 0 ? part.level : 4));
    if (place < 0) fillGroup(row, part);
    else fillTrade(row, trade, this.decimals);
    row.setAttribute("aria-selected", String(Boolean(trade) && keyOfName(trade.client_order_id) === selectedKey() && selectedKey() !== null));
  }

  act(index) {
    const { part, place } = this.timeline.locate(index);
    if (place < 0) {
      this.unfold(index, !part.open);
      return;
    }
    const key = keyOfName(part.day.at(place)?.client_order_id);
    if (key) select(key);
  }

  unfold(index, open) {
    const { part, place } = this.timeline.locate(index);
    // From a trade, an arrow to the left goes to its day first.
    if (place >= 0) {
      if (!open) this.rows.goTo(part.start);
      return;
    }
    if (part.open !== open) this.rows.update(() => this.timeline.fold(part.key, open));
  }
}

function write(row, className, cells) {
  if (row.className !== className) row.className = className;
  cells.forEach(([text, colouring = ""], column) => {
    const cell = row.cells[column];
    setText(cell, text);
    if ((cell.dataset.tone ?? "") !== colouring) cell.dataset.tone = colouring;
  });
}

// Cents say nothing beside thousands, and have no room there; the exact sum is in the row's title.
const placesOf = (money) => (Math.abs(money) < 1000 ? 2 : 0);

function fillGroup(row, { name, level, open, sums }) {
  row.setAttribute("aria-expanded", String(open));
  row.title = `${number(sums.wins)} won, ${number(sums.losses)} lost; P&L less fees ${signed(sums.net)}`;
  const count = `${number(sums.count)} ${sums.count === 1 ? "trade" : "trades"}`;
  write(row, `group ${["year", "month", "day"][level - 1]}`, [
    [`${name} · ${count}`], [""], [""], [""],
    [wins(sums)], [signed(sums.net, placesOf(sums.net)), tone(sums.net)], [number(sums.fees, placesOf(sums.fees))], [""],
  ]);
}

function fillTrade(row, trade, decimals) {
  row.removeAttribute("aria-expanded");
  if (!trade) {
    row.title = "";
    write(row, "trade", [["…"], [""], [""], [""], [""], [""], [""], [""]]);
    return;
  }
  const [price, qty] = decimals.get(trade.symbol) ?? [2, 3];
  row.title = `order ${trade.order_id}, trade ${trade.exec_id ?? trade.trade_id}`;
  write(row, "trade", [
    [time(trade.exchange_ts_ms)],
    [trade.symbol],
    [trade.side, trade.side === "BUY" ? "up" : "down"],
    [number(trade.price, price)],
    [number(trade.quantity, qty)],
    [signed(trade.pnl), tone(trade.pnl)],
    [inOwnCoin(trade) ? number(trade.fee, 4) : `${trade.fee} ${trade.fee_currency}`],
    [trade.strategy || "by hand"],
  ]);
}

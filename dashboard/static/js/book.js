// Trades and orders: two lists in one panel, and the sums of everything since the last clearing.

import { OrderList } from "./book_orders.js";
import { TradeList } from "./book_trades.js";
import { byId, element, setPressed, setText } from "./dom.js";
import { day, number, signed } from "./format.js";
import { onSelect } from "./selection.js";
import { serverMs } from "./server.js";

const RETRY_MS = 5000;
const BETWEEN_MS = 250;
const REFRESH_MS = 30_000; // A new day and another tab's clearing are no trades.

export class Book {
  // `onTotals(totals)` hears the sums of all time and of today whenever they were read.
  constructor(onTotals) {
    this.onTotals = onTotals;
    this.mark = null;
    this.loading = false;
    this.asked = 0;
    this.askedAt = -Infinity;
    this.waitMs = BETWEEN_MS;
    this.chosen = "trades";
    this.newest = element("button", "newest", "link grow");
    this.newest.type = "button";
    this.newest.hidden = true;
    byId("history-clear").before(this.newest);
    const boxes = { trades: byId("trades-scroll"), orders: byId("orders-scroll") };
    this.trades = new TradeList(boxes.trades, {
      onTotals: (count, totals) => this.total(count, totals),
      onNews: (unseen, atTop) => this.news(unseen, atTop),
    });
    this.orders = new OrderList(boxes.orders);
    this.newest.addEventListener("click", () => this.trades.rows.toTop());
    for (const button of byId("book-tabs").children) {
      button.addEventListener("click", () => this.choose(button.dataset.book, boxes));
    }
    onSelect(() => {
      this.trades.rows.shown();
      this.orders.rows.shown();
    });
  }

  choose(name, boxes) {
    this.chosen = name;
    for (const [one, box] of Object.entries(boxes)) box.hidden = one !== name;
    setPressed(byId("book-tabs").children, (button) => button.dataset.book === name);
    this.news(this.trades.unseen, this.trades.rows.atTop);
    if (name === "orders") this.orders.refresh();
  }

  // Called with every status: the database is asked when there is something new in it, at a new day, and
  // now and then.
  count(status) {
    this.trades.learn(status.symbols);
    this.orders.learn(status.symbols);
    const mark = `${status.trade_count}/${status.ledger?.trades ?? 0}/${day(serverMs())}`;
    const waited = performance.now() - this.askedAt;
    if ((mark === this.mark && waited < REFRESH_MS) || this.loading || waited < this.waitMs) return;
    this.mark = mark;
    this.load(false);
  }

  show(status) {
    if (this.chosen === "orders") this.orders.show(status);
  }

  opened() {
    this.trades.rows.shown();
    this.orders.rows.shown();
  }

  async load(anew = true) {
    const mine = ++this.asked;
    const isNewest = () => mine === this.asked;
    this.loading = true;
    this.askedAt = performance.now();
    try {
      await this.trades.refresh({ anew, isNewest });
      this.waitMs = BETWEEN_MS;
    } catch (refusal) {
      if (!isNewest()) return;
      this.sub(refusal.message, true);
      this.mark = null;
      this.waitMs = RETRY_MS;
    } finally {
      if (isNewest()) this.loading = false;
    }
  }

  total(count, totals) {
    this.onTotals(totals);
    const all = totals.all_time;
    const funding = all.funding ? ` · funding ${signed(all.funding)}` : "";
    this.sub(count ? `${number(count)} · net ${signed(all.net)} · fees ${number(all.fees, 2)}${funding}` : "");
  }

  sub(text, isWrong = false) {
    setText(byId("trades-sub"), text);
    byId("trades-sub").classList.toggle("amber", isWrong);
  }

  news(unseen, atTop) {
    this.newest.hidden = atTop || this.chosen !== "trades";
    setText(this.newest, unseen ? `${number(unseen)} new` : "newest");
    byId("history-clear").classList.toggle("grow", this.newest.hidden);
  }
}

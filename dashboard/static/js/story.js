// One order's life: what it was, its way in stages, what happened to it in sentences, and its fills.

import { byId, element, fillTable, setText, table } from "./dom.js";
import { direction, number, signed, timeMs, UNKNOWN } from "./format.js";
import { onSelect, select, selectedKey } from "./selection.js";
import { get, serverMs } from "./server.js";
import { Waterfall } from "./waterfall.js";

const LIVE_MS = 500;
const NEWEST_MS = 1000;
const RETRY_MS = 3000;
const LEDGER_MS = 30_000; // What has not come into the database by then will not.
const OPEN_STATES = new Set(["SENT", "UNKNOWN", "ACCEPTED", "PARTIALLY_FILLED", "CANCEL_PENDING", "AMEND_PENDING"]);

// What tells of one order within any box; `show(answer)` takes what `/api/orders/{key}` says.
export class OrderStory {
  constructor(id) {
    this.headline = element("p", "", "story-headline");
    this.waterfall = new Waterfall();
    this.sentences = element("ol", null, "story-sentences");
    this.fills = table(`${id}-fills`, ["Filled at", ["Price", "r"], ["Quantity", "r"], ["P&L", "r"], ["Fee", "r"]]);
    this.parts = [this.headline, this.waterfall.node, this.waterfall.note, this.sentences, this.fills];
  }

  show({ order, stages, story, fills }) {
    const price = order.price === null ? "at market" : `@ ${number(order.price, places(order.price))}`;
    const what = order.closes_all ? "all of" : number(order.quantity, places(order.quantity));
    const side = element("span", order.side, order.side === "BUY" ? "up" : "down");
    const state = element("span", order.state_label ?? order.state, "quiet");
    this.headline.replaceChildren(side, ` ${what} ${order.symbol} ${price} · `, state);
    this.waterfall.show(stages);
    while (this.sentences.children.length > story.length) this.sentences.lastElementChild.remove();
    story.forEach((sentence, index) => {
      const item = this.sentences.children[index] ?? this.sentences.appendChild(element("li"));
      setText(item, local(sentence, order.base_ms ?? order.updated_ms));
    });
    this.fills.hidden = fills.length === 0;
    fillTable(this.fills, fills.map((fill) => [
      [timeMs(fill.ms)],
      [number(fill.price, places(fill.price)), "r"],
      [number(fill.quantity, places(fill.quantity)), "r"],
      [signed(fill.pnl), `r ${["down", "", "up"][direction(fill.pnl) + 1]}`],
      [`${number(fill.fee, 4)} ${fill.fee_currency ?? ""}`, "r"],
    ]));
  }
}

const places = (value) => value.toFixed(8).replace(/0+$/, "").split(".")[1].length;

// Whether fills are on their way: the engine's memory knows of them before the database has them.
function areFillsMissing({ order, fills }) {
  const told = fills.reduce((sum, fill) => sum + fill.quantity, 0);
  return order.filled - told > 1e-9 && serverMs() - order.updated_ms < LEDGER_MS;
}

// The engine tells times of day in UTC; here they are the viewer's own.
function local(sentence, nearMs) {
  const match = /^(\d\d):(\d\d):(\d\d)\.(\d{3}) /.exec(sentence);
  if (!match || !nearMs) return sentence;
  const midnight = Math.floor(nearMs / 86_400_000) * 86_400_000;
  const [, hours, minutes, seconds, ms] = match.map(Number);
  return `${timeMs(midnight + ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms)} ${sentence.slice(match[0].length)}`;
}

export class Story {
  constructor() {
    this.box = byId("story");
    this.told = new OrderStory("story");
    this.empty = element("p", "No order yet. The newest one shows itself here; a row of the list chooses another.", "empty");
    this.back = element("button", "follow the newest", "link grow");
    this.back.type = "button";
    this.back.hidden = true;
    this.back.addEventListener("click", () => select(null));
    byId("story-sub").after(this.back);
    this.content = element("div");
    this.content.append(...this.told.parts);
    this.content.hidden = true;
    this.box.append(this.empty, this.content);
    this.key = null;
    this.mark = "";
    this.isLive = false;
    this.asking = false;
    this.askedAt = -Infinity;
    this.waitMs = 0;
    onSelect(() => {
      this.mark = "";
      this.waitMs = 0;
      if (this.isSeen) this.ask();
    });
  }

  // A phone has no room for it, and another view may be open.
  get isSeen() {
    return this.box.clientHeight > 0;
  }

  // Asks anew while the order is live, when another one is chosen, and when the newest is another.
  show(status) {
    if (!this.isSeen) return;
    const mark = selectedKey() ?? `${status.orders_sent}/${status.trade_count}/${status.ledger?.trades}/${status.open_orders}`;
    if (mark === this.mark && !this.isLive) return;
    if (performance.now() - this.askedAt < this.waitMs) return;
    if (this.ask()) this.mark = mark;
  }

  ask() {
    if (this.asking) return false;
    this.asking = true;
    this.askedAt = performance.now();
    this.read().finally(() => (this.asking = false));
    return true;
  }

  async read() {
    const chosen = selectedKey();
    try {
      const key = chosen ?? (await newestKey());
      if (key === null) return;
      const answer = await get(`/api/orders/${key}`);
      if (chosen !== selectedKey()) {
        this.mark = ""; // Another one was chosen meanwhile.
        return;
      }
      this.told.show(answer);
      this.isLive = OPEN_STATES.has(answer.order.state) || areFillsMissing(answer);
      this.waitMs = chosen ? LIVE_MS : NEWEST_MS;
      this.head(chosen, chosen ? `order ${key}` : "the newest, by itself");
      this.empty.hidden = true;
      this.content.hidden = false;
    } catch (refusal) {
      if (chosen !== selectedKey()) {
        this.mark = "";
        return;
      }
      this.isLive = false;
      this.waitMs = RETRY_MS;
      this.head(chosen, refusal.message);
      this.mark = refusal.status === 404 ? this.mark : "";
    }
  }

  head(chosen, text) {
    setText(byId("story-sub"), text || UNKNOWN);
    this.back.hidden = chosen === null;
  }
}

async function newestKey() {
  const { orders } = await get("/api/orders?limit=1");
  return orders[0]?.key ?? null;
}

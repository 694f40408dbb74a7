// The story of the mark under the pointer, beside it: what is known at once, and the server's sentences after.

import { element } from "./dom.js";
import { micros, number, signed, timeMs } from "./format.js";
import { get, Refused } from "./server.js";

const REST_MS = 120; // A pointer that only passes asks for nothing.
const SENTENCES_MAX = 6;
const KEPT_MAX = 200;
const CLOCK = /^\d\d:\d\d:\d\d(\.\d+)? /;

export class Tip {
  constructor(box) {
    this.box = box;
    this.node = element("div", null, "price-tip");
    this.node.id = "price-tip";
    this.node.setAttribute("role", "tooltip");
    this.node.hidden = true;
    box.append(this.node);
    this.stories = new Map();
    this.shown = null;
  }

  hide() {
    this.shown = null;
    this.node.hidden = true;
    clearTimeout(this.rest);
  }

  show(hit, decimals) {
    if (this.shown?.mark !== hit.mark) {
      this.shown = hit;
      this.write(hit.mark, decimals);
      clearTimeout(this.rest);
      const { key } = hit.mark;
      if (key && !this.stories.has(key)) this.rest = setTimeout(() => this.ask(key, decimals), REST_MS);
    }
    this.node.hidden = false;
    this.put(hit);
  }

  // Beside the mark, on the side with room.
  put({ x, y }) {
    const { width, height } = this.node.getBoundingClientRect();
    const left = x + 16 + width > this.box.clientWidth - 70 ? x - width - 16 : x + 16;
    const top = Math.max(4, Math.min(y - height / 2, this.box.clientHeight - height - 4));
    this.node.style.transform = `translate(${Math.round(Math.max(4, left))}px, ${Math.round(top)}px)`;
  }

  async ask(key, decimals) {
    try {
      const { order, story } = await get(`/api/orders/${encodeURIComponent(key)}`);
      if (this.stories.size >= KEPT_MAX) this.stories.clear();
      // What still lives is asked again at the next look.
      if (!order.open) this.stories.set(key, { order, story });
      if (this.shown?.mark.key === key) this.write(this.shown.mark, decimals, { order, story });
    } catch (refusal) {
      if (!(refusal instanceof Refused)) throw refusal;
      if (this.shown?.mark.key === key) this.node.append(element("p", refusal.message, "quiet"));
    }
  }

  // The sentences begin with the clock of the server; the time in the head is the viewer's.
  write(mark, decimals, told = this.stories.get(mark.key)) {
    const isFill = "trade_id" in mark;
    const price = mark.price ? ` at ${number(mark.price, decimals.price)}` : "";
    const head = element("p", null, "head");
    head.append(element("b", mark.side, mark.side === "BUY" ? "up" : "down"), ` ${number(mark.qty, decimals.qty)}${price}`, element("span", timeMs(mark.ms), "quiet"));
    const facts = isFill ? factsOfFill(mark) : [words(mark.type), words(mark.state), `filled ${number(mark.filled, decimals.qty)}`, mark.strategy];
    const reaction = told?.order.tick_to_trade_us;
    if (reaction) facts.push(`sent in ${micros(reaction)}`);
    const lines = (told?.story ?? []).slice(0, SENTENCES_MAX).map((sentence) => element("p", sentence.replace(CLOCK, "")));
    this.node.replaceChildren(head, element("p", facts.filter(Boolean).join(" · "), "quiet"), ...lines);
    if (this.shown) this.put(this.shown);
  }
}

const words = (name) => (name ?? "").replaceAll("_", " ").toLowerCase();

function factsOfFill(fill) {
  const fee = fill.fee ? `fee ${number(fill.fee, 4)}${fill.fee_currency ? ` ${fill.fee_currency}` : ""}` : null;
  return [fill.pnl ? `P&L ${signed(fill.pnl)}` : "opens", fee, fill.maker ? "maker" : null, fill.strategy || "by hand"];
}

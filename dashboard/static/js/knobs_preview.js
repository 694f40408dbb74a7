// What other values would have done with the last market data, as the supervisor worked it out.

import { element, fillTable, setText, table } from "./dom.js";
import { number, signed, span, timeMs } from "./format.js";
import { plain, labelOf } from "./knobs_field.js";

const ROWS_MAX = 200;
const words = (name) => name.toLowerCase().replaceAll("_", " ");

export class Preview {
  constructor(onBack) {
    this.values = null;
    this.node = element("section", null, "preview");
    this.node.setAttribute("aria-label", "Preview");
    this.node.hidden = true;
    const back = element("button", "back to the values", "link grow");
    back.type = "button";
    back.addEventListener("click", onBack);
    this.title = element("p", "", "preview-title");
    const head = element("div", null, "preview-head");
    head.append(this.title, back);
    this.headline = element("p", "", "preview-headline");
    this.headline.setAttribute("role", "status");
    this.sub = element("p", "", "sub");
    this.orders = table("preview-orders", [["", "sign"], "Time", "Side", ["Quantity", "r"], ["Price", "r"], "Because"]);
    this.more = element("p", "", "sub");
    this.verdicts = table("preview-verdicts", ["Verdicts that differ", ["Before", "r"], ["After", "r"], ["Difference", "r"]]);
    this.assumes = element("p", "", "sub assumes");
    this.node.append(head, this.headline, this.sub, this.orders, this.more, this.verdicts, this.assumes);
  }

  isOf(values) {
    return this.values !== null && JSON.stringify(values) === JSON.stringify(this.values);
  }

  clear() {
    this.values = null;
    this.node.hidden = true;
  }

  // `edits` are the fields whose values were tried.
  tell(values, told, edits) {
    this.values = values;
    setText(this.title, edits.map(({ spec, value }) => `${labelOf(spec)} ${plain(spec.value)} → ${plain(value)}`).join(", "));
    setText(this.headline, headlineOf(told));
    setText(this.sub, told.events ? basisOf(told) : "");
    this.showOrders(told);
    this.showVerdicts(told);
    setText(this.assumes, told.assumes ? `Assumed: ${told.assumes}.`.replace("..", ".") : "");
    this.node.hidden = false;
    this.node.parentElement.parentElement.scrollTop = 0;
  }

  showOrders(told) {
    const rows = [
      ...told.added.map((order) => ({ ...order, sign: "+", said: "added" })),
      ...told.removed.map((order) => ({ ...order, sign: "−", said: "removed" })),
    ].sort((one, other) => one.ms - other.ms);
    const several = new Set(rows.map((order) => order.symbol)).size > 1;
    fillTable(this.orders, rows.slice(0, ROWS_MAX).map((order) => [
      [`${order.sign} ${order.said}`, "sign"],
      [timeMs(order.ms)],
      [several ? `${words(order.side)} ${order.symbol}` : words(order.side)],
      [plain(order.qty), "r"],
      [order.price ? plain(order.price) : "market", "r"],
      [words(order.reason)],
    ]));
    this.orders.hidden = rows.length === 0;
    const all = (told.added_count ?? told.added.length) + (told.removed_count ?? told.removed.length);
    const left = all - Math.min(rows.length, ROWS_MAX);
    setText(this.more, left > 0 ? `and ${number(left)} more` : "");
    this.more.hidden = left <= 0;
  }

  showVerdicts({ counts_before: before, counts_after: after }) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    const rows = names.map((name) => [name, before[name] ?? 0, after[name] ?? 0]).filter(([, was, is]) => was !== is);
    fillTable(this.verdicts, rows.map(([name, was, is]) => [
      [words(name)], [number(was), "r"], [number(is), "r"], [signed(is - was, 0), "r"],
    ]));
    this.verdicts.hidden = rows.length === 0;
  }
}

function headlineOf({ events, before, after, added_count: more, removed_count: fewer, added, removed, kept, changed }) {
  if (!events) return "There is no market data yet to try this on.";
  const told = [`+${number(more ?? added.length)}`, `−${number(fewer ?? removed.length)}`, `${number(kept)} the same`];
  if (changed) told[2] += ` (${number(changed)} at another price or size)`;
  const arrow = `Orders ${number(before)} → ${number(after)}`;
  return before || after ? `${arrow}: ${told.join(", ")}` : "No orders, before or after.";
}

// What it came to, and out of how much of the market.
function basisOf(told) {
  const { net_before: before, net_after: after, denied_before: denied, denied_after: nowDenied } = told;
  const said = [];
  if (Number.isFinite(before) && Number.isFinite(after)) said.push(`net P&L ${signed(before)} → ${signed(after)}`);
  if (denied || nowDenied) said.push(`denied for their size ${number(denied)} → ${number(nowDenied)}`);
  said.push(`last ${span((told.to_ms - told.from_ms) / 1000)}, ${number(told.events)} events`);
  if (Number.isFinite(told.took_ms)) said.push(`took ${number(told.took_ms)} ms`);
  return said.join(" · ");
}

// What our books say of the range beside what the venue's own income ledger says, to the last digit.

import { element, fillTable, panel, scrolling, setText, table } from "./dom.js";
import { day, number, signed, time, UNKNOWN } from "./format.js";

const KINDS = { realised: "realised P&L", commission: "commissions", funding: "funding" };
const DECIMALS = 8;

export class Venue {
  constructor() {
    this.node = panel("Our books and the venue's ledger", "half");
    this.sub = element("span", "", "sub");
    this.node.firstElementChild.append(this.sub);
    this.verdict = element("p", "", "sentence");
    this.table = table("venue-pnl", ["Symbol", "What", "Asset", ["Our books", "r"], ["Venue's ledger", "r"], ["Difference", "r"]]);
    this.node.append(this.verdict, scrolling("Our books and the venue's ledger in numbers", this.table));
  }

  show({ rows, compared_to_ms: until, sentence, agrees }) {
    setText(this.verdict, sentence);
    this.verdict.classList.toggle("amber", agrees === false);
    setText(this.sub, until ? `compared up to ${day(until)} ${time(until)}` : "");
    this.table.hidden = rows.length === 0;
    fillTable(this.table, rows.map((row) => [
      [row.symbol || "the account"],
      [KINDS[row.kind] ?? row.kind],
      [row.asset, "quiet"],
      [money(row.ours), "r"],
      [money(row.venue), "r"],
      differenceCell(row.difference),
    ]));
  }

  fail(sentence) {
    setText(this.verdict, sentence);
    setText(this.sub, "");
    this.table.hidden = true;
  }
}

const money = (value) => (value === null ? UNKNOWN : signed(value, DECIMALS));

// Only one side knows the funding, so there is nothing to differ.
function differenceCell(difference) {
  if (difference === null) return ["the venue's word", "r quiet"];
  return difference ? [`${signed(difference, DECIMALS)} differs`, "r amber"] : [number(0), "r quiet"];
}

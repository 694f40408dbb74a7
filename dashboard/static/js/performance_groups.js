// The same figures by strategy, by symbol, and by the hour of the viewer's clock.

import { bars, reachOf } from "./bars.js";
import { element, fillTable, panel, scrolling, setText, table } from "./dom.js";
import { direction, number, signed } from "./format.js";
import { holdOf, percent } from "./performance_figures.js";

const COLUMNS = [["Net", "r"], ["Gross", "r"], ["Fees", "r"], ["Funding", "r"], ["Trips", "r"], ["Won", "r"], ["Factor", "r"], ["Per trip", "r"], ["Drawdown", "r"], ["Hold", "r"], ["Fills", "r"], ["Volume", "r"]];
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);
const two = (hour) => String(hour).padStart(2, "0");

const coloured = (value, decimals = 2) => {
  const way = direction(value, decimals);
  return [signed(value, decimals), `r${way > 0 ? " up" : way < 0 ? " down" : ""}`];
};

export class Groups {
  // `key` names what the rows are by: "strategy" or "symbol".
  constructor(title, key) {
    this.key = key;
    this.table = table(`by-${key}`, [key === "symbol" ? "Symbol" : "Strategy", ...COLUMNS]);
    this.empty = element("p", "No trades in this range.", "empty");
    this.table.hidden = this.empty.hidden = true; // Until the first answer.
    this.node = panel(title, "half group");
    this.node.append(scrolling(title, this.table, this.empty));
  }

  show(groups) {
    this.table.hidden = groups.length === 0;
    this.empty.hidden = groups.length > 0;
    fillTable(this.table, groups.map((row) => [
      [row[this.key] || "not ours"],
      coloured(row.net),
      coloured(row.pnl),
      [number(row.fees, 2), "r"],
      [signed(row.funding), "r"],
      [number(row.trips), "r"],
      [percent(row.win_rate, 0), "r"],
      [number(row.profit_factor, 2), "r"],
      coloured(row.expectancy, 3),
      [number(row.max_drawdown.amount, 2), "r"],
      [holdOf(row.average_hold_ms), "r"],
      [number(row.fills), "r"],
      [number(row.volume), "r"],
    ]));
  }
}

export class Hours {
  constructor() {
    this.node = panel("Net by hour of the day", "half");
    this.sub = element("span", "", "sub");
    this.node.firstElementChild.append(this.sub);
    this.bars = element("ol", null, "bars hours");
    this.bars.setAttribute("aria-label", "Net by hour");
    this.empty = element("p", "No trades in this range.", "empty");
    this.bars.hidden = this.empty.hidden = true; // Until the first answer.
    this.node.append(this.bars, this.empty);
  }

  show(hours) {
    this.bars.hidden = hours.length === 0;
    this.empty.hidden = hours.length > 0;
    const byHour = new Map(hours.map((row) => [row.hour, row]));
    const reach = reachOf(hours.map((row) => row.net));
    bars(this.bars, HOURS.map((hour) => itemOf(hour, byHour.get(hour))), reach);
    const sorted = [...hours].sort((one, other) => other.net - one.net);
    const said = (row) => `${two(row.hour)}:00 ${signed(row.net)}`;
    setText(this.sub, sorted.length > 1 ? `best ${said(sorted[0])}, worst ${said(sorted.at(-1))}` : sorted.length ? said(sorted[0]) : "");
  }
}

function itemOf(hour, row) {
  const from = `${two(hour)}:00 to ${two((hour + 1) % 24)}:00`;
  if (!row) return { label: two(hour), value: null, text: `${from}: nothing` };
  const won = row.trips ? `, ${percent(row.win_rate, 0)} of ${number(row.trips)} trips won` : "";
  return { label: two(hour), value: row.net, text: `${from}: ${signed(row.net)} net, ${number(row.fills)} fills${won}` };
}

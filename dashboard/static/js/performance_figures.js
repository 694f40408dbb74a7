// The headline figures of a stretch of time, in one row.

import { element, setText } from "./dom.js";
import { day, direction, number, signed, span, time, UNKNOWN } from "./format.js";

export const percent = (share, decimals = 1) =>
  Number.isFinite(share) ? `${number(share * 100, decimals)} %` : UNKNOWN;
export const holdOf = (ms) => (!Number.isFinite(ms) ? UNKNOWN : ms < 1000 ? `${number(ms)} ms` : span(ms / 1000));

const FIGURES = [
  ["Net", (all) => [signed(all.net), "after all costs", direction(all.net)]],
  ["Gross", (all) => [signed(all.pnl), "before fees", direction(all.pnl)]],
  ["Fees", (all) => [number(all.fees, 2), shareOf(all.fee_share)]],
  ["Funding", (all) => [signed(all.funding), all.funding ? shareOf(all.funding_share) : "", direction(all.funding)]],
  ["Win rate", (all) => [percent(all.win_rate), `${number(all.wins)} of ${number(all.trips)} trips`]],
  ["Profit factor", (all) => [number(all.profit_factor, 2), "won per unit lost"]],
  ["Expectancy", (all) => [signed(all.expectancy, 3), "net of a trip", direction(all.expectancy, 3)]],
  ["Max drawdown", (all) => [number(all.max_drawdown?.amount, 2), fallOf(all.max_drawdown)]],
  ["Average hold", (all) => [holdOf(all.average_hold_ms), "first fill to last"]],
  ["Exposure", (all) => [percent(all.exposure?.share), "of the time"]],
  ["Maker share", (all) => [percent(all.maker_share), "of the fills"]],
  ["Fills", (all) => [number(all.fills), `of ${number(all.orders)} orders`]],
  ["Volume", (all) => [number(all.volume), all.fills ? `${number(all.volume / all.fills)} a fill` : ""]],
];

const shareOf = (share) => (Number.isFinite(share) ? `${percent(Math.abs(share))} of gross` : "");

function fallOf(drawdown) {
  if (!drawdown?.to_ms) return "none";
  const { from_ms: from, to_ms: to } = drawdown;
  const today = day(Date.now());
  const said = [from, to].map((ms) => (day(ms) === today ? time(ms) : `${day(ms).slice(5)} ${time(ms).slice(0, 5)}`));
  return said.join(" → ");
}

export class Figures {
  constructor() {
    this.node = element("dl", null, "figures");
    for (const [name] of FIGURES) {
      const box = element("div");
      box.append(element("dt", name), element("dd", UNKNOWN, "number"), element("dd", "", "sub"));
      this.node.append(box);
    }
  }

  // `totals` as `/api/stats` has them; null: nothing was traded.
  show(totals) {
    FIGURES.forEach(([, read], index) => {
      const [, value, sub] = this.node.children[index].children;
      const [text, said, way = 0] = totals ? read(totals) : [UNKNOWN, ""];
      setText(value, text);
      value.title = text; // In full, should the column be too narrow for it.
      value.className = `number${way > 0 ? " up" : way < 0 ? " down" : ""}`;
      setText(sub, said);
    });
  }
}

// Where the price went after our fills: adverse selection, seen.

import { bars, reachOf } from "./bars.js";
import { element, fillTable, panel, scrolling, setText, table } from "./dom.js";
import { direction, number, signed, UNKNOWN } from "./format.js";
import { percent } from "./performance_figures.js";

const CHARTS = [["All", () => true], ["Buys", ({ side }) => side === "BUY"], ["Sells", ({ side }) => side === "SELL"]];
const PARTS = [["by_strategy", "strategy"], ["by_symbol", "symbol"], ["by_side", "side"], ["by_role", "role"]];
const horizonName = (ms) => (ms < 1000 ? `${number(ms)} ms` : `${number(ms / 1000)} s`);
const words = (name) => ({ BUY: "buys", SELL: "sells" })[name] ?? name;

export class Markouts {
  constructor() {
    this.node = panel("Markouts: the mid price after a fill, its way", "half");
    this.sub = element("span", "basis points, mean", "sub");
    this.node.firstElementChild.append(this.sub);
    this.charts = element("div", null, "bar-groups");
    this.scroll = scrolling("Markouts in numbers");
    this.empty = element("p", "", "empty");
    this.node.append(this.charts, this.empty, this.scroll);
    this.horizons = "";
  }

  show(told) {
    const horizons = told.horizons.map((row) => row.horizon_ms);
    this.empty.hidden = horizons.length > 0;
    this.charts.hidden = this.scroll.hidden = horizons.length === 0;
    setText(this.empty, "No fill in this range was followed long enough yet.");
    if (!horizons.length) return;
    this.showCharts(told);
    this.showTable(told, horizons);
  }

  showCharts(told) {
    const sides = [{ horizons: told.horizons }, ...told.by_side];
    const shown = CHARTS.map(([name, is], index) => [name, index ? sides.slice(1).find(is) : sides[0]]);
    const reach = reachOf(shown.flatMap(([, part]) => part?.horizons.map((row) => row.mean_bps) ?? []));
    this.charts.replaceChildren(...shown.map(([name, part]) => {
      const figure = element("figure");
      const strip = element("ol", null, "bars");
      strip.setAttribute("aria-label", `Markouts: ${name}`);
      bars(strip, (part?.horizons ?? []).map((row) => ({
        label: horizonName(row.horizon_ms),
        value: row.mean_bps,
        text: `${horizonName(row.horizon_ms)}: ${signed(row.mean_bps)} bp, ${number(row.count)} fills`,
      })), reach);
      figure.append(strip, element("figcaption", name, "sub"));
      return figure;
    }));
  }

  showTable(told, horizons) {
    if (this.horizons !== horizons.join()) {
      this.horizons = horizons.join();
      const names = horizons.map((ms) => [`${horizonName(ms)}, bp`, "r"]);
      this.table = table("markouts", ["Fills of", ["Count", "r"], ...names, [`Its way at ${horizonName(horizons.at(-1))}`, "r"]]);
      this.scroll.replaceChildren(this.table);
    }
    const rows = PARTS.flatMap(([part, key]) => told[part].map((row) => [words(row[key]) || "not ours", row.horizons]));
    fillTable(this.table, [["all", told.horizons], ...rows].map(([name, moves]) => [
      [name],
      [number(Math.max(0, ...moves.map((row) => row.count))), "r"],
      ...horizons.map((ms) => moveCell(moves.find((row) => row.horizon_ms === ms))),
      [percent(moves.find((row) => row.horizon_ms === horizons.at(-1))?.favourable, 0), "r"],
    ]));
  }
}

function moveCell(row) {
  if (!row) return [UNKNOWN, "r quiet"];
  const way = direction(row.mean_bps);
  return [signed(row.mean_bps), `r${way > 0 ? " up" : way < 0 ? " down" : ""}`];
}

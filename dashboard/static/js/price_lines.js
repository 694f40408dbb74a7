// Lines across the chart: the position at its average entry, orders that wait, stops and take-profits.

import { LineStyle } from "../vendor/lightweight-charts/lightweight-charts.mjs";
import { colour } from "./colours.js";
import { number, signed } from "./format.js";
import { isStop, sign } from "./price_marks.js";

const BEYOND_MAX = 3;
const KINDS = { STOP_MARKET: "stop", TAKE_PROFIT_MARKET: "take profit" };

export class OwnLines {
  constructor(series) {
    this.series = series;
    this.lines = new Map();
    this.said = []; // Of each line its price and its words.
  }

  // `row` is the symbol's row of the status, `open` the orders at the venue.
  show(row, open, decimals) {
    const wanted = new Map();
    const said = [];
    if (row.position && row.average_entry) {
      const made = row.unrealized_pnl == null ? "" : `  ${signed(row.unrealized_pnl)}`;
      const title = `${signed(row.position, decimals.qty)} @ ${number(row.average_entry, decimals.price)}${made}`;
      wanted.set("position", { price: row.average_entry, title, color: colour("--accent"), lineStyle: LineStyle.Solid });
      said.push([row.average_entry, title]);
    }
    for (const order of open) {
      if (!order.price) continue;
      const what = KINDS[order.type] ?? order.side.toLowerCase();
      const title = `${what} ${number(order.qty - order.filled, decimals.qty)}`;
      const color = colour(isStop(order) ? "--look" : sign(order) > 0 ? "--up" : "--down");
      const lineStyle = isStop(order) ? LineStyle.Dashed : LineStyle.Dotted;
      wanted.set(order.key, { price: order.price, title, color, lineStyle });
      said.push([order.price, `${title} at ${number(order.price, decimals.price)}`]);
    }
    for (const [key, held] of this.lines) {
      if (wanted.has(key)) continue;
      this.series.removePriceLine(held.line);
      this.lines.delete(key);
    }
    for (const [key, options] of wanted) this.put(key, options);
    this.said = said;
  }

  put(key, options) {
    const text = JSON.stringify(options);
    const held = this.lines.get(key);
    if (held?.text === text) return;
    if (held) {
      held.line.applyOptions(options);
      held.text = text;
    } else {
      const line = this.series.createPriceLine({ ...options, lineWidth: 1, axisLabelVisible: true });
      this.lines.set(key, { line, text });
    }
  }

  // The prices' range with the lines that lie near it: a far stop must not flatten the market.
  widened(range) {
    if (!range) return range;
    const reach = Math.max(range.maxValue - range.minValue, range.maxValue * 1e-5);
    const near = this.said.map(([price]) => price).filter((price) => price > range.minValue - reach && price < range.maxValue + reach);
    return { minValue: Math.min(range.minValue, ...near), maxValue: Math.max(range.maxValue, ...near) };
  }

  // What lies above or below a pane of this height, in words: nobody should think that there is no stop.
  beyond(heightPx) {
    const ways = this.said.map(([price, words]) => {
      const y = this.series.priceToCoordinate(price) ?? 0;
      return y < 0 ? `▲ ${words}` : y > heightPx ? `▼ ${words}` : "";
    });
    return ways.filter(Boolean).slice(0, BEYOND_MAX).join("\n");
  }
}

// Draws own orders and fills over the price: fills as arrows that touch their price, orders as thin lines
// from their acceptance to their end, round trips as dotted lines in the colour of what they made.

import { colour, faded } from "./colours.js";
import { isStop, sign, trips } from "./price_marks.js";
import { serverMs } from "./server.js";
import { magnified } from "./time_chart.js";

const ARROW_PX = 5;
const NEAR_PX = 12;
const SHORTEST_PX = 6;

export class MarksView {
  constructor() {
    this.marks = null;
    this.selected = null;
    this.hits = [];
    this.views = [{ zOrder: () => "top", renderer: () => ({ draw: (target) => this.render(target) }) }];
  }

  attached({ chart, series, requestUpdate }) {
    Object.assign(this, { chart, series, requestUpdate });
  }

  detached() {
    this.requestUpdate = null;
  }

  // `feed` knows where a time lies; `marks` are what is drawn.
  set(feed, marks) {
    Object.assign(this, { feed, marks });
    this.changed();
  }

  changed() {
    this.trips = trips(this.marks.fills);
    this.requestUpdate?.();
  }

  choose(key) {
    this.selected = key;
    this.requestUpdate?.();
  }

  paneViews() {
    return this.views;
  }

  hitTest(x, y) {
    const found = this.near(x, y);
    return found && { externalId: found.mark.key ?? "", zOrder: "top", cursorStyle: "pointer" };
  }

  // The mark that was drawn nearest to a point, as {mark, kind, x, y}; null when none is near.
  near(x, y) {
    let [best, least] = [null, NEAR_PX ** 2];
    for (const hit of this.hits) {
      const left = Math.max(hit.x - x, 0, x - (hit.toX ?? hit.x));
      const away = left ** 2 + (hit.y - y) ** 2 + (hit.kind === "order" ? 40 : 0);
      if (away < least) [best, least] = [hit, away];
    }
    return best;
  }

  render(target) {
    this.hits = [];
    const range = this.chart.timeScale().getVisibleLogicalRange();
    if (!this.marks || !this.feed.count || !range) return;
    target.useMediaCoordinateSpace(({ context, mediaSize }) => {
      const scale = this.chart.timeScale();
      const [first, last] = [Math.floor(range.from) - 1, Math.ceil(range.to) + 1];
      const rows = this.feed.rows;
      const left = rows[Math.max(0, Math.min(first, rows.length - 1))][0];
      const right = last >= rows.length ? Infinity : rows[Math.max(0, last)][0];
      const place = {
        left, right, width: mediaSize.width,
        x: (ms) => scale.logicalToCoordinate(Math.max(0, this.feed.placeOf(ms))),
        y: (price) => this.series.priceToCoordinate(price),
      };
      this.tones = { 1: colour("--up"), "-1": colour("--down"), edge: colour("--panel"), chosen: colour("--accent") };
      this.pale = { 1: faded("--up", 0.75), "-1": faded("--down", 0.75) };
      this.drawOrders(context, place);
      this.drawTrips(context, place);
      this.drawFills(context, place);
    });
  }

  drawOrders(context, place) {
    const nowMs = serverMs();
    for (const order of this.marks.orders) {
      const endMs = order.end_ms ?? Math.max(nowMs, order.ms);
      if (!order.price || endMs < place.left || order.ms > place.right) continue;
      const y = place.y(order.price);
      const x = place.x(order.ms);
      if (y === null || x === null) continue;
      const toX = Math.max(x + SHORTEST_PX, place.x(endMs));
      const row = Math.round(y) + 0.5;
      context.strokeStyle = order.key === this.selected ? this.tones.chosen : this.pale[sign(order)];
      context.lineWidth = order.key === this.selected ? 2 : 1;
      context.setLineDash(isStop(order) ? [3, 3] : []);
      context.beginPath();
      context.moveTo(x, row - 3);
      context.lineTo(x, row + 3);
      context.moveTo(x, row);
      context.lineTo(toX, row);
      context.stroke();
      this.hits.push({ mark: order, kind: "order", x, toX, y });
    }
    context.setLineDash([]);
  }

  drawTrips(context, place) {
    context.lineWidth = 1;
    context.setLineDash([2, 3]);
    for (const trip of this.trips) {
      // What was opened before the first time that is known has no place to begin at.
      if (trip.toMs < place.left || trip.fromMs > place.right || trip.fromMs < this.feed.rows[0][0]) continue;
      context.strokeStyle = trip.pnl < 0 ? this.pale[-1] : this.pale[1];
      context.beginPath();
      context.moveTo(place.x(trip.fromMs), place.y(trip.from));
      context.lineTo(place.x(trip.toMs), place.y(trip.to));
      context.stroke();
    }
    context.setLineDash([]);
  }

  // Of fills that would lie on one another one is drawn: a long history stays quick, and legible.
  drawFills(context, place) {
    const taken = new Set();
    const arrow = ARROW_PX * magnified();
    for (const fill of this.marks.fills) {
      if (fill.ms < place.left || fill.ms >= place.right) continue;
      const [x, y] = [place.x(fill.ms), place.y(fill.price)];
      if (x === null || y === null) continue;
      const chosen = fill.key !== null && fill.key === this.selected;
      const spot = `${Math.round(x / 4)}/${Math.round(y / 4)}/${fill.side}`;
      if (taken.has(spot) && !chosen) continue;
      taken.add(spot);
      const down = sign(fill) * arrow * 1.7;
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(x - arrow, y + down);
      context.lineTo(x + arrow, y + down);
      context.closePath();
      context.lineJoin = "round";
      context.lineWidth = chosen ? 5 : 3;
      context.strokeStyle = chosen ? this.tones.chosen : this.tones.edge;
      context.stroke();
      context.fillStyle = this.tones[sign(fill)];
      context.fill();
      this.hits.push({ mark: fill, kind: "fill", x, y: y + down / 2 });
    }
  }
}

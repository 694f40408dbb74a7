// How it went: the figures of a stretch of time, what they are made of, and whether the venue agrees.

import { byId, element, panel, setText } from "./dom.js";
import { zone } from "./format.js";
import { Export } from "./performance_export.js";
import { Figures } from "./performance_figures.js";
import { Groups, Hours } from "./performance_groups.js";
import { Markouts } from "./performance_markouts.js";
import { Range } from "./performance_range.js";
import { Venue } from "./performance_venue.js";
import { get, Refused } from "./server.js";

const REFRESH_MS = 15_000;
const VENUE_REFRESH_MS = 120_000; // The engine itself reads the venue's list every five minutes only.

export class PerformanceView {
  constructor() {
    this.askedAt = -Infinity;
    this.asked = 0;
    this.venueAskedAt = -Infinity;
    this.range = new Range(() => {
      this.venueAskedAt = -Infinity;
      this.load();
    });
    this.sub = element("span", "", "sub grow");
    this.figures = new Figures();
    this.groups = [new Groups("By strategy", "strategy"), new Groups("By symbol", "symbol")];
    this.hours = new Hours();
    this.markouts = new Markouts();
    this.venue = new Venue();
    this.export = new Export((more) => this.range.query(more));
    const head = panel("Performance", "whole", this.range.node, this.sub);
    head.append(this.figures.node);
    this.ofStats = [this.figures, ...this.groups, this.hours];
    const parts = [...this.groups, this.hours, this.markouts, this.venue, this.export];
    byId("view-performance").append(head, ...parts.map((part) => part.node));
  }

  opened() {
    this.askedAt = this.venueAskedAt = -Infinity;
  }

  show(status) {
    this.range.sessionMs = status.started_ms;
    if (performance.now() - this.askedAt > REFRESH_MS) this.load();
  }

  async load() {
    this.askedAt = performance.now();
    const mine = ++this.asked;
    const isNewest = () => mine === this.asked;
    this.export.show();
    await Promise.all([
      read(`/api/stats?${this.range.query({ zone })}`, isNewest, (told) => this.tell(told), (why) => this.refuse(why)),
      read(`/api/markouts?${this.range.query()}`, isNewest, (told) => this.tellMarkouts(told), () => showOld([this.markouts], true)),
      this.loadVenue(),
    ]);
  }

  async loadVenue() {
    if (performance.now() - this.venueAskedAt < VENUE_REFRESH_MS) return;
    const mine = (this.venueAskedAt = performance.now());
    const isNewest = () => mine === this.venueAskedAt;
    await read(`/api/venue_pnl?${this.range.query()}`, isNewest, (told) => this.venue.show(told), (why) => {
      this.venue.fail(why);
      this.venueAskedAt = -Infinity;
    });
  }

  tellMarkouts(told) {
    showOld([this.markouts], false);
    this.markouts.show(told);
  }

  tell(told) {
    setText(this.sub, told.totals ? this.range.text(told.from_ms, told.to_ms) : "nothing was traded yet");
    this.sub.classList.remove("amber");
    showOld(this.ofStats, false);
    this.figures.show(told.totals);
    this.groups[0].show(told.by_strategy);
    this.groups[1].show(told.by_symbol);
    this.hours.show(told.by_hour);
  }

  refuse(sentence) {
    setText(this.sub, sentence);
    this.sub.classList.add("amber");
    showOld(this.ofStats, true);
  }
}

// What stays while nobody answers is of an earlier look, perhaps of another range.
function showOld(parts, isOld) {
  for (const { node } of parts) node.classList.toggle("old", isOld);
}

// Answers that come after another range was chosen are dropped.
async function read(path, isNewest, take, refuse = () => {}) {
  try {
    const told = await get(path);
    if (isNewest()) take(told);
  } catch (refusal) {
    if (!(refusal instanceof Refused)) throw refusal;
    if (isNewest()) refuse(refusal.message);
  }
}

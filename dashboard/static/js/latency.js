// Latency: every leg of the way with its percentiles, the histogram of one of them, the last orders with
// the way of one in stages, and what could make it slow.

import { byId, element, fillTable, panel, scrolling, setText, table } from "./dom.js";
import { age, nanos, number, UNKNOWN } from "./format.js";
import { Histogram } from "./latency_histogram.js";
import { RecentOrders } from "./latency_recent.js";
import { onSelect, selectedKey } from "./selection.js";
import { get } from "./server.js";
import { OrderStory } from "./story.js";

const REFRESH_MS = 1000;
const FIRST_LEG = "TICK_TO_TRADE";
// A percentile of fewer samples than this would be one of its neighbours by chance.
const PERCENTILES = [["p50_ns", 1], ["p90_ns", 10], ["p99_ns", 100], ["p99_9_ns", 1000]];

export const percentile = (leg, name) =>
  leg.count >= PERCENTILES.find(([one]) => one === name)[1] ? leg[name] : null;

export class LatencyView {
  constructor() {
    this.box = byId("view-latency");
    this.leg = FIRST_LEG;
    this.legs = [];
    this.key = null;
    this.isEnded = false;
    this.askedAt = -Infinity;
    this.asking = false;
    this.legTable = table("legs", ["Leg", ["Samples", "r"], ["p50", "r"], ["p90", "r"], ["p99", "r"], ["p99.9", "r"], ["Longest", "r"]]);
    this.legTable.tBodies[0].addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) this.chooseLeg(button.value);
    });
    this.histogram = new Histogram();
    this.recent = new RecentOrders();
    this.story = new OrderStory("latency");
    this.storySub = element("span", "", "sub");
    this.build();
    onSelect(() => !this.box.hidden && this.follow());
  }

  build() {
    this.legEmpty = element("p", "No order has been measured yet.", "empty");
    const legs = this.part("Legs, from tick to fill", "half", "legs-panel", this.legTable, this.legEmpty);
    legs.querySelector("header").append(element("span", "– : too few samples to tell", "sub"));
    const histogram = this.part("How often it took how long", "half", "histogram-panel", this.histogram.canvas, this.histogram.text);
    histogram.querySelector("header").append(this.histogram.sub);
    const recent = this.part("Last orders, tick to trade", "third", "recent-panel", this.recent.canvas, this.recent.text, this.recent.list);
    recent.querySelector("header").append(this.recent.sub);
    this.storyBox = element("div");
    const { headline, waterfall, sentences } = this.story;
    this.storyBox.append(headline, waterfall.node, waterfall.note, sentences);
    this.storyEmpty = element("p", "No order yet: its way in stages will stand here.", "empty");
    this.storyBox.hidden = true;
    const story = this.part("One order's way", "third", "way-panel", this.storyEmpty, this.storyBox);
    story.querySelector("header").append(this.storySub);
    this.processTable = table("slow-processes", ["Process", ["Core", "r"], ["Heartbeat", "r"], ["Longest", "r"], ["Stalls", "r"], ["Restarts", "r"], ["Compiled", "r"]]);
    this.processTable.tHead.rows[0].cells[3].title = "longest duty cycle";
    this.processTable.tHead.rows[0].cells[6].title = "compilations after the start: each stops a process for a while";
    this.ringTable = table("slow-rings", ["Ring", ["Depth", "r"], ["Worst", "r"], ["of slots", "r"], ["Dropped", "r"]]);
    this.part("What could make it slow", "third", "slow-panel", this.processTable, this.ringTable);
  }

  part(title, width, className, ...nodes) {
    const section = panel(title, `${width} ${className}`);
    section.append(scrolling(title, ...nodes));
    this.box.append(section);
    return section;
  }

  opened() {
    this.askedAt = -Infinity;
  }

  show(status) {
    showSlow(this.processTable, this.ringTable, status);
    this.ask();
  }

  // Latency changes with orders, not with ticks: once a second is live enough, and only while it is seen.
  async ask() {
    if (this.asking || performance.now() - this.askedAt < REFRESH_MS) return;
    this.asking = true;
    this.askedAt = performance.now();
    try {
      const { legs, recent } = await get("/api/latency");
      this.legs = legs;
      this.showLegs();
      this.recent.show(recent ?? []);
      await this.follow();
    } catch {
      // The strip of lights says what is wrong with the connection.
    } finally {
      this.asking = false;
    }
  }

  chooseLeg(leg) {
    this.leg = leg;
    this.showLegs();
  }

  showLegs() {
    const body = this.legTable.tBodies[0];
    this.legTable.hidden = this.legs.length === 0;
    this.legEmpty.hidden = this.legs.length > 0;
    fillTable(this.legTable, this.legs.map((leg) => [
      ["", "leg"],
      [number(leg.count), "r"],
      ...PERCENTILES.map(([name]) => [nanos(percentile(leg, name)), "r"]),
      [nanos(leg.count ? leg.max_ns : null), "r"],
    ]));
    this.legs.forEach((leg, index) => {
      const row = body.rows[index];
      const button = row.cells[0].querySelector("button") ?? row.cells[0].appendChild(legButton());
      button.value = leg.leg;
      setText(button, leg.label);
      button.setAttribute("aria-pressed", String(leg.leg === this.leg));
      row.classList.toggle("chosen", leg.leg === this.leg);
    });
    const chosen = this.legs.find((leg) => leg.leg === this.leg) ?? this.legs[0];
    this.histogram.show(chosen, chosen ? PERCENTILES.map(([name]) => [name, percentile(chosen, name)]) : []);
  }

  // The chosen order, else the newest; what was told of an order that has ended is not asked again.
  async follow() {
    const chosen = selectedKey();
    const key = chosen ?? this.recent.newestKey;
    this.recent.mark(key);
    if (key === null || (key === this.key && this.isEnded)) return;
    try {
      const answer = await get(`/api/orders/${key}`);
      if (chosen !== selectedKey()) return;
      this.key = key;
      this.isEnded = answer.order.finished_ms !== null;
      this.story.show(answer);
      this.storyBox.hidden = false;
      this.storyEmpty.hidden = true;
      setText(this.storySub, chosen ? `order ${key}` : "the newest, by itself");
    } catch (refusal) {
      setText(this.storySub, refusal.message);
    }
  }
}

function legButton() {
  const button = element("button", "", "link");
  button.type = "button";
  return button;
}

// The rings of the log tell of nothing that is fast: they stand in one row.
function ringRows(rings) {
  const logs = rings.filter((row) => row.name.startsWith("log_"));
  const others = rings.filter((row) => !row.name.startsWith("log_"));
  if (!logs.length) return others;
  const sum = (name) => logs.reduce((total, row) => total + row[name], 0);
  const most = (name) => Math.max(...logs.map((row) => row[name]));
  return [...others, { name: `log (${logs.length} rings)`, depth: sum("depth"), deepest: most("deepest"), slots: most("slots"), dropped: sum("dropped") }];
}

const bad = (wrong) => (wrong ? "r amber" : "r");

function showSlow(processes, rings, status) {
  fillTable(processes, status.processes.map((row) => [
    [row.role],
    [row.core < 0 ? UNKNOWN : String(row.core), "r"],
    [age(row.heartbeat_age_ms), bad(row.health !== "ok")],
    [nanos(row.longest_cycle_us == null ? null : row.longest_cycle_us * 1000), "r"],
    [number(row.stalls), bad(row.stalls)],
    [number(row.restarts), bad(row.restarts)],
    [number(row.late_compilations), bad(row.late_compilations)],
  ]));
  fillTable(rings, ringRows(status.rings).map((row) => [
    [row.name],
    [number(row.depth), "r"],
    [number(row.deepest), bad(row.deepest * 2 > row.slots)],
    [number(row.slots), "r quiet"],
    [number(row.dropped), bad(row.dropped)],
  ]));
}

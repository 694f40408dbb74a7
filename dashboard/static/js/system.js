// The machinery: processes, rings, connections, latency; drawn only while its view is open.

import { byId, fillTable, panel, table } from "./dom.js";
import { age, number, signed, span, UNKNOWN } from "./format.js";

const bad = (wrong) => (wrong ? "r amber" : "r");

export class SystemView {
  constructor() {
    this.box = byId("view-system");
    this.part("Processes", "whole", "processes", ["Role", "State", ["Heartbeat", "r"], ["Pid", "r"], ["Core", "r"], "Waits by", ["Up", "r"], ["Cycles", "r"], ["Longest µs", "r"], ["Stalls", "r"], ["In", "r"], ["Out", "r"], ["Restarts", "r"], ["Late compiled", "r"], ["Last exit", "r"]]);
    this.part("Position, known three ways", "half", "ways", ["Symbol", "Told by", ["Position", "r"], ["Newest word", "r"], "Together"]);
    this.part("Connections", "half", "links", ["Route", "State", ["Last frame", "r"], ["Frames", "r"], ["Slow path", "r"], ["Unreadable", "r"], ["Gaps", "r"], ["Mute", "r"], ["Dropped", "r"], ["Connects", "r"]]);
    this.part("Rings", "whole", "rings", ["Ring", "From → to", ["Depth", "r"], ["Deepest", "r"], ["Slots", "r"], ["Dropped", "r"], ["Epochs", "r"], "When full"]);
  }

  part(title, width, id, columns) {
    const section = panel(title, width);
    const scroll = document.createElement("div");
    scroll.className = "scroll";
    scroll.append(table(id, columns));
    section.append(scroll);
    this.box.append(section);
  }

  show(status) {
    fillTable(byId("processes"), status.processes.map((row) => [
      [row.role],
      [row.health === "ok" ? row.life.toLowerCase() : row.health, row.health === "ok" ? "" : "amber"],
      [age(row.heartbeat_age_ms), bad(row.health === "silent")],
      [String(row.pid), "r"],
      [row.core < 0 ? "–" : String(row.core), "r"],
      [row.idle, "quiet"],
      [span(row.up_s), "r"],
      [number(row.cycles), "r"],
      [number(row.longest_cycle_us), "r"],
      [number(row.stalls), "r"],
      [number(row.events_in), "r"],
      [number(row.events_out), "r"],
      [number(row.restarts), bad(row.restarts)],
      [number(row.late_compilations), bad(row.late_compilations)],
      [row.restarts ? String(row.last_exit) : "–", "r"],
    ]));
    fillTable(byId("ways"), status.symbols.flatMap(wayRows));
    fillTable(byId("rings"), status.rings.map((row) => [
      [row.name],
      [`${row.producer} → ${row.consumer}`, "quiet"],
      [number(row.depth), "r"],
      [number(row.deepest), "r"],
      [number(row.slots), "r"],
      [number(row.dropped), bad(row.dropped)],
      [`${row.producer_epoch} / ${row.consumer_epoch}`, "r quiet"],
      [row.when_full, "quiet"],
    ]));
    fillTable(byId("links"), status.feed.links.map((row) => [
      [row.route],
      [row.connected ? "connected" : "down", row.connected ? "" : "amber"],
      [age(row.age_ms), "r"],
      [number(row.frames), "r"],
      [number(row.slow_frames), "r"],
      [number(row.bad_frames), bad(row.bad_frames)],
      [number(row.gaps), bad(row.gaps)],
      [number(row.mute_streams), bad(row.mute_streams)],
      [number(row.dropped), bad(row.dropped)],
      [number(row.connects), "r"],
    ]));
  }
}

const VERDICT = { AGREED: "all agree", DISAGREED: "they differ", UNKNOWN: "not compared yet" };
const WAYS = [["fills", "our fills"], ["stream", "user stream"], ["rest", "REST"]];

function wayRows(row) {
  const wrong = row.agreement === "DISAGREED" ? " amber" : "";
  return WAYS.map(([key, name], index) => [
    [index ? "" : row.symbol],
    [name, "quiet"],
    [signed(row.ways[key].position, row.qty_decimals ?? 3), `r${wrong}`],
    [row.ways[key].age_ms === null ? "never" : age(row.ways[key].age_ms), "r"],
    [index ? "" : VERDICT[row.agreement], wrong.trim()],
  ]);
}

// The machinery in tables: processes, the three ways to a position, connections, rings.

import { byId, fillTable, panel, scrolling, table } from "./dom.js";
import { number, signed, UNKNOWN } from "./format.js";

const bad = (wrong) => (wrong ? "r amber" : "r");
const TABLES = [
  ["Processes", "whole", "processes", ["Role", "State", ["Heartbeat, ms ago", "r"], ["Pid", "r"], ["Core", "r"], "Waits by", ["Up, s", "r"], ["Cycles", "r"], ["Longest, µs", "r"], ["Stalls", "r"], ["In", "r"], ["Out", "r"], ["Log dropped", "r"], ["Restarts", "r"], ["Late compiled", "r"], ["Last exit", "r"]]],
  ["Position, known three ways", "half", "ways", ["Symbol", "Told by", ["Position", "r"], ["Newest word, s ago", "r"], "Together"]],
  ["Connections", "half group", "links", ["Route", "State", ["Last frame, ms ago", "r"], ["Frames", "r"], ["Slow path", "r"], ["Unreadable", "r"], ["Gaps", "r"], ["Mute", "r"], ["Dropped", "r"], ["Connects", "r"]]],
  ["Rings", "whole", "rings", ["Ring", "From → to", ["Depth", "r"], ["Deepest", "r"], ["Slots", "r"], ["Dropped", "r"], ["Epochs", "r"], "When full"]],
];

export function buildTables(box) {
  for (const [title, width, id, columns] of TABLES) {
    const section = panel(title, width);
    section.append(scrolling(title, table(id, columns)));
    box.append(section);
  }
}

export function showTables(status) {
  fillTable(byId("processes"), status.processes.map(processRow));
  fillTable(byId("ways"), status.symbols.flatMap(wayRows));
  fillTable(byId("links"), status.feed.links.map(linkRow));
  fillTable(byId("rings"), status.rings.map(ringRow));
}

function processRow(row) {
  const isWell = row.health === "ok";
  return [
    [row.role],
    [isWell ? row.life.toLowerCase() : row.health, isWell ? "" : "amber"],
    [number(row.heartbeat_age_ms), bad(row.health === "silent")],
    [String(row.pid), "r"],
    [row.core < 0 ? "any" : String(row.core), row.core < 0 ? "r quiet" : "r"],
    [row.idle, "quiet"],
    [number(row.up_s), "r"],
    [number(row.cycles), "r"],
    [number(row.longest_cycle_us), "r"],
    [number(row.stalls), "r"],
    [number(row.events_in), "r"],
    [number(row.events_out), "r"],
    [number(row.log_dropped), bad(row.log_dropped)],
    [number(row.restarts), bad(row.restarts)],
    [number(row.late_compilations), bad(row.late_compilations)],
    [row.restarts ? String(row.last_exit) : UNKNOWN, "r"],
  ];
}

const VERDICT = { AGREED: "all agree", DISAGREED: "they differ", UNKNOWN: "not compared yet" };
const WAYS = [["fills", "our fills"], ["stream", "user stream"], ["rest", "REST"]];

function wayRows(row) {
  const wrong = row.agreement === "DISAGREED" ? " amber" : "";
  return WAYS.map(([key, name], index) => {
    const { position, age_ms: age } = row.ways[key];
    return [
      [index ? "" : row.symbol],
      [name, "quiet"],
      [signed(position, row.qty_decimals ?? 3), `r${wrong}`],
      [Number.isFinite(age) ? number(age / 1000, 1) : "never", "r"],
      [index ? "" : VERDICT[row.agreement], wrong.trim()],
    ];
  });
}

function linkRow(row) {
  return [
    [row.route],
    [row.connected ? "connected" : "down", row.connected ? "" : "amber"],
    [number(row.age_ms), "r"],
    [number(row.frames), "r"],
    [number(row.slow_frames), "r"],
    [number(row.bad_frames), bad(row.bad_frames)],
    [number(row.gaps), bad(row.gaps)],
    [number(row.mute_streams), bad(row.mute_streams)],
    [number(row.dropped), bad(row.dropped)],
    [number(row.connects), "r"],
  ];
}

function ringRow(row) {
  return [
    [row.name],
    [`${row.producer} → ${row.consumer}`, "quiet"],
    [number(row.depth), "r"],
    [number(row.deepest), "r"],
    [number(row.slots), "r"],
    [number(row.dropped), bad(row.dropped)],
    [`${row.producer_epoch} / ${row.consumer_epoch}`, "r quiet"],
    [row.when_full, "quiet"],
  ];
}

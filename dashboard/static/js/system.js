// The machinery: processes, rings, connections, latency; drawn only while its view is open.

import { byId, fillTable } from "./dom.js";
import { age, number, signed, span, UNKNOWN } from "./format.js";
import { get } from "./server.js";

const us = (ns) => number(ns / 1000, ns < 100_000 ? 1 : 0);
// A percentile of fewer samples would be the longest one in disguise.  The bins are coarse, so their
// upper edge may lie beyond the longest sample.
const percentile = (leg, ns, samples) => (leg.count < samples ? UNKNOWN : us(Math.min(ns, leg.max_ns)));
const bad = (wrong) => (wrong ? "r amber" : "r");

export function showSystem(status) {
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

export async function showLatency() {
  const { legs } = await get("/api/latency");
  byId("latency-empty").hidden = legs.length > 0;
  byId("latency").hidden = legs.length === 0;
  fillTable(byId("latency"), legs.map((leg) => [
    [leg.leg.toLowerCase().replaceAll("_", " ")],
    [number(leg.count), "r"],
    [percentile(leg, leg.p50_ns, 1), "r"],
    [percentile(leg, leg.p90_ns, 1), "r"],
    [percentile(leg, leg.p99_ns, 100), "r"],
    [percentile(leg, leg.p99_9_ns, 1000), "r"],
    [us(leg.max_ns), "r"],
  ]));
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

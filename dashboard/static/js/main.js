// The page: one stream, and who draws what from it.

import { PnlChart } from "./chart.js";
import { flatten, showControls, startOrStop, wireControls } from "./controls.js";
import { ask, isOpen } from "./dialog.js";
import { byId, setPressed, setText } from "./dom.js";
import { day, time } from "./format.js";
import { Live } from "./live.js";
import { Logs } from "./logs.js";
import { setToday, showLink, showNumbers, showStrip } from "./numbers.js";
import { showLatency, showSystem } from "./system.js";
import { Trades } from "./trades.js";
import { showWhy } from "./why.js";

const TABS = ["trade", "system"];
const LATENCY_MS = 2000;
let tab = "trade";
let latencyAt = 0;
let session = null;

const chart = new PnlChart();
const logs = new Logs();
const trades = new Trades(setToday);

function choose(name) {
  tab = name;
  for (const one of TABS) byId(`tab-${one}`).hidden = one !== name;
  setPressed(document.querySelectorAll("[data-tab]"), (button) => button.dataset.tab === name);
  if (name === "trade") logs.shown();
}

function show(status) {
  // Another session has its own log, curve and perhaps another version of this page.
  if (session !== null && session !== status.started_ms) location.reload();
  session = status.started_ms;
  showStrip(status);
  showNumbers(status);
  showWhy(status);
  showControls(status);
  chart.add(status, Date.now());
  logs.notice(status.logs);
  trades.notice(status, decimalsOf(status.symbols));
  setText(byId("foot-session"), `Session since ${day(status.started_ms)} ${time(status.started_ms)} UTC`);
  if (tab === "system") showMachinery(status);
}

const decimalsOf = (symbols) => Object.fromEntries(symbols.map((row) =>
  [row.symbol, { price: row.price_decimals ?? 2, qty: row.qty_decimals ?? 3 }]));

function showMachinery(status) {
  showSystem(status);
  if (performance.now() - latencyAt < LATENCY_MS) return;
  latencyAt = performance.now();
  showLatency().catch(() => {});
}

function help() {
  return ask({
    title: "Keys",
    text: "S  start or stop trading\nF  flatten everything (asks first)\n1, 2  the views\n/  filter the log\n?  this help\n\nTimes are UTC. Grey numbers are old.",
    no: "",
  });
}

const KEYS = {
  s: startOrStop,
  f: flatten,
  "?": help,
  1: () => choose("trade"),
  2: () => choose("system"),
  "/": () => { choose("trade"); byId("log-filter").focus(); },
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, select, textarea");
  if (typing || isOpen() || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  const deed = KEYS[event.key.toLowerCase()];
  if (!deed) return;
  event.preventDefault();
  deed();
});

for (const button of document.querySelectorAll("[data-tab]")) {
  button.addEventListener("click", () => choose(button.dataset.tab));
}
wireControls(() => {
  trades.load();
  chart.load();
});
new Live("/api/sse", show, showLink);

// The page: one stream, and who draws what from it.

import { Book } from "./book.js";
import { flatten, showControls, startOrStop, wireControls } from "./controls.js";
import { ask, isOpen } from "./dialog.js";
import { byId, setText } from "./dom.js";
import { day, time, zoneName } from "./format.js";
import { Knobs } from "./knobs.js";
import { LatencyView } from "./latency.js";
import { Live } from "./live.js";
import { Logs } from "./logs.js";
import { setToday, showLink, showNumbers, showStrip } from "./numbers.js";
import { PerformanceView } from "./performance.js";
import { PnlChart } from "./pnl.js";
import { PriceChart } from "./price.js";
import { logIn } from "./server.js";
import { Story } from "./story.js";
import { SystemView } from "./system.js";
import { Why } from "./why.js";

const TABS = ["trade", "latency", "performance", "system"];
let tab = "trade";
let session = null;
let newest = null;

const logs = new Logs();
const pnl = new PnlChart();
const book = new Book(setToday);
// What is drawn in each view; a part draws only while its view is open, and is told when it opens.
const parts = {
  trade: [new PriceChart(), new Why(), pnl, new Knobs(), book, new Story()],
  latency: [new LatencyView()],
  performance: [new PerformanceView()],
  system: [new SystemView()],
};

function choose(name, focus = false) {
  tab = name;
  for (const one of TABS) {
    const button = byId(`tab-${one}`);
    byId(`view-${one}`).hidden = one !== name;
    button.setAttribute("aria-selected", String(one === name));
    button.tabIndex = one === name ? 0 : -1;
  }
  if (focus) byId(`tab-${name}`).focus();
  if (name === "trade") logs.shown();
  for (const part of parts[name]) part.opened?.();
  if (newest) draw(newest);
}

function draw(status) {
  for (const part of parts[tab]) {
    try {
      part.show(status);
    } catch (problem) {
      reportError(problem); // The others go on: what stands still must not look alive.
    }
  }
}

function show(status) {
  // Another session has its own log, curve and perhaps another version of this page.
  if (session !== null && session !== status.started_ms) location.reload();
  session = status.started_ms;
  newest = status;
  showStrip(status);
  showNumbers(status);
  showControls(status);
  book.count(status);
  draw(status);
  setText(byId("foot-session"), `Session since ${day(status.started_ms)} ${time(status.started_ms)} · times are ${zoneName()}`);
}

function help() {
  return ask({
    title: "Keys",
    text: "S\tstart or stop trading\nF\tflatten everything (asks first)\n1 to 4\tthe views\n/\tfilter the log\nT\tdark, light, or as the system has it\n?\tthis help\n\nOn a chart: arrows pan, + and − zoom, End is the newest, [ and ] go from fill to fill, Enter chooses its order\n\nGrey numbers in italics are old. A gate shows its sentence when it is pressed; an order its story.",
    no: "",
  });
}

const KEYS = {
  s: startOrStop,
  f: flatten,
  t: () => window.nextTheme(),
  "?": help,
  "/": () => {
    choose("trade");
    byId("log-filter").focus();
  },
};
TABS.forEach((name, index) => (KEYS[index + 1] = () => choose(name)));

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, select, textarea");
  if (typing || isOpen() || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  const deed = KEYS[event.key.toLowerCase()];
  if (!deed) return;
  event.preventDefault();
  deed();
});

for (const [index, name] of TABS.entries()) {
  const button = byId(`tab-${name}`);
  button.addEventListener("click", () => choose(name));
  button.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) choose(TABS[(index + step + TABS.length) % TABS.length], true);
  });
}
byId("theme").addEventListener("click", () => window.nextTheme());
byId("help").addEventListener("click", help);
wireControls(() => {
  book.load();
  pnl.load();
});
new Live("/api/sse", {
  onStatus: show,
  onLines: (lines) => logs.notice(lines),
  onLink: showLink,
  onRefused: mayLook,
});

// Whether the stream may be opened again: where even looking needs the token, it is asked for.
async function mayLook() {
  try {
    const reply = await fetch("/api/session", { cache: "no-store" });
    const { locked, known } = await reply.json();
    return !locked || known || logIn();
  } catch {
    return true; // Nobody answers: trying again will tell.
  }
}

// START, STOP, FLATTEN, strategy and limits.  Every refusal shows the sentence the engine gave.

import { byId, setText } from "./dom.js";
import { number, signed, UNKNOWN } from "./format.js";
import { ask, askForToken } from "./dialog.js";
import { change, get, onTokenNeeded, Refused } from "./server.js";

const FLATTEN_MAX_MS = 60_000;
const TOAST_MS = 6000;
const RETRY_MS = 2000;
const DISABLED = "[trading] enabled is false in the config file: START is refused.";
let toastTimer = 0;
let status = null;
let strategiesAt = -Infinity;
// What waits for an answer.  Each control waits for its own only: a strategy switch takes seconds, and
// neither STOP nor FLATTEN may wait for it.
const pending = new Set();

export function wireControls(onCleared) {
  // START and STOP are one button: a double click or a key held down means one of them, not both in turn.
  byId("run").addEventListener("click", (event) => event.detail < 2 && startOrStop());
  byId("run").addEventListener("keydown", (event) => event.repeat && event.preventDefault());
  byId("flatten").addEventListener("click", () => flatten());
  byId("strategy-form").addEventListener("submit", (event) => submit(event, chooseStrategy));
  byId("strategy").addEventListener("change", showPending);
  byId("history-clear").addEventListener("click", () => clearHistory(onCleared));
  onTokenNeeded(askForToken);
}

// Without an answer what is known stays, and with nothing known it is asked again.
async function loadStrategies() {
  strategiesAt = performance.now();
  try {
    const { strategies } = await get("/api/strategies");
    byId("strategy").replaceChildren(...strategies.map((name) => new Option(name, name)));
    byId("strategy").value = status.active_strategy; // It may be another one since this was asked.
  } catch (refusal) {
    if (!(refusal instanceof Refused)) throw refusal;
  }
}

export function showControls(newest) {
  const was = status;
  status = newest;
  const run = byId("run");
  byId("flatten").disabled = false;
  setText(run, status.running ? "STOP" : "START");
  run.classList.toggle("primary", !status.running);
  if (was?.active_strategy !== status.active_strategy) {
    byId("strategy").value = status.active_strategy;
    loadStrategies();
  } else if (!byId("strategy").options.length && performance.now() - strategiesAt > RETRY_MS) loadStrategies();
  showPending();
}

// Only START is refused then: STOP must always be at hand.
const isDisabled = () => status !== null && status.enabled === false && !status.running;

function showPending() {
  const disabled = isDisabled();
  byId("run").disabled = pending.has("run") || !status || disabled;
  byId("run").title = disabled ? DISABLED : "Start or stop trading (S)";
  const chosen = byId("strategy").value;
  byId("strategy-apply").disabled = pending.has("strategy") || !chosen || chosen === status?.active_strategy;
}

export function answer(sentence, wrong = false) {
  const toast = byId("toast");
  for (const node of [byId("control-answer"), toast]) {
    setText(node, sentence);
    node.classList.toggle("bad", wrong);
  }
  // It lies over the page, below the buttons, in every view; nothing moves when it comes or goes.
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (toast.hidden = true), TOAST_MS);
}

export async function attempt(name, deed) {
  if (pending.has(name)) return null;
  const focused = document.activeElement;
  pending.add(name);
  showPending();
  try {
    const reply = await deed();
    answer(reply.message ?? "Done.");
    return reply;
  } catch (refusal) {
    if (!(refusal instanceof Refused)) throw refusal;
    answer(refusal.message, true);
    return null;
  } finally {
    pending.delete(name);
    showPending();
    // A button that waits is disabled, which takes the focus from whoever pressed it with a key.
    if (document.activeElement === document.body) focused.focus({ preventScroll: true });
  }
}

function submit(event, deed) {
  event.preventDefault();
  deed();
}

export async function startOrStop() {
  if (pending.has("run") || !status) return;
  if (isDisabled()) {
    answer(DISABLED, true);
    return;
  }
  const command = status.running ? "STOP" : "START";
  if (command === "START" && status.mode !== "DEMO") {
    const sure = await ask({
      title: `START on ${status.mode.replace("_", " ")}`,
      text: startText(),
      yes: "START",
      look: true,
    });
    if (!sure) return;
  }
  await attempt("run", () => change("POST", "/api/control", { command }));
}

function startText() {
  const { max_loss: loss, max_position: position } = status;
  const stopsAt = loss === 0 ? "No max loss is set" : `Max loss ${number(loss, 2)}`;
  const symbols = status.symbols.map((row) => row.symbol).join(", ");
  return `${status.active_strategy} will send orders for ${symbols}.\n${stopsAt}, largest position ${position ?? UNKNOWN}.`;
}

export async function flatten() {
  if (!status) return;
  await ask({
    title: "Flatten everything?",
    text: flattenText,
    yes: "FLATTEN",
    look: true,
    work: async (say) => {
      say("Asking the engine…");
      try {
        await change("POST", "/api/control", { command: "FLATTEN", confirm: true });
      } catch (refusal) {
        say(refusal.message, true);
        return "Failed";
      }
      return follow(say);
    },
  });
}

function flattenText() {
  const open = status.symbols.filter((row) => row.position);
  const closing = open.map((row) => {
    const size = number(Math.abs(row.position), row.qty_decimals ?? 3);
    return `${row.position > 0 ? "sell" : "buy"} ${size} ${row.symbol} at market, reduce-only`;
  });
  return [
    "Trading halts until START. Then, at the venue:",
    `· cancel every open order (${number(status.open_orders)} known now)`,
    ...(closing.length ? closing.map((line) => `· ${line}`) : ["· no position is open as far as we know"]),
    "What is open there when it begins is what counts.",
  ].join("\n");
}

async function follow(say) {
  const until = performance.now() + FLATTEN_MAX_MS;
  while (performance.now() < until) {
    const progress = await get("/api/flatten").catch((refusal) => ({ state: "running", message: refusal.message }));
    if (progress.state === "done") {
      say(progress.message || "Flat.");
      answer(progress.message || "Flat.");
      return "Flat";
    }
    if (progress.state === "failed") {
      answer(progress.message, true);
      say(progress.message, true);
      return "Failed";
    }
    const open = status.symbols.filter((row) => row.position).map((row) => `${signed(row.position, row.qty_decimals ?? 3)} ${row.symbol}`);
    say(progress.message || `Closing${open.length ? `: ${open.join(", ")} left` : ""}…`);
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
  say("The venue has not said flat within a minute: look at the log and at the venue.", true);
  return "Not flat yet";
}

function chooseStrategy() {
  return attempt("strategy", () => change("POST", "/api/strategy", { strategy: byId("strategy").value }));
}

async function clearHistory(onCleared) {
  const sure = await ask({
    title: "Clear the history?",
    text: "The list and the chart start anew from now. No trade is deleted from the database.",
    yes: "Clear",
    link: { text: "Export the trades first (CSV)", href: "/api/export?what=trades&format=csv" },
  });
  if (sure && (await attempt("history", () => change("DELETE", "/api/history")))) onCleared();
}

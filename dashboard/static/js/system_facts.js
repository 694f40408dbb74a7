// What the house says of itself in a few lines: the run, what holds it back, its books, its doors.

import { element, panel, setText } from "./dom.js";
import { age, day, number, time, UNKNOWN } from "./format.js";

const LINKS = [["/docs", "API"], ["/metrics", "metrics"], ["/healthz", "alive?"], ["/readyz", "ready?"]];
const ENABLED = new Map([[true, "yes"], [false, "no: START is refused"]]);
const LEDGER_LATE_MS = 60_000;
const sentence = (name) => name.toLowerCase().replaceAll("_", " ");

// A list of facts in a panel; each is [name, text, isUnwell].
export class Facts {
  constructor(title, ...below) {
    this.node = panel(title, "third");
    this.list = element("dl", null, "facts");
    this.node.append(this.list, ...below);
  }

  show(facts) {
    const { list } = this;
    while (list.children.length > facts.length * 2) list.lastElementChild.remove();
    while (list.children.length < facts.length * 2) list.append(element("dt"), element("dd"));
    facts.forEach(([name, text, isUnwell = false], index) => {
      setText(list.children[2 * index], name);
      const value = list.children[2 * index + 1];
      setText(value, text);
      value.className = isUnwell ? "amber" : "";
    });
  }
}

export function runFacts(status, system) {
  const pinned = status.processes.filter((row) => row.core >= 0);
  const cores = [...new Set(pinned.map((row) => row.core))].sort((one, other) => one - other);
  const shared = cores.filter((core) => pinned.filter((row) => row.core === core).length > 1);
  const named = cores.map((core) => `${core}: ${pinned.filter((row) => row.core === core).map((row) => row.role).join(", ")}`);
  const restarts = status.processes.reduce((sum, row) => sum + row.restarts, 0);
  return [
    ["Mode", status.mode.replace("_", " ")],
    ["Session since", `${day(status.started_ms)} ${time(status.started_ms)}`],
    ["Session epoch", system ? String(system.session_epoch) : UNKNOWN],
    ["Strategy", system ? `${status.active_strategy}, switched ${number(Math.max(0, system.strategy_epoch - 1))} times` : status.active_strategy],
    ["Config file lets it trade", ENABLED.get(status.enabled) ?? UNKNOWN, status.enabled === false],
    ["Cores", named.length ? named.join("; ") + (shared.length ? " (shared)" : "") : "nobody is pinned"],
    ["Restarts", restarts ? `${number(restarts)}: see below` : "none", restarts > 0],
  ];
}

export function safetyFacts(status) {
  const { latch, ledger } = status;
  const held = latch.latched ? `${status.trading_state} by ${latch.hand}: ${sentence(latch.reason)}, ${age(latch.age_ms)} ago` : "open";
  const denied = Object.values(status.denied ?? {}).reduce((sum, count) => sum + count, 0);
  const isLate = (ledger?.age_ms ?? 0) > LEDGER_LATE_MS;
  return [
    ["Trading state", status.trading_state, status.trading_state !== "ACTIVE"],
    ["Latch", held, latch.latched],
    ["Last trip", latch.trip ?? "never tripped", Boolean(latch.trip) && latch.latched],
    ["Orders open · unknown", `${number(status.open_orders)} · ${number(status.unknown_orders)}`, status.unknown_orders > 0],
    ["Denied · rejected", `${number(denied)} · ${number(status.rejected)}`],
    ["Ledger", ledger ? `${number(ledger.trades)} trades, ${number(ledger.committed)} commits` : "has not written yet", !ledger],
    ["Last commit", ledger ? `${age(ledger.age_ms)} ago` : UNKNOWN, isLate && status.trade_count > (ledger?.trades ?? 0)],
    ["Ledger's errors · gaps filled", ledger ? `${number(ledger.errors)} · ${number(ledger.gap_filled)}` : UNKNOWN, ledger?.errors > 0],
  ];
}

export function doorText(session) {
  if (!session) return UNKNOWN;
  const { needs_token: needed, locked, known } = session;
  const may = !needed ? "everybody who reaches this port" : locked ? "looking and ordering need the token" : "everybody may look, ordering needs the token";
  return needed ? `${may}; this browser ${known ? "is known" : "is not known yet"}` : `${may} may look and order`;
}

export function links() {
  const line = element("p", null, "links sub");
  for (const [path, name] of LINKS) {
    const link = element("a", name);
    link.href = path;
    line.append(link);
  }
  return line;
}

// Why the strategy does or does not act, and what the gate refused.

import { byId, element, setText } from "./dom.js";
import { age, micros, number, signed } from "./format.js";

const OLD_MS = 5000;

export function showWhy(status) {
  const halted = status.trading_state === "HALTED";
  const trading = byId("trading-sentence");
  setText(trading, status.trading_sentence);
  trading.classList.toggle("amber", status.trading_state !== "ACTIVE");
  trading.classList.toggle("halted", halted);
  showOpen(status, halted);
  const verdict = status.verdict;
  const decided = verdict?.sentence ?? "The strategy has not decided anything yet.";
  setText(byId("verdict-sentence"), halted && verdict ? `would be: ${decided}` : decided);
  byId("verdict-sentence").classList.toggle("strong", !halted);
  setText(byId("verdict-age"), verdict ? `${age(verdict.age_ms)} ago` : "");
  byId("verdict-age").classList.toggle("amber", verdict !== null && verdict.age_ms > OLD_MS);
  showDistance(verdict);
  showFacts(status, verdict);
}

// A halt closes nothing: what is open stays at risk, and must not be overlooked.
function showOpen(status, halted) {
  const open = status.symbols.filter((row) => row.position);
  const node = byId("halted-position");
  node.hidden = !halted || !open.length;
  const told = open.map((row) => {
    const size = `${signed(row.position, row.qty_decimals ?? 3)} ${row.symbol}`;
    return `${size} @ ${number(row.average_entry, row.price_decimals ?? 2)}, unrealised ${signed(row.unrealized_pnl)}`;
  });
  setText(node, `Still open: ${told.join("; ")}`);
}

function showDistance(verdict) {
  const needed = verdict ? Math.abs(verdict.needed) : 0;
  const usable = needed > 0 && Number.isFinite(verdict.distance);
  byId("distance").hidden = !usable;
  if (!usable) return;
  byId("distance-meter").value = Math.min(1, Math.abs(verdict.distance) / needed);
  setText(byId("distance-text"), `${signed(verdict.distance, 1)} of ${number(needed, 1)}`);
}

function showFacts(status, verdict) {
  const denied = Object.entries(status.denied).map(([reason, count]) => `${reason.toLowerCase().replaceAll("_", " ")} ${number(count)}`);
  const facts = [
    ["Ticks per second", number(status.ticks_per_second, 1)],
    ["Events seen", number(verdict?.events)],
    ["Intents", number(verdict?.intents)],
    ["Orders sent", number(status.orders_sent)],
    ["Orders open", number(status.open_orders) + (status.foreign_orders ? ` and ${number(status.foreign_orders)} of others` : "")],
    ["Orders unknown", number(status.unknown_orders)],
    ["Last order", micros(status.order_rtt_us)],
    ["Venue's limits", status.venue_limits],
    ["Venue's clock", status.venue_clock],
    ["Dead-man switch", status.countdown],
    ["Denied by the gate", denied.join(", ") || "none"],
    ["Rejected by the venue", status.rejected ? `${number(status.rejected)}, last code ${status.last_reject_code}` : "none"],
  ];
  const list = byId("facts");
  while (list.children.length < facts.length * 2) list.append(element("dt"), element("dd"));
  facts.forEach(([name, value], index) => {
    setText(list.children[2 * index], name);
    setText(list.children[2 * index + 1], value);
  });
}

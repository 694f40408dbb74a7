// The strip and the five numbers: am I safe, am I making money.

import { byId, setNumber, setText } from "./dom.js";
import { age, direction, micros, number, signed, UNKNOWN } from "./format.js";

let previousPrice = null;
let today = null;

export function setToday(totals) {
  today = totals?.today ?? null;
}

function light(id, ok, text, title = "") {
  const node = byId(id);
  node.dataset.ok = ok === null ? "" : ok ? "yes" : "no";
  setText(node.lastElementChild, text);
  node.title = title;
}

export function showLink(state, silentMs) {
  document.body.dataset.link = state;
  light("light-link", state === "live", state === "live" ? "live" : "connection lost");
  const dot = byId("light-link").firstElementChild;
  if (state === "live") {
    dot.classList.remove("beat");
    void dot.offsetWidth;
    dot.classList.add("beat");
  }
  const banner = byId("banner");
  banner.hidden = state === "live";
  if (state !== "live") {
    setText(banner, `Connection lost: what you see is ${age(silentMs)} old. The engine may still be trading.`);
  }
}

export function showStrip(status) {
  document.documentElement.dataset.mode = status.mode;
  setText(byId("mode"), status.mode.replace("_", " "));
  document.title = `${signed(status.total_pnl)} · ${status.active_strategy} · ${status.mode}`;
  const feed = status.feed;
  light("light-feed", feed.fresh, feed.age_ms == null ? "no feed yet" : `feed ${age(feed.age_ms)}`,
    `market data is called stale after ${age(feed.stale_after_ms)}`);
  const agrees = status.agreement;
  light("light-account", agrees == null ? null : agrees && status.reconciled,
    agrees == null ? "account unknown" : agrees ? (status.reconciled ? "position agrees" : "reconciling") : "position differs",
    status.symbols.map((row) => `${row.symbol}: ${waysText(row)}`).join("\n"));
  const p99_us = status.tick_to_trade_p99_us;
  light("light-latency", p99_us ? true : null, p99_us ? `p99 ${micros(p99_us)}` : "no order yet",
    "from a tick's receipt to its order on the wire, 99 of 100");
  const ill = status.processes.filter((process) => process.health !== "ok");
  light("light-processes", ill.length === 0,
    ill.length ? ill.map((process) => `${process.role} ${process.health}`).join(", ") : `${status.processes.length} processes`);
  showPrice(status);
  setText(byId("state"), status.trading_state);
  byId("state").dataset.state = status.trading_state;
  byId("state").title = status.trading_sentence;
}

function showPrice(status) {
  const market = status.symbols[0];
  const price = status.last_price;
  const change = previousPrice === null || price == null ? 0 : price - previousPrice;
  setText(byId("symbol"), status.symbol ?? "");
  const arrow = change > 0 ? " ▲" : change < 0 ? " ▼" : "";
  const node = byId("last-price");
  setNumber(node, number(price, market?.price_decimals ?? 2) + arrow, { direction: change });
  node.classList.toggle("stale", !status.feed.fresh);
  previousPrice = price;
}

export function showNumbers(status) {
  const market = status.symbols[0] ?? {};
  const executionSilent = !isWell(status, "execution");
  money("total-pnl", status.total_pnl);
  const net = today ? ` · today ${signed(today.net)}` : "";
  setText(byId("total-pnl-sub"), `realised ${signed(status.realized_pnl)}${net}`);
  money("unrealized-pnl", status.unrealized_pnl);
  setText(byId("unrealized-sub"), market.mark ? `at mark ${number(market.mark, market.price_decimals ?? 2)}` : "");
  setNumber(byId("position"), signed(status.position, market.qty_decimals ?? 3), { flash: true });
  setText(byId("position-sub"), positionText(status, market));
  setNumber(byId("available"), number(status.available_balance, 2), { flash: true });
  setText(byId("available-sub"), "venue's figure, refreshed every 30 s");
  byId("available-sub").title = `wallet ${number(status.wallet_balance, 2)}, began with ${number(status.initial_balance, 2)}`;
  setNumber(byId("fees"), number(status.fees, 2), { flash: true });
  byId("fees").title = status.funding ? `funding ${signed(status.funding)}` : "";
  setText(byId("fees-sub"), `${number(status.trade_count)} fills this session`);
  for (const id of ["total-pnl", "unrealized-pnl", "position", "available", "fees"]) {
    byId(id).classList.toggle("stale", executionSilent);
  }
}

const isWell = (status, role) =>
  status.processes.some((process) => process.role === role && process.health === "ok");

function money(id, value) {
  setNumber(byId(id), signed(value), { direction: direction(value) });
}

function positionText(status, market) {
  if (status.position == null) return UNKNOWN;
  const differing = status.symbols.find((row) => row.agreement === "DISAGREED");
  if (differing) return `${differing === market ? "" : `${differing.symbol}: `}${waysText(differing)}`;
  const others = status.symbols.slice(1).filter((row) => row.position);
  const more = others.length ? ` · and ${others.map((row) => row.symbol).join(", ")}` : "";
  if (!status.position) return `flat${more}`;
  return `entry ${number(status.average_entry, market.price_decimals ?? 2)}${more}`;
}

// What each of the three ways says of a position, and how old that is.
function waysText(row) {
  const { fills, stream, rest } = row.ways;
  const said = (way) => signed(way.position, row.qty_decimals ?? 3);
  const old = (way) => (way.age_ms == null ? "" : ` ${age(way.age_ms)} ago`);
  return `fills ${said(fills)}, stream ${said(stream)}${old(stream)}, REST ${said(rest)}${old(rest)}`;
}

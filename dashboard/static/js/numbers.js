// The strip and the five numbers: am I safe, am I making money.

import { byId, setNumber, setText } from "./dom.js";
import { age, direction, micros, number, signed, UNKNOWN } from "./format.js";

const BEAT_MS = 1000; // A dot that beats with every look would only tremble.
let previousPrice = null;
let trend = 0;
let today = null;
let beatAt = -Infinity;

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
  const now = performance.now();
  if (state === "live" && now - beatAt >= BEAT_MS) {
    beatAt = now;
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
  const title = `${signed(status.total_pnl)} · ${status.active_strategy} · ${status.mode}`;
  if (document.title !== title) document.title = title;
  showFeed(status);
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

const isFresh = (row, feed) => row?.tick_age_ms != null && row.tick_age_ms <= feed.stale_after_ms;

// The market is as fresh as its oldest symbol: what is silent is not traded.
function showFeed({ feed, symbols }) {
  const silent = symbols.filter((row) => !isFresh(row, feed));
  const ages = symbols.map((row) => row.tick_age_ms).filter((ms) => ms != null);
  const oldest = `feed ${age(Math.max(...ages))}`;
  const some = silent.length < symbols.length && silent.length > 0;
  const text = ages.length === 0 ? "no feed yet" : some ? `${silent.map((row) => row.symbol).join(", ")} silent` : oldest;
  light("light-feed", symbols.length > 0 && silent.length === 0, text, `market data is called stale after ${age(feed.stale_after_ms)}`);
}

// The way the price went last stays beside it until it goes the other way.
function showPrice(status) {
  const market = status.symbols[0];
  const price = status.last_price;
  if (price != null && previousPrice !== null) trend = Math.sign(price - previousPrice) || trend;
  previousPrice = price ?? previousPrice;
  setText(byId("symbol"), status.symbol ?? "");
  const arrow = price == null || !trend ? "" : trend > 0 ? " ▲" : " ▼";
  const node = byId("last-price");
  setNumber(node, number(price, market?.price_decimals ?? 2) + arrow, { direction: price == null ? 0 : trend });
  node.classList.toggle("stale", !isFresh(market, status.feed));
}

export function showNumbers(status) {
  const market = status.symbols[0] ?? {};
  const executionSilent = !isWell(status, "execution");
  money("total-pnl", status.total_pnl);
  const net = today ? ` · today ${signed(today.net)}` : "";
  setText(byId("total-pnl-sub"), `realised ${signed(status.realized_pnl)}${net}`);
  money("unrealized-pnl", status.unrealized_pnl);
  const atMark = market.mark ? `at mark ${number(market.mark, market.price_decimals ?? 2)}` : "";
  setText(byId("unrealized-sub"), status.symbols.length > 1 ? `of ${status.symbols.length} symbols, at mark` : atMark);
  setNumber(byId("position"), signed(status.position, market.qty_decimals ?? 3), { flash: true });
  setText(byId("position-title"), status.symbols.length > 1 ? `Position ${market.symbol}` : "Position");
  setText(byId("position-sub"), positionText(status, market));
  byId("position-sub").title = status.symbols.length > 1 ? byId("position-sub").textContent : "";
  setNumber(byId("available"), number(status.available_balance, 2), { flash: true });
  setText(byId("available-sub"), "venue's figure, every 30 s");
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
  const more = others.map((row) => ` · ${row.symbol} ${signed(row.position, row.qty_decimals ?? 3)}`).join("");
  const own = status.position ? `entry ${number(status.average_entry, market.price_decimals ?? 2)}` : "flat";
  return own + more;
}

// What each of the three ways says of a position, and how old that is.
function waysText(row) {
  const { fills, stream, rest } = row.ways;
  const said = (way) => signed(way.position, row.qty_decimals ?? 3);
  const old = (way) => (way.age_ms == null ? "" : ` ${age(way.age_ms)} ago`);
  return `fills ${said(fills)}, stream ${said(stream)}${old(stream)}, REST ${said(rest)}${old(rest)}`;
}

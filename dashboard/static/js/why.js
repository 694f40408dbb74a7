// Why it does, or does not, trade: the sentence, every gate in order, how far it is from firing, and how
// often each answer came.

import { byId, element, fillTable, setText } from "./dom.js";
import { DistanceStrip } from "./distance.js";
import { age, micros, number, signed } from "./format.js";
import { get } from "./server.js";

const OLD_MS = 5000;
const REFRESH_MS = 1000;
const SAID = { green: "passes", amber: "close to its limit, or stopped something lately", red: "stops now", grey: "not reached" };
const GROUPS = { house: "House", strategy: "Strategy", risk: "Risk gate" };
const SEVERITY = ["red", "amber"];
const NAMES = { NONE: "no concern of the strategy" };
const words = (name) => NAMES[name] ?? name.toLowerCase().replaceAll("_", " ");

export class Why {
  constructor() {
    this.strip = new DistanceStrip();
    this.picked = null;
    this.gates = [];
    // Of several symbols the one somebody chose, and what was last told of it; else the nearest to firing.
    this.symbol = null;
    this.told = null;
    this.symbols = element("ol", null, "sub");
    this.symbols.id = "verdict-symbols";
    this.symbols.setAttribute("aria-label", "What the strategy says of each symbol");
    this.symbols.hidden = true;
    byId("verdict-sentence").after(this.symbols);
    this.askedAt = -Infinity;
    this.asking = false;
  }

  show(status) {
    const halted = status.trading_state === "HALTED";
    const trading = byId("trading-sentence");
    setText(trading, status.trading_sentence);
    trading.classList.toggle("amber", status.trading_state !== "ACTIVE");
    trading.classList.toggle("halted", halted);
    showOpen(status, halted);
    const explain = (this.symbol !== null && this.told) || status.explain;
    const verdict = (this.symbol !== null && this.told?.verdict) || status.verdict;
    // What stops the house is the sentence above; below stands what the strategy would do about it.
    const waits = status.trading_state !== "ACTIVE";
    setText(byId("verdict-sentence"), waits ? `would be: ${explain.verdict_sentence}` : explain.sentence);
    byId("verdict-sentence").classList.toggle("strong", !halted);
    setText(byId("verdict-age"), verdict?.age_ms == null ? "" : `decided ${age(verdict.age_ms)} ago`);
    byId("verdict-age").classList.toggle("amber", (verdict?.age_ms ?? 0) > OLD_MS);
    this.showGates(explain.gates);
    showFacts(status, verdict);
    this.ask();
  }

  opened() {
    this.askedAt = -Infinity;
  }

  // Counts and the strip change slowly; they are asked for once a second, and only while they are seen.
  async ask() {
    if (this.asking || performance.now() - this.askedAt < REFRESH_MS) return;
    this.asking = true;
    this.askedAt = performance.now();
    try {
      const asked = this.symbol;
      const told = await get(`/api/explain?strip_after_ms=${this.strip.lastMs}&symbol=${encodeURIComponent(asked ?? "")}`);
      if (asked !== this.symbol) return this.opened();
      this.told = told;
      showCounts(told.counts ?? {});
      showDenials(told.denials ?? {});
      this.showSymbols(told.shards ?? []);
      // The points are of another symbol than those before: all of its own are wanted.
      if (this.strip.isOf(told.symbol)) this.strip.add(told.strip?.points ?? [], told.verdict);
      else this.opened();
    } catch {
      // The strip of lights says what is wrong with the connection.
    } finally {
      this.asking = false;
    }
  }

  // Where there are several symbols: what is said of each; pressing one keeps to it, once more lets go.
  showSymbols(rows) {
    this.symbols.hidden = rows.length < 2;
    if (rows.length < 2) return;
    while (this.symbols.children.length > rows.length) this.symbols.lastElementChild.remove();
    rows.forEach((row, index) => {
      const item = this.symbols.children[index] ?? this.symbols.appendChild(this.symbolItem());
      const button = item.firstElementChild;
      button.value = row.symbol;
      setText(button, row.symbol);
      button.setAttribute("aria-pressed", String(row.symbol === this.symbol));
      const old = row.age_ms > OLD_MS ? ` (${age(row.age_ms)} ago)` : "";
      setText(item.lastElementChild, ` ${row.sentence}${old}`);
    });
  }

  symbolItem() {
    const item = element("li");
    const button = element("button", "", "link");
    button.type = "button";
    button.title = "Keep to this symbol; press again for the nearest to firing";
    button.addEventListener("click", () => {
      this.symbol = this.symbol === button.value ? null : button.value;
      this.told = null;
      for (const one of this.symbols.querySelectorAll("button")) one.setAttribute("aria-pressed", String(one.value === this.symbol));
      this.opened();
      this.ask();
    });
    item.append(button, element("span"));
    return item;
  }

  // A row for each group, in the order in which they stop an order.
  showGates(gates) {
    this.gates = gates;
    const groups = [...new Set(gates.map((gate) => gate.group))];
    const box = byId("gates");
    while (box.children.length > groups.length) box.lastElementChild.remove();
    groups.forEach((group, index) => {
      const row = box.children[index] ?? box.appendChild(gateRow());
      const [title, list] = row.children;
      row.dataset.group = group;
      setText(title, GROUPS[group] ?? group);
      list.setAttribute("aria-label", `${GROUPS[group] ?? group}: gates in order`);
      this.showRow(list, gates.filter((gate) => gate.group === group));
    });
    this.showSentence();
  }

  showRow(list, gates) {
    while (list.children.length > gates.length) list.lastElementChild.remove();
    gates.forEach((gate, index) => {
      const item = list.children[index] ?? list.appendChild(this.item());
      const button = item.firstElementChild;
      item.dataset.name = gate.name;
      if (item.dataset.colour !== gate.colour) item.dataset.colour = gate.colour;
      const [, label, spoken] = button.children;
      setText(label, gate.label);
      setText(spoken, `: ${SAID[gate.colour]}`);
      button.title = `${gate.label}: ${gate.sentence}`;
      button.setAttribute("aria-pressed", String(gate.name === this.picked));
    });
  }

  item() {
    const item = element("li");
    const button = element("button");
    button.type = "button";
    button.append(element("i"), element("span", "", "label"), element("span", "", "spoken"));
    button.addEventListener("click", () => {
      this.picked = this.picked === item.dataset.name ? null : item.dataset.name;
      this.showGates(this.gates);
    });
    item.append(button);
    return item;
  }

  // The gate somebody picked, else the first one that stops or is about to.
  showSentence() {
    // What stops inside the strategy is the sentence above.
    const others = this.gates.filter((gate) => gate.group !== "strategy");
    const worst = SEVERITY.map((one) => others.find((gate) => gate.colour === one)).find(Boolean);
    const gate = this.gates.find((one) => one.name === this.picked) ?? worst;
    setText(byId("gate-sentence"), gate ? `${gate.label}: ${gate.sentence}` : "");
    byId("gate-sentence").classList.toggle("amber", Boolean(gate) && SEVERITY.includes(gate.colour));
  }
}

function gateRow() {
  const row = element("div", null, "gate-row");
  row.append(element("span"), element("ol"));
  return row;
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

const COLUMNS = ["minute", "hour", "session"];

function showCounts(counts) {
  const names = [...new Set(COLUMNS.flatMap((column) => Object.keys(counts[column] ?? {})))];
  const most = (name) => counts.session?.[name] ?? 0;
  names.sort((a, b) => most(b) - most(a));
  fillTable(byId("counts"), names.map((name) => [
    [words(name)],
    ...COLUMNS.map((column) => [number(counts[column]?.[name] ?? 0), counts[column]?.[name] ? "r" : "r quiet"]),
  ]));
}

function showDenials(denials) {
  const names = Object.keys(denials.session ?? {});
  const count = (column, name) => denials[column]?.[name]?.count ?? 0;
  names.sort((a, b) => count("session", b) - count("session", a));
  byId("denials").hidden = names.length === 0;
  fillTable(byId("denials"), names.map((name) => [
    [denials.session[name].sentence ?? words(name)],
    ...COLUMNS.map((column) => [number(count(column, name)), count(column, name) ? "r amber" : "r quiet"]),
  ]));
}

function showFacts(status, verdict) {
  const facts = [
    ["Ticks per second", number(status.ticks_per_second, 1)],
    ["Events seen", number(verdict?.events)],
    ["Intents · orders sent", `${number(verdict?.intents)} · ${number(status.orders_sent)}`],
    ["Orders open · unknown", number(status.open_orders) + (status.foreign_orders ? ` and ${number(status.foreign_orders)} of others` : "") + ` · ${number(status.unknown_orders)}`],
    ["Last order", micros(status.order_rtt_us)],
    ["Rejected by the venue", status.rejected ? `${number(status.rejected)}, last code ${status.last_reject_code}` : "none"],
    ["Venue's limits", status.venue_limits],
    ["Venue's clock", status.venue_clock],
    ["Dead-man switch", status.countdown],
  ];
  const list = byId("facts");
  while (list.children.length < facts.length * 2) list.append(element("dt"), element("dd"));
  facts.forEach(([name, value], index) => {
    setText(list.children[2 * index], name);
    setText(list.children[2 * index + 1], value);
  });
}

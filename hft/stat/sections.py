"""The sections of the terminal's page, each as lines of text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from hft.stat.words import COLOURS, DIM, columns, money, nanoseconds, number, old

Told = dict[str, Any]
_HEALTH = {"ok": "green", "starting": "yellow", "waiting": "yellow", "draining": "yellow"}
_LEVELS = {"WARNING": "yellow", "ERROR": "bold red", "DEBUG": DIM}
_STATES = {"ACTIVE": "bold green", "REDUCING": "bold yellow"}


def state_line(told: Told) -> Text:
    """The trading state and its sentence."""
    state = told["trading_state"]
    line = Text(f"{state} ", _STATES.get(state, "bold red"))
    return line.append(str(told["trading_sentence"]), "")


def number_lines(told: Told) -> list[Text]:
    """The five numbers: P&L, unrealised, position, available, fees."""
    symbol = told["symbol"] or ""
    position = Text(number(told["position"]))
    if told["position"] and told["average_entry"]:
        position.append(f" @ {number(told['average_entry'])}")
    cells = [
        ("Total P&L", money(told["total_pnl"])),
        ("Unrealised", money(told["unrealized_pnl"])),
        (f"Position {symbol}".rstrip(), position),
        ("Available", Text(number(told["available_balance"], 2))),
        ("Fees", Text(number(told["fees"], 2))),
    ]
    return columns([[Text(name, DIM) for name, _ in cells], [value for _, value in cells]], set())


def gate_lines(told: Told, marks: dict[str, str], width: int) -> list[Text]:
    """Every gate with its mark and its name, never broken within one."""
    lines = [Text()]
    for gate in told["explain"]["gates"]:
        colour = gate["colour"]
        chip = Text(f"{marks[colour]} ", COLOURS[colour])
        chip.append(gate["label"], DIM if colour == "grey" else "")
        if lines[-1].cell_len + chip.cell_len > width:
            lines.append(Text())
        lines[-1].append_text(chip).append("  ")
    for line in lines:
        line.rstrip()
    return lines


def gate_marks(told: Told, marks: dict[str, str]) -> list[Text]:
    """Only the marks, by group, where there is no room for the names."""
    line, group = Text(), ""
    for gate in told["explain"]["gates"]:
        if gate["group"] != group:
            group = gate["group"]
            line.append(f"{'  ' if line else ''}{group} ", DIM)
        line.append(marks[gate["colour"]], COLOURS[gate["colour"]])
    return [line]


def stop_lines(told: Told, marks: dict[str, str]) -> list[Text]:
    """The sentences of the gates that stop, then of those that are close to it."""
    shown = [gate for gate in told["explain"]["gates"] if gate["colour"] in ("red", "amber")]
    shown.sort(key=lambda gate: gate["colour"] != "red")
    return [
        Text(f"{marks[gate['colour']]} ", COLOURS[gate["colour"]]).append(
            f"{gate['label']}: {gate['sentence']}", ""
        )
        for gate in shown
    ]


def position_lines(told: Told) -> list[Text]:
    """Every position as our fills, the user stream and REST tell it; first where they differ."""
    rows: list[list[Any]] = [
        [Text(name, DIM) for name in ("symbol", "last", "fills", "stream", "REST", "entry", "")]
    ]
    fresh = told["feed"]["fresh"] and not told["dead"]
    for row in sorted(told["symbols"], key=lambda row: bool(row["agreement"] != "DISAGREED")):
        apart = row["agreement"] == "DISAGREED"
        word = {"AGREED": Text("agree", "green"), "DISAGREED": Text("DISAGREE", "bold red")}
        last = number(row["last"], row["price_decimals"])
        if not fresh:
            last += f" ({old(row['tick_age_ms'])} old)"
        ways = [
            Text(number(row["ways"][way]["position"]), "bold red" if apart else "")
            for way in ("fills", "stream", "rest")
        ]
        entry = number(row["average_entry"])
        agreement = word.get(row["agreement"], Text("not known", DIM))
        rows.append([row["symbol"], Text(last, "" if fresh else DIM), *ways, entry, agreement])
    return columns(rows, {1, 2, 3, 4, 5})


def order_lines(told: Told) -> list[Text]:
    """The open orders, newest first."""
    if not told["open_orders_rows"]:
        return [Text("no open orders", DIM)]
    return columns(
        [
            [
                order["side"],
                number(order["quantity"]),
                order["symbol"],
                order["type"],
                number(order["price"]),
                f"filled {number(order['filled'])}",
                order["state_label"],
            ]
            for order in told["open_orders_rows"]
        ],
        {1, 4},
    )


def latency_lines(told: Told) -> list[Text]:
    """Every leg that was measured."""
    if not told["latency"]:
        return [Text("nothing measured yet", DIM)]
    heads = [Text(name, DIM) for name in ("leg", "count", "p50", "p99", "p99.9", "max")]
    names = ("p50_ns", "p99_ns", "p99_9_ns", "max_ns")
    rows = [
        [leg["label"], f"{leg['count']:,}", *(nanoseconds(leg[name]) for name in names)]
        for leg in told["latency"]
    ]
    return columns([heads, *rows], {1, 2, 3, 4, 5})


def brief_latency(told: Told) -> list[Text]:
    """The whole way in one line."""
    for leg in told["latency"]:
        if leg["leg"] == "TICK_TO_TRADE":
            names = (("p50", "p50_ns"), ("p99", "p99_ns"), ("max", "max_ns"))
            figures = "  ".join(f"{name} {nanoseconds(leg[key])}" for name, key in names)
            return [Text(f"{leg['label']}: {figures}, {leg['count']:,} orders")]
    return latency_lines(told)[:1]


def process_lines(told: Told) -> list[Text]:
    """Every process: health, heartbeat, core, stalls, restarts."""
    names = ("process", "health", "heartbeat", "core", "stalls", "restarts", "longest")
    rows: list[list[Any]] = [[Text(name, DIM) for name in names]]
    for row in told["processes"]:
        longest_us = row["longest_cycle_us"]
        rows.append(
            [
                row["role"],
                Text(row["health"], _HEALTH.get(row["health"], "bold red")),
                old(row["heartbeat_age_ms"]),
                row["core"] if row["core"] >= 0 else "any",
                f"{row['stalls']:,}",
                row["restarts"],
                nanoseconds(longest_us * 1_000) if longest_us else "-",
            ]
        )
    return columns(rows, {2, 3, 4, 5, 6})


def brief_processes(told: Told) -> list[Text]:
    """Every process with its health in one line, those that are not well first."""
    line = Text()
    for row in sorted(told["processes"], key=lambda row: bool(row["health"] == "ok")):
        line.append(f"{row['role']} ").append(row["health"], _HEALTH.get(row["health"], "bold red"))
        line.append("  ")
    return [line if line else Text("none has started", DIM)]


def ring_lines(told: Told) -> list[Text]:
    """Every ring that carries trading: depth, its worst, drops; a log ring only when it dropped."""
    rows: list[list[Any]] = [
        [Text(name, DIM) for name in ("ring", "depth", "deepest", "of", "dropped")]
    ]
    for row in told["rings"]:
        if row["name"].startswith("log_") and not row["dropped"]:
            continue
        dropped = Text(f"{row['dropped']:,}", "bold red" if row["dropped"] else "")
        figures = (f"{row[name]:,}" for name in ("depth", "deepest", "slots"))
        rows.append([row["name"], *figures, dropped])
    return columns(rows, {1, 2, 3, 4})


def brief_rings(told: Told) -> list[Text]:
    """What the rings dropped, and the fullest of them, in one line."""
    fullest = max(told["rings"], key=lambda row: row["deepest"] / row["slots"])
    dropped = sum(row["dropped"] for row in told["rings"])
    line = Text(f"deepest: {fullest['name']} {fullest['deepest']:,} of {fullest['slots']:,}; ")
    return [line.append(f"{dropped:,} dropped", "bold red" if dropped else "")]


def log_texts(told: Told) -> list[Text]:
    """The log, oldest first; what a line says is text, whatever it holds."""
    lines = []
    for line in told["logs"]:
        at = datetime.fromtimestamp(line["ts_ms"] / 1000, UTC)
        text = Text(f"{at:%H:%M:%S} ", DIM)
        text.append(f"{line['role']:<10} ", DIM)
        lines.append(text.append(line["text"], _LEVELS.get(line["level"], "")))
    return lines

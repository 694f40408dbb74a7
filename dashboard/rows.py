"""What the reader tells as the rows the page shows: whole numbers become numbers for people here.

This is the rim: nothing computes with what comes out.
"""

from __future__ import annotations

from typing import Any

import psutil

from hft.agent.idle import IdleKind
from hft.seats import Seat
from hft.state.blocks import Life
from hft.state.values import Values, name_of
from hft.topology import SPECS
from hft.units import E8, NS_PER_MS, NS_PER_S, decimals_of

HEARTBEAT_MAX_NS = {
    seat.name: SPECS[seat.role].heartbeat_max_ns for seat in Seat if seat.role in SPECS
}
HEARTBEAT_MAX_DEFAULT_NS = 10 * NS_PER_S
SUSPECT_NS = 300 * NS_PER_MS
"""Three beats of the slowest: from this age on the system is asked what became of a process."""
_HELD = (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)


def amount(value_e8: int | None) -> float | None:
    """Turn units of 1e-8 into the number a person reads."""
    return None if value_e8 is None else value_e8 / E8


def positive(value: float | None) -> float | None:
    """Give a price that was never written (0) as None."""
    return value or None


def milliseconds(age_ns: int | None) -> float | None:
    """Turn an age into milliseconds, rounded for the wire."""
    return None if age_ns is None else round(age_ns / NS_PER_MS, 1)


def microseconds(span_ns: int | None) -> float | None:
    """Turn a span into microseconds; 0 means it was never measured."""
    return round(span_ns / 1000, 1) if span_ns else None


def money_of(account: Values) -> dict[str, Any]:
    """Tell the session's money; realised P&L is net of fees, with funding."""
    if not account:
        names = ("realized_pnl", "unrealized_pnl", "total_pnl", "fees", "funding", "equity")
        return dict.fromkeys((*names, "initial_balance", "available_balance", "wallet_balance"))
    realised_e8 = account["realised_e8"] - account["fees_e8"] + account["funding_e8"]
    return {
        "realized_pnl": amount(realised_e8),
        "unrealized_pnl": amount(account["unrealised_e8"]),
        "total_pnl": amount(account["pnl_e8"]),
        "fees": amount(account["fees_e8"]),
        "funding": amount(account["funding_e8"]),
        "equity": amount(account["equity_e8"]),
        "initial_balance": amount(account["initial_wallet_e8"]),
        "available_balance": amount(account["available_e8"]),
        "wallet_balance": amount(account["wallet_e8"]),
    }


def process_row(row: Values) -> dict[str, Any]:
    """Tell one process, its health in a word."""
    return {
        "role": row["role"].lower(),
        "pid": row["pid"],
        "core": row["core"],
        "idle": name_of(IdleKind, row["idle"]).lower(),
        "life": row["life"],
        "health": health_of(row),
        "heartbeat_age_ms": milliseconds(row["heartbeat_age_ns"]),
        "started_ms": row["started_ms"],
        "up_s": None if row["age_ns"] is None else row["age_ns"] // NS_PER_S,
        "cycles": row["cycles"],
        "longest_cycle_us": microseconds(row["longest_cycle_ns"]),
        "stalls": row["stalls"],
        "events_in": row["events_in"],
        "events_out": row["events_out"],
        "restarts": row["restarts"],
        "died_ms": row["died_ms"],
        "late_compilations": row["late_compilations"],
        "log_dropped": row["log_dropped"],
        "last_exit": row["last_exit"],
    }


def cores_of(processes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """List the cores that processes are pinned to, each with its processes."""
    cores = sorted({row["core"] for row in processes if row["core"] >= 0})
    return [
        {"core": core, "processes": [row["role"] for row in processes if row["core"] == core]}
        for core in cores
    ]


def health_of(row: Values) -> str:
    """Judge a process in a word: ok, starting, waiting, draining, stopped, dead, suspended, silent.

    By its own last words; and where its parent saw it end, or the system holds it still, by those.
    """
    age_ns = row["heartbeat_age_ns"]
    silent_ns = HEARTBEAT_MAX_NS.get(row["role"], HEARTBEAT_MAX_DEFAULT_NS)
    if row["life"] == Life.STOPPED.name:
        return "stopped"
    if row["died_ns"] > row["started_ns"]:
        return "dead"
    if age_ns is not None and age_ns > SUSPECT_NS and is_suspended(row["pid"]):
        return "suspended"
    if age_ns is None or age_ns > silent_ns:
        return "silent"
    words = {Life.RUNNING.name: "ok", Life.READY.name: "waiting"}
    return words.get(row["life"], str(row["life"]).lower())


def is_suspended(pid: int) -> bool:
    """Ask the system whether a process is held still by a signal (or a debugger)."""
    try:
        return bool(psutil.Process(pid).status() in _HELD)
    except (psutil.Error, ValueError):
        return False


def symbol_row(market: Values, position: Values) -> dict[str, Any]:
    """Tell one symbol: prices, position, entry, and what the three ways to the truth say of it."""
    lots = position.get("position_lots")
    return {
        "symbol": market["symbol"],
        "last": positive(market.get("last")),
        "bid": positive(market.get("bid")),
        "ask": positive(market.get("ask")),
        "mark": positive(market.get("mark")),
        "last_tick_ms": market["newest_wall_ms"],
        "tick_age_ms": milliseconds(market["age_ns"]),
        "fed_age_ms": milliseconds(market["fed_age_ns"]),
        "position": None if lots is None else amount(lots * position["lot_e8"]),
        "open_buys": amount(position["open_buy_lots"] * position["lot_e8"]),
        "open_sells": amount(position["open_sell_lots"] * position["lot_e8"]),
        "agreement": position["agreement"],
        "ways": {
            "fills": _way(position, lots, "last_fill"),
            "stream": _way(position, position.get("stream_lots"), "stream"),
            "rest": _way(position, position.get("rest_lots"), "rest"),
        },
        "average_entry": amount(position.get("entry_e8") or None),
        "unrealized_pnl": amount(position.get("unrealised_e8")),
        "fills": position.get("fills", 0),
        "price_decimals": decimals_of(position["tick_e8"]) if position["tick_e8"] > 0 else None,
        "qty_decimals": decimals_of(position["lot_e8"]) if position["lot_e8"] > 0 else None,
    }


def _way(position: Values, lots: int | None, name: str) -> dict[str, Any]:
    """Tell what one of the three ways says of a position, and how old that is; None: nothing.

    Our own fills say it without ever having been told.
    """
    age_ns = position[f"{name}_age_ns"]
    told = lots is not None and (age_ns is not None or name == "last_fill")
    return {
        "position": amount(lots * position["lot_e8"]) if told and lots is not None else None,
        "age_ms": milliseconds(age_ns),
    }

"""Whether orders may go out and what the account holds, as the status tells it."""

from __future__ import annotations

from typing import Any

from dashboard import sentences
from dashboard.allowance import clock_line, countdown_line, limits_line
from dashboard.rows import milliseconds
from hft.events import Agreement, Denial
from hft.seats import Seat
from hft.state.values import Values


def safety_of(
    latch: Values,
    account: Values,
    processes: list[dict[str, Any]],
    enabled: bool | None,
    now: tuple[int, int],
) -> dict[str, Any]:
    """Tell the trading state with its sentence, the latch, and what execution counts.

    `latch` and `account` are as `HouseReader` gives them; `now` is the local time and the wall
    clock's, in nanoseconds.
    """
    now_ns, wall_ns = now
    answers = is_answering(processes)
    # What a dead process wrote last is no statement about now: without execution nothing is
    # sent.
    state = account.get("trading_state", "HALTED") if answers else "HALTED"
    if latch["state"] == "HALTED" or (latch["latched"] and state == "ACTIVE"):
        state = latch["state"]
    denied = account.get("denied", ())
    return {
        "running": not latch["latched"],
        "enabled": enabled,
        "trading_state": state,
        "trading_sentence": sentences.trading(
            state, latch, account, answers=answers, enabled=enabled is not False
        ),
        "latch": {
            "latched": latch["latched"],
            "hand": latch["hand"],
            "reason": latch["reason"],
            "trip": latch["trip"],
            "age_ms": milliseconds(latch["age_ns"]),
        },
        "unfit": account.get("unfit", "STARTING"),
        "reconciled": bool(account.get("reconciled")),
        "unknown_orders": account.get("unknown_orders", 0),
        "open_orders": account.get("open_orders", 0),
        "foreign_orders": account.get("foreign_orders", 0),
        "orders_sent": account.get("orders_sent", 0),
        "trade_count": account.get("fills", 0),
        "rejected": account.get("rejected", 0),
        "last_reject_code": account.get("last_reject_code", 0),
        "denied": {
            reason.name: denied[reason]
            for reason in Denial
            if reason < len(denied) and denied[reason]
        },
        "account_age_ms": milliseconds(account.get("age_ns")),
        "clock_offset_ms": milliseconds(account.get("clock_offset_ns")),
        "venue_limits": limits_line(account, now_ns, wall_ns),
        "venue_clock": clock_line(account),
        "countdown": countdown_line(account, now_ns),
    }


def first_symbol(markets: list[dict[str, Any]], processes: list[dict[str, Any]]) -> dict[str, Any]:
    """Tell position and price of the first symbol, and whether the three ways to it agree."""
    first = markets[0] if markets else {}
    # What a dead process found is no statement about now.
    found = {row["agreement"] for row in markets} if is_answering(processes) else set()
    agreement = None if found <= {Agreement.UNKNOWN.name} else True
    return {
        "symbol": first.get("symbol"),
        "position": first.get("position"),
        "average_entry": first.get("average_entry"),
        "last_price": first.get("last"),
        "last_tick_ms": first.get("last_tick_ms"),
        "last_tick_age_ms": first.get("tick_age_ms"),
        "agreement": False if Agreement.DISAGREED.name in found else agreement,
    }


def is_answering(processes: list[dict[str, Any]]) -> bool:
    """Say whether execution lives: only then is what it wrote about now."""
    return any(row["role"] == Seat.EXECUTION.label and row["health"] == "ok" for row in processes)

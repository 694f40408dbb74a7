"""What the venue allows the house just now, in a line and in numbers: its limits, its clock, the
countdown.
"""

from __future__ import annotations

from typing import Any

from hft.binance.budget import MINUTE_MS
from hft.binance.window import full_in_s
from hft.state.values import Values
from hft.units import NS_PER_MS, NS_PER_S

_LIMITS = (
    ("weight, a minute", "weight"),
    ("orders, 10 s", "orders_10s"),
    ("orders, a minute", "orders_1m"),
)


def limits_line(account: Values, now_ns: int, wall_ns: int) -> str:
    """Say how much of the venue's limits is used, and what waits until when."""
    banned_s = (account.get("banned_until_ns", 0) - now_ns) / NS_PER_S
    if banned_s > 0:
        return f"banned for {banned_s:.0f} s: nothing is sent"
    limit, used = account.get("weight_limit", 0), account.get("weight_used", 0)
    if not limit:
        return "not known yet"
    line = (
        f"weight {used} of {limit} a minute, orders {account['orders_10s_used']} of "
        f"{account['orders_10s_limit']} in 10 s, {account['orders_1m_used']} of "
        f"{account['orders_1m_limit']} a minute"
    )
    limited_s = (account.get("limited_until_ns", 0) - now_ns) / NS_PER_S
    if limited_s > 0:
        return f"{line}; requests wait {limited_s:.0f} s, orders go on"
    venue_ms = (wall_ns + account.get("clock_offset_ns", 0)) // NS_PER_MS
    full_s = full_in_s(used, limit, venue_ms, MINUTE_MS)
    return line if full_s is None else f"{line}; full in {full_s:.0f} s at this pace"


def clock_line(account: Values) -> str:
    """Say how far the venue's clock is from ours, and how well that is known."""
    error_ns = account.get("clock_error_ns", -1)
    if error_ns < 0:
        return "not measured yet"
    offset_ms = account["clock_offset_ns"] / NS_PER_MS
    return f"{offset_ms:+.1f} ms, give or take {error_ns / NS_PER_MS:.1f} ms"


def countdown_line(account: Values, now_ns: int) -> str:
    """Say whether the venue would cancel everything if we fell silent."""
    if not account.get("countdown_armed"):
        return "off"
    return f"armed, last said {(now_ns - account['countdown_ns']) / NS_PER_S:.0f} s ago"


def allowance_of(account: Values, now_ns: int, wall_ns: int) -> dict[str, Any]:
    """Tell the same in numbers: limits used, clock and countdown; None is what nobody knows yet.

    `now_ns` is the local time and `wall_ns` the wall clock's.  Spans are in seconds, 0 when they
    are over; the clock's offset is the venue's less ours.
    """

    def left_s(name: str) -> float:
        left_ns: int = account.get(name, 0) - now_ns
        return max(0.0, round(left_ns / NS_PER_S, 1))

    limit, error_ns = account.get("weight_limit", 0), account.get("clock_error_ns", -1)
    venue_ms = (wall_ns + account.get("clock_offset_ns", 0)) // NS_PER_MS
    full_s = full_in_s(account.get("weight_used", 0), limit, venue_ms, MINUTE_MS) if limit else None
    armed = bool(account.get("countdown_armed"))
    return {
        "limits": [
            {"name": name, "used": account.get(f"{key}_used", 0), "limit": account[f"{key}_limit"]}
            for name, key in _LIMITS
            if account.get(f"{key}_limit")
        ],
        "weight_full_in_s": full_s,
        "limited_s": left_s("limited_until_ns"),
        "banned_s": left_s("banned_until_ns"),
        "clock_offset_ms": None if error_ns < 0 else account["clock_offset_ns"] / NS_PER_MS,
        "clock_error_ms": None if error_ns < 0 else error_ns / NS_PER_MS,
        "countdown_armed": armed,
        "countdown_said_s": (now_ns - account["countdown_ns"]) / NS_PER_S if armed else None,
    }

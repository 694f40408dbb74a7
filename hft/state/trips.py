"""What tripped a breaker, in the words of the latch and in a sentence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hft.events import LatchReason, MeasuredFrom, OnTrip
from hft.state.decision import Trip
from hft.units import E8, MS_PER_S, NS_PER_MS

_MONEY = frozenset(
    {
        LatchReason.MAX_LOSS,
        LatchReason.DAILY_LOSS,
        LatchReason.DRAWDOWN,
        LatchReason.TARGET_PROFIT,
    }
)
_COUNTS = {
    LatchReason.ERROR_RATE: "failed requests",
    LatchReason.REJECT_RATE: "rejected orders",
    LatchReason.RING_DEPTH: "events waiting",
}
BREAKERS = _MONEY | _COUNTS.keys() | {LatchReason.LATENCY}
"""The reasons of a latch that are rules of the breaker."""
_FROM = {
    MeasuredFrom.NOTHING: "",
    MeasuredFrom.SESSION_START: "since the session began",
    MeasuredFrom.PEAK: "from the session's best moment",
    MeasuredFrom.DAY_START: "since the day began",
    MeasuredFrom.LAST_MINUTE: "in the minute",
    MeasuredFrom.NOW: "",
}


def write_trip(latch: Any, trip: Trip, on_trip: int, now_ns: int) -> None:
    """Write a trip into the words of a hand; the order to halt or reduce comes after it."""
    latch["trip_reason"], latch["measured"], latch["limit"] = trip.reason, trip.measured, trip.limit
    latch["measured_from"], latch["since_wall_ms"] = trip.measured_from, trip.since_wall_ms
    latch["tripped_wall_ms"], latch["on_trip"] = trip.tripped_wall_ms, on_trip
    latch["trip_ns"] = now_ns


def newest_trip(supervisor: Any, gate: Any) -> tuple[Trip, OnTrip, int] | None:
    """Read the newest trip since the last resume: itself, what was done about it, and its time."""
    latch = max(supervisor, gate, key=lambda hand: int(hand["trip_ns"]))
    if int(latch["trip_ns"]) <= int(supervisor["resume_ns"]):
        return None
    trip = Trip(
        LatchReason(int(latch["trip_reason"])),
        int(latch["measured"]),
        int(latch["limit"]),
        MeasuredFrom(int(latch["measured_from"])),
        int(latch["since_wall_ms"]),
        int(latch["tripped_wall_ms"]),
    )
    return trip, OnTrip(int(latch["on_trip"])), int(latch["trip_ns"])


def figures(trip: Trip) -> str:
    """Say what was measured, and its limit."""
    return f"{_figure(trip.reason, trip.measured)}, limit {_figure(trip.reason, trip.limit)}"


def describe(trip: Trip) -> str:
    """Say what was measured since when, against which limit, and when it tripped."""
    told, limit = (_figure(trip.reason, value) for value in (trip.measured, trip.limit))
    since = _FROM[trip.measured_from]
    if since:
        since = f" {since} ({_clock(trip.since_wall_ms)})"
    return f"{told}{since}, limit {limit}, at {_clock(trip.tripped_wall_ms)} UTC"


def _figure(reason: LatchReason, value: int) -> str:
    if reason in _MONEY:
        return f"{value / E8:+,.2f}"
    if reason is LatchReason.LATENCY:
        return f"{value / NS_PER_MS:.3f} ms"
    return f"{value} {_COUNTS.get(reason, '')}".rstrip()


def _clock(wall_ms: int) -> str:
    return datetime.fromtimestamp(wall_ms / MS_PER_S, UTC).strftime("%Y-%m-%d %H:%M:%S")

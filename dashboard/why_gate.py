"""One gate between a market event and an order: its colour, its sentence, and its limits.

Green passes now, red stops now, amber is close to its limit, lets only some orders pass or stopped
something in the last minute (a strategy's ordinary waiting apart), grey was not reached or cannot
be known.
"""

from __future__ import annotations

from typing import Any

import msgspec

GREEN, AMBER, RED, GREY = "green", "amber", "red", "grey"
CLOSE = 0.8
"""The share of a limit from which on it is close."""
REPORTS_HALF = 0.5
"""The share of a report ring from which on execution takes no new intents."""


class Gate(msgspec.Struct, frozen=True):
    """One gate as the page and the terminal show it."""

    name: str
    label: str
    colour: str
    sentence: str
    count_minute: int | None = None
    """How often it stopped something in the last minute; None: nobody counts that."""

    def row(self) -> dict[str, Any]:
        """Tell it as JSON has it."""
        told = msgspec.structs.asdict(self)
        if self.count_minute is None:
            del told["count_minute"]
        return told


def colour_of(used: float, limit: float) -> str:
    """Judge a figure that must stay below its limit."""
    if used >= limit:
        return RED
    return AMBER if used >= CLOSE * limit else GREEN


def at_least_amber(colour: str, count: int) -> str:
    """Turn green into amber for a gate that stopped something in the last minute."""
    return AMBER if colour == GREEN and count else colour


def plural(count: int, word: str) -> str:
    """Count things in words: 1 order, 2 orders."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def span(seconds: float) -> str:
    """Write a span as people say it."""
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} us"
    if seconds < 0.1:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def age(age_ms: float) -> str:
    """Write an age: below a tenth of a second nobody cares."""
    return "0.0 s" if age_ms < 100 else span(age_ms / 1000)

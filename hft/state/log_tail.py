"""The newest log records of the house, as the ledger lays them in the segment for observers.

Record ``i`` (counting from 0 since the segment was made) lies in slot ``i % LOG_LINES_MAX``; the
ledger writes the record first and the count after it.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from hft.clock import Anchor
from hft.events import LOG_TEXT_MAX, Level
from hft.seats import Seat
from hft.state.blocks import LOG_LINES_MAX
from hft.state.values import Records, Values, name_of
from hft.units import NS_PER_MS


class HouseWithLog(Protocol):
    """The part of a house that holds the log tail."""

    anchor: Anchor
    log_tail_head: Records
    log_tail: Records


def log_lines(house: HouseWithLog, limit: int, after: int = 0) -> list[Values]:
    """Copy the newest `limit` lines, oldest first, leaving out those numbered `after` or less.

    Lines are numbered from 1 and keep their number, so a page asks only for what it has not seen.
    A line the ledger overwrote while it was being copied is left out.
    """
    written = int(house.log_tail_head[0]["written"])
    first = max(0, written - min(limit, LOG_LINES_MAX), after)
    positions = range(first, written)
    copies = [house.log_tail[position % LOG_LINES_MAX].copy() for position in positions]
    # The slot of the record being written next belongs to the oldest one: it may be half new.
    oldest_whole = int(house.log_tail_head[0]["written"]) - LOG_LINES_MAX + 1
    return [
        {"number": position + 1, **_line(record, house.anchor)}
        for position, record in zip(positions, copies, strict=True)
        if position >= oldest_whole
    ]


def _line(record: np.void, anchor: Anchor) -> Values:
    size = min(int(record["size"]), LOG_TEXT_MAX)
    return {
        "ts_ms": anchor.to_wall_ns(int(record["ns"])) // NS_PER_MS,
        "level": name_of(Level, int(record["level"])),
        "role": name_of(Seat, int(record["role"])).lower(),
        "text": bytes(record["text"])[:size].decode(errors="replace"),
        "dropped_before": int(record["count"]),
    }

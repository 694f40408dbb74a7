"""The feed's own tables: one row per symbol, and the desk that numbers events."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hft.events import record
from hft.feed.tokens import name_words
from hft.state.blocks import TOP
from ringbuf.doorbell import Doorbell
from ringbuf.layout import PRODUCER_EPOCH, TAIL
from ringbuf.spsc import Ring

Records = npt.NDArray[np.void]

assert TOP.fields is not None
assert TOP.names is not None
ROW = record(
    256,
    *((name, TOP.fields[name][0].str) for name in TOP.names),
    ("name0", "<u8"),
    ("name1", "<u8"),
    ("name2", "<u8"),
    ("last_trade_id", "<i8"),  # 0: not known, whatever comes next continues it.
    ("trade_gap", "<i8"),  # 1: the next trade carries GAP.
    ("book_gap", "<i8"),  # 1: the next book top does.
)
"""What the feed remembers of a symbol; begins with the values of its TOP block."""

DESK = record(
    64,
    ("next_seq", "<u8"),
    ("gap", "<i8"),  # 1: the next event, whatever it is, carries GAP.
    ("bell", "<i8"),  # The descriptor that wakes who reads the ring.
)

TOLD = record(
    64,
    ("at", "<i8"),  # Where the pass stopped.
    ("frames", "<i8"),  # Text messages read, whatever was in them.
    ("published", "<i8"),
    ("touched", "<i8"),  # A bit for every symbol whose row changed.
)
"""What passes over one receipt add up to."""


class Tables:
    """What all connections of the feed share: the market ring, the rows and the desk.

    Opening them is what a fresh producer does: numbers go on from the newest event in the ring, so
    none is used twice, and the first event carries GAP, as does each symbol's first trade and book
    top.  `bell` wakes who reads the ring; without one nobody is woken.
    """

    def __init__(self, ring: Ring, symbols: Sequence[str], bell: Doorbell | None = None) -> None:
        self.words = ring.words
        self.slots = ring.slots
        self.index = {symbol: index for index, symbol in enumerate(symbols)}
        self.rows: Records = np.zeros(len(symbols), dtype=ROW)
        self._view = self.rows.view(np.uint8).data
        for row, symbol in zip(self.rows, symbols, strict=True):
            row["name0"], row["name1"], row["name2"] = name_words(symbol.encode())
        self.desk: Records = np.zeros(1, dtype=DESK)
        ring.words[PRODUCER_EPOCH] += np.uint64(1)
        self.desk[0]["next_seq"] = _newest_seq(ring) + 1
        self.desk[0]["gap"] = 1
        self.desk[0]["bell"] = bell.write_end if bell else -1
        self.parked = bell.words if bell else np.zeros(1, np.uint64)
        self.rows["trade_gap"] = self.rows["book_gap"] = 1

    def top_bytes(self, symbol: int) -> bytes:
        """Copy the part of a row that is its TOP block."""
        start = symbol * ROW.itemsize
        return bytes(self._view[start : start + TOP.itemsize])

    def load_top(self, symbol: int, value: bytes) -> None:
        """Begin a row with what its TOP block says, so that a restart takes nothing back."""
        start = symbol * ROW.itemsize
        self._view[start : start + TOP.itemsize] = value


def _newest_seq(ring: Ring) -> int:
    tail = int(ring.words[TAIL])
    return int(ring.slots[(tail - 1) % len(ring.slots)]["seq"]) if tail else 0

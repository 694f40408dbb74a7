"""Where every word of a ring lies.

::

    bytes 0..127    tail | cached head | dropped | gap | deepest | producer epoch   producer writes
    bytes 128..255  head | cached tail | consumer epoch                             consumer writes
    bytes 256..383  slots | slot bytes | schema digest | ready (written last)       creator writes
    bytes 384..     slot 0 | slot 1 | ...

Two lines between the sides keep the adjacent-line prefetcher from tying them together.  Positions
never wrap; slot = position & (slots - 1).
"""

from __future__ import annotations

import msgspec
import numpy as np

LINE_BYTES = 64
HEADER_BYTES = 384
HEADER_WORDS = HEADER_BYTES // 8

TAIL, CACHED_HEAD, DROPPED, GAP, DEEPEST, PRODUCER_EPOCH = 0, 1, 2, 3, 4, 5
HEAD, CACHED_TAIL, CONSUMER_EPOCH = 16, 17, 18
SLOTS, SLOT_BYTES, DIGEST, READY = 32, 33, 34, 35

READY_MAGIC = 0x52494E4742554631  # "RINGBUF1"


class RingLayout(msgspec.Struct, frozen=True):
    """The shape of one ring: a power of two of slots of one fixed-size record."""

    dtype: np.dtype[np.void]
    slots: int

    def __post_init__(self) -> None:
        if self.slots < 2 or self.slots & (self.slots - 1):
            raise ValueError(f"a ring has a power of two of slots: {self.slots}")
        if self.dtype.itemsize % LINE_BYTES:
            raise ValueError(f"a slot is whole cache lines: {self.dtype.itemsize} bytes")

    @property
    def nbytes(self) -> int:
        """Bytes the ring occupies, header included."""
        return HEADER_BYTES + self.slots * self.dtype.itemsize

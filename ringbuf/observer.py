"""Somebody who copies a ring's events without being its consumer, and costs nobody anything.

The slots of a ring keep their bytes after the consumer gave them back, until the producer comes
round.  An observer copies what is new up to the tail, looks at the tail once more, and throws
away what may have been overwritten meanwhile.  It stores nothing into the ring; neither side knows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ringbuf.atomics import full_fence, load_acquire
from ringbuf.compiled import compiled
from ringbuf.layout import TAIL
from ringbuf.spsc import STORES_KEEP_ORDER, Ring, Words


class Observed(NamedTuple):
    """One look: events in order, and how many before them were overwritten unseen."""

    events: npt.NDArray[np.void]
    missed: int


@compiled
def _tail(words: Words) -> int:
    # The fence keeps a copy made before it from being read after it.
    full_fence()
    return load_acquire(words, TAIL)  # SYNC(tail): pairs with publish().


class Observer:
    """Follows a ring from `position` on.

    `unpublished_max` bounds how many slots the producer fills beyond its tail before it publishes
    them: the events that lay in those slots one round ago are not to be trusted.
    """

    def __init__(self, ring: Ring, position: int, unpublished_max: int) -> None:
        self.position = position
        """Of the next event to be copied."""
        self._ring = ring
        self._cursors = ring.words.data
        self._reach = ring.layout.slots - unpublished_max
        assert self._reach > 0, "a ring holds more than its producer leaves unpublished"

    def read(self, count_max: int) -> Observed:
        """Copy the next events, at most `count_max` of them; none when there is nothing new."""
        tail, asked = self.tail(), self.position
        first = max(asked, tail - self._reach)
        end = min(tail, first + count_max)
        events = self._copy(first, end)
        overwritten = min(max(0, self.tail() - self._reach - first), end - first)
        self.position = end
        return Observed(events[overwritten:], first + overwritten - asked)

    def tail(self) -> int:
        """The position the producer will publish next."""
        return int(self._cursors[TAIL]) if STORES_KEEP_ORDER else int(_tail(self._ring.words))

    def _copy(self, first: int, end: int) -> npt.NDArray[np.void]:
        slots = self._ring.slots
        at = first & (len(slots) - 1)
        straight = min(end - first, len(slots) - at)
        events = np.empty(end - first, slots.dtype)
        events[:straight] = slots[at : at + straight]
        events[straight:] = slots[: end - first - straight]
        return events

"""Whoever observes a ring sees every event in order or knows how many it missed."""

from __future__ import annotations

import mmap

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ringbuf.layout import TAIL, RingLayout
from ringbuf.memory import Segment
from ringbuf.observer import Observer
from ringbuf.spsc import Ring

SLOT = np.dtype({"names": ["seq", "again"], "formats": ["<u8", "<u8"], "itemsize": 64})
SLOTS, UNPUBLISHED = 16, 4
GARBAGE = (1 << 63, 0)


class Feed:
    """A producer that never waits for anybody and leaves slots half written beyond its tail."""

    def __init__(self) -> None:
        shape = RingLayout(SLOT, SLOTS)
        self.ring = Ring.create(Segment("scratch", mmap.mmap(-1, shape.nbytes)), 0, shape, 0)

    def publish(self, count: int) -> None:
        tail = int(self.ring.words[TAIL])
        for position in range(tail, tail + count):
            self.ring.slots[position % SLOTS] = (position, position)
        self.ring.words[TAIL] = tail + count
        for ahead in range(UNPUBLISHED):
            self.ring.slots[(tail + count + ahead) % SLOTS] = GARBAGE


class Overtaken(Observer):
    """An observer whose producer publishes in the middle of every copy."""

    def __init__(self, feed: Feed, counts: list[int]) -> None:
        super().__init__(feed.ring, 0, UNPUBLISHED)
        self._feed, self._counts = feed, counts

    def _copy(self, first: int, end: int) -> np.ndarray[tuple[int], np.dtype[np.void]]:
        half = (first + end) // 2
        before = super()._copy(first, half)
        if self._counts:
            self._feed.publish(self._counts.pop())
        return np.concatenate((before, super()._copy(half, end)))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 20)), max_size=30),
    st.lists(st.integers(0, 20), max_size=30),
)
def test_what_is_seen_is_right_and_what_is_not_is_counted(
    rounds: list[tuple[int, int]], meanwhile: list[int]
) -> None:
    feed = Feed()
    observer = Overtaken(feed, meanwhile)
    expected = 0
    for published, wanted in rounds:
        feed.publish(published)
        events, missed = observer.read(wanted)
        expected += missed
        numbers = list(range(expected, expected + len(events)))
        assert events["seq"].tolist() == events["again"].tolist() == numbers
        expected += len(events)
        assert observer.position == expected


def test_an_observer_that_keeps_up_misses_nothing_and_writes_nothing() -> None:
    feed = Feed()
    observer = Observer(feed.ring, 0, UNPUBLISHED)
    seen = []
    for _ in range(50):
        feed.publish(SLOTS - UNPUBLISHED)
        before = bytes(feed.ring.bytes)
        events, missed = observer.read(SLOTS)
        assert missed == 0
        assert bytes(feed.ring.bytes) == before
        seen += events["seq"].tolist()
    assert seen == list(range(50 * (SLOTS - UNPUBLISHED)))


def test_nothing_new_is_an_empty_answer() -> None:
    observer = Observer(Feed().ring, 0, UNPUBLISHED)
    events, missed = observer.read(5)
    assert (len(events), missed, observer.position) == (0, 0, 0)

"""The head of the state segment: what tells an attacher that it may trust the rest.

::

    word 0 ready (stored last) | 1 layout version | 2 schema digest | 3 creator pid
    word 4 anchor, monotonic ns | 5 anchor, wall ns | 6 total bytes | 7 shards
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import NamedTuple

from hft.clock import Anchor, Deadline, sleep_s
from hft.seats import SHARDS_MAX
from ringbuf.atomics import store_release
from ringbuf.compiled import compiled
from ringbuf.memory import Segment
from ringbuf.spsc import Words

HEAD_BYTES = 4096
LAYOUT_VERSION = 2
MAGIC = 0x4846545F53484D31  # "HFT_SHM1"
_READY, _VERSION, _DIGEST, _PID, _ANCHOR_MONO, _ANCHOR_WALL, _BYTES, _SHARDS = range(8)


class SegmentRefused(Exception):
    """The segment is there but is not one this build can read; the text says which part differs."""


@compiled
def _say_ready(words: Words) -> None:
    store_release(words, 0, MAGIC)


class Head(NamedTuple):
    """What the head tells of a run."""

    anchor: Anchor
    shards: int


def write_head(segment: Segment, digest: int, nbytes: int, head: Head) -> None:
    """Fill the head of a segment whose every block is laid, the ready word last."""
    words = segment.words(0, 8)
    words[_VERSION] = LAYOUT_VERSION
    words[_DIGEST] = digest
    words[_PID] = os.getpid()
    words[_ANCHOR_MONO] = head.anchor.monotonic_ns
    words[_ANCHOR_WALL] = head.anchor.wall_ns
    words[_BYTES] = nbytes
    words[_SHARDS] = head.shards
    _say_ready(words)


def check_head(
    segment: Segment, digest: int, nbytes_of: Callable[[int], int], wait_s: float = 0.0
) -> Head:
    """Wait up to `wait_s` for the ready word, then compare every part of the head.

    `nbytes_of` gives the size of a segment by its number of shards.

    Raises:
        SegmentRefused: not ready in time, or another layout version, schema digest or size.
    """
    words = segment.words(0, 8)
    deadline = Deadline(wait_s)
    while int(words[_READY]) != MAGIC:
        if deadline.passed():
            raise SegmentRefused(f"segment {segment.name} is not ready")
        sleep_s(0.001)
    _compare(segment, "layout version", _VERSION, LAYOUT_VERSION)
    _compare(segment, "schema digest", _DIGEST, digest)
    shards = int(words[_SHARDS])
    if not 1 <= shards <= SHARDS_MAX:
        raise SegmentRefused(
            f"segment {segment.name}: shards is {shards}, expected 1 to {SHARDS_MAX}"
        )
    _compare(segment, "size", _BYTES, nbytes_of(shards))
    anchor = Anchor(monotonic_ns=int(words[_ANCHOR_MONO]), wall_ns=int(words[_ANCHOR_WALL]))
    return Head(anchor, shards)


def _compare(segment: Segment, name: str, word: int, value: int) -> None:
    found = int(segment.words(0, 8)[word])
    if found != value:
        raise SegmentRefused(f"segment {segment.name}: {name} is {found}, expected {value}")


def creator_pid(segment: Segment) -> int:
    """Pid of the process that made the segment."""
    return int(segment.words(0, 8)[_PID])

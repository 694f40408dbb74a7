"""The head of the state segment: what tells an attacher that it may trust the rest.

::

    word 0 ready (stored last) | 1 layout version | 2 schema digest | 3 creator pid
    word 4 anchor, monotonic ns | 5 anchor, wall ns | 6 total bytes
"""

from __future__ import annotations

import os

from hft.clock import Anchor, Deadline, sleep_s
from ringbuf.atomics import store_release
from ringbuf.compiled import compiled
from ringbuf.memory import Segment
from ringbuf.spsc import Words

HEAD_BYTES = 4096
LAYOUT_VERSION = 1
MAGIC = 0x4846545F53484D31  # "HFT_SHM1"
_READY, _VERSION, _DIGEST, _PID, _ANCHOR_MONO, _ANCHOR_WALL, _BYTES = range(7)


class SegmentRefused(Exception):
    """The segment is there but is not one this build can read; the text says which part differs."""


@compiled
def _say_ready(words: Words) -> None:
    store_release(words, 0, MAGIC)


def write_head(segment: Segment, digest: int, nbytes: int, anchor: Anchor) -> None:
    """Fill the head of a segment whose every block is laid, the ready word last."""
    words = segment.words(0, 8)
    words[_VERSION] = LAYOUT_VERSION
    words[_DIGEST] = digest
    words[_PID] = os.getpid()
    words[_ANCHOR_MONO] = anchor.monotonic_ns
    words[_ANCHOR_WALL] = anchor.wall_ns
    words[_BYTES] = nbytes
    _say_ready(words)


def check_head(segment: Segment, digest: int, nbytes: int, wait_s: float = 0.0) -> Anchor:
    """Wait up to `wait_s` for the ready word, then compare every part of the head.

    Raises:
        SegmentRefused: not ready in time, or another layout version, schema digest or size.
    """
    words = segment.words(0, 8)
    deadline = Deadline(wait_s)
    while int(words[_READY]) != MAGIC:
        if deadline.passed():
            raise SegmentRefused(f"segment {segment.name} is not ready")
        sleep_s(0.001)
    expected = (("layout version", _VERSION, LAYOUT_VERSION), ("size", _BYTES, nbytes))
    for name, word, value in (*expected, ("schema digest", _DIGEST, digest)):
        if int(words[word]) != value:
            raise SegmentRefused(
                f"segment {segment.name}: {name} is {int(words[word])}, expected {value}"
            )
    return Anchor(monotonic_ns=int(words[_ANCHOR_MONO]), wall_ns=int(words[_ANCHOR_WALL]))


def creator_pid(segment: Segment) -> int:
    """Pid of the process that made the segment."""
    return int(segment.words(0, 8)[_PID])

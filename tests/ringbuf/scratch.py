"""Segments for tests that disappear with them, and other processes to share them with."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ringbuf.layout import RingLayout
from ringbuf.memory import Segment, unlink
from ringbuf.spsc import Ring

FORK = multiprocessing.get_context("fork")
JOIN_S = 60.0
DIGEST = 0xD16E57

EVENT = np.dtype(
    {
        "names": ["seq", "payload"],
        "formats": ["<u8", ("<u8", (7,))],
        "offsets": [0, 8],
        "itemsize": 64,
    }
)
_numbers = itertools.count()


@contextlib.contextmanager
def scratch_segment(nbytes: int) -> Iterator[Segment]:
    """A segment of a name nobody else has, removed on the way out."""
    name = f"ringbuf-test-{os.getpid()}-{next(_numbers)}"
    segment = Segment.create(name, nbytes)
    try:
        yield segment
    finally:
        unlink(name)
        segment.close()


@contextlib.contextmanager
def scratch_ring(slots: int) -> Iterator[Ring]:
    """A ring of EVENT records in a segment of its own."""
    shape = RingLayout(EVENT, slots)
    with scratch_segment(shape.nbytes) as segment:
        yield Ring.create(segment, 0, shape, DIGEST)


@contextlib.contextmanager
def running(target: Callable[..., None], *args: Any) -> Iterator[Any]:
    """Run `target` in a forked process; on the way out it must end by itself with exit code 0."""
    process = FORK.Process(target=target, args=args)
    process.start()
    try:
        yield process
        process.join(JOIN_S)
        assert process.exitcode == 0, f"the other process ended with {process.exitcode}"
    finally:
        process.kill()
        process.join()
        process.close()

"""Two processes on two cores, with what they share between them."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import psutil

from benches.report import WrongAnswer
from hft.pinning import usable_cores
from ringbuf.layout import RingLayout
from ringbuf.memory import Segment, unlink
from ringbuf.spsc import Ring, packer_of

FORK = multiprocessing.get_context("fork")
END_MAX_S = 120.0
EVENT = np.dtype({"names": ["seq", "payload"], "formats": ["<u8", ("<u8", (7,))], "itemsize": 64})
"""The size of a MARKET event: one cache line."""
PACKER = packer_of(EVENT)
_numbers = itertools.count()


def core_pair() -> tuple[int, int] | None:
    """Pick the two last cores this process may use; None when there is only one, or no affinity."""
    cores = usable_cores()
    return (cores[-1], cores[-2]) if len(cores) > 1 else None


@contextlib.contextmanager
def shared_segment(nbytes: int) -> Iterator[Segment]:
    """A segment that is gone afterwards."""
    segment = Segment.create(f"hft-bench-{os.getpid()}-{next(_numbers)}", nbytes)
    unlink(segment.name)
    try:
        yield segment
    finally:
        segment.close()


@contextlib.contextmanager
def shared_rings(count: int, slots: int) -> Iterator[list[Ring]]:
    """Rings of 64-byte events in one segment."""
    shape = RingLayout(EVENT, slots)
    with shared_segment(count * shape.nbytes) as segment:
        yield [Ring.create(segment, index * shape.nbytes, shape, 0) for index in range(count)]


@contextlib.contextmanager
def beside(target: Callable[..., None], *arguments: Any) -> Iterator[None]:
    """Run `target` in another process on the other core, this one staying on the first.

    Raises:
        WrongAnswer: the other process did not end well.
    """
    pair, before = core_pair(), usable_cores()
    process = FORK.Process(target=_pinned, args=(pair[1] if pair else -1, target, arguments))
    process.start()
    try:
        if pair:
            psutil.Process().cpu_affinity([pair[0]])
        yield
        process.join(END_MAX_S)
        if process.exitcode != 0:
            raise WrongAnswer(f"the other process ended with {process.exitcode}")
    finally:
        process.kill()
        process.join()
        process.close()
        if pair:
            psutil.Process().cpu_affinity(before)


def _pinned(core: int, target: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    if core >= 0:
        psutil.Process().cpu_affinity([core])
    target(*arguments)

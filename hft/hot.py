"""Compiling the hot code once, in the supervisor, with exactly the types it will see live.

What is compiled here is inherited by every fork; a function whose first call comes later would
stall a trading process and is counted as a late compilation.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from hft.children import die_with_parent
from hft.execution import pad
from hft.feed import agent as feed
from hft.risk.gate import Gate
from ringbuf import doorbell, spsc
from ringbuf.layout import HEADER_WORDS, SLOTS
from ringbuf.parking import Parking


def fill_cache(name: str, steps: Sequence[Callable[[], None]]) -> None:
    """Compile into the cache, in a process that ends, what is not in it yet; `name` says what.

    The compiler leaves some 40 MB behind that every process of the house would inherit.  The child
    holds what the caller has locked and opened: it ends with it, however that ends.
    """
    marker = Path(os.environ["NUMBA_CACHE_DIR"]) / f"complete-{name}"
    if marker.exists():
        return
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            die_with_parent(parent)
            for step in steps:
                step()
            marker.touch()
        finally:
            # Whatever went wrong goes wrong again in who waits, and is told there.
            os._exit(0)
    try:
        # Whether it has ended or not, its number is its own until the last line.
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        os.waitpid(child, 0)


def trim() -> None:
    """Give back what compiling and loading left free in the heap: every fork would inherit it."""
    # Only the C library of GNU has it.
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if give_back is not None:
        give_back(0)


def warm() -> None:
    """Compile the rings, the doorbell, the feed and the order path on scratch memory."""
    words = np.zeros(HEADER_WORDS, np.uint64)
    words[SLOTS] = 2
    spsc.jump_to_tail(words)
    parked = words[:1]
    doorbell.say_parked(parked)
    doorbell.must_ring(parked)
    doorbell.say_awake(parked)
    feed.warm()
    Parking(parked).sleep(0)
    Parking(parked).wait(0)
    pad.warm(Gate().address)

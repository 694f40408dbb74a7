"""Compiling the hot code once, in the supervisor, with exactly the types it will see live.

What is compiled here is inherited by every fork; a function whose first call comes later would
stall a trading process and is counted as a late compilation.
"""

from __future__ import annotations

import numpy as np

from hft.execution import pad
from hft.feed import agent as feed
from hft.risk.gate import Gate
from ringbuf import doorbell, spsc
from ringbuf.layout import HEADER_WORDS, SLOTS
from ringbuf.parking import Parking


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

"""A house in private memory, for warming compiled code and for tests: nobody else is in it."""

from __future__ import annotations

import mmap

from hft.clock import Anchor
from hft.state.segment import Head
from hft.topology import House, segment_bytes
from ringbuf.memory import Segment


def scratch_house(name: str, symbols: tuple[str, ...] = ("BTCUSDT",), *, shards: int = 1) -> House:
    """Lay a house that no other process can see; its memory goes with the last reference."""
    segment = Segment(f"scratch-{name}", mmap.mmap(-1, segment_bytes(shards)))
    house = House(segment, Head(Anchor(monotonic_ns=0, wall_ns=0), shards), lay=True)
    house.run[0]["symbol_count"] = len(symbols)
    for index, symbol in enumerate(symbols):
        house.run[0]["symbols"][index] = symbol.encode()
    return house

"""Reading the market leaves nothing behind: no object more after ten thousand duty cycles."""

from __future__ import annotations

import gc
import sys

from hft.agent.idle import IdleKind, make_idle
from hft.clock import Deadline, monotonic_ns
from tests.hft.feed.bench_room import agg_trade
from tests.hft.feed.test_agent import World, world
from tests.hft.wire.local_server import server_frame

__all__ = ["world"]

CYCLES = 10_000
STRAY_MAX = 100
"""Blocks that may come and go by chance; one per cycle would be a hundred times as many."""


def test_ten_thousand_receipts_allocate_nothing_that_stays(world: World) -> None:
    _, end = world.accept()
    frames = [server_frame(agg_trade(number)) for number in range(1, CYCLES + 1001)]
    idle = make_idle(IdleKind.PARK, world.context, hot=True)

    def take(part: list[bytes]) -> None:
        deadline = Deadline(60)
        for frame in part:
            end.sendall(frame)
            while not (work := world.agent.do_work(monotonic_ns())):
                idle(work)
                assert not deadline.passed(), world.said()
            idle(work)

    take(frames[:1000])
    gc.collect()
    gc.disable()
    try:
        before = sys.getallocatedblocks()
        take(frames[1000:])
        grown = sys.getallocatedblocks() - before
    finally:
        gc.enable()
    assert world.frames() == len(frames)
    assert grown < STRAY_MAX

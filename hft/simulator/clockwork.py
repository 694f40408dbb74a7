"""What happens by itself: market steps, depth messages, mark prices, countdowns, pings."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

from hft.clock import monotonic_ns
from hft.simulator.market import STEP_MS, SyntheticMarket
from hft.simulator.server import Connections
from hft.simulator.venue import Venue
from hft.units import NS_PER_MS

BEHIND_MAX_STEPS = 50


class Market(Protocol):
    """A market that is driven by the clock of the machine, every `tick_s` seconds."""

    tick_s: float

    def advance(self, now_ns: int) -> None:
        """Do what is due at this local time."""

    def close(self) -> None:
        """Let go of files and threads."""


class SteppedMarkets:
    """Drives the synthetic markets at their step, and forgets steps it is far too late for."""

    tick_s = STEP_MS / 1_000

    def __init__(self, venue: Venue, markets: Iterable[SyntheticMarket]) -> None:
        self._venue = venue
        self._markets = list(markets)
        self._due_ns = monotonic_ns()

    def advance(self, now_ns: int) -> None:
        """Make every step that is due."""
        step_ns = STEP_MS * NS_PER_MS
        self._due_ns = max(self._due_ns, now_ns - BEHIND_MAX_STEPS * step_ns)
        while self._due_ns <= now_ns:
            self._due_ns += step_ns
            now_ms = self._venue.now_ms()
            for market in self._markets:
                for _ in market.step(now_ms):
                    self._venue.flush(now_ms)

    def close(self) -> None:
        """Nothing to let go of."""


class Clockwork:
    """The one timer of the venue."""

    def __init__(self, venue: Venue, market: Market, everyone: Connections) -> None:
        self._venue = venue
        self._market = market
        self._everyone = everyone
        self._second = 0

    async def run(self) -> None:
        """Tick until cancelled."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            self.tick()
            due_s = max(due_s + self._market.tick_s, loop.time())
            await asyncio.sleep(due_s - loop.time())

    def tick(self) -> None:
        """Do everything that is due now."""
        venue = self._venue
        self._market.advance(monotonic_ns())
        now_ms = venue.now_ms()
        venue.pricing.on_time(now_ms)
        venue.exchange.on_time(now_ms)
        venue.flush(now_ms)
        venue.publisher.on_time(now_ms)
        venue.on_time(now_ms)
        second = now_ms // 1_000
        if second != self._second:
            self._second = second
            self._every_second(second)

    def _every_second(self, second: int) -> None:
        now_ms = second * 1_000
        self._venue.users.expire(now_ms)
        for connection in list(self._everyone):
            connection.look_after(now_ms)
        self._venue.publisher.every_second(now_ms, slow=second % 3 == 0)

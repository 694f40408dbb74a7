"""What happens by itself: market steps, depth messages, mark prices, countdowns, pings."""

from __future__ import annotations

import asyncio
from typing import Protocol

from hft.clock import monotonic_ns
from hft.simulator.server import Connections
from hft.simulator.simulated_clock import SimulatedClock
from hft.simulator.venue import Venue

WAITING_MAX_BYTES = 1 << 20
WAIT_S = 0.002


class Market(Protocol):
    """A market that is driven by the clock of the machine, every `tick_s` seconds."""

    tick_s: float

    def advance(self, now_ns: int) -> None:
        """Do what is due at this local time."""

    def close(self) -> None:
        """Let go of files and threads."""


class Clockwork:
    """The one timer of the venue; with a simulated clock, timers follow that."""

    def __init__(
        self,
        venue: Venue,
        market: Market,
        everyone: Connections,
        clock: SimulatedClock | None = None,
    ) -> None:
        self._venue = venue
        self._market = market
        self._everyone = everyone
        self._second = 0
        self._wall_second = 0
        if clock is not None:
            clock.on_moment = self.look_at_timers

    async def run(self) -> None:
        """Tick until cancelled."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            # As fast as it goes is as fast as everybody reads.
            hurried = self._market.tick_s == 0.0
            if not (hurried and self._everyone.waiting_bytes() > WAITING_MAX_BYTES):
                self.tick()
                hurried = self._market.tick_s == 0.0
                due_s = max(due_s + self._market.tick_s, loop.time())
            else:
                due_s = loop.time() + WAIT_S
            await asyncio.sleep(0 if hurried and due_s <= loop.time() else due_s - loop.time())

    def tick(self) -> None:
        """Do everything that is due now."""
        self._market.advance(monotonic_ns())
        self.look_at_timers()
        second = self._venue.sockets_ms() // 1_000
        if second != self._wall_second:
            self._wall_second = second
            for connection in list(self._everyone):
                connection.look_after(second * 1_000)

    def look_at_timers(self) -> None:
        """Fire what is due at the venue's time."""
        venue = self._venue
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
        self._venue.publisher.every_second(now_ms, slow=second % 3 == 0)

"""Drives the synthetic markets, each at its own step, by the machine's clock or a simulated one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf, lcm

from hft.clock import monotonic_ns
from hft.simulator.market import SyntheticMarket
from hft.simulator.player import BUDGET_NS
from hft.simulator.simulated_clock import SLICE_MS, SimulatedClock
from hft.simulator.venue import Venue
from hft.units import NS_PER_MS

BEHIND_MAX_STEPS = 50


class SteppedMarkets:
    """Makes the steps that are due, and forgets those it is far too late for.

    With a simulated clock nothing is forgotten: time waits for the steps.
    """

    def __init__(
        self,
        venue: Venue,
        markets: Iterable[SyntheticMarket],
        clock: SimulatedClock | None = None,
        speed: float = 1.0,
    ) -> None:
        self._venue = venue
        self._markets = list(markets)
        self._clock = clock
        self._speed = speed
        self._steps = 0
        # Where every market steps seldom, so does time.
        steps = [market.step_ms for market in self._markets]
        self._step_ms = min([*steps, SLICE_MS])
        self._turns = _turns(self._markets, self._step_ms)
        self._due_ns = monotonic_ns()
        self.tick_s = 0.0 if speed == inf else self._step_ms / 1_000

    def advance(self, now_ns: int) -> None:
        """Make every step that is due."""
        if self._speed == inf:
            while monotonic_ns() - now_ns < BUDGET_NS:
                self._step()
            return
        step_ns = int(self._step_ms * NS_PER_MS / self._speed)
        if self._clock is None:
            self._due_ns = max(self._due_ns, now_ns - BEHIND_MAX_STEPS * step_ns)
        while self._due_ns <= now_ns and monotonic_ns() - now_ns < BEHIND_MAX_STEPS * NS_PER_MS:
            self._due_ns += step_ns
            self._step()

    def close(self) -> None:
        """Nothing to let go of."""

    def _step(self) -> None:
        self._steps += 1
        if self._clock is not None:
            self._clock.run_to(self._clock.now_ms + self._step_ms)
        now_ms = self._venue.now_ms()
        for market in self._turns[self._steps % len(self._turns)]:
            for _ in market.step(now_ms):
                self._venue.flush(now_ms)


def _turns(markets: Sequence[SyntheticMarket], step_ms: int) -> list[list[SyntheticMarket]]:
    """List who steps in each turn of `step_ms`, until it begins anew.

    Those that step seldom do not all step at once.
    """
    rounds = lcm(step_ms, *[market.step_ms for market in markets]) // step_ms
    return [
        [
            market
            for number, market in enumerate(markets)
            if (turn + number) * step_ms % market.step_ms < step_ms
        ]
        for turn in range(rounds)
    ]

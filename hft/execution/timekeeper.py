"""The venue's clock while the house runs: asked all the time, and doubted when something moves.

The order session asks it every few seconds; while that is down REST does.  A step of our own wall
clock moves no timestamp, for those count from the monotonic clock; but the monotonic clock stands
still while the machine sleeps, and both look alike from here.
"""

from __future__ import annotations

from typing import Any

from hft.agent.log import Log
from hft.binance.budget import Use
from hft.binance.rest import Rest
from hft.binance.venue_clock import VenueClock
from hft.clock import monotonic_ns, wall_ns
from hft.events import Notice
from hft.execution.errands import Errands
from hft.execution.order_session import OrderSession
from hft.units import NS_PER_MS, NS_PER_S

STEP_NS = 10 * NS_PER_MS
"""A difference between our two clocks from one look to the next that no steering makes."""
READ_WITHIN_NS = NS_PER_MS
"""Both clocks are read within this, or the reading says nothing."""
REST_AFTER_NS = 10 * NS_PER_S
"""Without an answer for so long, REST is asked."""


class Timekeeper:
    """Keeps `clock` true, and says when it is not to be trusted."""

    def __init__(
        self, log: Log, clock: VenueClock, session: OrderSession, errands: Errands
    ) -> None:
        self.clock = clock
        self._log = log
        self._session = session
        self._errands = errands
        self._wall_less_mono_ns: int | None = None
        self._jumps_told = clock.jumps
        self._asked_ns = monotonic_ns()
        self._uncertain = False
        self._doubted_ns = 0

    @property
    def sure(self) -> bool:
        """Say whether it was read since it was last doubted."""
        return self.clock.asked_ns > self._doubted_ns

    def tick(self, now_ns: int, error_max_ns: int) -> bool:
        """Look after it; says whether it is certain enough (`error_max_ns` 0: known at all)."""
        self._mind_own_steps()
        if self.clock.jumps != self._jumps_told:
            self._jumps_told = self.clock.jumps
            self._tell(f"the venue's clock and ours moved {_ms(self.clock.jumped_ns)} apart")
        newest_ns = max(self.clock.asked_ns, self._asked_ns)
        if now_ns - newest_ns > REST_AFTER_NS:
            self._ask_over_rest(now_ns)
        error_ns = self.clock.error_ns(now_ns)
        certain = error_ns >= 0 and (not error_max_ns or error_ns <= error_max_ns)
        if self._uncertain == certain:
            self._uncertain = not certain
            if certain:
                self._log.info(f"the venue's clock is known to {_ms(error_ns)} again")
            else:
                self._tell(f"the venue's clock may be off by {_ms(error_ns)}: nothing is entered")
        return certain

    def doubt(self, by_ns: int) -> None:
        """Take the clock for off by so much, and ask at once."""
        self.clock.doubt(by_ns)
        self._doubted_ns = monotonic_ns()
        self._session.ask_time_soon()

    def _mind_own_steps(self) -> None:
        before_ns = monotonic_ns()
        difference_ns = wall_ns() - before_ns
        if monotonic_ns() - before_ns > READ_WITHIN_NS:
            return
        known_ns, self._wall_less_mono_ns = self._wall_less_mono_ns, difference_ns
        if known_ns is not None and abs(difference_ns - known_ns) > STEP_NS:
            step_ns = difference_ns - known_ns
            self._tell(f"our clock was set by {_ms(step_ns)}, or this machine slept")
            self.doubt(step_ns)

    def _ask_over_rest(self, now_ns: int) -> None:
        if self._errands.ask(
            "clock", lambda rest: Rest.sync_clock(rest, 1), self._on_rest, Use.NEEDED
        ):
            self._asked_ns = now_ns

    def _on_rest(self, result: Any, _now_ns: int) -> None:
        if isinstance(result, Exception):
            self._log.warning(f"the venue's clock could not be read: {result}")

    def _tell(self, text: str) -> None:
        self._log.warning(text, Notice.CLOCK_DOUBTED)


def _ms(span_ns: int) -> str:
    return f"{span_ns / NS_PER_MS:+.1f} ms" if span_ns < 0 else f"{span_ns / NS_PER_MS:.1f} ms"

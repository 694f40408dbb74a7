"""Plays what was recorded at its own pace, X times faster, or as fast as it goes.

The venue's clock stays real, unless a simulated one is handed in: then time is that of the
recording, and every timer of the venue follows it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from math import inf
from typing import Generic, Protocol, TypeVar

import msgspec

from hft.clock import monotonic_ns
from hft.simulator.read_ahead import Mark, ReadAhead
from hft.simulator.simulated_clock import SimulatedClock
from hft.simulator.venue import Venue
from hft.units import NS_PER_MS, NS_PER_S

PLAY_MAX_ITEMS = 500
BUDGET_NS = 5 * NS_PER_MS
"""How long one call may play where the speed is unlimited: requests wait that long at most."""
START_WAIT_NS = 30 * NS_PER_S
# A client opens one connection per route; the others may follow the first.
START_GRACE_NS = NS_PER_S
ROUND_GAP_MS = 1_000
TICK_S = 0.002


class Stamped(Protocol):
    """Anything that was recorded at a time."""

    stamp_ns: int

    @property
    def time_ms(self) -> int:
        """When it happened, by the clock of the recorded venue."""


Item = TypeVar("Item", bound=Stamped)


class Playing(msgspec.Struct, frozen=True, kw_only=True):
    """How to play: `speed` may be infinite; what lies before `start_ms` is not published."""

    speed: float = 1.0
    loop: bool = False
    start_ms: int = 0
    clock: SimulatedClock | None = None


class Round(msgspec.Struct):
    """Where one round began: the local time, the stamp, the venue's time and the recorded one."""

    local_ns: int
    stamp_ns: int
    venue_ms: int
    first_ms: int


class Player(ABC, Generic[Item]):
    """Takes items from a reading thread when they are due; what they do, its children know."""

    def __init__(
        self, venue: Venue, playing: Playing, source: Callable[[], Iterable[Item]]
    ) -> None:
        self._venue = venue
        self._playing = playing
        self._reader = ReadAhead(source, loop=playing.loop)
        self._pending: list[Item] = []
        self._next = 0
        self._born_ns = monotonic_ns()
        self._heard_ns = 0
        self._round: Round | None = None
        self._rounds = 0
        self._played = 0
        self._recorded_ms = 0
        self._begun = False
        self._finished = False
        self.tick_s = TICK_S

    # What a child does.

    @abstractmethod
    def play(self, item: Item, now_ms: int) -> None:
        """Let an item happen now."""

    def skip(self, item: Item, now_ms: int) -> None:
        """Pass over an item that lies before the wished start."""

    def begin_round(self) -> None:
        """Forget what the last round left: the first items follow."""

    # The clockwork's side.

    def describe(self) -> dict[str, object]:
        """Describe the state of the playing; times are those of the recording."""
        failure = self._reader.failure
        speed = self._playing.speed
        return {
            "speed": "max" if speed == inf else speed,
            "loop": self._playing.loop,
            "simulated_clock": self._playing.clock is not None,
            "started": self._begun,
            "finished": self._finished,
            "round": self._rounds,
            "recorded_start_ms": self._round.first_ms if self._round else None,
            "recorded_time_ms": self._recorded_ms or None,
            "events": self._played,
            "error": str(failure) if failure else None,
        }

    def close(self) -> None:
        """End the reading thread."""
        self._reader.stop()

    def advance(self, now_ns: int) -> None:
        """Play what is due."""
        if self._finished or not self._may_play(now_ns):
            return
        for _ in range(PLAY_MAX_ITEMS):
            item = self._peek()
            if item is None:
                return
            if item.time_ms < self._playing.start_ms:
                self._next += 1
                self.skip(item, self._venue.now_ms())
                continue
            if not self._is_due(item, now_ns):
                return
            self._next += 1
            self._played += 1
            self._recorded_ms = max(self._recorded_ms, item.time_ms)
            if self._playing.clock is not None:
                self._playing.clock.run_to(self.shifted_ms(item.time_ms))
            self.play(item, self._venue.now_ms())
            if self._playing.speed == inf and monotonic_ns() - now_ns > BUDGET_NS:
                return

    def shifted_ms(self, recorded_ms: int) -> int:
        """Bring a recorded time onto the venue's clock; never later than now."""
        assert self._round is not None
        round_, clock = self._round, self._playing.clock
        if clock is not None:
            return recorded_ms + round_.venue_ms - round_.first_ms
        now_ms = self._venue.now_ms()
        if self._playing.speed == inf:
            return now_ms
        passed_ms = int((recorded_ms - round_.first_ms) / self._playing.speed)
        return min(round_.venue_ms + passed_ms, now_ms)

    def shift_ms(self) -> int:
        """Give how far the venue's time lay ahead of the recorded one when the round began."""
        return self._round.venue_ms - self._round.first_ms if self._round else 0

    def _is_due(self, item: Item, now_ns: int) -> bool:
        if self._round is None:
            self._start_round(item, now_ns)
        assert self._round is not None
        due_ns = (item.stamp_ns - self._round.stamp_ns) / self._playing.speed
        clock = self._playing.clock
        passed_ns = now_ns - self._round.local_ns
        if clock is not None:
            due_ms = self._round.venue_ms + (item.stamp_ns - self._round.stamp_ns) // NS_PER_MS
            if self._playing.speed != inf:
                reached_ns = int(passed_ns * self._playing.speed)
                due_ms = min(due_ms, self._round.venue_ms + reached_ns // NS_PER_MS)
            clock.run_to(due_ms)
        return due_ns <= passed_ns

    def _start_round(self, item: Item, now_ns: int) -> None:
        clock = self._playing.clock
        venue_ms = self._venue.now_ms()
        if clock is not None:
            # The first round is told by the recorded times; each other follows the one before.
            venue_ms = max(item.time_ms, clock.now_ms + (ROUND_GAP_MS if self._rounds else 0))
            clock.run_to(venue_ms)
        self._round = Round(now_ns, item.stamp_ns, venue_ms, item.time_ms)
        self._rounds += 1
        self._recorded_ms = item.time_ms
        self._begun = True
        self.tick_s = 0.0 if self._playing.speed == inf else TICK_S
        self._venue.publisher.marking = True

    def _may_play(self, now_ns: int) -> bool:
        if self._begun or now_ns - self._born_ns > START_WAIT_NS:
            return True
        if not self._heard_ns and self._venue.hub.has_market_listeners():
            self._heard_ns = now_ns
        return bool(self._heard_ns) and now_ns - self._heard_ns > START_GRACE_NS

    def _peek(self) -> Item | None:
        if self._next >= len(self._pending):
            batch = self._reader.take()
            self._pending, self._next = [], 0
            if batch is Mark.ROUND:
                self._round = None
                self.begin_round()
            elif batch is Mark.END:
                self._finish()
            elif isinstance(batch, list):
                self._pending = batch
            if not self._pending:
                return None
        return self._pending[self._next]

    def _finish(self) -> None:
        self._finished = True
        self.tick_s = TICK_S
        self._venue.publisher.marking = False

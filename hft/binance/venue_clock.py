"""The venue's clock, measured again and again: the best of the newest samples, and how far off.

Counted from our monotonic clock, so that a step of our wall clock moves no timestamp that is
signed.  The uncertainty grows with the age of the sample it rests on, for two clocks drift apart.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

from hft.binance.clock_offset import ClockOffset
from hft.binance.window import VenueTime
from hft.clock import monotonic_ns, wall_ns
from hft.units import NS_PER_MS, NS_PER_S

KEPT_NS = 60 * NS_PER_S
"""Samples older than this are forgotten once there is a newer one."""
DRIFT_PPM = 50
"""Two clocks that are each within 25 ppm, which crystals and steered clocks both keep."""
JUMP_NS = 20 * NS_PER_MS
"""Beyond what is uncertain: a difference this large is a step, not the jitter of many servers."""
UNKNOWN_NS = NS_PER_S
"""How far a wall clock nobody has compared is taken to be off."""
_HALF_MS_NS = NS_PER_MS // 2


class Sample(NamedTuple):
    """One answer: venue time less our monotonic time, off by `error_ns` at most at `at_ns`."""

    less_local_ns: int
    error_ns: int
    at_ns: int

    def error_at(self, now_ns: int) -> int:
        """How far it may be off by now."""
        return self.error_ns + max(0, now_ns - self.at_ns) * DRIFT_PPM // 1_000_000


def sample_of(sent_ns: int, received_ns: int, server_ms: int) -> Sample:
    """Judge one answer: it was given somewhere in the round trip, and cut to milliseconds."""
    half_trip_ns = (received_ns - sent_ns) // 2
    answered_ns = server_ms * NS_PER_MS + _HALF_MS_NS
    less_local_ns = answered_ns - (sent_ns + half_trip_ns)
    return Sample(less_local_ns, half_trip_ns + _HALF_MS_NS, received_ns)


class VenueClock:
    """What is known of the venue's clock, for every thread that asks or is asked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._samples: tuple[Sample, ...] = ()
        self._best: Sample | None = None
        self._doubt_ns = 0
        self.round_trip_ns = 0
        """Of the newest sample."""
        self.asked_ns = 0
        """When the newest sample was asked for."""
        self.jumped_ns = 0
        """By how much the clocks last moved against each other, and how often they did."""
        self.jumps = 0

    @property
    def known(self) -> bool:
        """Say whether it was ever measured."""
        return self._best is not None

    def add(self, sent_ns: int, received_ns: int, server_ms: int) -> None:
        """Take in an answer; times are CLOCK_MONOTONIC.

        Where the clocks have moved against each other, all that was known before is forgotten.
        """
        new = sample_of(sent_ns, received_ns, server_ms)
        with self._lock:
            self.round_trip_ns = received_ns - sent_ns
            best = self._best
            if best is not None:
                apart_ns = new.less_local_ns - best.less_local_ns
                if abs(apart_ns) > new.error_ns + best.error_at(received_ns) + JUMP_NS:
                    self._samples, self.jumped_ns = (), apart_ns
                    self.jumps += 1
            kept = [each for each in self._samples if received_ns - each.at_ns < KEPT_NS]
            self._samples = (*kept, new)
            # All of them age alike, so the best one now stays the best until the next sample.
            self._best = min(self._samples, key=lambda each: each.error_at(received_ns))
            self._doubt_ns, self.asked_ns = 0, sent_ns

    def doubt(self, by_ns: int) -> None:
        """Take it for off by so much more, until the next sample."""
        self._doubt_ns += abs(by_ns)

    def less_local_ns(self) -> int:
        """Venue time less CLOCK_MONOTONIC; before any sample our own wall clock counts."""
        best = self._best
        return wall_ns() - monotonic_ns() if best is None else best.less_local_ns

    def error_ns(self, now_ns: int) -> int:
        """How far it may be off; -1: never measured."""
        best = self._best
        return -1 if best is None else best.error_at(now_ns) + self._doubt_ns

    def venue_ms(self) -> int:
        """The venue's time now, in milliseconds."""
        return (monotonic_ns() + self.less_local_ns()) // NS_PER_MS

    def now(self) -> VenueTime:
        """The venue's time now, between two bounds."""
        now_ns = monotonic_ns()
        middle_ns, error_ns = now_ns + self.less_local_ns(), self.error_ns(now_ns)
        if error_ns < 0:
            error_ns = UNKNOWN_NS
        return VenueTime((middle_ns - error_ns) // NS_PER_MS, (middle_ns + error_ns) // NS_PER_MS)

    def offset(self, now_ns: int) -> ClockOffset:
        """The venue's time less our wall clock, as people know it."""
        return ClockOffset(
            self.less_local_ns() - (wall_ns() - monotonic_ns()), self.error_ns(now_ns)
        )

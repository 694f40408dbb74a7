"""The only file that asks what time it is.

Two clocks: CLOCK_MONOTONIC nanoseconds for everything local (comparable between processes of one
boot) and wall-clock nanoseconds for what a person or the venue reads.  The segment and every tape
carry one anchor pair, so a local time can be shown as a wall time later.
"""

from __future__ import annotations

import time

import msgspec

from hft.units import NS_PER_MS

monotonic_ns = time.monotonic_ns
wall_ns = time.time_ns
sleep_s = time.sleep


def wall_ms() -> int:
    """Read the wall clock in whole milliseconds, the unit of the venue."""
    return time.time_ns() // NS_PER_MS


class Anchor(msgspec.Struct, frozen=True):
    """One instant on both clocks; turns local times into wall times."""

    monotonic_ns: int
    wall_ns: int

    def to_wall_ns(self, local_ns: int) -> int:
        """Turn a CLOCK_MONOTONIC time into wall-clock nanoseconds."""
        return self.wall_ns + local_ns - self.monotonic_ns


def anchor_now() -> Anchor:
    """Read both clocks as close together as Python allows."""
    return Anchor(monotonic_ns=time.monotonic_ns(), wall_ns=time.time_ns())


class Deadline:
    """A moment after which waiting ends: `Deadline(5.0)` is five seconds from now."""

    def __init__(self, seconds: float) -> None:
        self._until_ns = time.monotonic_ns() + int(seconds * 1e9)

    def left_s(self) -> float:
        """Seconds that are left, never negative."""
        return max(0.0, (self._until_ns - time.monotonic_ns()) / 1e9)

    def passed(self) -> bool:
        """Say whether the moment has come."""
        return time.monotonic_ns() >= self._until_ns

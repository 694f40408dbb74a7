"""The venue's clock where it follows the market and not the machine (`--simulated-clock`)."""

from __future__ import annotations

from collections.abc import Callable

SLICE_MS = 100
"""Timers are looked at no more seldom than this: the pace of the fastest depth stream."""
SYNTHETIC_START_MS = 1_767_225_600_000
"""Where a synthetic market begins unless told otherwise: 2026-01-01 00:00 UTC."""


class SimulatedClock:
    """Milliseconds since the epoch, moved by the market; it never goes back."""

    def __init__(self, start_ms: int) -> None:
        self.now_ms = start_ms
        self.on_moment: Callable[[], None] = _nothing
        """Called whenever time has moved: looks at the timers of the venue."""

    def __call__(self) -> int:
        """Read the clock."""
        return self.now_ms

    def run_to(self, until_ms: int) -> None:
        """Let time pass in slices, and timers fire at each."""
        while self.now_ms < until_ms:
            self.now_ms = min(until_ms, self.now_ms - self.now_ms % SLICE_MS + SLICE_MS)
            self.on_moment()


def _nothing() -> None:
    """No timer is there yet."""

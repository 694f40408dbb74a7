"""What the page must remember between two looks: the P&L of this session, and how fast ticks
come.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

POINTS_MAX = 7200
RATE_SPAN_NS = 3_000_000_000
NS_PER_S = 1_000_000_000


class PnlHistory:
    """P&L of the session against wall time, of bounded size whatever the session's length.

    A point is (ms, total, realised).  When the list is full every second point goes and the spacing
    doubles, so the whole session stays in view at the resolution a screen can show.
    """

    def __init__(self) -> None:
        self._points: list[tuple[int, float, float]] = []
        self._spacing_ms = 1000

    def prepend(self, earlier: Iterable[tuple[int, float, float]]) -> None:
        """Put what happened before this process was (re)started in front; out of order is
        dropped.
        """
        first_ms = self._points[0][0] if self._points else None
        self._points[:0] = [p for p in earlier if first_ms is None or p[0] < first_ms]
        self._thin()

    def add(self, at_ms: int, total: float, realised: float) -> None:
        """Remember a sample unless the last one is too close or the clock went backwards."""
        if self._points and at_ms < self._points[-1][0] + self._spacing_ms:
            return
        self._points.append((at_ms, total, realised))
        self._thin()

    def clear(self) -> None:
        """Forget everything up to now."""
        self._points.clear()
        self._spacing_ms = 1000

    def points(self) -> list[dict[str, Any]]:
        """List what is remembered, oldest first."""
        return [
            {"ts_ms": ms, "pnl": total, "realized_pnl": realised}
            for ms, total, realised in self._points
        ]

    def _thin(self) -> None:
        while len(self._points) > POINTS_MAX:
            self._points = self._points[::2]
            self._spacing_ms *= 2


class Rate:
    """Events per second over the last few seconds, from a counter that only grows."""

    def __init__(self) -> None:
        self._samples: deque[tuple[int, int]] = deque()

    def add(self, now_ns: int, count: int) -> None:
        """Look at the counter; one that went back belongs to a new life and starts anew."""
        if self._samples and count < self._samples[-1][1]:
            self._samples.clear()
        self._samples.append((now_ns, count))
        while len(self._samples) > 2 and self._samples[1][0] <= now_ns - RATE_SPAN_NS:
            self._samples.popleft()

    def per_s(self) -> float:
        """Events per second; 0 until there are two looks."""
        if len(self._samples) < 2:
            return 0.0
        (from_ns, before), (to_ns, after) = self._samples[0], self._samples[-1]
        return (after - before) * NS_PER_S / max(1, to_ns - from_ns)

"""How far from firing the strategy was over the last ten minutes, as a ring of samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from hft.events import Verdict
from hft.state.values import name_of

STRIP_POINTS = 6000
"""Ten minutes at ten samples a second."""
POINTS_MAX = 600
"""The most that one answer holds."""
_SAMPLE_MS = 100
_POINT = np.dtype([("ms", "<i8"), ("distance", "<f8"), ("needed", "<f8"), ("verdict", "<i8")])


class Strip:
    """A bounded ring of (time, distance, needed, verdict), thinned when it is asked for."""

    def __init__(self) -> None:
        self._points = np.zeros(STRIP_POINTS, _POINT)
        self._taken = 0
        self._event_ns = 0

    def add(self, ms: int, told: Any) -> None:
        """Keep the verdict of a VERDICT record, unless nothing was decided since the last one."""
        event_ns = int(told["event_ns"])
        if event_ns == self._event_ns:
            return  # A strategy that sees nothing leaves a hole, not a flat line.
        self._event_ns = event_ns
        point = (ms, float(told["distance"]), float(told["needed"]), int(told["verdict"]))
        self._points[self._taken % STRIP_POINTS] = point
        self._taken += 1

    def told(self, after_ms: int = 0) -> dict[str, Any]:
        """Tell the points after a time, at most `POINTS_MAX`: of each step the one nearest to
        firing.

        Returns:
            ``step_ms`` and ``points``, each ``[ms, distance, needed, verdict name]``, ascending.
        """
        points = self._ordered()
        points = points[points["ms"] > after_ms]
        if not len(points):
            return {"step_ms": _SAMPLE_MS, "points": []}
        span_ms = int(points["ms"][-1] - points["ms"][0])
        step_ms = max(_SAMPLE_MS, -(-span_ms // (POINTS_MAX - 1) // _SAMPLE_MS) * _SAMPLE_MS)
        if len(points) > POINTS_MAX:
            points = _nearest_of_each_step(points, step_ms)
        else:
            step_ms = _SAMPLE_MS
        return {
            "step_ms": step_ms,
            "points": [
                [ms, _finite(distance), _finite(needed), name_of(Verdict, verdict)]
                for ms, distance, needed, verdict in points.tolist()
            ],
        }

    def _ordered(self) -> Any:
        if self._taken <= STRIP_POINTS:
            return self._points[: self._taken]
        return np.roll(self._points, -(self._taken % STRIP_POINTS))


def _nearest_of_each_step(points: Any, step_ms: int) -> Any:
    needed = np.abs(points["needed"])
    near = np.divide(
        np.abs(points["distance"]), needed, out=np.zeros(len(points)), where=needed > 0
    )
    steps = points["ms"] // step_ms
    # By step, and within one by nearness: the last of each step is its nearest.
    order = np.lexsort((near, steps))
    last = np.append(np.diff(steps[order]) != 0, True)
    return points[order[last]]


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None

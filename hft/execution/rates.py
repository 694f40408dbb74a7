"""How much of a limit on our own rate is used, for whoever watches; the gate counts by itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hft.units import NS_PER_S


def rate_used(times_ns: npt.NDArray[np.int64], most: int, now_ns: int) -> tuple[int, int]:
    """Count the times of the last second, and say until when `most` of them lie in one; 0: never.

    `times_ns` is a ring as `hft.execution.facts.recent` counts it: its last word counts all there
    ever were.
    """
    room, total = len(times_ns) - 1, int(times_ns[-1])
    count = int(np.count_nonzero(times_ns[:-1] > now_ns - NS_PER_S))
    if not 0 < most <= min(total, room):
        return count, 0
    return count, int(times_ns[(total - most) % room]) + NS_PER_S

"""How much a counter grew within the last minute."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from hft.units import NS_PER_S

MINUTE_NS = 60 * NS_PER_S
Total = TypeVar("Total", int, npt.NDArray[np.int64])


class LastMinute(Generic[Total]):
    """Samples a counter, or an array of them, once a second."""

    def __init__(self) -> None:
        self._samples: deque[tuple[int, Total]] = deque()

    def begin(self) -> None:
        """Forget what was counted so far."""
        self._samples.clear()

    def growth(self, now_ns: int, total: Total) -> Total:
        """Say how much of `total` came within the last minute, or since `begin`."""
        samples = self._samples
        if not samples or now_ns - samples[-1][0] >= NS_PER_S:
            samples.append((now_ns, total))
        while len(samples) > 1 and now_ns - samples[1][0] >= MINUTE_NS:
            samples.popleft()
        return total - samples[0][1]

    def since_ns(self, now_ns: int) -> int:
        """Say since when that counts."""
        return self._samples[0][0] if self._samples else now_ns

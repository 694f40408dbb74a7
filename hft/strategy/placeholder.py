"""The names that `hft.strategy.build` fills in when it clones the burst around a strategy.

Only type checkers read this file, and whoever wonders what they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hft.strategy.api import Record

STATE: np.dtype[np.void]
PARAMS: np.dtype[np.void]


def on_market(
    event: Record, position: Record, orders: Any, params: Record, state: Record, out: Record
) -> None:
    """Decide on one market event."""


def on_report(
    report: Record, position: Record, orders: Any, params: Record, state: Record, out: Record
) -> None:
    """Learn from one execution report; the default for strategies that have none."""


def read_clock() -> int:
    """Read CLOCK_MONOTONIC in nanoseconds, compiled or not as the clone is."""
    return 0


def wake(parked: Any, bell: int) -> None:
    """Wake execution when it said that it sleeps, compiled or not as the clone is."""

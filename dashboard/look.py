"""Parts of one look at the house: what the gates are judged by, and what is looked at seldom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dashboard.watch import Counts
from hft.events import FIRST_TERMINAL_STATE, Denial, OrderState
from hft.state.values import Values
from hft.strategy.load import StrategySpec


class Look(NamedTuple):
    """One look at the house: what every gate is judged by."""

    now_ns: int
    account: Values
    """Empty before execution has written it, as `limits` is before the supervisor has."""
    limits: Values
    processes: dict[str, dict[str, Any]]
    """Rows of `dashboard.rows.process_row` by role."""
    markets: list[dict[str, Any]]
    """Rows of `dashboard.rows.symbol_row`."""
    feed: dict[str, Any]
    reports_room: float
    """The fullest report ring, as a share of its slots."""
    free_rows: int
    """Rows of the order table that a new order may take."""
    verdict: Values | None
    spec: StrategySpec | None
    minute: Counts
    safety: dict[str, Any]
    """Trading state and sentences, as the status has them."""

    def answers(self, role: str) -> bool:
        """Say whether every process of a role is well."""
        mine = [row for name, row in self.processes.items() if name.rstrip("234") == role]
        return bool(mine) and all(row["health"] == "ok" for row in mine)

    def denied(self, codes: Iterable[Denial]) -> int:
        """Count what the risk gate denied for one of these reasons in the last minute."""
        return sum(int(self.minute.denials[code]) for code in codes)


class Machinery(NamedTuple):
    """What costs half the time of a look, and need not be looked at ten times a second."""

    processes: list[dict[str, Any]]
    rings: list[dict[str, Any]]
    tick_to_trade_p99_us: float | None
    """Of this session; None before its first order."""


def fullest_report_ring(rings: Sequence[Values]) -> float:
    """The fullest ring of reports, as a share of its slots; `rings` as `HouseReader.rings`."""
    reports = [row for row in rings if row["name"].startswith("reports")]
    return max(int(row["depth"]) / int(row["slots"]) for row in reports)


def free_order_rows(states: npt.NDArray[np.uint8]) -> int:
    """Count the rows of the order table a new order may take, by the states of all."""
    held = (states != OrderState.FREE) & (states < FIRST_TERMINAL_STATE)
    return len(states) - int(np.count_nonzero(held))

"""Funding: how often it is settled, within which bounds its rate stays, and what was settled."""

from __future__ import annotations

from collections import deque

import msgspec

from hft.simulator.history import History
from hft.simulator.intervals import DAY_MS, HOUR_MS
from hft.simulator.past import premium_at

FUNDING_INTERVAL_MS = 8 * HOUR_MS
FUNDING_HOURS: dict[str, int] = {}
"""Contracts that are not settled every eight hours."""
INTEREST_E8 = 10_000
"""Interest of eight hours: 0.01 %."""
DAMPER_E8 = 50_000
"""How far the interest may pull the rate away from the premium: 0.05 %."""
CAPS_E8 = {"BTCUSDT": 300_000, "ETHUSDT": 300_000}
CAP_E8 = 2_000_000
ROWS_KEPT = 10_000
PAST_MAX_MS = 400 * DAY_MS


class FundingRow(msgspec.Struct, frozen=True, gc=False):
    """One settlement: when, at which rate and mark price."""

    time_ms: int
    rate_e8: int
    mark_e8: int


def interval_of(name: str) -> int:
    """Give the time between two settlements of a contract, in ms."""
    return FUNDING_HOURS.get(name, FUNDING_INTERVAL_MS // HOUR_MS) * HOUR_MS


def cap_of(name: str) -> int:
    """Give the largest rate of a contract, in units of 1e-8; the smallest is its negative."""
    return CAPS_E8.get(name, CAP_E8)


def rate_of(name: str, premium_e8: int, interval_ms: int) -> int:
    """Give the funding rate that an average premium asks for, in units of 1e-8.

    An interval below an hour is one of eight hours in quick motion: its rate is not made smaller.
    """
    pull_e8 = max(-DAMPER_E8, min(DAMPER_E8, INTEREST_E8 - premium_e8))
    rate_e8 = premium_e8 + pull_e8
    if interval_ms >= HOUR_MS:
        rate_e8 = rate_e8 * interval_ms // FUNDING_INTERVAL_MS
    cap_e8 = cap_of(name)
    return max(-cap_e8, min(cap_e8, rate_e8))


class FundingHistory:
    """What was settled, the made-up past of a synthetic market included."""

    def __init__(self, name: str, history: History) -> None:
        self._name = name
        self._history = history
        self._rows: deque[FundingRow] = deque(maxlen=ROWS_KEPT)
        self._opened_ms = 0

    def open(self, now_ms: int) -> None:
        """Begin: what is asked of before is made up, if the market has such a past."""
        self._opened_ms = now_ms

    def add(self, row: FundingRow) -> None:
        """Remember one settlement."""
        self._rows.append(row)

    def rows(self, start_ms: int | None, end_ms: int | None, limit: int) -> list[FundingRow]:
        """Give the settlements of a span: its first ones, or its last where it has no start."""
        settled = [
            row
            for row in self._rows
            if (start_ms is None or row.time_ms >= start_ms)
            and (end_ms is None or row.time_ms <= end_ms)
        ]
        if start_ms is None:
            missing = limit - len(settled)
            past = self._past(None, end_ms, missing) if missing > 0 else []
            return [*past, *settled][-limit:]
        return [*self._past(start_ms, end_ms, limit), *settled][:limit]

    def _past(self, start_ms: int | None, end_ms: int | None, limit: int) -> list[FundingRow]:
        """Make up the settlements before the venue opened."""
        past = self._history.candles.past
        if past is None:
            return []
        every_ms = interval_of(self._name)
        last_ms = self._opened_ms - 1
        last_ms = last_ms if end_ms is None else min(last_ms, end_ms)
        last_ms -= last_ms % every_ms
        first_ms = max(past.earliest_ms(DAY_MS) + DAY_MS, self._opened_ms - PAST_MAX_MS)
        if start_ms is None:
            first_ms = max(first_ms, last_ms - (limit - 1) * every_ms)
        else:
            first_ms = max(first_ms, start_ms)
        first_ms = -(-first_ms // every_ms) * every_ms
        times = range(first_ms, last_ms + 1, every_ms)[:limit]
        return [self._made_up(time_ms) for time_ms in times]

    def _made_up(self, time_ms: int) -> FundingRow:
        ticks = self._history.candles.close_before(time_ms)
        assert ticks is not None, "the past reaches back to its first day"
        rate_e8 = rate_of(self._name, 2 * premium_at(ticks), interval_of(self._name))
        return FundingRow(time_ms, rate_e8, ticks * self._history.symbol.tick_e8)

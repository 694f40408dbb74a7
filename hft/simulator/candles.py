"""Candles of one price: a row per minute in which something happened, longer ones made of them.

Memory is bounded: minutes older than `MINUTES_KEPT` rows are folded into hours, hours are dropped
after `HOURS_KEPT`.  A stretch in which nothing happened holds no rows; it is told as flat candles
at the close before it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import msgspec

from hft.simulator.intervals import HOUR_MS, MINUTE_MS, length_ms, open_of, step

MINUTES_KEPT = 8 * 1_440
HOURS_KEPT = 400 * 24
NO_TRADE = -1
"""First and last trade id of a candle without a trade."""


class Candle(msgspec.Struct, gc=False):
    """Prices in steps (ticks, or 1e-8 of an index), volumes in lots, values in steps times lots."""

    open_ms: int
    open: int
    high: int
    low: int
    close: int
    lots: int = 0
    value: int = 0
    count: int = 0
    buy_lots: int = 0
    buy_value: int = 0
    first_id: int = NO_TRADE
    last_id: int = NO_TRADE


class Past(Protocol):
    """What was before the first row of a store; made up, and never changed."""

    def earliest_ms(self, step_ms: int) -> int:
        """Give from when on there are rows no longer than `step_ms`."""

    def rows(self, start_ms: int, end_ms: int, step_ms: int) -> list[Candle]:
        """Give the rows, none longer than `step_ms`, that begin within [start, end)."""

    def close_before(self, time_ms: int) -> int | None:
        """Give the price at a time, None before the first row."""


def merged(open_ms: int, rows: Sequence[Candle]) -> Candle:
    """Make one candle of others that follow each other, at least one."""
    first, last = rows[0], rows[-1]
    with_trades = [row for row in rows if row.first_id != NO_TRADE]
    return Candle(
        open_ms=open_ms,
        open=first.open,
        high=max([row.high for row in rows]),
        low=min([row.low for row in rows]),
        close=last.close,
        lots=sum([row.lots for row in rows]),
        value=sum([row.value for row in rows]),
        count=sum([row.count for row in rows]),
        buy_lots=sum([row.buy_lots for row in rows]),
        buy_value=sum([row.buy_value for row in rows]),
        first_id=with_trades[0].first_id if with_trades else NO_TRADE,
        last_id=with_trades[-1].last_id if with_trades else NO_TRADE,
    )


def flat(open_ms: int, price: int) -> Candle:
    """Make the candle of a stretch in which nothing happened."""
    return Candle(open_ms, price, price, price, price)


class CandleStore:
    """The candles of one price, from minutes to months."""

    def __init__(self) -> None:
        self.past: Past | None = None
        self._minutes: list[Candle] = []
        self._hours: list[Candle] = []
        self._end_ms = 0
        self._latest = flat(0, 0)
        self._closed: dict[str, tuple[int, int, Candle | None]] = {}

    def trade(
        self, time_ms: int, ticks: int, lots: int, trade_id: int, *, buyer_is_maker: bool
    ) -> None:
        """Count one trade; times do not go back."""
        if time_ms >= self._end_ms:
            self._begin(time_ms, ticks)
        row = self._latest
        if ticks > row.high:
            row.high = ticks
        elif ticks < row.low:
            row.low = ticks
        row.close = ticks
        value = ticks * lots
        row.lots += lots
        row.value += value
        row.count += 1
        if not buyer_is_maker:
            row.buy_lots += lots
            row.buy_value += value
        if row.first_id < 0:
            row.first_id = trade_id
        row.last_id = trade_id

    def sample(self, time_ms: int, price: int) -> None:
        """Count one sample of a price that is not traded, an index say."""
        if time_ms >= self._end_ms:
            self._begin(time_ms, price)
        row = self._latest
        row.high = max(row.high, price)
        row.low = min(row.low, price)
        row.close = price
        row.count += 1

    def window(
        self, interval: str, span_ms: tuple[int | None, int | None], limit: int, now_ms: int
    ) -> list[Candle]:
        """Give the candles that begin within a span, at most `limit`.

        They are the first ones of a span that has a start, and the last ones of one that has none.
        """
        start_ms, end_ms = span_ms
        first_ms = self._earliest_ms(length_ms(interval))
        if first_ms is None:
            return []
        oldest_ms = open_of(interval, first_ms)
        latest_ms = open_of(interval, now_ms if end_ms is None else min(end_ms, now_ms))
        if start_ms is None:
            open_ms = max(oldest_ms, step(interval, latest_ms, 1 - limit))
        else:
            open_ms = open_of(interval, max(start_ms, oldest_ms))
            if open_ms < start_ms:
                open_ms = step(interval, open_ms, 1)
        opens: list[int] = []
        while open_ms <= latest_ms and len(opens) < limit:
            opens.append(open_ms)
            open_ms = step(interval, open_ms, 1)
        return self._series(interval, opens, open_ms) if opens else []

    def candle(self, interval: str, open_ms: int) -> Candle | None:
        """Give one candle, None where there was no price yet."""
        end_ms = step(interval, open_ms, 1)
        series = self._series(interval, [open_ms], end_ms)
        return series[0] if series else None

    def since(self, name: str, start_ms: int) -> Candle | None:
        """Give the candle of all that happened from the begin of a minute until now, if anything.

        What was closed before the present minute is kept under `name`, so that asking often is
        cheap.
        """
        latest = self._latest
        known = self._closed.get(name)
        if known is None or known[:2] != (start_ms, latest.open_ms):
            rows = self._rows(start_ms, latest.open_ms, length_ms("1M"))
            closed = merged(start_ms, rows) if rows else None
            known = self._closed[name] = (start_ms, latest.open_ms, closed)
        rows = [] if known[2] is None else [known[2]]
        if latest.open_ms >= start_ms and self._minutes:
            rows.append(latest)
        return merged(start_ms, rows) if rows else None

    def close_before(self, time_ms: int) -> int | None:
        """Give the price at a time, None where there was none yet."""
        for rows in (self._minutes, self._hours):
            index = bisect_left(rows, time_ms, key=_open_ms)
            if index:
                return rows[index - 1].close
        return None if self.past is None else self.past.close_before(time_ms)

    def _begin(self, time_ms: int, price: int) -> None:
        open_ms = time_ms - time_ms % MINUTE_MS
        self._latest = flat(open_ms, price)
        self._minutes.append(self._latest)
        self._end_ms = open_ms + MINUTE_MS
        if len(self._minutes) > MINUTES_KEPT:
            self._fold()

    def _fold(self) -> None:
        hour_ms = self._minutes[0].open_ms - self._minutes[0].open_ms % HOUR_MS
        rows = bisect_left(self._minutes, hour_ms + HOUR_MS, key=_open_ms)
        self._hours.append(merged(hour_ms, self._minutes[:rows]))
        del self._minutes[:rows]
        del self._hours[:-HOURS_KEPT]

    def _earliest_ms(self, step_ms: int) -> int | None:
        if self.past is not None:
            return self.past.earliest_ms(step_ms)
        if self._hours and step_ms >= HOUR_MS:
            return self._hours[0].open_ms
        return self._minutes[0].open_ms if self._minutes else None

    def _rows(self, start_ms: int, end_ms: int, step_ms: int) -> list[Candle]:
        found = [] if self.past is None else self.past.rows(start_ms, end_ms, step_ms)
        for rows in (self._hours if step_ms >= HOUR_MS else [], self._minutes):
            first = bisect_left(rows, start_ms, key=_open_ms)
            last = bisect_left(rows, end_ms, key=_open_ms)
            found += rows[first:last]
        return found

    def _series(self, interval: str, opens: Sequence[int], end_ms: int) -> list[Candle]:
        rows = self._rows(opens[0], end_ms, length_ms(interval))
        close = self.close_before(opens[0]) if not rows or rows[0].open_ms > opens[0] else None
        found: list[Candle] = []
        place = 0
        for open_ms, next_ms in pairwise([*opens, end_ms]):
            begin = place
            while place < len(rows) and rows[place].open_ms < next_ms:
                place += 1
            if place > begin:
                found.append(merged(open_ms, rows[begin:place]))
                close = found[-1].close
            elif close is not None:
                found.append(flat(open_ms, close))
        return found


def _open_ms(row: Candle) -> int:
    return row.open_ms

"""Prices for the chart: ticks and short bars from the tape in the segment, candles from the
database and the segment's newest minutes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from dashboard.refusal import Refusal
from dashboard.trades import TradeBook, TradesUnavailable
from hft.events import MarketFlag, MarketKind
from hft.ledger.candle_queries import (
    Bar,
    Series,
    join_bars,
    merge_bars,
    newest_minute,
    read_bars,
    read_minutes,
)
from hft.state.bars import bars_of
from hft.state.candles import MINUTE_MS, Candle, newest_candles
from hft.state.tape import Stretch, read_tape
from hft.topology import House

INTERVALS_MS = {
    "1s": 1_000,
    "5s": 5_000,
    "15s": 15_000,
    "1m": MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "1h": 60 * MINUTE_MS,
    "4h": 240 * MINUTE_MS,
    "1d": 1_440 * MINUTE_MS,
}
CANDLES_MAX = 2_000
TICKS_MAX = 5_000
FOREVER_MS = 1 << 53
Records = npt.NDArray[np.void]


class Market:
    """Reads the prices of one house; every method may block."""

    def __init__(self, house: House, trades: TradeBook) -> None:
        self._house = house
        self._trades = trades

    def ticks(self, symbol: str, after: int, limit: int) -> dict[str, Any]:
        """Tell the newest trades and book tops behind number `after`, at most `limit` in all.

        A number beyond the newest belongs to an earlier run of the house: it counts as 0.

        Raises:
            Refusal: nobody trades that symbol here.
        """
        index = self._index(symbol)
        stretch = read_tape(self._house, after)
        if after > stretch.written:
            stretch = read_tape(self._house)
        numbers, records = _of_symbol(stretch, index)
        numbers, records = numbers[-limit:], records[-limit:]
        trades, tops = (records["kind"] == kind for kind in _SHOWN)
        side = np.where(records["flags"] & MarketFlag.BUYER_IS_MAKER, -1, 1)
        holed = (records["flags"] & MarketFlag.GAP) != 0
        return {
            "newest": stretch.written,
            "trades": _rows(
                numbers[trades], *(records[name][trades] for name in _TRADE), side[trades]
            ),
            "tops": _rows(numbers[tops], *(records[name][tops] for name in _TOP)),
            "gaps": records["venue_ms"][holed].tolist(),
        }

    def candles(
        self, symbol: str, interval: str, from_ms: int | None, to_ms: int | None, limit: int
    ) -> dict[str, Any]:
        """Tell the newest `limit` candles that begin from one time to before another, oldest first.

        Raises:
            Refusal: no such symbol or interval.
            TradesUnavailable: the database cannot be read.
        """
        index = self._index(symbol)
        interval_ms = INTERVALS_MS.get(interval)
        if interval_ms is None:
            known = ", ".join(INTERVALS_MS)
            raise Refusal(422, "BAD_INTERVAL", f"interval: expected one of {known}.")
        first_ms = 0 if from_ms is None else -(-from_ms // interval_ms) * interval_ms
        end_ms = FOREVER_MS if to_ms is None else to_ms
        if interval_ms < MINUTE_MS:
            bars = self._short(index, interval_ms)
        else:
            bars = self._long(index, symbol, interval_ms, first_ms, end_ms, limit)
        shown = [bar for bar in bars if first_ms <= bar.ms < end_ms]
        # Plain tuples: the JSON writer knows no others.
        return {"interval_ms": interval_ms, "candles": [tuple(bar) for bar in shown[-limit:]]}

    def _short(self, index: int, interval_ms: int) -> list[Bar]:
        """Sum the trades of the tape.

        Its first bar is left out where the tape has forgotten what that began with; at the start of
        the run it is kept, since own fills may lie in it.
        """
        stretch = read_tape(self._house)
        _, records = _of_symbol(stretch, index)
        trades = records[records["kind"] == MarketKind.TRADE]
        keys = trades["venue_ms"] // interval_ms
        bought = (trades["flags"] & MarketFlag.BUYER_IS_MAKER) == 0
        bars = bars_of(keys, trades["price"], trades["qty"], bought)
        columns = (bars.open, bars.high, bars.low, bars.close, bars.volume, bars.trades)
        times = (bars.key * interval_ms).tolist()
        rows = zip(times, *(column.tolist() for column in columns), strict=True)
        return [Bar(*row) for row in rows][1 if stretch.first else 0 :]

    def _long(
        self, index: int, symbol: str, interval_ms: int, first_ms: int, end_ms: int, limit: int
    ) -> list[Bar]:
        venue, newest = newest_candles(self._house, index)
        # A bar that begins before the end belongs to the answer with all of its minutes.
        end_ms = min(-(-end_ms // interval_ms) * interval_ms, FOREVER_MS)
        newest = [minute for minute in newest if minute.minute_ms < end_ms]
        try:
            engine = self._trades.engine() if venue else None
            if engine is None:
                return merge_bars(newest, interval_ms)
            series = Series(venue, symbol)
            last_ms = newest[-1].minute_ms if newest else newest_minute(engine, series, end_ms)
            if last_ms is None:
                return []
            oldest_ms = last_ms - last_ms % interval_ms - (limit - 1) * interval_ms
            first_ms = max(first_ms, oldest_ms, 0)
            return _joined(engine, series, interval_ms, first_ms, (newest, last_ms + MINUTE_MS))
        except SQLAlchemyError as problem:
            raise TradesUnavailable("the kept candles cannot be read") from problem

    def _index(self, symbol: str) -> int:
        symbols = self._house.symbols()
        if symbol not in symbols:
            known = ", ".join(symbols)
            raise Refusal(404, "UNKNOWN_SYMBOL", f"symbol: this house trades {known}.")
        return symbols.index(symbol)


_SHOWN = (MarketKind.TRADE, MarketKind.BOOK_TOP)
_TRADE = ("venue_ms", "price", "qty")
_TOP = ("venue_ms", "price", "price2")


def _joined(
    engine: Engine,
    series: Series,
    interval_ms: int,
    first_ms: int,
    live: tuple[list[Candle], int],
) -> list[Bar]:
    """Sum what is kept, and behind it the newest minutes as they stand in the segment."""
    newest, end_ms = live
    cut_ms = max(first_ms, newest[0].minute_ms) if newest else end_ms
    if interval_ms == MINUTE_MS:
        kept = merge_bars(read_minutes(engine, series, first_ms, cut_ms), interval_ms)
    else:
        kept = read_bars(engine, series, interval_ms, first_ms, cut_ms)
    minutes = {each.minute_ms: each for each in newest if each.minute_ms >= first_ms}
    for stored in read_minutes(engine, series, cut_ms, end_ms):
        heard = minutes.get(stored.minute_ms)
        # The venue's list completes a minute this house heard only a part of.
        if heard is None or stored.whole > heard.whole:
            minutes[stored.minute_ms] = stored
    recent = merge_bars([minutes[minute] for minute in sorted(minutes)], interval_ms)
    if kept and recent and kept[-1].ms == recent[0].ms:
        recent[0] = join_bars(kept.pop(), recent[0])
    return kept + recent


def _of_symbol(stretch: Stretch, index: int) -> tuple[npt.NDArray[np.int64], Records]:
    """Pick a symbol's trades and book tops, with their numbers from 1 on."""
    records = stretch.records
    own = np.flatnonzero((records["symbol"] == index) & np.isin(records["kind"], _SHOWN))
    return own + stretch.first + 1, records[own]


def _rows(*columns: npt.NDArray[Any]) -> list[tuple[Any, ...]]:
    return list(zip(*(column.tolist() for column in columns), strict=True))

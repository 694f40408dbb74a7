"""Folding trades into the one-minute candles of the segment, exactly: whole ticks, whole lots."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hft.events import MarketFlag, MarketKind
from hft.state.bars import Bars, bars_of
from hft.state.candles import MINUTE_MS, Columns
from hft.units import E8

_MINUTES_PER_KEY = 1 << 40
"""More minutes than any venue time has; a key is symbol times this plus the minute."""


class CandleFold:
    """Adds trades to `columns` by the venue's time.

    `tick_e8` and `lot_e8` are by symbol and above zero for all that trade.  A candle is whole when
    no trade of its minute is known to be missing: the first one ever, and both sides of a hole
    (GAP), are not.
    """

    def __init__(
        self,
        columns: Columns,
        tick_e8: npt.NDArray[np.int64],
        lot_e8: npt.NDArray[np.int64],
    ) -> None:
        self._columns = columns
        self._tick_e8 = tick_e8
        self._lot_e8 = lot_e8

    def add(self, records: npt.NDArray[np.void]) -> None:
        """Add the trades among market records; the others are passed over."""
        trades = records[records["kind"] == MarketKind.TRADE]
        symbol = trades["symbol"].astype(np.int64)
        minute = trades["venue_ms"] // MINUTE_MS
        # A price is the float nearest to whole ticks: dividing cannot miss by half of one.
        ticks = np.rint(trades["price"] * E8 / self._tick_e8[symbol]).astype(np.int64)
        lots = np.rint(trades["qty"] * E8 / self._lot_e8[symbol]).astype(np.int64)
        bought = (trades["flags"] & MarketFlag.BUYER_IS_MAKER) == 0
        keys = symbol * _MINUTES_PER_KEY + minute
        bars = bars_of(keys, ticks, lots, bought)
        gaps = np.flatnonzero(trades["flags"] & MarketFlag.GAP)
        holed = set(keys[gaps].tolist())
        for at, key in enumerate(bars.key.tolist()):
            opens_with_gap = bool(trades["flags"][bars.first[at]] & MarketFlag.GAP)
            self._add_bar(bars, at, holed=key in holed, opens_with_gap=opens_with_gap)

    def _add_bar(self, bars: Bars, at: int, *, holed: bool, opens_with_gap: bool) -> None:
        symbol, minute = divmod(int(bars.key[at]), _MINUTES_PER_KEY)
        table = {name: columns[symbol] for name, columns in self._columns.of.items()}
        if opens_with_gap:
            # What is missing may belong to the end of the minute before.
            table["whole"][-1] = 0
        place = self._place(symbol, minute * MINUTE_MS)
        if place is None:
            self._columns.value[0]["late"] += bars.trades[at]
            return
        if not table["trades"][place]:
            table["open_ticks"][place] = bars.open[at]
            table["low_ticks"][place] = bars.low[at]
        table["high_ticks"][place] = max(table["high_ticks"][place], bars.high[at])
        table["low_ticks"][place] = min(table["low_ticks"][place], bars.low[at])
        table["close_ticks"][place] = bars.close[at]
        table["volume_lots"][place] += bars.volume[at]
        table["quote_ticks_lots"][place] += bars.quote[at]
        table["buy_lots"][place] += bars.bought[at]
        table["trades"][place] += bars.trades[at]
        if holed:
            table["whole"][place] = 0

    def _place(self, symbol: int, minute_ms: int) -> int | None:
        """Find the place of a minute, making room for a new one; None when it is too old."""
        minutes = self._columns.of["minute_ms"][symbol]
        found = np.flatnonzero(minutes == minute_ms)
        if len(found):
            return int(found[0])
        place = int(np.searchsorted(minutes, minute_ms)) - 1
        if place < 0:
            return None
        for table in self._columns.of.values():
            table[symbol, :place] = table[symbol, 1 : place + 1]
            table[symbol, place] = 0
        minutes[place] = minute_ms
        # Before the first candle nothing is known, so the first minute began unseen.
        self._columns.of["whole"][symbol, place] = int(place > 0 and minutes[place - 1] > 0)
        return place

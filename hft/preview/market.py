"""The last market records of a house, and what was known of the market at each of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hft.events import MarketKind
from hft.state.tape import read_tape
from hft.topology import House

Records = npt.NDArray[np.void]


def recent_market(house: House) -> list[Records]:
    """Copy the newest MARKET records of every shard from the tape, oldest first."""
    records = read_tape(house).records
    return [
        records[np.isin(records["symbol"], house.symbols_of(shard.number))]
        for shard in house.shards
    ]


class Market:
    """Market records in order, and the last price of each kind at any of them.

    `records` is an array of MARKET; `symbols` are the indices that occur in it.
    """

    def __init__(self, records: Records, symbols: range) -> None:
        self.records = records
        kind, symbol = records["kind"], records["symbol"]
        self._top = _newest_by_symbol(symbols, symbol, kind == MarketKind.BOOK_TOP)
        self._trade = _newest_by_symbol(symbols, symbol, kind == MarketKind.TRADE)
        self._price: list[float] = records["price"].tolist()
        self._price2: list[float] = records["price2"].tolist()
        self.kind: list[int] = kind.tolist()
        self.symbol: list[int] = symbol.tolist()
        self.recv_ns: list[int] = records["recv_ns"].tolist()
        self.venue_ms: list[int] = records["venue_ms"].tolist()

    def price(self, at: int) -> float:
        """Price of the record at index `at`: of a trade, the bid of a book, the mark."""
        return self._price[at]

    def ask(self, at: int) -> float:
        """Ask of the book at index `at`."""
        return self._price2[at]

    def touch(self, symbol: int, at: int) -> tuple[float, float]:
        """Best bid and ask of a symbol before index `at`; the last trade where no book was told.

        Both are 0 while nothing is known.
        """
        if at > 0:
            book, trade = int(self._top[symbol][at - 1]), int(self._trade[symbol][at - 1])
            if book >= 0:
                return self._price[book], self._price2[book]
            if trade >= 0:
                return self._price[trade], self._price[trade]
        return 0.0, 0.0


def _newest_by_symbol(symbols: range, symbol: Any, wanted: Any) -> dict[int, npt.NDArray[np.int64]]:
    """By symbol and record: the index of the newest wanted one up to it, -1 before the first."""
    places = np.arange(len(symbol))
    return {
        index: np.maximum.accumulate(np.where(wanted & (symbol == index), places, -1))
        for index in symbols
    }

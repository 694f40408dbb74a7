"""The newest one-minute candles of every symbol, as the ledger keeps them in the segment."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from hft.events import SYMBOLS_MAX
from hft.state.blocks import MINUTES_KEPT
from hft.state.values import Records
from hft.units import E8
from ringbuf.snapshot import Snapshot

MINUTE_MS = 60_000


class Candle(NamedTuple):
    """One minute of one symbol, exact; the fields are those of the table `candles`."""

    minute_ms: int
    open_e8: int
    high_e8: int
    low_e8: int
    close_e8: int
    volume_e8: int
    quote_e8: int
    buy_e8: int
    trades: int
    whole: int


class HouseWithCandles(Protocol):
    """The part of a house that holds candles, and the sizes they are counted in."""

    spec: Records
    candles: Snapshot


class Columns:
    """The block's value as tables of ``SYMBOLS_MAX x MINUTES_KEPT``, oldest minute first.

    `value` is one record of CANDLES; the tables are views of it.  A candle that is not there has
    minute 0 and lies before those that are.
    """

    def __init__(self, value: npt.NDArray[np.void]) -> None:
        self.value = value
        shape = (SYMBOLS_MAX, MINUTES_KEPT)
        self.of = {
            name: value[0][name].reshape(shape)
            for name in value.dtype.names or ()
            if value[0][name].shape
        }

    def candle(self, symbol: int, place: int, tick_e8: int, lot_e8: int) -> Candle:
        """Read one candle in units of 1e-8."""
        told = {name: int(table[symbol, place]) for name, table in self.of.items()}
        return Candle(
            told["minute_ms"],
            told["open_ticks"] * tick_e8,
            told["high_ticks"] * tick_e8,
            told["low_ticks"] * tick_e8,
            told["close_ticks"] * tick_e8,
            told["volume_lots"] * lot_e8,
            told["quote_ticks_lots"] * tick_e8 * lot_e8 // E8,
            told["buy_lots"] * lot_e8,
            told["trades"],
            told["whole"],
        )

    def candles(self, symbol: int, tick_e8: int, lot_e8: int) -> list[Candle]:
        """Read every candle of a symbol, oldest first."""
        minutes = self.of["minute_ms"][symbol]
        there = np.flatnonzero(minutes).tolist()
        return [self.candle(symbol, place, tick_e8, lot_e8) for place in there]


def newest_candles(house: HouseWithCandles, symbol: int) -> tuple[str, list[Candle]]:
    """Read whose prices they are (empty: not known yet) and a symbol's candles, oldest first."""
    value = house.candles.read()
    if value is None:
        return "", []
    spec = house.spec[symbol]
    told = Columns(value).candles(symbol, int(spec["tick_e8"]), int(spec["lot_e8"]))
    return bytes(value[0]["venue"]).decode(), told

"""Filling holes among the candles from the venue's own list.

Runs in a thread of its own, like the reading of the income ledger: at the start, so that a chart
has a past, and whenever minutes of the last thousand have no whole candle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from hft.binance import endpoints
from hft.binance.rest import Rest, VenueError
from hft.errors import HftError
from hft.ledger.candle_store import first_missing, store_listed
from hft.ledger.courier import Call, Courier
from hft.ledger.inserting import Row
from hft.ledger.manners import Manners
from hft.ledger.periodic import Periodic
from hft.ledger.rows import Names
from hft.ledger.schema import FROM_VENUE
from hft.state.candles import MINUTE_MS
from hft.units import NS_PER_S, parse_e8

EVERY_NS = 60 * NS_PER_S
MINUTES_MAX = 1_000
"""How far back holes are filled; one request's worth."""
LAG_MS = 5_000
"""How long after its end the venue may still correct a minute."""


class CandleSource(msgspec.Struct, frozen=True):
    """Everything one filling needs; `venue` is empty until it is known."""

    engine: Engine
    connect: Callable[[], Rest]
    venue: Callable[[], str]


class CandleRound(msgspec.Struct, frozen=True):
    """The outcome of one filling, ready to be stored."""

    rows: list[Row] = []
    trouble: str = ""
    pause_ns: int = 0
    more: bool = False


class CandleFiller:
    """Starts fillings and sends what they found through the courier of the database."""

    def __init__(
        self,
        source: CandleSource,
        courier: Courier,
        manners: Manners,
        wake: Callable[[], None],
    ) -> None:
        self._engine = source.engine
        self._courier = courier
        self._manners = manners
        self._readings: Periodic[CandleRound] = Periodic(
            "candles",
            EVERY_NS,
            lambda names: read_round(source, names),
            lambda trouble: CandleRound(trouble=trouble),
            wake,
        )
        self.trouble = ""
        self.failures = 0

    def work(self, now_ns: int, names: Callable[[], Names]) -> int:
        """Take in what was read, and read again when it is time; returns the work count."""
        work = self._take()
        if not self._readings.is_due(now_ns):
            return work
        wait_ns = self._manners.wait_ns(now_ns)
        if wait_ns:
            self._readings.put_off(now_ns + wait_ns)
            return work
        return work + self._readings.start(now_ns, names())

    def close(self) -> None:
        """Wait a moment for a reading that is under way."""
        self._readings.close()

    def _take(self) -> int:
        outcome = self._readings.take()
        if outcome is None:
            return 0
        self.trouble = outcome.trouble
        self.failures += bool(outcome.trouble)
        if outcome.rows:
            self._courier.send(Call(lambda: store_listed(self._engine, outcome.rows)))
        return 1


def read_round(source: CandleSource, names: Names) -> CandleRound:
    """Ask for what is missing of every symbol."""
    try:
        venue = source.venue()
        if not venue:
            return CandleRound()
        rest = source.connect()
        try:
            return CandleRound([row for each in names.symbols for row in _read(source, rest, each)])
        finally:
            rest.close()
    except (HftError, SQLAlchemyError, OSError, ValueError) as problem:
        pause_s = problem.retry_after_s if isinstance(problem, VenueError) else 0.0
        trouble = f"{type(problem).__name__}: {problem}".splitlines()[0]
        return CandleRound(trouble=trouble, pause_ns=int(pause_s * NS_PER_S))


def _read(source: CandleSource, rest: Rest, symbol: str) -> list[Row]:
    venue, now_ms = source.venue(), rest.venue_ms() - LAG_MS
    to_ms = now_ms - now_ms % MINUTE_MS
    missing_ms = first_missing(source.engine, venue, symbol, to_ms - MINUTES_MAX * MINUTE_MS, to_ms)
    if missing_ms is None:
        return []
    listed = rest.get(
        endpoints.CANDLES,
        {
            "symbol": symbol,
            "interval": "1m",
            "startTime": missing_ms,
            "endTime": to_ms - 1,
            "limit": (to_ms - missing_ms) // MINUTE_MS,
        },
    )
    return [row_of_listed(venue, symbol, candle) for candle in listed]


def row_of_listed(venue: str, symbol: str, candle: Sequence[Any]) -> Row:
    """Make a row of one element of the venue's `klines`."""
    opened, high, low, close, volume = (parse_e8(text) for text in candle[1:6])
    return {
        "venue": venue,
        "symbol": symbol,
        "minute_ms": int(candle[0]),
        "open_e8": opened,
        "high_e8": high,
        "low_e8": low,
        "close_e8": close,
        "volume_e8": volume,
        "quote_e8": parse_e8(candle[7]),
        "buy_e8": parse_e8(candle[9]),
        "trades": int(candle[8]),
        "whole": 1,
        "source": FROM_VENUE,
    }

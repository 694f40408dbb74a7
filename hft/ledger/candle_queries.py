"""What a chart asks of the kept candles: minutes, and bars summed by the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, Connection, Engine, and_, cast, func, literal, select

from hft.ledger.schema import REAL8, WHOLE, candles, to_real
from hft.state.candles import MINUTE_MS, Candle
from hft.units import E8

_FIELDS = tuple(candles.c[name] for name in Candle._fields)


class Bar(NamedTuple):
    """One candle of any length, for people: prices and volume as floats."""

    ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int


class Series(NamedTuple):
    """Whose candles are meant."""

    venue: str
    symbol: str


def newest_minute(engine: Engine, series: Series, before_ms: int) -> int | None:
    """The newest minute that is kept and begins before a time."""
    query = select(func.max(candles.c.minute_ms)).where(
        _of(series), candles.c.minute_ms < before_ms
    )
    with engine.connect() as connection:
        return connection.execute(query).scalar()


def read_minutes(engine: Engine, series: Series, from_ms: int, before_ms: int) -> list[Candle]:
    """Read the minutes from one time to before another, oldest first."""
    query = (
        select(*_FIELDS)
        .where(_of(series), _between(from_ms, before_ms))
        .order_by(candles.c.minute_ms)
    )
    with engine.connect() as connection:
        return [Candle(*row) for row in connection.execute(query)]


def read_bars(
    engine: Engine, series: Series, interval_ms: int, from_ms: int, before_ms: int
) -> list[Bar]:
    """Sum minutes into bars of `interval_ms`, aligned to 1970 UTC, oldest first.

    Only minutes from `from_ms`, which is the beginning of a bar, to before `before_ms` count.  Each
    bar is a range of the key: grouping would have the database sort every minute of a year first.
    """
    if from_ms >= before_ms:
        return []
    with engine.connect() as connection:
        sums = _sums(connection, series, interval_ms, from_ms, before_ms)
        edges = _edges(connection, series, [minute for row in sums for minute in row[1:3]])
    return [
        Bar(ms, edges[first][0], to_real(high), to_real(low), edges[last][1], volume, int(trades))
        for ms, first, last, high, low, volume, trades in sums
    ]


def merge_bars(minutes: Iterable[Candle], interval_ms: int) -> list[Bar]:
    """Sum candles, oldest first, into bars."""
    bars: list[Bar] = []
    for minute in minutes:
        bar = bar_of(minute, interval_ms)
        if bars and bars[-1].ms == bar.ms:
            bars[-1] = join_bars(bars[-1], bar)
        else:
            bars.append(bar)
    return bars


def join_bars(earlier: Bar, later: Bar) -> Bar:
    """Make one bar of two parts of it."""
    return Bar(
        earlier.ms,
        earlier.open,
        max(earlier.high, later.high),
        min(earlier.low, later.low),
        later.close,
        earlier.volume + later.volume,
        earlier.trades + later.trades,
    )


def bar_of(minute: Candle, interval_ms: int = MINUTE_MS) -> Bar:
    """Make the bar that holds one minute."""
    return Bar(
        minute.minute_ms - minute.minute_ms % interval_ms,
        to_real(minute.open_e8),
        to_real(minute.high_e8),
        to_real(minute.low_e8),
        to_real(minute.close_e8),
        to_real(minute.volume_e8),
        minute.trades,
    )


def _sums(
    connection: Connection, series: Series, interval_ms: int, from_ms: int, before_ms: int
) -> list[tuple[Any, ...]]:
    """By bar: its time, first and last minute, high and low in 1e-8, volume, trades."""
    bars = select(literal(from_ms, WHOLE).label("ms")).cte("bars", recursive=True)
    following = bars.c.ms + literal(interval_ms, WHOLE)
    bars = bars.union_all(select(following).where(following < before_ms))
    as_list = func.json_array if connection.dialect.name == "sqlite" else func.json_build_array
    in_bar = and_(
        _of(series),
        candles.c.minute_ms >= bars.c.ms,
        candles.c.minute_ms < bars.c.ms + literal(interval_ms, WHOLE),
        candles.c.minute_ms < before_ms,
    )
    minute = candles.c.minute_ms
    # In floats: a day's volume in 1e-8 of a coin need not fit into 64 bits.
    volume = func.sum(cast(candles.c.volume_e8, REAL8))
    summed = select(
        as_list(
            func.min(minute),
            func.max(minute),
            func.max(candles.c.high_e8),
            func.min(candles.c.low_e8),
            volume,
            func.sum(candles.c.trades),
        )
    ).where(in_bar)
    query = select(bars.c.ms, summed.correlate(bars).scalar_subquery())
    found = []
    for ms, told in connection.execute(query):
        first, last, high, low, lots, trades = orjson.loads(told) if isinstance(told, str) else told
        if first is not None:
            found.append((int(ms), first, last, high, low, float(lots) / E8, trades))
    return sorted(found)


def _edges(
    connection: Connection, series: Series, minutes: Sequence[int]
) -> dict[int, tuple[float, float]]:
    """By minute: its open and close."""
    query = select(candles.c.minute_ms, candles.c.open_e8, candles.c.close_e8).where(
        _of(series), candles.c.minute_ms.in_(set(minutes))
    )
    return {
        int(minute): (to_real(opened), to_real(closed))
        for minute, opened, closed in connection.execute(query)
    }


def _of(series: Series) -> ColumnElement[bool]:
    return and_(candles.c.venue == series.venue, candles.c.symbol == series.symbol)


def _between(from_ms: int, before_ms: int) -> ColumnElement[bool]:
    return and_(candles.c.minute_ms >= from_ms, candles.c.minute_ms < before_ms)

"""Whole tables for a download: every row, in pages that are never all in memory.

Pages go by key, each with a transaction of its own, so a slow download holds nothing in the
database; a row added meanwhile may be part of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any, NamedTuple

from sqlalchemy import Column, Engine, Select, Text, func, select, tuple_

from hft.ledger.schema import (
    REAL8,
    candles,
    equity,
    events,
    funding,
    markers,
    markouts,
    orders,
    trades,
)

PAGE_ROWS = 2000
BEFORE_ANY_ID = -1
FILLS_AT_ONCE = PAGE_ROWS // 3
"""Each has a markout for every one of three horizons."""


class Kind(Enum):
    """What the values of a column are."""

    TEXT = "text"
    WHOLE = "whole"
    REAL = "real"
    MONEY = "money"
    """Units of 1e-8."""
    TIME = "time"
    """Milliseconds since 1970, UTC."""


class Field(NamedTuple):
    """One column of an export."""

    name: str
    kind: Kind


class _Source(NamedTuple):
    columns: tuple[Column[Any], ...]
    time: Column[Any]
    key: tuple[Column[Any], ...]


def _own(table: Any, time: str, *key: str) -> _Source:
    # What a REAL column says an exact one says, too, and to the last digit.
    twins = {"price", "quantity", "pnl", "fee"} if table is trades else set()
    columns = tuple(column for column in table.c if column.name not in twins)
    return _Source(columns, table.c[time], tuple(table.c[name] for name in key or ("id",)))


_FILL_OF_MARKOUT = ("exchange_ts_ms", "account_epoch", "symbol", "side", "strategy", "trade_id")
_OF_MARKOUT = (*markouts.c, *(trades.c[name] for name in (*_FILL_OF_MARKOUT, "qty_e8", "maker")))

_SOURCES = {
    "trades": _own(trades, "exchange_ts_ms"),
    "orders": _own(orders, "updated_ms"),
    "funding": _own(funding, "ts_ms"),
    "equity": _own(equity, "ts_ms"),
    "events": _own(events, "ts_ms"),
    "candles": _own(candles, "minute_ms", "venue", "symbol", "minute_ms"),
    "markouts": _Source(_OF_MARKOUT, trades.c.exchange_ts_ms, (markouts.c.id,)),
}
EXPORTS = tuple(_SOURCES)
_INDEXED_BY_TIME = ("trades", "orders", "funding", "events")


class Wanted(NamedTuple):
    """Which rows: of a table, from a time (inclusive) to another (exclusive); None: of all times.

    `hidden`: with the trades, payments and markouts a clearing hid.
    """

    what: str
    from_ms: int | None = None
    to_ms: int | None = None
    hidden: bool = False


def fields_of(what: str) -> list[Field]:
    """Name the columns of an export: money without ``_e8``, times with ``_utc`` for ``_ms``."""
    return [_field(column) for column in _SOURCES[what].columns]


def read_pages(engine: Engine, wanted: Wanted) -> Iterator[Sequence[tuple[Any, ...]]]:
    """Read all rows, values as the tables have them, in the order of their keys or of their times.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be read.
    """
    source = _SOURCES[wanted.what]
    query = _query(source, wanted)
    if wanted.what == "markouts":
        yield from _pages_of_markouts(engine, query)
        return
    key, last = source.key, None
    if _goes_by_time(wanted):
        key = (source.time, *source.key)
        last = None if wanted.from_ms is None else (wanted.from_ms, BEFORE_ANY_ID)
    query = query.order_by(*key).limit(PAGE_ROWS)
    places = [source.columns.index(column) for column in key]
    while True:
        page = query if last is None else query.where(tuple_(*key) > tuple_(*last))
        with engine.connect() as connection:
            rows = [tuple(row) for row in connection.execute(page)]
        if rows:
            yield rows
        if len(rows) < PAGE_ROWS:
            return
        last = tuple(rows[-1][place] for place in places)


def _goes_by_time(wanted: Wanted) -> bool:
    """Whether rows come in the order of their times: within a range they do, as an index has them.

    Otherwise the database would look through the whole range again for every page.
    """
    is_range = (wanted.from_ms, wanted.to_ms) != (None, None)
    return is_range and wanted.what in _INDEXED_BY_TIME


def _pages_of_markouts(engine: Engine, query: Select[Any]) -> Iterator[Sequence[tuple[Any, ...]]]:
    """Go by ranges of fills, told of both tables: a server would join whole ones for every page."""
    fill, of_fill = trades.c.id, markouts.c.trade_row
    ends = query.with_only_columns(func.min(of_fill), func.max(of_fill))
    with engine.connect() as connection:
        first, last = connection.execute(ends).one()
    if first is None:
        return
    for begin in range(first, last + 1, FILLS_AT_ONCE):
        end = begin + FILLS_AT_ONCE - 1
        page = query.where(fill.between(begin, end), of_fill.between(begin, end))
        with engine.connect() as connection:
            found = connection.execute(page.order_by(of_fill, markouts.c.horizon_ms))
            rows = [tuple(row) for row in found]
        if rows:
            yield rows


def _query(source: _Source, wanted: Wanted) -> Select[Any]:
    query = select(*source.columns)
    if wanted.what == "markouts":
        query = query.join_from(markouts, trades, trades.c.id == markouts.c.trade_row)
    # Where the pages go by time, the first one's key says from when on; a server that hears of both
    # ends believes in few rows, and sorts all of them for every page.
    if wanted.from_ms is not None and not _goes_by_time(wanted):
        query = query.where(source.time >= wanted.from_ms)
    if wanted.to_ms is not None:
        query = query.where(source.time < wanted.to_ms)
    if not wanted.hidden and wanted.what in ("trades", "markouts"):
        newest = select(func.coalesce(func.max(markers.c.last_trade_id), 0))
        query = query.where(trades.c.id > newest.scalar_subquery())
    if not wanted.hidden and wanted.what == "funding":
        cleared = select(func.coalesce(func.max(markers.c.cleared_ms), 0))
        query = query.where(funding.c.ts_ms > cleared.scalar_subquery())
    return query


def _field(column: Column[Any]) -> Field:
    name = column.name
    if isinstance(column.type, Text):
        return Field(name, Kind.TEXT)
    if column.type is REAL8:
        return Field(name, Kind.REAL)
    if name.endswith("_e8"):
        return Field(name.removesuffix("_e8"), Kind.MONEY)
    if name.endswith("_ms") and name != "horizon_ms":
        return Field(f"{name.removesuffix('_ms')}_utc", Kind.TIME)
    return Field(name, Kind.WHOLE)

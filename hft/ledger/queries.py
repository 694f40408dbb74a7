"""What the dashboard asks of the table of trades: pages of rows; and clearing the history.

All of it looks only at rows after the newest marker.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, Select, func, insert, select, tuple_

from hft.ledger.database import writing
from hft.ledger.schema import markers, trades

LIMIT_MAX = 1001
"""A page of a thousand, and the one that tells whether there is another page."""

SHOWN = (
    "id",
    "exchange_ts_ms",
    "symbol",
    "side",
    "price",
    "quantity",
    "pnl",
    "fee",
    "fee_currency",
    "strategy",
    "order_id",
    "exec_id",
    "client_order_id",
    "trade_id",
    "price_e8",
    "qty_e8",
    "pnl_e8",
    "fee_e8",
    "maker",
    "source",
)


def list_trades(
    engine: Engine,
    limit: int = 100,
    offset: int = 0,
    from_ms: int | None = None,
    to_ms: int | None = None,
    before_id: int | None = None,
) -> list[dict[str, Any]]:
    """Trades since the marker, newest first, as dictionaries of the columns in `SHOWN`.

    `from_ms` (inclusive) and `to_ms` (exclusive) narrow the venue's time; at most `LIMIT_MAX` come
    at once.  `before_id` is the id of the last trade of the page before: what is older comes, and
    how far back it lies costs nothing.  After an id that is not there nothing comes.
    """
    columns = trades.c
    order = (columns.exchange_ts_ms.desc(), columns.id.desc())
    wanted = since_marker(select(columns.id))
    if from_ms is not None:
        wanted = wanted.where(columns.exchange_ts_ms >= from_ms)
    if to_ms is not None:
        wanted = wanted.where(columns.exchange_ts_ms < to_ms)
    if before_id is not None:
        seen = trades.alias()
        time = select(seen.c.exchange_ts_ms).where(seen.c.id == before_id).scalar_subquery()
        wanted = wanted.where(tuple_(columns.exchange_ts_ms, columns.id) < tuple_(time, before_id))
    # The index alone finds the ids; rows that are skipped are never read.
    wanted = wanted.order_by(*order).limit(max(0, min(limit, LIMIT_MAX))).offset(max(0, offset))
    query = select(*(columns[name] for name in SHOWN)).where(columns.id.in_(wanted))
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query.order_by(*order)).mappings()]


def clear_history(engine: Engine, now_ms: int) -> None:
    """Hide every trade there is now from the other queries; nothing is deleted."""
    newest = select(func.coalesce(func.max(trades.c.id), 0)).scalar_subquery()
    with writing(engine) as connection:
        connection.execute(insert(markers).values(cleared_ms=now_ms, last_trade_id=newest))


def since_marker(query: Select[Any]) -> Select[Any]:
    """Narrow a query of trades to the rows behind the newest marker."""
    newest = select(func.coalesce(func.max(markers.c.last_trade_id), 0)).scalar_subquery()
    return query.where(trades.c.id > newest)

"""One order with its fills, out of the database, for whoever tells its story."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, select

from hft.ledger.schema import events, orders, trades
from hft.units import NS_PER_MS

Row = dict[str, Any]

_FILL = (
    "exchange_ts_ms",
    "monotonic_ns",
    "source",
    "trade_id",
    "price_e8",
    "qty_e8",
    "pnl_e8",
    "fee_e8",
    "fee_currency",
    "maker",
)


def read_order(engine: Engine, session_epoch: int, intent_seq: int) -> Row | None:
    """Read the order of a session's intent as it stands or as it ended; None: there is none."""
    query = select(orders).where(
        orders.c.session_epoch == session_epoch, orders.c.intent_seq == intent_seq
    )
    with engine.connect() as connection:
        row = connection.execute(query).mappings().first()
    return None if row is None else {str(name): value for name, value in row.items()}


def read_fills(engine: Engine, account_epoch: str, client_order_id: str) -> list[Row]:
    """List what was filled of an order, oldest first; money in units of 1e-8."""
    query = (
        select(*(trades.c[name] for name in _FILL))
        .where(trades.c.account_epoch == account_epoch, trades.c.client_order_id == client_order_id)
        .order_by(trades.c.exchange_ts_ms, trades.c.id)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).mappings()
        return [{str(name): value for name, value in row.items()} for row in rows]


def read_wall_less_local_ns(engine: Engine, session_epoch: int) -> int | None:
    """Say how a session's wall clock stood to its monotonic one, by any of its log records.

    To the millisecond; None: none of its records is kept.
    """
    query = select(events.c.ts_ms, events.c.ns).where(events.c.session_epoch == session_epoch)
    with engine.connect() as connection:
        row = connection.execute(query.limit(1)).first()
    return None if row is None else int(row.ts_ms) * NS_PER_MS - int(row.ns)

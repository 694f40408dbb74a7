"""Writing orders to the database: one row each, which only ever gets better known.

What is told late, twice, or by the venue after our own reports never takes a row back: an order
that has ended stays ended, and what was filled does not shrink.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
)

from hft.events import FIRST_TERMINAL_STATE, OrderState, Status
from hft.ledger.database import writing
from hft.ledger.inserting import Insert, Row, insert_into
from hft.ledger.schema import orders, trades

KEY = ("account_epoch", "session_epoch", "intent_seq")
ENDED = (
    *(state.name for state in OrderState if state >= FIRST_TERMINAL_STATE),
    Status.DENIED.name,
)
"""Words of `orders.state` after which nothing more is expected."""


def store_orders(engine: Engine, rows: Sequence[Row]) -> None:
    """Store orders in a transaction of their own."""
    with writing(engine) as connection:
        put_orders(connection, rows)


def put_orders(connection: Connection, rows: Sequence[Row]) -> None:
    """Store orders as they stand, oldest news first, and sum the fees and P&L of their fills."""
    if not rows:
        return
    table = insert_into(connection, orders)
    statement = table.on_conflict_do_update(
        index_elements=KEY,
        set_={name: _better(table, name) for name in rows[0] if name not in KEY},
        where=_goes_forward(table),
    )
    connection.execute(statement, list(rows))
    sum_fills(connection, [row["client_order_id"] for row in rows if row["filled_e8"]])


def sum_fills(connection: Connection, client_order_ids: Sequence[str]) -> None:
    """Sum the fees and the P&L of the fills of orders again, after their fills changed."""
    mine = and_(
        trades.c.client_order_id == orders.c.client_order_id,
        trades.c.account_epoch == orders.c.account_epoch,
    )
    of_fills = {
        "fee_e8": _sum(trades.c.fee_value_e8, mine),
        "realised_e8": _sum(trades.c.pnl_e8, mine),
    }
    statement = orders.update().where(orders.c.client_order_id == bindparam("name"))
    names = [{"name": name} for name in dict.fromkeys(client_order_ids)]
    if names:
        connection.execute(statement.values(of_fills), names)


def _sum(column: ColumnElement[Any], mine: ColumnElement[bool]) -> Any:
    # A server sums whole numbers into decimals; what is stored is a whole number again.
    total = func.coalesce(func.sum(column), 0).cast(orders.c.fee_e8.type)
    return select(total).where(mine).scalar_subquery()


def _better(table: Insert, name: str) -> Any:
    new, old = table.excluded[name], orders.c[name]
    if name == "strategy":
        return case((new == "", old), else_=new)
    return func.coalesce(new, old) if orders.c[name].nullable else new


def _goes_forward(table: Insert) -> ColumnElement[bool]:
    new = table.excluded
    return and_(
        new.filled_e8 >= orders.c.filled_e8,
        or_(orders.c.state.not_in(ENDED), new.state.in_(ENDED)),
    )

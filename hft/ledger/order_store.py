"""Writing orders to the database: one row each, which only ever gets better known.

What is told late, twice, or by the venue after our own reports never takes a row back: an order
that has ended stays ended, and what was filled does not shrink.  What writes runs inside a
transaction of the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    case,
    func,
    or_,
    select,
)

from hft.events import OrderState
from hft.ledger.inserting import Insert, Row, insert_into
from hft.ledger.schema import orders, trades

KEY = ("account_epoch", "session_epoch", "intent_seq")
SUMMED = ("fee_e8", "realised_e8")
"""What only the fills tell."""


def put_orders(connection: Connection, rows: Sequence[Row]) -> None:
    """Store orders as they stand, oldest news first, and sum the fees and P&L of their fills."""
    if not rows:
        return
    table = insert_into(connection, orders)
    statement = table.on_conflict_do_update(
        index_elements=KEY,
        set_={name: _better(table, name) for name in rows[0] if name not in (*KEY, *SUMMED)},
        where=_goes_forward(table),
    )
    connection.execute(statement, list(rows))
    filled = [row["client_order_id"] for row in rows if row["filled_e8"]]
    sum_fills(connection, rows[0]["account_epoch"], filled)


def sum_fills(connection: Connection, account_epoch: str, client_order_ids: Sequence[str]) -> None:
    """Sum the fees and the P&L of an account's orders again, after their fills changed."""
    mine = and_(
        trades.c.client_order_id == orders.c.client_order_id,
        trades.c.account_epoch == orders.c.account_epoch,
    )
    of_fills = {
        "fee_e8": _sum(trades.c.fee_value_e8, mine),
        "realised_e8": _sum(trades.c.pnl_e8, mine),
    }
    names = list(dict.fromkeys(client_order_ids))
    changed = and_(orders.c.account_epoch == account_epoch, orders.c.client_order_id.in_(names))
    statement = orders.update().where(changed)
    connection.execute(statement.values(of_fills))


def _sum(column: ColumnElement[Any], mine: ColumnElement[bool]) -> Any:
    # A server sums whole numbers into decimals; what is stored is a whole number again.
    total = func.coalesce(func.sum(column), 0).cast(orders.c.fee_e8.type)
    return select(total).where(mine).scalar_subquery()


def _better(table: Insert, name: str) -> Any:
    new, old = table.excluded[name], orders.c[name]
    if name in ("strategy", "reason"):
        # The venue's list does not say.
        return case((new == ("" if name == "strategy" else 0), old), else_=new)
    if name == "sent_ms":
        return func.coalesce(old, new)
    return func.coalesce(new, old) if orders.c[name].nullable else new


def _goes_forward(table: Insert) -> ColumnElement[bool]:
    new, old = table.excluded, orders.c
    # That it was sent is the first there is to know of it; the rest is told in the order of time.
    newer = and_(
        old.finished_ms.is_(None),
        new.state != OrderState.SENT.name,
        new.updated_ms >= old.updated_ms,
    )
    return and_(new.filled_e8 >= old.filled_e8, or_(new.finished_ms.is_not(None), newer))


def ended_orders(
    engine: Engine, account_epoch: str, client_order_ids: Sequence[str]
) -> dict[str, int]:
    """Which of these orders are known to have ended, and what was filled of them."""
    query = select(orders.c.client_order_id, orders.c.filled_e8).where(
        orders.c.account_epoch == account_epoch,
        orders.c.client_order_id.in_(client_order_ids),
        orders.c.finished_ms.is_not(None),
    )
    with engine.connect() as connection:
        return {str(name): int(filled_e8) for name, filled_e8 in connection.execute(query)}


def open_orders(engine: Engine, account_epoch: str, symbol: str, until_ms: int) -> list[Row]:
    """Orders of a symbol that have not ended, with nothing told since then, oldest first."""
    query = (
        select(*(column for column in orders.c if column.name != "id"))
        .where(
            orders.c.account_epoch == account_epoch,
            orders.c.symbol == symbol,
            orders.c.finished_ms.is_(None),
            orders.c.updated_ms < until_ms,
        )
        .order_by(orders.c.id)
    )
    with engine.connect() as connection:
        return [
            {str(name): value for name, value in row.items()}
            for row in connection.execute(query).mappings()
        ]

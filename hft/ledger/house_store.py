"""Writing what happened to the house: its runs, and the events its processes told.

Each function is one transaction and may be asked again with the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Engine, and_, func, select

from hft.ledger.database import writing
from hft.ledger.inserting import Row, insert_missing
from hft.ledger.schema import events, orders, sessions, trades

ASKED = "stopped as asked"
KILLED = "ended without a word"


def store_session(engine: Engine, row: Row) -> None:
    """Note a run of the house; a run that is noted already is left alone."""
    with writing(engine) as connection:
        insert_missing(connection, sessions, [row])


def strategy_of_session(engine: Engine, session_epoch: int) -> str:
    """Strategy a run of the house was started with; empty when the run is not known."""
    query = select(sessions.c.strategy).where(sessions.c.session_epoch == session_epoch)
    with engine.connect() as connection:
        return connection.execute(query).scalar_one_or_none() or ""


def meet_account(engine: Engine, session_epoch: int, account_epoch: str) -> None:
    """Note whose account a run trades on, and that the account's earlier runs are over.

    A run that was killed left no end: it ended no later than this one began.
    """
    mine = sessions.c.session_epoch == session_epoch
    began = select(sessions.c.started_ms).where(mine).scalar_subquery()
    left = and_(
        sessions.c.account_epoch == account_epoch,
        sessions.c.session_epoch < session_epoch,
        sessions.c.ended.is_(None),
    )
    with writing(engine) as connection:
        began_ms = connection.execute(select(began)).scalar_one()
        connection.execute(sessions.update().where(mine).values(account_epoch=account_epoch))
        epochs = select(sessions.c.session_epoch).where(left)
        for epoch in connection.execute(epochs).scalars().all():
            _end(connection, epoch, {"ended_ms": began_ms, "ended": KILLED})


def end_session(engine: Engine, session_epoch: int, ended_ms: int) -> None:
    """Note that a run of the house ended as it was asked to."""
    with writing(engine) as connection:
        _end(connection, session_epoch, {"ended_ms": ended_ms, "ended": ASKED})


def _end(connection: Connection, session_epoch: int, how: Row) -> None:
    mine = sessions.c.session_epoch == session_epoch
    account = select(sessions.c.account_epoch).where(mine).scalar_subquery()
    # Another account's run may bear the same number in a shared database.
    of_session = and_(orders.c.session_epoch == session_epoch, orders.c.account_epoch == account)
    same = and_(
        trades.c.client_order_id == orders.c.client_order_id,
        trades.c.account_epoch == orders.c.account_epoch,
    )
    fills = select(func.count()).select_from(orders.join(trades, same)).where(of_session)
    made = select(func.count()).select_from(orders).where(of_session)
    counts = {"fills": fills.scalar_subquery(), "orders": made.scalar_subquery()}
    connection.execute(sessions.update().where(mine).values(how | counts))


def store_events(engine: Engine, rows: Sequence[Row]) -> int:
    """Store events; returns how many were not there yet."""
    with writing(engine) as connection:
        return insert_missing(connection, events, rows)

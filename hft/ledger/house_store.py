"""Writing what happened to the house: its runs, and the events its processes told.

Each function is one transaction and may be asked again with the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine, func, select

from hft.ledger.database import writing
from hft.ledger.inserting import Row, insert_missing
from hft.ledger.schema import events, sessions


def store_session(engine: Engine, row: Row) -> None:
    """Note a run of the house; a run that is noted already is left alone."""
    with writing(engine) as connection:
        insert_missing(connection, sessions, [row])


def strategy_of_session(engine: Engine, session_epoch: int) -> str:
    """Strategy a run of the house was started with; empty when the run is not known."""
    query = select(sessions.c.strategy).where(sessions.c.session_epoch == session_epoch)
    with engine.connect() as connection:
        return connection.execute(query).scalar_one_or_none() or ""


def end_session(engine: Engine, session_epoch: int, row: Row) -> None:
    """Note how a run of the house ended: columns of `sessions`; the last word stands."""
    mine = sessions.c.session_epoch == session_epoch
    with writing(engine) as connection:
        connection.execute(sessions.update().where(mine).values(row))


def store_events(engine: Engine, rows: Sequence[Row]) -> int:
    """Store events; returns how many were not there yet."""
    with writing(engine) as connection:
        return insert_missing(connection, events, rows)


def newest_event_ms(engine: Engine) -> int:
    """Time of the newest event that is stored; 0 when there is none."""
    with engine.connect() as connection:
        return int(connection.execute(select(func.max(events.c.ts_ms))).scalar_one() or 0)

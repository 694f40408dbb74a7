"""Adding rows that may be there already, in the words of whichever database it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

Row = dict[str, Any]

Insert = postgresql.Insert | sqlite.Insert


def insert_into(connection: Connection, table: Table) -> Insert:
    """Begin an INSERT that can say what to do about a row that is there."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def insert_missing(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    """Add the rows whose keys are not there yet; returns how many that were."""
    if not rows:
        return 0
    # Rows are counted as they come back: not every driver counts those of many statements.
    first = next(iter(table.c))
    statement = insert_into(connection, table).on_conflict_do_nothing().returning(first)
    return len(connection.execute(statement, list(rows)).all())

"""Writing what happened to the account: the venue's income ledger, and what it was worth.

Each function is one transaction and may be asked again with the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine

from hft.ledger.database import writing
from hft.ledger.inserting import Row, insert_missing
from hft.ledger.schema import equity, funding


def store_funding(engine: Engine, rows: Sequence[Row]) -> int:
    """Store lines of the income ledger; returns how many were not there yet."""
    with writing(engine) as connection:
        return insert_missing(connection, funding, rows)


def store_equity(engine: Engine, row: Row) -> None:
    """Store what an account was worth at one moment, once."""
    with writing(engine) as connection:
        insert_missing(connection, equity, [row])

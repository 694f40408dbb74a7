"""A database as anybody reads it: with its own driver, beside the ledger."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg


def plain_url(place: str) -> str:
    """The address as the driver itself wants it."""
    return place.replace("postgresql+psycopg://", "postgresql://")


def ask(place: str, query: str) -> list[tuple[Any, ...]]:
    """Every row of an answer."""
    return [tuple(row.values()) for row in ask_rows(place, query)]


def ask_rows(place: str, query: str) -> list[dict[str, Any]]:
    """Every row of an answer, by the names of the columns."""
    if "://" in place:
        with psycopg.connect(plain_url(place), row_factory=psycopg.rows.dict_row) as server:
            return server.execute(query.encode()).fetchall()
    with closing(sqlite3.connect(place)) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(query)]


def run(place: str, *statements: str) -> None:
    """Carry out statements, all or none."""
    if "://" in place:
        with psycopg.connect(plain_url(place)) as server:
            for statement in statements:
                server.execute(statement.encode())
        return
    with closing(sqlite3.connect(place)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


@contextmanager
def locked(place: str) -> Iterator[None]:
    """Keep everybody else from writing."""
    if "://" in place:
        with psycopg.connect(plain_url(place)) as server:
            server.execute("LOCK TABLE trades, orders IN ACCESS EXCLUSIVE MODE")
            yield
            server.rollback()
        return
    with closing(sqlite3.connect(place, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield
        database.execute("ROLLBACK")

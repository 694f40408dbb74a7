"""Opening the ledger's database: one place for its settings and for bringing its schema up to date.

SQLite runs in WAL mode so that the dashboard reads while the ledger commits.  Transactions begin
when they say so: a writer takes the write lock at once (`writing`), because one that reads first
and writes later can be refused without the busy timeout being honoured.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import alembic.command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import URL
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_TIMEOUT_MS = 5000
MIGRATION_LOCK = 0x4846544C
"""Names the advisory lock under which two processes do not migrate a server's database at once."""

_MIGRATIONS = Path(__file__).parent / "migrations"


def open_database(place: str | Path) -> Engine:
    """Open the database at a file path or an SQLAlchemy URL and migrate it to the newest schema.

    A missing file is made (its folder must be there); a database of the former system's schema is
    taken over without loss.  The caller disposes of the engine.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: it cannot be opened, read or migrated.
    """
    engine = create_engine(_url_of(place))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _settle_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    try:
        _migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Hold one write transaction: committed at the end of the block, rolled back if it raises."""
    with engine.execution_options(writes=True).begin() as connection:
        yield connection


def migrations_config(connection: Connection) -> Config:
    """Make what alembic's commands want, to run on `connection` inside its transaction."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def sync_to_disk(engine: Engine) -> None:
    """Ask SQLite to bring the write-ahead log to the disk; a database server does so by itself."""
    if engine.dialect.name == "sqlite":
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            # PASSIVE never waits for a reader; the log itself is synced before anything else.
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")


def _url_of(place: str | Path) -> str | URL:
    if isinstance(place, str) and "://" in place:
        return place
    return URL.create("sqlite", database=str(place))


def _settle_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    # The driver would otherwise open transactions by its own rules, and commit around schema
    # changes.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("isolation_level") == "AUTOCOMMIT":
        return
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes") else "BEGIN")


def _migrate(engine: Engine) -> None:
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        alembic.command.upgrade(migrations_config(connection), "head")

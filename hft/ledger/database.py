"""Opening the ledger's database: one place for its settings and for bringing its schema up to date.

SQLite runs in WAL mode so that the dashboard reads while the ledger commits.  Transactions begin
when they say so: a writer takes the write lock at once (`writing`), because one that reads first
and writes later can be refused without the busy timeout being honoured.

A PostgreSQL server may go away at any time: a connection is tried before it is used, and a network
that swallows everything is noticed within `SILENCE_MAX_S`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import alembic.command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from hft.clock import Deadline, sleep_s

BUSY_TIMEOUT_MS = 5000
MS_PER_S = 1000
WAL_RETRY_S = 0.01
SILENCE_MAX_S = 15
MIGRATION_LOCK = 0x4846544C
"""Names the advisory lock under which two processes do not migrate a server's database at once."""

_MIGRATIONS = Path(__file__).parent / "migrations"


class SchemaUnknown(SQLAlchemyError):
    """The database has a schema this release does not know."""


def open_database(place: str | Path) -> Engine:
    """Open the database at a file path or an SQLAlchemy URL and migrate it to the newest schema.

    A missing file is made (its folder must be there); a database of the former system's schema is
    taken over without loss.  The caller disposes of the engine.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: it cannot be opened, read or migrated (`SchemaUnknown`: a
            newer release made it).
    """
    engine = connect_database(place)
    try:
        _migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def connect_database(place: str | Path) -> Engine:
    """Prepare the connections to a database; nothing is opened, made or migrated yet.

    Raises:
        sqlalchemy.exc.ArgumentError, ImportError: no such kind of database, or no driver for it.
    """
    url = make_url(str(place)) if _is_url(place) else URL.create("sqlite", database=str(place))
    if url.get_backend_name() == "postgresql":
        return create_engine(url, pool_pre_ping=True, connect_args=_server_patience(url))
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _settle_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Hold one write transaction: committed at the end of the block, rolled back if it raises."""
    with engine.execution_options(sqlite_begin="BEGIN IMMEDIATE").begin() as connection:
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
        with engine.execution_options(sqlite_begin="").connect() as connection:
            # PASSIVE never waits for a reader; the log itself is synced before anything else.
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")


def shown_place(place: str | Path) -> str:
    """Write the place of a database without its password."""
    if not _is_url(place):
        return str(place)
    try:
        url = make_url(str(place))
    except ArgumentError:
        return "of the settings"
    hidden = {name: "***" for name in url.query if "password" in name}
    return url.update_query_dict(hidden).render_as_string().replace("%2A%2A%2A", "***")


def why_unusable(problem: Exception) -> str:
    """Say in one line why a database cannot be used; an address is never part of it."""
    if isinstance(problem, NoSuchModuleError):
        return "there is no such kind of database here; write sqlite:/// or postgresql+psycopg://"
    if isinstance(problem, ImportError):
        return (
            f"its driver {problem.name} is not installed; that of postgresql+psycopg:// comes with "
            "pip install 'psycopg[binary]'"
        )
    if isinstance(problem, ArgumentError):
        return "the address cannot be read; write postgresql+psycopg://hft:***@host/name"
    lines = str(getattr(problem, "orig", None) or problem).splitlines()
    return " ".join(line.strip() for line in lines if line.strip()).rstrip(".")


def _is_url(place: str | Path) -> bool:
    return "://" in str(place)


def _server_patience(url: URL) -> dict[str, str | int]:
    patience: dict[str, str | int] = {
        "connect_timeout": BUSY_TIMEOUT_MS // MS_PER_S or 1,
        "keepalives_idle": SILENCE_MAX_S // 3,
        "keepalives_interval": SILENCE_MAX_S // 3,
        "keepalives_count": 2,
        "tcp_user_timeout": SILENCE_MAX_S * MS_PER_S,
        "application_name": "hft",
    }
    patience = {name: value for name, value in patience.items() if name not in url.query}
    options = f"{url.query.get('options', '')} -c lock_timeout={BUSY_TIMEOUT_MS}"
    return patience | {"options": options.strip()}


def _settle_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    # The driver would otherwise open transactions by its own rules, and commit around schema
    # changes.
    connection.isolation_level = None
    patience = f"busy_timeout = {BUSY_TIMEOUT_MS}"
    for pragma in (patience, "synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}").close()
    _use_wal(connection)


def _use_wal(connection: sqlite3.Connection) -> None:
    # Two processes that open a new file together: SQLite refuses this one statement without the
    # patience it has everywhere else.
    deadline = Deadline(BUSY_TIMEOUT_MS / MS_PER_S)
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.OperationalError as problem:
            if problem.sqlite_errorcode != sqlite3.SQLITE_BUSY or deadline.passed():
                raise
            sleep_s(WAL_RETRY_S)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    statement = connection.get_execution_options().get("sqlite_begin", "BEGIN")
    if statement:
        connection.exec_driver_sql(statement)


def _migrate(engine: Engine) -> None:
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        try:
            alembic.command.upgrade(migrations_config(connection), "head")
        except CommandError as problem:
            raise SchemaUnknown(f"its schema is not known to this release ({problem})") from problem

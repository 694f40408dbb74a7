"""The database: can it be opened, is it what this release knows, does SQLite keep its journal."""

from __future__ import annotations

from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.exc import SQLAlchemyError

from hft.doctor.report import Finding, failed, passed, warned
from hft.ledger.database import (
    connect_database,
    migrations_config,
    shown_place,
    why_unusable,
)

_FIX = "check [storage] database_url, and that its server runs and lets this user in"


def check_database(database_url: str, data_dir: Path) -> Finding:
    """Look at the database without making or migrating it."""
    place = database_url or str(data_dir / "trades.db")
    try:
        file = _file_of(place)
        if file and not file.exists():
            return passed("database", f"{file} will be made at the first start")
        engine = _only_looking(file) if file else connect_database(place)
        try:
            with engine.connect() as connection:
                return _judge(connection, shown_place(place))
        finally:
            engine.dispose()
    except (SQLAlchemyError, CommandError, ImportError, OSError) as problem:
        what = f"{shown_place(place)} cannot be opened: {why_unusable(problem)}"
        return failed("database", what, _FIX)


def _file_of(place: str) -> Path | None:
    """Name the file of an SQLite database; None where a server has it."""
    if "://" not in place:
        return Path(place)
    url = make_url(place)
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def _only_looking(file: Path) -> Engine:
    """Open an SQLite file as one that may only be read: looking must not change it."""
    return create_engine(f"sqlite:///file:{file}?mode=ro&uri=true")


def _judge(connection: Connection, place: str) -> Finding:
    context = MigrationContext.configure(connection)
    found = context.get_current_revision()
    script = ScriptDirectory.from_config(migrations_config(connection))
    known = {each.revision for each in script.walk_revisions()}
    if found is not None and found not in known:
        return failed(
            "database",
            f"{place} was made by a newer release (schema {found})",
            "install that release, or name another database",
        )
    newest = script.get_current_head()
    schema = "is of the newest schema" if found == newest else "is migrated at the next start"
    if connection.dialect.name == "sqlite":
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
        if mode != "wal":
            return warned(
                "database",
                f"{place} {schema}; its journal is {mode}, not WAL, until then",
                "start the engine once",
            )
    return passed("database", f"{place} opens and {schema}")

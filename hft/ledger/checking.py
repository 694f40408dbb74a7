"""Saying whether the database can be used, before anything depends on it.  Nothing is made or
migrated by looking.
"""

from __future__ import annotations

import os
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, func, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from hft.errors import HftError
from hft.ledger.database import connect_database, migrations_config, shown_place, why_unusable
from hft.ledger.schema import trades


class DatabaseRefused(HftError):
    """The database cannot be used as it is; the sentence says what to do."""


def check_database(place: str | Path) -> str:
    """Say in one sentence what is at the place of the trade database.

    Raises:
        DatabaseRefused: a run could not use it.
    """
    if "://" not in str(place) and not Path(place).exists():
        return _check_folder(Path(place))
    try:
        engine = connect_database(place)
        try:
            return _look(engine, shown_place(place))
        finally:
            engine.dispose()
    except (SQLAlchemyError, ImportError) as problem:
        what = f"the database {shown_place(place)} cannot be opened"
        raise DatabaseRefused(f"{what}: {why_unusable(problem)}") from problem


def _check_folder(place: Path) -> str:
    folder = next(parent for parent in place.absolute().parents if parent.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DatabaseRefused(f"the database {place} cannot be made: {folder} is not writable")
    return f"SQLite will make {place}"


def _look(engine: Engine, shown: str) -> str:
    with engine.connect() as connection:
        version = ".".join(str(part) for part in (engine.dialect.server_version_info or ()))
        kind = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(engine.dialect.name, "")
        return f"{kind} {version} at {shown}: {_contents(connection, shown)}"


def _contents(connection: Connection, shown: str) -> str:
    script = ScriptDirectory.from_config(migrations_config(connection))
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is not None and revision not in {each.revision for each in script.walk_revisions()}:
        raise DatabaseRefused(
            f"the database {shown} has schema {revision}, which a newer release made: use that one"
        )
    if not inspect(connection).has_table("trades"):
        return "empty, its tables will be made"
    count = connection.execute(select(func.count()).select_from(trades)).scalar_one()
    head = script.get_current_head()
    state = "up to date" if revision == head else f"will be migrated to schema {head}"
    return f"{count} fills, schema {revision or 'of the former system'}, {state}"

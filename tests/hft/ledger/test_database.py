"""Opening the database: a new one, those of the former system, and two at once."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import alembic.command
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DatabaseError
from sqlalchemy.schema import CreateTable

from hft.ledger.database import migrations_config, open_database, sync_to_disk, writing
from hft.ledger.schema import markers, metadata, to_real, trades

OLDEST = """CREATE TABLE trades (id INTEGER PRIMARY KEY, exchange_ts_ms INTEGER, symbol TEXT,
    side TEXT, price REAL, quantity REAL, pnl REAL, fee REAL, strategy TEXT)"""
FULL = """CREATE TABLE trades (id INTEGER PRIMARY KEY AUTOINCREMENT,
    exchange_ts_ms INTEGER NOT NULL, monotonic_ns INTEGER NOT NULL, symbol TEXT NOT NULL,
    side TEXT NOT NULL, price REAL NOT NULL, quantity REAL NOT NULL, pnl REAL, strategy TEXT,
    order_id TEXT, exec_id TEXT, fee REAL, fee_currency TEXT, raw TEXT)"""
README_QUERIES = (
    "SELECT * FROM trades ORDER BY exchange_ts_ms DESC LIMIT 10",
    "SELECT SUM(pnl) as total_pnl FROM trades",
    "SELECT strategy, COUNT(*), SUM(pnl) FROM trades GROUP BY strategy",
)


def ask(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


def make(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()


def test_the_schema_in_the_code_is_what_the_migrations_make(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "trades.db")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_the_three_queries_of_the_description_work_on_a_new_database(tmp_path: Path) -> None:
    open_database(tmp_path / "trades.db").dispose()
    answers = [ask(tmp_path / "trades.db", query) for query in README_QUERIES]
    assert answers == [[], [(None,)], []]


def test_a_database_of_the_description_is_taken_over_without_loss(tmp_path: Path) -> None:
    path = tmp_path / "trades.db"
    make(
        path,
        OLDEST,
        "INSERT INTO trades VALUES (7, 1000, 'BTCUSDT', 'BUY', 50000.1, 0.01, -0.5, 0.2, 'PING')",
        "INSERT INTO trades VALUES (9, 1001, 'BTCUSDT', 'SELL', 0.1, 0.3, 0.7, NULL, 'MOMENTUM')",
    )
    engine = open_database(path)
    with engine.connect() as connection:
        first, second = connection.execute(select(trades).order_by(trades.c.id)).mappings().all()
    engine.dispose()
    assert (first["id"], first["price"], first["strategy"]) == (7, 50000.1, "PING")
    assert (first["price_e8"], first["qty_e8"]) == (5_000_010_000_000, 1_000_000)
    assert (first["pnl_e8"], first["fee_e8"]) == (-50_000_000, 20_000_000)
    assert (second["price_e8"], second["qty_e8"]) == (10_000_000, 30_000_000)
    assert (second["pnl_e8"], second["fee_e8"]) == (70_000_000, None)
    assert ask(path, README_QUERIES[2]) == [("MOMENTUM", 1, 0.7), ("PING", 1, -0.5)]


def test_a_database_of_the_former_system_is_taken_over_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "trades.db"
    old = "(exchange_ts_ms, monotonic_ns, symbol, side, price, quantity, pnl, strategy, order_id)"
    row = "VALUES (1000, 5, 'BTCUSDT', 'BUY', 50000.0, 0.01, -0.5, 'PING_PONG', 'a')"
    make(path, FULL, f"INSERT INTO trades {old} {row}", f"INSERT INTO trades {old} {row}")
    engine = open_database(path)
    with writing(engine) as connection:
        connection.execute(trades.insert().values(exchange_ts_ms=2, monotonic_ns=3, symbol="X",
            side="BUY", price=1.0, quantity=1.0))  # fmt: skip
        assert sorted(connection.execute(select(trades.c.id)).scalars()) == [1, 2, 3]
    engine.dispose()


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "trades.db"
    open_database(path).dispose()
    before = ask(path, "SELECT name, sql FROM sqlite_master ORDER BY name")
    open_database(path).dispose()
    assert ask(path, "SELECT name, sql FROM sqlite_master ORDER BY name") == before


def test_many_may_open_a_new_database_at_the_same_moment(tmp_path: Path) -> None:
    problems: list[Exception] = []
    together = threading.Barrier(4)

    def open_it() -> None:
        together.wait()
        try:
            open_database(tmp_path / "trades.db").dispose()
        except Exception as problem:  # noqa: BLE001 - told to the test below
            problems.append(problem)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert ask(tmp_path / "trades.db", "SELECT version_num FROM alembic_version") == [("0003",)]


def test_a_failed_migration_leaves_the_old_database_untouched(tmp_path: Path) -> None:
    path = tmp_path / "trades.db"
    # A table of our own name that was not made by us stops the second migration half way.
    make(path, OLDEST, "CREATE TABLE sessions (anything TEXT)")
    before = ask(path, "SELECT name, sql FROM sqlite_master ORDER BY name")
    with pytest.raises(DatabaseError):
        open_database(path)
    assert ask(path, "SELECT name, sql FROM sqlite_master ORDER BY name") == before


def test_the_migrations_can_be_taken_back(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "trades.db")
    with writing(engine) as connection:
        alembic.command.downgrade(migrations_config(connection), "0001")
    with writing(engine) as connection:
        alembic.command.upgrade(migrations_config(connection), "head")
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_sqlite_runs_in_wal_mode_with_patience(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "trades.db")
    with engine.connect() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "busy_timeout", "synchronous", "foreign_keys")
        ]
    assert found == ["wal", 5000, 1, 1]
    sync_to_disk(engine)
    engine.dispose()


def test_a_writer_that_reads_first_is_not_refused(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "trades.db")
    with writing(engine) as connection:
        connection.execute(select(trades)).all()
        with (
            pytest.raises(sqlite3.OperationalError, match="locked"),
            closing(sqlite3.connect(tmp_path / "trades.db", timeout=0)) as other,
        ):
            other.execute("INSERT INTO markers VALUES (1, 1, 1)")
        connection.execute(markers.insert().values(cleared_ms=1, last_trade_id=0))
    engine.dispose()


def test_the_tables_can_be_made_on_a_server_too() -> None:
    texts = [
        str(CreateTable(t).compile(dialect=postgresql.dialect())) for t in metadata.tables.values()
    ]
    whole = "\n".join(texts)
    assert "price DOUBLE PRECISION" in whole
    assert "price_e8 BIGINT" in whole
    assert "id BIGSERIAL NOT NULL" in whole


def test_the_real_columns_are_the_nearest_floats() -> None:
    assert [to_real(value) for value in (6_173_420_000_000, -1, 0)] == [61734.2, -1e-08, 0.0]

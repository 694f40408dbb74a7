"""Opening the database: a new one, those of the former system, and two at once."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import Any

import alembic.command
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select
from sqlalchemy.exc import DatabaseError

from hft.ledger.database import migrations_config, open_database, sync_to_disk, writing
from hft.ledger.schema import markers, metadata, to_real, trades
from tests.hft.ledger.databases import ask, run

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
SQLITE = pytest.mark.parametrize("place", ["sqlite"], indirect=True)


def spelt(statement: str, place: str) -> str:
    """The same table as whoever moved it to a server would have made it."""
    if "://" in place:
        statement = statement.replace("INTEGER PRIMARY KEY AUTOINCREMENT", "BIGSERIAL PRIMARY KEY")
        statement = statement.replace("INTEGER", "BIGINT").replace("REAL", "DOUBLE PRECISION")
    return statement


def tables(place: str) -> list[tuple[Any, ...]]:
    """Everything a database is made of."""
    if "://" not in place:
        return ask(place, "SELECT name, sql FROM sqlite_master ORDER BY name")
    return ask(
        place,
        "SELECT table_name, column_name, data_type, is_nullable, column_default "
        "FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1, 2",
    )


def test_the_schema_in_the_code_is_what_the_migrations_make(place: str) -> None:
    engine = open_database(place)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_the_three_queries_of_the_description_work_on_a_new_database(place: str) -> None:
    open_database(place).dispose()
    answers = [ask(place, query) for query in README_QUERIES]
    assert answers == [[], [(None,)], []]


def test_a_database_of_the_description_is_taken_over_without_loss(place: str) -> None:
    run(
        place,
        spelt(OLDEST, place),
        "INSERT INTO trades VALUES (7, 1000, 'BTCUSDT', 'BUY', 50000.1, 0.01, -0.5, 0.2, 'PING')",
        "INSERT INTO trades VALUES (9, 1001, 'BTCUSDT', 'SELL', 0.1, 0.3, 0.7, NULL, 'MOMENTUM')",
    )
    engine = open_database(place)
    with engine.connect() as connection:
        first, second = connection.execute(select(trades).order_by(trades.c.id)).mappings().all()
    engine.dispose()
    assert (first["id"], first["price"], first["strategy"]) == (7, 50000.1, "PING")
    assert (first["price_e8"], first["qty_e8"]) == (5_000_010_000_000, 1_000_000)
    assert (first["pnl_e8"], first["fee_e8"]) == (-50_000_000, 20_000_000)
    assert (second["price_e8"], second["qty_e8"]) == (10_000_000, 30_000_000)
    assert (second["pnl_e8"], second["fee_e8"]) == (70_000_000, None)
    assert sorted(ask(place, README_QUERIES[2])) == [("MOMENTUM", 1, 0.7), ("PING", 1, -0.5)]


def test_a_database_of_the_former_system_is_taken_over_and_goes_on(place: str) -> None:
    old = "(exchange_ts_ms, monotonic_ns, symbol, side, price, quantity, pnl, strategy, order_id)"
    row = "VALUES (1000, 5, 'BTCUSDT', 'BUY', 50000.0, 0.01, -0.5, 'PING_PONG', 'a')"
    run(
        place,
        spelt(FULL, place),
        f"INSERT INTO trades {old} {row}",
        f"INSERT INTO trades {old} {row}",
    )
    engine = open_database(place)
    with writing(engine) as connection:
        connection.execute(trades.insert().values(exchange_ts_ms=2, monotonic_ns=3, symbol="X",
            side="BUY", price=1.0, quantity=1.0))  # fmt: skip
        assert sorted(connection.execute(select(trades.c.id)).scalars()) == [1, 2, 3]
    engine.dispose()


@pytest.mark.parametrize("statement", [OLDEST, FULL.replace("AUTOINCREMENT", "")])
def test_a_server_that_took_the_former_statement_by_the_word_is_widened(
    postgres_place: str, statement: str
) -> None:
    names = "id, exchange_ts_ms, monotonic_ns, symbol, side, price, quantity"
    run(
        postgres_place,
        statement,
        "ALTER TABLE trades ADD COLUMN IF NOT EXISTS monotonic_ns INTEGER",
        f"INSERT INTO trades ({names}) VALUES (7, 1, 1, 'X', 'BUY', 0.5, 2)",
    )
    engine = open_database(postgres_place)
    with writing(engine) as connection:
        new = {"exchange_ts_ms": 2**41, "monotonic_ns": 2**50, "price": 61734.2, "quantity": 0.1}
        connection.execute(trades.insert().values(symbol="X", side="BUY", **new))
        first, second = connection.execute(select(trades).order_by(trades.c.id)).mappings().all()
    engine.dispose()
    assert (first["id"], first["price_e8"], first["qty_e8"]) == (7, 50_000_000, 200_000_000)
    assert (second["id"], second["exchange_ts_ms"], second["price"]) == (8, 2**41, 61734.2)


def test_opening_again_changes_nothing(place: str) -> None:
    open_database(place).dispose()
    before = tables(place)
    open_database(place).dispose()
    assert tables(place) == before


def test_many_may_open_a_new_database_at_the_same_moment(place: str) -> None:
    problems: list[Exception] = []
    together = threading.Barrier(4)

    def open_it() -> None:
        together.wait()
        try:
            open_database(place).dispose()
        except Exception as problem:  # noqa: BLE001 - told to the test below
            problems.append(problem)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert ask(place, "SELECT version_num FROM alembic_version") == [("0006",)]


def test_a_failed_migration_leaves_the_old_database_untouched(place: str) -> None:
    # A table of our own name that was not made by us stops the second migration half way.
    run(place, OLDEST, "CREATE TABLE sessions (anything TEXT)")
    before = tables(place)
    with pytest.raises(DatabaseError):
        open_database(place)
    assert tables(place) == before


def test_the_migrations_can_be_taken_back(place: str) -> None:
    engine = open_database(place)
    with writing(engine) as connection:
        alembic.command.downgrade(migrations_config(connection), "0001")
    with writing(engine) as connection:
        alembic.command.upgrade(migrations_config(connection), "head")
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


@SQLITE
def test_sqlite_runs_in_wal_mode_with_patience(place: str) -> None:
    engine = open_database(place)
    with engine.connect() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "busy_timeout", "synchronous", "foreign_keys")
        ]
    assert found == ["wal", 5000, 1, 1]
    sync_to_disk(engine)
    engine.dispose()


@SQLITE
def test_a_writer_that_reads_first_is_not_refused(place: str) -> None:
    engine = open_database(place)
    with writing(engine) as connection:
        connection.execute(select(trades)).all()
        with (
            pytest.raises(sqlite3.OperationalError, match="locked"),
            closing(sqlite3.connect(place, timeout=0)) as other,
        ):
            other.execute("INSERT INTO markers VALUES (1, 1, 1)")
        connection.execute(markers.insert().values(cleared_ms=1, last_trade_id=0))
    engine.dispose()


def test_the_real_columns_are_the_nearest_floats() -> None:
    assert [to_real(value) for value in (6_173_420_000_000, -1, 0)] == [61734.2, -1e-08, 0.0]

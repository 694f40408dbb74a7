"""What is said of a database before a run depends on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hft.ledger.checking import DatabaseRefused, check_database
from hft.ledger.database import open_database
from tests.hft.ledger.databases import ask, run
from tests.hft.ledger.test_database import OLDEST

NAME = {False: "SQLite", True: "PostgreSQL"}


def test_a_database_that_is_up_to_date_says_so_without_its_password(place: str) -> None:
    open_database(place).dispose()
    run(place, "INSERT INTO trades (exchange_ts_ms) VALUES (1)")
    told = check_database(place)
    assert told.startswith(NAME["://" in place])
    assert told.endswith(": 1 fills, schema 0004, up to date")
    assert "pass" not in told


def test_a_database_of_the_former_system_says_that_it_will_be_migrated(place: str) -> None:
    run(place, OLDEST)
    told = check_database(place)
    assert told.endswith("0 fills, schema of the former system, will be migrated to schema 0004")
    run(place, "SELECT id FROM trades")


def test_an_empty_database_stays_empty(postgres_place: str) -> None:
    assert check_database(postgres_place).endswith("empty, its tables will be made")
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"
    assert ask(postgres_place, tables) == [(0,)]


def test_a_database_of_a_newer_release_is_refused(place: str) -> None:
    open_database(place).dispose()
    run(place, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseRefused, match="schema 9999, which a newer release made"):
        check_database(place)


def test_a_file_that_is_not_there_is_no_problem_where_it_can_be_made(tmp_path: Path) -> None:
    place = tmp_path / "data" / "trades.db"
    assert check_database(place) == f"SQLite will make {place}"
    assert not place.parent.exists()


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("postgresql+psycopg://me:secret@127.0.0.1:1/x", "Connection refused"),
        ("postgresql+psycopg2://me:secret@127.0.0.1/x", "driver psycopg2 is not installed"),
        ("postgresql+nodriver://me:secret@127.0.0.1/x", "no such kind of database"),
        ("://me:secret@127.0.0.1/x", "the address cannot be read"),
    ],
)
def test_what_cannot_be_opened_is_refused_with_a_reason_and_no_password(
    place: str, why: str
) -> None:
    with pytest.raises(DatabaseRefused, match=why) as refusal:
        check_database(place)
    assert "secret" not in str(refusal.value)


def test_a_wrong_password_is_refused_without_being_told(postgres_place: str) -> None:
    wrong = postgres_place.replace("pass", "word")
    with pytest.raises(DatabaseRefused, match="password authentication failed") as refusal:
        check_database(wrong)
    assert "word%3A" not in str(refusal.value)

"""What the doctor says of a database, of either kind, before a run depends on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hft.doctor.report import Level
from hft.doctor.storage import check_database
from hft.ledger.database import open_database
from tests.hft.ledger.databases import ask, run
from tests.hft.ledger.test_database import OLDEST


def test_a_server_that_is_up_to_date_says_so_without_its_password(
    postgres_place: str, tmp_path: Path
) -> None:
    open_database(postgres_place).dispose()
    finding = check_database(postgres_place, tmp_path)
    assert (finding.level, finding.fix) == (Level.PASS, "")
    assert "is of the newest schema" in finding.text
    assert "pass%3A" not in finding.text


@pytest.mark.parametrize("statement", [OLDEST, "SELECT 1"])
def test_looking_at_a_server_makes_and_migrates_nothing(
    postgres_place: str, tmp_path: Path, statement: str
) -> None:
    tables = (
        "SELECT table_name, column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = current_schema() ORDER BY 1, 2"
    )
    run(postgres_place, statement)
    before = ask(postgres_place, tables)
    finding = check_database(postgres_place, tmp_path)
    assert finding.level is Level.PASS
    assert "is migrated at the next start" in finding.text
    assert ask(postgres_place, tables) == before


def test_a_server_of_a_newer_release_is_refused(postgres_place: str, tmp_path: Path) -> None:
    open_database(postgres_place).dispose()
    run(postgres_place, "UPDATE alembic_version SET version_num = '9999'")
    finding = check_database(postgres_place, tmp_path)
    assert finding.level is Level.FAIL
    assert "newer release (schema 9999)" in finding.text


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql+psycopg://me:secret@127.0.0.1:1/x", "Connection refused"),
        ("postgresql+psycopg2://me:secret@127.0.0.1/x", "driver psycopg2 is not installed"),
        ("postgresql+nodriver://me:secret@127.0.0.1/x", "no such kind of database"),
        ("://me:secret@127.0.0.1/x", "the address cannot be read"),
    ],
)
def test_what_cannot_be_opened_is_told_with_a_reason_and_no_password(
    tmp_path: Path, url: str, why: str
) -> None:
    finding = check_database(url, tmp_path)
    assert finding.level is Level.FAIL
    assert why in finding.text
    assert "secret" not in finding.text + finding.fix


def test_a_wrong_password_is_refused_without_being_told(
    postgres_place: str, tmp_path: Path
) -> None:
    finding = check_database(postgres_place.replace("pass", "word"), tmp_path)
    assert "password authentication failed" in finding.text
    assert "word%3A" not in finding.text

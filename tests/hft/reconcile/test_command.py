"""One sentence and an exit code for whoever asks in vain."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from hft.errors import BootError, ConfigError, ExitCode
from hft.ledger.database import open_database, writing
from hft.ledger.reading import open_to_read
from hft.reconcile.command import main, read_since

NOW_MS = 1_764_000_000_000
DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("words", "since_ms"),
    [
        ("24h", NOW_MS - DAY_MS),
        ("90m", NOW_MS - 90 * 60_000),
        ("7d", NOW_MS - 7 * DAY_MS),
        ("1970-01-02", DAY_MS),
        ("1970-01-02T00:00:01", DAY_MS + 1_000),
        ("1970-01-02T01:00+01:00", DAY_MS),
    ],
)
def test_since_is_a_day_a_time_or_a_span(words: str, since_ms: int) -> None:
    assert read_since(words, NOW_MS) == since_ms


@pytest.mark.parametrize("words", ["yesterday", "7 days", "-1d", "2026-13-01", "2099-01-01", ""])
def test_any_other_since_is_refused_in_one_sentence(words: str) -> None:
    with pytest.raises(ConfigError, match="--since"):
        read_since(words, NOW_MS)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--nonsense"], ExitCode.CONFIG_REFUSED, "--nonsense"),
        (["--config", "nowhere.toml"], ExitCode.CONFIG_REFUSED, "nowhere.toml"),
        ([], ExitCode.CONFIG_REFUSED, "--config"),
    ],
)
def test_bad_words_are_refused_in_one_sentence(
    words: list[str],
    code: ExitCode,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("hft reconcile: ")
    assert told in said.err
    assert said.err.count("\n") == 1


def test_a_database_that_is_not_there_is_neither_made_nor_migrated(tmp_path: Path) -> None:
    place = tmp_path / "trades.db"
    with pytest.raises(BootError, match="there is no trade database"):
        open_to_read(place)
    assert list(tmp_path.iterdir()) == []
    engine = open_database(place)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0002'"))
    engine.dispose()
    with pytest.raises(BootError, match="schema 0002"):
        open_to_read(place)
    place.write_bytes(b"nonsense" * 500)
    with pytest.raises(BootError, match="cannot be read"):
        open_to_read(place)


def test_what_is_opened_to_read_cannot_be_written(tmp_path: Path) -> None:
    place = tmp_path / "a place #1?.db"
    open_database(place).dispose()
    engine = open_to_read(place)
    with pytest.raises(Exception, match="readonly"), engine.begin() as connection:
        connection.execute(text("INSERT INTO trades (symbol) VALUES ('X')"))
    engine.dispose()

"""A state directory belongs to one exchange, and what is not whole is refused and left alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from hft.errors import BootError, HftError
from hft.simulator import state_file
from hft.simulator.restore import restore
from hft.simulator.state_file import Change, open_state
from hft.simulator.symbols import ETHUSDT, symbol_for
from hft.simulator.venue import Credentials, Venue

from .state_rig import World


def furnished(folder: Path) -> Path:
    """Leave a state behind; gives its file."""
    world = World(folder, new=True)
    for offset in (-3, -2):
        world.act(("limit", 1, "BTCUSDT", 1, offset, 5, "GTC", False))
    world.keeper.close()
    return folder / "current" / "state.db"


def refused(folder: Path) -> str:
    """Try to open a state and put it into a venue; gives the sentence of the refusal."""
    with pytest.raises(BootError) as told:
        World(folder)
    sentence = str(told.value)
    assert "\n" not in sentence
    assert str(folder) in sentence
    return sentence


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _tear(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[8_000:20_000] = bytes(12_000)
    path.write_bytes(bytes(data))


def _flip_a_digit(path: Path) -> None:
    data = path.read_bytes()
    where = data.index(b'"USDT":1') + len(b'"USDT":')
    path.write_bytes(data[:where] + b"9" + data[where + 1 :])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _replace(path: Path) -> None:
    path.write_bytes(b"no database at all\n" * 100)


def _lose(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("harm", [_cut, _tear, _flip_a_digit, _empty, _replace, _lose])
def test_a_torn_file_is_refused_in_one_sentence_and_left_as_it_is(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    path = furnished(tmp_path)
    harm(path)
    before = path.read_bytes() if path.exists() else None
    assert "damaged" in refused(tmp_path)
    assert "--reset-state" in refused(tmp_path)
    assert (path.read_bytes() if path.exists() else None) == before


def test_a_database_of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = furnished(tmp_path)
    path.unlink()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE facts (key, data)")
    other.close()
    assert "no state of an exchange" in refused(tmp_path)


def test_a_file_of_another_version_is_refused_and_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = furnished(tmp_path)
    before = path.read_bytes()
    monkeypatch.setattr(state_file, "VERSION", 2)
    assert "version 1" in refused(tmp_path)
    assert path.read_bytes() == before


def test_a_row_that_is_not_understood_is_refused(tmp_path: Path) -> None:
    furnished(tmp_path)
    file = open_state(tmp_path)
    file.write([Change("accounts", 1, b'{"wallets":{"USDT":"many"}}')])
    file.close()
    assert "damaged" in refused(tmp_path)


def test_a_second_exchange_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    world = World(tmp_path, new=True)
    assert "another exchange (process " in refused(tmp_path)
    world.keeper.close()
    World(tmp_path).keeper.close()


def test_a_directory_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot be used" in refused(tmp_path / "file")


def test_a_reset_moves_the_old_state_aside_whole(tmp_path: Path) -> None:
    before = furnished(tmp_path).read_bytes()
    for number in (1, 2):
        file = open_state(tmp_path, reset=True)
        assert not list(file.rows("facts"))
        file.close()
        assert (tmp_path / f"old-{number}" / "state.db").exists()
    assert (tmp_path / "old-1" / "state.db").read_bytes() == before


def test_a_reset_helps_against_a_torn_file_too(tmp_path: Path) -> None:
    _tear(furnished(tmp_path))
    open_state(tmp_path, reset=True).close()
    assert not World(tmp_path).kept.restored


def test_a_half_made_state_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "state.db").write_bytes(b"half")
    world = World(tmp_path)
    assert not world.kept.restored
    world.keeper.close()


def test_contracts_that_are_not_listed_as_they_were_are_refused(tmp_path: Path) -> None:
    furnished(tmp_path)
    rough = symbol_for("SOLUSDT", (2, 0), 1)
    other_steps = type(ETHUSDT)(
        **{name: getattr(rough, name) for name in rough.__struct_fields__} | {"name": "BTCUSDT"}
    )
    for symbols, word in (([ETHUSDT], "BTCUSDT"), ([other_steps, ETHUSDT], "steps")):
        file = open_state(tmp_path)
        with pytest.raises(BootError, match=word):
            restore(file, Venue(symbols, Credentials("k", "s")))
        file.close()


def test_nothing_is_told_any_more_once_the_state_cannot_be_written(tmp_path: Path) -> None:
    world = World(tmp_path, new=True)
    world.told.clear()
    world.file._connection.execute("PRAGMA query_only = ON")
    for _ in range(2):
        with pytest.raises(HftError, match="cannot be written"):
            world.act(("limit", 1, "BTCUSDT", 1, -3, 5, "GTC", False))
    assert not world.told
    world.keeper.close()

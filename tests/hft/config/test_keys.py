from __future__ import annotations

from pathlib import Path

import pytest

from hft.config import KEY_VARIABLES, Keys, KeySource
from hft.errors import ConfigError

FILE = '[trading]\napi_key = "public-from-file"\nsecret_key = "secret-from-file"\n'


@pytest.fixture(autouse=True)
def _no_keys_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEY_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def source(folder: Path, text: str = FILE) -> KeySource:
    path = folder / "config.toml"
    path.write_text(text)
    return KeySource(str(path), "config")


def test_keys_come_from_the_config_file(tmp_path: Path) -> None:
    keys = source(tmp_path).read()
    assert (keys.api_key, keys.secret_key) == ("public-from-file", "secret-from-file")
    assert keys.present()


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HFT_API_KEY", " a ")
    monkeypatch.setenv("HFT_SECRET_KEY", "b")
    assert source(tmp_path).read() == Keys("a", "b")


def test_half_a_pair_is_refused_rather_than_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HFT_API_KEY", "a")
    with pytest.raises(ConfigError, match="HFT_API_KEY is given and HFT_SECRET_KEY is not"):
        source(tmp_path).read()


def test_no_keys_anywhere_are_empty_keys(tmp_path: Path) -> None:
    assert not KeySource("", "config").read().present()
    assert not source(tmp_path, "[risk]\n").read().present()


def test_the_demos_keys_come_from_its_run_file(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text('{"api_key": "k", "api_secret": "s"}')
    assert KeySource(str(path), "run").read() == Keys("k", "s")


def test_a_run_file_without_keys_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    with pytest.raises(ConfigError, match=r"run\.json: holds no demo keys"):
        KeySource(str(path), "run").read()
    path.write_text("[]")
    with pytest.raises(ConfigError, match=r"run\.json: holds no demo keys"):
        KeySource(str(path), "run").read()


def test_printing_keys_shows_neither() -> None:
    keys = Keys("0123456789abcdefghij", "very-secret")
    for text in (repr(keys), str(keys), f"{keys}", keys.masked()):
        assert "very-secret" not in text
        assert "456789" not in text

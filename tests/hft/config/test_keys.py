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


def private(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_file_of_their_own_holds_the_keys_when_nobody_else_can_read_it(tmp_path: Path) -> None:
    private(tmp_path / "keys.toml", 'api_key = "a"\nsecret_key = "b"\n')
    named = source(tmp_path, '[trading]\nkey_file = "keys.toml"\n')
    assert named.read() == Keys("a", "b")
    assert named.files() == [tmp_path / "keys.toml"]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_file_with_keys_that_others_can_open_is_refused_with_what_to_type(
    tmp_path: Path, mode: int
) -> None:
    path = private(tmp_path / "keys.toml", 'api_key = "a"\nsecret_key = "b"\n', mode)
    with pytest.raises(ConfigError, match=f"mode {mode:04o}.: type chmod 600 {path}"):
        source(tmp_path, '[trading]\nkey_file = "keys.toml"\n').read()


def test_the_private_key_may_lie_in_a_file_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = private(tmp_path / "ed25519.pem", "-----BEGIN PRIVATE KEY-----\n...\n")
    words = 'api_key = "a"\nprivate_key_file = "ed25519.pem"\n'
    named = source(tmp_path, f"[trading]\n{words}")
    assert named.read() == Keys("a", "-----BEGIN PRIVATE KEY-----\n...")
    assert named.files() == [pem]
    private(tmp_path / "keys.toml", words)
    assert source(tmp_path, '[trading]\nkey_file = "keys.toml"\n').read().secret_key
    monkeypatch.setenv("HFT_API_KEY", "e")
    monkeypatch.setenv("HFT_PRIVATE_KEY_FILE", str(pem))
    assert KeySource("", "config").read().api_key == "e"
    pem.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        KeySource("", "config").read()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ('api_key = "a"\nsecret_key = "b"\nprivate_key_file = "c"', "expected one of the two"),
        ('private_key_file = "c"', "private_key_file is given and api_key is not"),
        ('api_key = "a"\nkey_file = "keys.toml"', "keys stand beside it"),
        ('key_file = "gone.toml"', "gone.toml: cannot be read: No such file"),
        ('api_key = "a"\nprivate_key_file = "gone.pem"', "gone.pem: cannot be read: No such file"),
        ("key_file = 3", "key_file is 3: expected a text"),
        ("secret_key = 12345678", "secret_key is a number: expected a text"),
    ],
)
def test_words_about_keys_that_contradict_each_other_are_refused(
    tmp_path: Path, words: str, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        source(tmp_path, f"[trading]\n{words}\n").read()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ('[trading]\napi_key = "a"', "there is no trading: expected api_key, secret_key"),
        ("api_key = 5", "api_key is no text"),
        ('api_key = "hidden', "not valid TOML"),
    ],
)
def test_a_file_with_keys_is_refused_without_a_word_of_them(
    tmp_path: Path, words: str, sentence: str
) -> None:
    private(tmp_path / "keys.toml", words)
    with pytest.raises(ConfigError, match=sentence) as told:
        source(tmp_path, '[trading]\nkey_file = "keys.toml"\n').read()
    assert "hidden" not in str(told.value)

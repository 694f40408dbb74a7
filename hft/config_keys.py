"""Where API keys come from; they are never part of the settings.

The supervisor hands down a `KeySource`, which is only an address; the processes that sign requests
read the keys themselves.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Literal

import msgspec

from hft.config_reading import read_toml, refuse
from hft.errors import ConfigError

KEY_VARIABLES = ("HFT_API_KEY", "HFT_SECRET_KEY", "HFT_PRIVATE_KEY_FILE")
"""Environment variables that win over the config file; other processes are cleaned of them."""

KEY_WORDS = ("api_key", "secret_key", "private_key_file", "key_file")
"""What [trading] may say of keys; none of it is part of the settings."""
_WORDS = ("api_key", "secret_key", "private_key_file")
"""What a file with keys may say, like the variables."""
_OTHERS = 0o077

_SHOWN = 4


class Keys(msgspec.Struct, frozen=True):
    """One API key and its secret; printing it shows neither."""

    api_key: str
    secret_key: str

    def __repr__(self) -> str:
        return f"Keys(api_key={self.masked()!r}, secret_key='***')"

    def present(self) -> bool:
        """Say whether both are there; whether they are right only the venue knows."""
        return bool(self.api_key and self.secret_key)

    def masked(self) -> str:
        """Show enough of the API key to tell two apart, nothing of the secret."""
        return f"{self.api_key[:_SHOWN]}***" if len(self.api_key) > 4 * _SHOWN else "***"


class KeySource(msgspec.Struct, frozen=True):
    """Where to read the keys: a config file (`kind` "config") or the demo's run.json ("run").

    With "config" the environment variables win, then the file that [trading] names as `key_file`,
    then [trading] itself; an empty `path` means that there is no config file.  The secret is a
    text, or what stands in a file of its own, named as `private_key_file`.
    """

    path: str
    kind: Literal["config", "run"]

    def read(self) -> Keys:
        """Read the keys now; both are empty when nobody has given any.

        Raises:
            ConfigError: a file cannot be read or is open to others, or the words in it are wrong.
        """
        return self._from_run() if self.kind == "run" else self._from_config()

    def files(self) -> list[Path]:
        """Name the files that hold a secret, as far as they can be told, the config among them.

        Raises:
            ConfigError: a file cannot be read, or the words in it are wrong.
        """
        if self.kind == "run" or not self.path:
            return [Path(self.path)] if self.path else []
        table, folder = _trading(Path(self.path)), Path(self.path).absolute().parent
        found = [Path(self.path)] if table.get("secret_key") else []
        if table.get("key_file"):
            found.append(folder / table["key_file"])
        if table.get("private_key_file"):
            found.append(folder / table["private_key_file"])
        return found

    def _from_run(self) -> Keys:
        try:
            run = json.loads(Path(self.path).read_bytes())
            return Keys(run["api_key"], run["api_secret"])
        except (OSError, ValueError, KeyError, TypeError) as problem:
            name = type(problem).__name__
            raise ConfigError(
                f"{self.path}: holds no demo keys that can be read ({name})."
            ) from None

    def _from_config(self) -> Keys:
        given = [os.environ.get(name, "").strip() for name in KEY_VARIABLES]
        if any(given):
            return _complete(given, KEY_VARIABLES, "the environment", Path.cwd())
        if not self.path:
            return Keys("", "")
        path = Path(self.path)
        table = _trading(path)
        if table.get("key_file"):
            if any(table.get(word) for word in _WORDS):
                raise ConfigError(
                    f"{path}: [trading] key_file names a file with keys, and keys stand beside it: "
                    "expected one of the two."
                )
            path = path.absolute().parent / table["key_file"]
            table = _read_key_file(path)
        given = [table.get(word, "").strip() for word in _WORDS]
        return _complete(given, _WORDS, str(path), path.absolute().parent)


def check_private(path: Path) -> None:
    """Refuse a file with secrets that others can read.

    Raises:
        ConfigError: they can, or there is no such file; the sentence has what to type.
    """
    try:
        mode = path.stat().st_mode & 0o777
    except OSError as problem:
        raise ConfigError(f"{path}: cannot be read: {problem.strerror}.") from None
    if mode & _OTHERS:
        raise ConfigError(
            f"{path}: others than you can read it (mode {mode:04o}): type chmod 600 {path}"
        )


def _trading(path: Path) -> dict[str, str]:
    table = read_toml(path).get("trading", {})
    if not isinstance(table, dict):
        return {}
    words = {word: table[word] for word in KEY_WORDS if word in table}
    for word, value in words.items():
        if not isinstance(value, str):
            refuse(path, "trading", word, value, "a text")
    return words


def _read_key_file(path: Path) -> dict[str, str]:
    check_private(path)
    table = read_toml(path)
    unknown = sorted(set(table) - set(_WORDS))
    if unknown:
        raise ConfigError(
            f"{path}: there is no {unknown[0]}: expected {', '.join(_WORDS)}, outside of any table."
        )
    wrong = [word for word, value in table.items() if not isinstance(value, str)]
    if wrong:
        raise ConfigError(f"{path}: {wrong[0]} is no text: expected one in quotes.")
    return table


def _complete(given: list[str], names: tuple[str, ...], place: str, folder: Path) -> Keys:
    api_key, secret, secret_file = given
    if secret and secret_file:
        raise ConfigError(f"{place}: {names[1]} and {names[2]} are given: expected one of the two.")
    if bool(api_key) != bool(secret or secret_file):
        missing, there = names[0], names[1] if secret else names[2]
        if api_key:
            missing, there = names[1], names[0]
        raise ConfigError(f"{place}: {there} is given and {missing} is not: expected both.")
    return Keys(api_key, _read_secret(folder / secret_file) if secret_file else secret)


def _read_secret(path: Path) -> str:
    check_private(path)
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        name = type(problem).__name__
        raise ConfigError(f"{path}: holds no key that can be read ({name}).") from None

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

API_KEY_VARIABLE = "HFT_API_KEY"
SECRET_KEY_VARIABLE = "HFT_SECRET_KEY"
KEY_VARIABLES = (API_KEY_VARIABLE, SECRET_KEY_VARIABLE)
"""Environment variables that win over the config file; other processes are cleaned of them."""

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

    With "config" the environment variables HFT_API_KEY and HFT_SECRET_KEY win, and an empty `path`
    means that there is no file.
    """

    path: str
    kind: Literal["config", "run"]

    def read(self) -> Keys:
        """Read the keys now; both are empty when nobody has given any.

        Raises:
            ConfigError: the file cannot be read, or only one of the two is given.
        """
        return self._from_run() if self.kind == "run" else self._from_config()

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
            return _both(given, KEY_VARIABLES, "the environment")
        if not self.path:
            return Keys("", "")
        table = read_toml(Path(self.path)).get("trading", {})
        names = ("api_key", "secret_key")
        for name in names:
            if not isinstance(table.get(name, ""), str):
                refuse(Path(self.path), "trading", name, table[name], "a text")
        return _both([table.get(name, "").strip() for name in names], names, self.path)


def _both(values: list[str], names: tuple[str, ...], place: str) -> Keys:
    if any(values) and not all(values):
        missing, there = (names[0], names[1]) if not values[0] else (names[1], names[0])
        raise ConfigError(f"{place}: {there} is given and {missing} is not: expected both.")
    return Keys(values[0], values[1])

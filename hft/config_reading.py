"""From TOML text to a typed tree, with one sentence for whatever is wrong in it.

Every refusal names the file, the table, the key, what was found and what was expected.  The value
of a secret is never part of a sentence.
"""

from __future__ import annotations

import difflib
import json
import math
import tomllib
import typing
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import msgspec

from hft.errors import ConfigError

Table = dict[str, Any]
Tree = TypeVar("Tree", bound=msgspec.Struct)

SECRETS = frozenset({"api_key", "secret_key", "database_url"})
"""Keys whose values stay out of every sentence; a database address may hold a password."""
_SHOWN_MAX = 60


def read_toml(path: Path) -> Table:
    """Read a TOML file into plain dictionaries.

    Raises:
        ConfigError: it is missing, unreadable, or not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as problem:
        raise ConfigError(f"{path}: not valid TOML: {problem}.") from None
    except UnicodeDecodeError as problem:
        raise ConfigError(
            f"{path}: not valid TOML: byte {problem.start} is not UTF-8 text."
        ) from None
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: there is no such file; config.example.toml shows what belongs in it."
        ) from None
    except OSError as problem:
        raise ConfigError(f"{path}: cannot be read: {problem.strerror}.") from None


def refuse(path: Path | None, table: str, key: str, found: object, expected: str) -> NoReturn:
    """Say in one sentence what is wrong with one key.

    Raises:
        ConfigError: always.
    """
    shown = _kind_of(found) if key in SECRETS else _show(found)
    raise ConfigError(f"{_within(path)}[{table}] {key} is {shown}: expected {expected}.")


def _within(path: Path | None) -> str:
    return f"{path}: " if path else ""


def convert(path: Path | None, raw: Table, tree: type[Tree], unkept: dict[str, set[str]]) -> Tree:
    """Check `raw` against the struct `tree` and build it.

    `unkept` names, by table, the keys that may stand in the file but are no part of the tree.
    Without a `path` the values come from a person, and no file is named.

    Raises:
        ConfigError: an unknown table or key, a wrong type, a value out of range.
    """
    tables = {field.name: field.type for field in msgspec.structs.fields(tree)}
    known = {name: _keys_of(kind) | unkept.get(name, set()) for name, kind in tables.items()}
    kept: Table = {}
    for name, value in raw.items():
        if name not in known:
            raise ConfigError(f"{_within(path)}{_unknown_table(name, value, known)}.")
        if not isinstance(value, dict):
            shown = _show(value)
            raise ConfigError(f"{_within(path)}{name} is {shown}: expected the table [{name}].")
        if known[name]:
            _check_keys(path, name, value, known)
        kept[name] = {key: v for key, v in value.items() if key not in unkept.get(name, set())}
    try:
        return msgspec.convert(kept, tree)
    except msgspec.ValidationError as problem:
        _explain(path, kept, tables, str(problem))


def _keys_of(kind: Any) -> set[str]:
    """Name the keys of a table; empty for one whose keys are free, such as [strategy]."""
    return set(getattr(kind, "__struct_fields__", ()))


def _check_keys(path: Path | None, name: str, table: Table, known: dict[str, set[str]]) -> None:
    for key, value in table.items():
        if key not in known[name]:
            hint = _hint(key, name, known)
            raise ConfigError(f"{_within(path)}[{name}] has no key {key}{hint}.")
        if isinstance(value, float) and not math.isfinite(value):
            refuse(path, name, key, value, "a finite number")


def _hint(key: str, table: str, known: dict[str, set[str]]) -> str:
    homes = [name for name, keys in known.items() if key in keys]
    if homes:
        return f": it belongs in [{homes[0]}]"
    near = difflib.get_close_matches(key.lower(), sorted(known.get(table, ())), n=1)
    if near:
        return f": did you mean {near[0]}"
    inside = sorted(known.get(table, known))
    return f": expected one of {', '.join(inside)}"


def _unknown_table(name: str, value: object, known: dict[str, set[str]]) -> str:
    if not isinstance(value, dict):
        return f'key "{name}" stands outside of any table{_hint(name, "", known)}'
    near = difflib.get_close_matches(name.lower(), sorted(known), n=1)
    tail = f"did you mean [{near[0]}]" if near else f"expected one of {', '.join(sorted(known))}"
    return f"there is no table [{name}]: {tail}"


def _explain(path: Path | None, raw: Table, tables: dict[str, Any], problem: str) -> NoReturn:
    """Turn msgspec's complaint into our sentence.

    Its text ends in the place, as in "Expected `int`, got `str` - at `$.risk.max_position`".
    """
    what, _, place = problem.rpartition(" - at `$.")
    steps = place.rstrip("`").split(".")
    table, key = steps[0], steps[1].partition("[")[0] if len(steps) > 1 else ""
    hints = (
        typing.get_type_hints(tables[table], include_extras=True) if _keys_of(tables[table]) else {}
    )
    expected = next(
        (m.description for m in getattr(hints.get(key), "__metadata__", ()) if m.description),
        what.replace("Expected ", "").replace("`", ""),
    )
    refuse(path, table, key, raw.get(table, {}).get(key), expected)


def _kind_of(value: object) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list"}
    return names.get(type(value), "a table" if isinstance(value, dict) else "something else")


def _show(value: object) -> str:
    """Write a value as the file has it, on one line and not too long."""
    if isinstance(value, float):
        return str(value)
    if isinstance(value, bool | int | str | list):
        text = json.dumps(value, ensure_ascii=False, default=_kind_of)
        return text if len(text) <= _SHOWN_MAX else f"{text[: _SHOWN_MAX - 3]}..."
    return _kind_of(value)

"""config.example.toml is the manual of the settings: it must say all of it and nothing else."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hft import config

EXAMPLE = Path(__file__).parents[3] / "config.example.toml"
TABLES = [field.name for field in msgspec.structs.fields(config.Settings)]


@pytest.fixture(name="example", scope="module")
def read_example() -> dict[str, Any]:
    return tomllib.loads(EXAMPLE.read_text())


def test_the_example_is_accepted() -> None:
    settings = config.load(EXAMPLE)
    assert settings.network.name == "testnet"


@pytest.mark.parametrize("table", [name for name in TABLES if name != "strategy"])
def test_the_example_has_every_key_with_the_codes_default(
    example: dict[str, Any], table: str
) -> None:
    stated = dict(example[table])
    for key in config.UNKEPT.get(table, set()):
        assert stated.pop(key) == ""
    default = getattr(config.Settings(), table)
    assert stated == {name: getattr(default, name) for name in default.__struct_fields__}
    assert [type(value) for value in stated.values()] == [
        type(getattr(default, name)) for name in stated
    ]


def test_the_example_has_no_other_table(example: dict[str, Any]) -> None:
    assert set(example) == set(TABLES) - {"strategy"}


def test_every_key_of_the_example_is_explained() -> None:
    explained = False
    for line in EXAMPLE.read_text().splitlines():
        if line.startswith("["):
            explained = False
        elif "#" in line:
            explained = True
        elif not line:
            explained = False
        assert "=" not in line or explained, f"no word of why: {line}"

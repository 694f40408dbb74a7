"""Discovery: what is a strategy file, what is not, and what is said about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hft.errors import ConfigError
from hft.strategy.agent import warm
from hft.strategy.build import CompileRefused
from hft.strategy.load import discover, make_params, read
from tests.hft.strategy.rig import house_spec

GOOD = '''"""A strategy that does nothing."""

from typing import Annotated

import msgspec

from hft.strategy.api import state_dtype

NAME = "NOTHING"


class Params(msgspec.Struct, frozen=True):
    window: Annotated[int, msgspec.Meta(ge=2, le=100, description="how far back")] = 50
    factor: float = 1.5
    eager: bool = False


STATE = state_dtype(("count", "<i8"))


def on_market(event, position, orders, params, state, out):
    state.count += 1
'''


def write(folder: Path, source: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(source)
    return path


def only_reason(folder: Path) -> str:
    (item,) = discover([folder]).broken
    assert item.path.parent == folder
    return item.reason


def test_the_house_has_three_strategies_and_none_is_broken():
    catalogue = discover()
    assert catalogue.names() == ["LIQUIDATION", "MOMENTUM", "PING_PONG"]
    assert catalogue.broken == ()
    assert all(spec.summary.startswith(spec.name) for spec in catalogue.specs.values())


def test_a_file_in_a_users_folder_is_found_by_its_name(tmp_path):
    write(tmp_path, GOOD)
    write(tmp_path, "raise RuntimeError", "_passed_over.py")
    catalogue = discover([tmp_path])
    assert catalogue.select("NOTHING").summary == "A strategy that does nothing."
    assert catalogue.broken == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("NAME =", "NOME ="), "NAME must be an upper-case word"),
        (('"NOTHING"', '"nothing"'), "NAME must be an upper-case word"),
        (("class Params", "class Parameters"), "Params must be a msgspec.Struct"),
        (
            ("factor: float = 1.5", "factor: str = ''"),
            "parameter factor must be int, float or bool",
        ),
        (("eager: bool = False", "eager: bool"), "cannot follow optional fields"),
        (("STATE =", "STATES ="), "STATE must be a numpy dtype"),
        (('("count", "<i8")', '("count", "<f8", 33000)'), "the block holds 262144"),
        (("on_market(event, position,", "on_market(position,"), "on_market must take (event,"),
        (("def on_market", "def on_tick"), "on_market must be a plain function"),
        (("import msgspec", "import msgspeck"), "ModuleNotFoundError"),
        (("def on_market", "def on market"), "SyntaxError"),
        (('"NOTHING"', '"MOMENTUM"'), "the name MOMENTUM is taken by"),
        (("STATE =", 'EXPLAIN = {8: "{wrong}"}\nSTATE ='), "EXPLAIN[8] cannot be used"),
    ],
)
def test_a_broken_file_is_left_out_with_the_reason(tmp_path, change, reason):
    write(tmp_path, GOOD.replace(*change))
    assert reason in only_reason(tmp_path)
    assert discover([tmp_path]).names() == ["LIQUIDATION", "MOMENTUM", "PING_PONG"]


def test_selecting_what_is_not_there_says_what_there_is_and_what_was_left_out(tmp_path):
    write(tmp_path, GOOD.replace("import msgspec", "import msgspeck"))
    with pytest.raises(ConfigError, match=r"'NOTHING'.*MOMENTUM.*mine\.py: ModuleNotFoundError"):
        discover([tmp_path]).select("NOTHING")


def test_a_folder_that_does_not_exist_is_said_so(tmp_path):
    (item,) = discover([tmp_path / "no"]).broken
    assert item.reason == "the folder does not exist"


def test_parameters_become_a_record_with_the_defaults_filled_in(tmp_path):
    write(tmp_path, GOOD)
    spec = discover([tmp_path]).select("NOTHING")
    record = make_params(spec, {"window": 7, "factor": 2, "eager": True})[0]
    assert (record["window"], record["factor"], bool(record["eager"])) == (7, 2.0, True)
    record = make_params(spec, {})[0]
    assert (record["window"], record["factor"], bool(record["eager"])) == (50, 1.5, False)
    assert [(f.name, f.kind, f.at_least, f.at_most) for f in spec.fields] == [
        ("window", "int", 2, 100), ("factor", "float", None, None), ("eager", "bool", None, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"windows": 5}, r"\[strategy.MOMENTUM\] windows: no such parameter.*cooldown_ms.*window"),
        ({"window": 1}, r"\[strategy.MOMENTUM\] window: expected int >= 2.*1\)"),
        ({"window": 2000}, r"window: expected int <= 1024"),
        ({"window": "50"}, r"window: expected int, got str.*'50'"),
        ({"window": 5.5}, r"window: expected int, got float"),
        ({"threshold": -1.0}, r"threshold: expected float >= 0"),
        ({"threshold": float("nan")}, r"threshold: expected a finite number"),
        ({"qty": 0}, r"qty: expected float > 0"),
        ({"cooldown_ms": True}, r"cooldown_ms: expected int, got bool"),
    ],
)
def test_a_wrong_parameter_is_refused_with_its_name_and_what_was_expected(table, sentence):
    with pytest.raises(ConfigError, match=sentence):
        make_params(house_spec("MOMENTUM"), table)


def test_the_defaults_are_the_ones_the_page_states():
    defaults = {
        name: {field.name: field.default for field in house_spec(name).fields}
        for name in ("PING_PONG", "MOMENTUM", "LIQUIDATION")
    }
    assert defaults == {
        "PING_PONG": {"price_above": 50_000.0, "interval_ms": 10_000, "qty": 0.01},
        "MOMENTUM": {"window": 50, "threshold": 2.0, "cooldown_ms": 1000, "qty": 0.01},
        "LIQUIDATION": {
            "price_threshold": 10.0, "volume_multiplier": 3.0, "cooldown_ms": 1000, "qty": 0.01,
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "state.cuont += 1",
            r"mine\.py, line 22: no field is called 'cuont'; did you mean count\?",
        ),
        ("state.count += event.last_qty", r"no field is called 'last_qty'; .* last_qty_lots"),
        ("state.count += event.zzz", r"no field is called 'zzz'; .*write-a-strategy\.md"),
        ("state.count += helper(event)", r"mine\.py, line 22: cannot be compiled: .*helper"),
        ("state.count += {'a': 1}['a'].bit_count", r"mine\.py, line 22: cannot be compiled: "),
    ],
)
def test_a_file_that_cannot_be_compiled_is_refused_with_the_line(tmp_path, line, sentence):
    path = write(tmp_path, GOOD.replace("state.count += 1", line))
    with pytest.raises(CompileRefused, match=sentence):
        warm(read(path))

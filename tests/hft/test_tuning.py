"""What people order about parameters and limits, asked of a supervisor that forks nobody."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from hft import limits
from hft.changes import Change, change_of, line_of
from hft.commands import _Switch
from hft.config import Risk, load
from hft.errors import ConfigError
from hft.events import LOG_TEXT_MAX, Notice, OnTrip
from hft.live_values import STEPS_MAX, LiveValues, UndoRefused
from hft.state import blocks
from hft.strategies_book import StrategiesBook
from hft.strategy.params import convert, dtype_of, fields_of
from hft.units import E8
from tests.hft.tuning_rig import Rig, tuning_rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with tuning_rig(tmp_path) as made:
        yield made


def test_a_form_has_type_range_unit_default_and_the_values_of_file_and_moment(rig: Rig) -> None:
    field = rig.field("params", "window")
    assert (field["kind"], field["unit"], field["default"]) == ("int", "trades", 50)
    assert (field["at_least"], field["at_most"], field["step"]) == (2, 1024, 1)
    assert (field["value"], field["file_value"]) == (40, 40)
    assert rig.ask("set_params", values={"window": 60})["ok"]
    field = rig.field("params", "window")
    assert (field["value"], field["file_value"]) == (60, 40)


def test_units_are_the_assets_once_the_account_is_known(rig: Rig) -> None:
    assert rig.field("params", "qty")["unit"] == "base"
    rig.supervisor.house.identity[0]["margin_asset"] = b"USDT"
    assert rig.field("params", "qty")["unit"] == "BTC"
    assert rig.field("params", "threshold")["unit"] == "USDT"
    assert rig.field("limits", "max_drawdown")["unit"] == "USDT"


def test_a_change_is_one_snapshot_and_says_what_a_restart_brings_back(rig: Rig) -> None:
    before = rig.supervisor.house.params.generation()
    answer = rig.ask("set_params", values={"window": 60, "threshold": 5})
    assert rig.supervisor.house.params.generation() == before + 1
    assert rig.in_force() | {"window": 60, "threshold": 5.0} == rig.in_force()
    assert "a restart of the house brings back" in answer["message"]
    assert "window 40" in answer["message"]


WRONG: tuple[tuple[Any, str], ...] = (
    ({"window": 1}, "window: expected int >= 2 (the value is 1)"),
    ({"window": 60, "threshold": -1}, "threshold: expected float >= 0.0"),
    ({"windo": 5}, "windo: no such parameter; expected one of"),
    ({"window": 2**63}, "window: expected a number of at most 64 bits"),
    ({"window": True}, "window: expected int, got bool"),
    ({"window": "60"}, "window: expected int, got str"),
    ({}, "at least one"),
    ([1], "at least one"),
)


def test_a_wrong_value_changes_nothing_and_is_refused_in_a_sentence(rig: Rig) -> None:
    before = rig.in_force()
    for values, said in WRONG:
        answer = rig.ask("set_params", values=values)
        assert (answer["ok"], answer["code"]) == (False, "BAD_VALUE"), values
        assert said in answer["message"]
        assert rig.in_force() == before
        assert rig.ask("params")["undo"] is None
    assert rig.lines() == []


def test_a_strategys_own_check_may_even_try_to_leave() -> None:
    class Leaving(msgspec.Struct, frozen=True):
        size: int = 1

        def __post_init__(self) -> None:
            sys.exit("size must be odd")

    with pytest.raises(ConfigError, match="size must be odd"):
        convert("X", Leaving, dtype_of(fields_of(Leaving)), {"size": 2})


def test_values_meant_for_another_strategy_are_refused(rig: Rig) -> None:
    answer = rig.ask("set_params", strategy="PING_PONG", values={"qty": 0.5})
    assert "MOMENTUM is the active strategy" in answer["message"]
    assert rig.in_force()["qty"] == 0.01


def test_a_preview_is_refused_for_wrong_values_and_for_what_was_not_compiled(rig: Rig) -> None:
    assert rig.ask("preview", values={"window": 1})["code"] == "BAD_VALUE"
    answer = rig.ask("preview", values={"window": 60})
    assert (answer["ok"], answer["code"]) == (False, "PREVIEW_FAILED")
    assert "could not be compiled" in answer["message"]


def test_undo_takes_back_change_after_change_until_nothing_is_left(rig: Rig) -> None:
    begun = rig.in_force()
    rig.ask("set_params", values={"window": 60})
    rig.ask("set_params", values={"window": 70, "qty": 0.02})
    undo = rig.ask("params")["undo"]
    assert undo["who"] == "page 10.0.0.7 (ann)"
    assert undo["changes"] == [
        {"name": "window", "from": 60, "to": 70},
        {"name": "qty", "from": 0.01, "to": 0.02},
    ]
    assert rig.ask("undo_params")["ok"]
    assert (rig.in_force()["window"], rig.in_force()["qty"]) == (60, 0.01)
    assert rig.ask("undo_params")["ok"]
    assert rig.in_force() == begun
    answer = rig.ask("undo_params")
    assert (answer["code"], rig.in_force()) == ("NO_UNDO", begun)


def test_undo_of_a_change_that_is_not_the_newest_any_more_is_refused(rig: Rig) -> None:
    rig.ask("set_params", values={"window": 60})
    mine = rig.ask("params")["undo"]["change"]
    rig.ask("set_params", values={"threshold": 9.0}, by="page 10.0.0.8")
    answer = rig.ask("undo_params", change=mine)
    assert answer["ok"] is False
    assert "threshold 2.0 → 9.0, by page 10.0.0.8 (ann)" in answer["message"]
    assert (rig.in_force()["window"], rig.in_force()["threshold"]) == (60, 9.0)


def test_a_change_of_what_another_hand_changed_meanwhile_is_refused(rig: Rig) -> None:
    rig.ask("set_params", values={"window": 60}, by="page 10.0.0.8")
    answer = rig.ask("set_params", values={"window": 50}, seen={"window": 40})
    assert (answer["code"], rig.in_force()["window"]) == ("CHANGED_MEANWHILE", 60)
    assert answer["message"] == "nothing was changed: window is 60 by now, and was seen as 40"
    assert rig.ask("set_params", values={"qty": 0.02}, seen={"qty": 0.01})["ok"], "not his concern"
    assert rig.ask("set_params", values={"window": 50}, seen={"window": 60})["ok"]
    rig.ask("set_limits", values={"max_position": 0.1}, by="page 10.0.0.8")
    loosened = {"values": {"max_position": 0.4}, "seen": {"max_position": 0.5}}
    assert rig.ask("set_limits", **loosened)["code"] == "CHANGED_MEANWHILE"
    assert rig.limit("max_position_e8") == 10_000_000
    for seen in ([1], "window", {"windo": 1}, {"window": "60"}, {"window": None}):
        assert rig.ask("set_params", values={"window": 70}, seen=seen)["ok"] is False, seen
    assert rig.in_force()["window"] == 50


def test_a_whole_number_too_large_for_a_browser_is_seen_all_the_same() -> None:
    values = LiveValues({"n": 2**62 + 1}, count(1))
    assert values.unseen({"n": 2**62}) == ""
    assert values.unseen({"n": 2**61}) != ""


def test_the_oldest_changes_cannot_be_taken_back_any_more() -> None:
    values = LiveValues({"n": 0}, count(1))
    for n in range(1, STEPS_MAX + 6):
        values.put({"n": n}, "ann", n)
    for _ in range(STEPS_MAX):
        values.undo()
    assert values.now == {"n": 5}
    with pytest.raises(UndoRefused, match="what was changed before is not kept"):
        values.undo()


def test_a_limit_that_is_reached_already_says_what_follows_at_once(rig: Rig) -> None:
    house = rig.supervisor.house
    account, position = np.zeros(1, blocks.ACCOUNT), np.zeros(1, blocks.POSITION_BLOCK)
    account["pnl_e8"], position["position_lots"] = -30 * E8, -3
    house.spec[0]["lot_e8"] = E8 // 10
    house.account.write_bytes(account.tobytes())
    house.position[0].write_bytes(position.tobytes())
    assert "trips" not in rig.ask("set_limits", values={"max_drawdown": 31})["message"]
    answer = rig.ask("set_limits", values={"max_drawdown": 29, "max_position": 0.2})
    assert answer["ok"]
    assert "the loss limit is reached (-30.00, limit -29.00)" in answer["message"]
    assert "the breaker trips at once" in answer["message"]
    assert "the position of BTCUSDT is 0.3: only what makes it smaller passes" in answer["message"]
    rig.ask("stop")
    said = rig.ask("undo_limits")["message"]
    assert "trips" not in said
    assert "position of" not in said
    said = rig.ask("set_limits", values={"max_drawdown": 29})["message"]
    assert "the breaker trips when trading is resumed" in said


def test_what_waits_for_a_restart_is_said_as_often_as_the_file_is_read(rig: Rig) -> None:
    rig.config.write_text(rig.config.read_text().replace("[risk]", "fee_taker = 0.001\n[risk]"))
    for _ in range(2):
        assert "restart for [trading] fee_taker" in rig.ask("reload")["message"]


def test_a_flatten_that_cannot_be_started_is_answered_and_ends_no_house(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(rig.config.parent / "no such program"))
    answer = rig.ask("flatten")
    assert answer["code"] == "NOT_STARTED"
    assert answer["message"].startswith("halted; flatten could not be started")
    assert rig.supervisor.latch.halted()
    assert rig.ask("flatten_status")["state"] == "failed"


def test_undo_of_a_change_of_the_strategy_before_takes_back_nothing_of_this_one(rig: Rig) -> None:
    rig.ask("set_params", values={"window": 60})
    mine = rig.ask("params")["undo"]["change"]
    rig.supervisor.wiring.select_strategy("PING_PONG")
    rig.ask("set_params", values={"interval_ms": 777})
    answer = rig.ask("undo_params", change=mine)
    assert (answer["code"], rig.in_force()["interval_ms"]) == ("NO_UNDO", 777)
    assert rig.ask("undo_params", change=rig.ask("params")["undo"]["change"])["ok"]


def test_the_tightest_limit_never_turns_into_none(rig: Rig) -> None:
    """A value below the gate's own units is not the 0 that turns a limit off."""
    off = [field["name"] for field in rig.ask("limits")["fields"] if field["at_least"] == 0]
    names = rig.supervisor.house.limits.dtype.names or ()
    for name in off:
        assert rig.ask("set_limits", values={name: 0})["ok"]
        zeros = [each for each in names if rig.limit(each) == 0]
        tiny = 1 if name.endswith("_minute") or name == "max_ring_depth" else 1e-9
        answer = rig.ask("set_limits", values={name: tiny})
        assert answer["ok"], answer
        assert len([each for each in names if rig.limit(each) == 0]) == len(zeros) - 1, name
        assert rig.ask("set_limits", values={name: 0})["ok"]
        assert [each for each in names if rig.limit(each) == 0] == zeros, name


def test_values_that_are_in_force_already_are_no_change(rig: Rig) -> None:
    answer = rig.ask("set_params", values={"window": 40})
    assert (answer["ok"], answer["changed"], answer["undo"]) == (True, [], None)
    assert rig.lines() == []


def test_each_strategy_keeps_its_own_live_values_over_a_switch(rig: Rig) -> None:
    rig.ask("set_params", values={"window": 60})
    rig.supervisor.wiring.select_strategy("PING_PONG")
    assert rig.in_force() == {"price_above": 50_000.0, "interval_ms": 10_000, "qty": 0.01}
    rig.ask("set_params", values={"interval_ms": 777})
    rig.supervisor.wiring.select_strategy("MOMENTUM")
    assert rig.in_force()["window"] == 60
    assert rig.ask("undo_params")["changed"] == [{"name": "window", "from": 60, "to": 40}]
    rig.supervisor.wiring.select_strategy("PING_PONG")
    assert rig.in_force()["interval_ms"] == 777


def test_reading_the_file_again_replaces_live_values_says_which_and_forgets_undo(rig: Rig) -> None:
    rig.ask("set_params", values={"window": 60})
    rig.ask("set_limits", values={"max_position": 0.75})
    text = rig.config.read_text()
    rig.config.write_text(text.replace("window = 40", "window = 45\nthreshold = 3.0"))
    rig.lines()
    message = rig.ask("reload")["message"]
    assert "MOMENTUM.window 60 → 45" in message
    assert "risk.max_position 0.75 → 0.5" in message
    assert "threshold" not in message, "nobody had changed it live"
    assert (rig.in_force()["window"], rig.in_force()["threshold"]) == (45, 3.0)
    assert rig.limit("max_position_e8") == 50_000_000
    assert "read again" in rig.ask("undo_params")["message"]
    assert "read again" in rig.ask("undo_limits")["message"]
    told = [text for notice, text in rig.lines() if notice == Notice.PARAMS_CHANGED]
    assert told == [
        "MOMENTUM.window 60 → 45, by page 10.0.0.7 (ann), reload",
        "MOMENTUM.threshold 2.0 → 3.0, by page 10.0.0.7 (ann), reload",
    ]


def test_a_file_that_is_wrong_changes_nothing(rig: Rig) -> None:
    rig.ask("set_params", values={"window": 60})
    rig.config.write_text(rig.config.read_text().replace("window = 40", "window = 1"))
    assert rig.ask("reload")["code"] == "CONFIG_REFUSED"
    assert rig.in_force()["window"] == 60
    assert rig.ask("undo_params")["ok"]


def test_every_limit_of_the_file_is_in_the_form_and_reaches_the_gate(rig: Rig) -> None:
    fields = rig.ask("limits")["fields"]
    assert [field["name"] for field in fields] == list(Risk.__struct_fields__)
    assert all(field["description"] for field in fields)
    names = rig.supervisor.house.limits.dtype.names
    assert set(limits.in_units(Risk())) == set(names or ())
    for field in fields:
        value = _another(field)
        before = limits.in_units(load(rig.config).risk)
        assert rig.ask("set_limits", values={field["name"]: value})["ok"], field
        after = {name: rig.limit(name) for name in names or ()}
        assert len([name for name in after if after[name] != before[name]]) == 1, field
        assert rig.ask("undo_limits")["ok"]
    assert rig.limit("on_trip") == OnTrip.HALT


def _another(field: dict[str, Any]) -> Any:
    if field["kind"] == "choice":
        return "reduce"
    return field["value"] + 1 if field["kind"] == "int" else field["value"] / 2 + 0.01


def test_limits_are_judged_by_the_rules_of_the_file_in_its_words(rig: Rig) -> None:
    for values in ({"max_position": 0}, {"on_trip": "pray"}, {"max_leverage": 151}, {"max_los": 1}):
        rig.config.write_text(f'[network]\nname = "testnet"\n[risk]\n{_toml(values)}\n')
        with pytest.raises(ConfigError) as refused:
            load(rig.config)
        answer = rig.ask("set_limits", values=values)
        assert answer["code"] == "BAD_VALUE"
        assert answer["message"].split(":")[0] in str(refused.value)
    assert rig.ask("limits")["undo"] is None


def _toml(values: dict[str, Any]) -> str:
    return "\n".join(f"{key} = {value!r}" for key, value in values.items())


def test_the_limits_of_the_seed_have_their_names_and_their_meaning(rig: Rig) -> None:
    assert rig.ask("set_limits", max_loss=250.5, target_profit=10)["ok"]
    assert rig.limit("max_loss_e8") == 25_050_000_000
    assert rig.limit("target_profit_e8") == 1_000_000_000
    assert rig.ask("set_limits", max_loss=-1)["code"] == "BAD_VALUE"
    assert rig.ask("set_limits")["code"] == "BAD_VALUE"


def test_every_order_of_a_person_leaves_a_line_with_who_from_and_to(rig: Rig) -> None:
    rig.supervisor.latch.halt(rig.supervisor.latch.reason())
    rig.ask("start")
    rig.ask("stop", by="command line")
    rig.ask("set_params", values={"window": 60})
    rig.ask("undo_params")
    rig.ask("set_limits", values={"max_position": 2})
    lines = rig.lines()
    assert lines == [
        (Notice.RESUMED, "trading.state halted → active, by page 10.0.0.7 (ann)"),
        (Notice.HALTED, "trading.state active → halted, by command line (ann)"),
        (Notice.PARAMS_CHANGED, "MOMENTUM.window 40 → 60, by page 10.0.0.7 (ann)"),
        (Notice.PARAMS_CHANGED, "MOMENTUM.window 60 → 40, by page 10.0.0.7 (ann), undo"),
        (Notice.LIMITS_CHANGED, "risk.max_position 0.5 → 2.0, by page 10.0.0.7 (ann)"),
    ]
    answer = rig.ask("changes", limit=2)
    assert answer["session"] == 77
    newest = answer["changes"][0]
    assert (newest["what"], newest["name"], newest["from"], newest["to"]) == (
        "risk", "max_position", 0.5, 2.0,
    )  # fmt: skip
    assert len(answer["changes"]) == 2
    assert rig.ask("changes", limit=0)["code"] == "BAD_VALUE"
    assert rig.ask("shutdown")["ok"]
    assert [text for _, text in rig.lines()] == ["asked to stop, by page 10.0.0.7 (ann)"]


NOT_COMPILABLE = """
import msgspec
from hft.strategy.api import state_dtype
NAME = "BROKEN"
class Params(msgspec.Struct, frozen=True):
    size: int = 1
STATE = state_dtype(("n", "<i8"))
def on_market(event, position, orders, params, state, out):
    state.n = event.colour
"""


def test_a_switch_to_what_cannot_be_compiled_is_refused_until_its_file_is_another(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = rig.config.parent / "strategies" / "broken.py"
    path.parent.mkdir()
    path.write_text(NOT_COMPILABLE)
    settings = rig.supervisor.wiring.settings
    trading = msgspec.structs.replace(settings.trading, strategies_dirs=[str(path.parent)])
    book = StrategiesBook(msgspec.structs.replace(settings, trading=trading))
    book.active = "MOMENTUM"
    book.compile_all()
    monkeypatch.setattr(rig.supervisor.wiring, "strategies", book)
    (said,) = book.left_out()
    answer = rig.ask("set_strategy", strategy="BROKEN")
    assert (answer["code"], answer["message"]) == ("NOT_COMPILED", said)
    assert "no field is called 'colour'" in said
    assert str(path) in said
    path.write_text(NOT_COMPILABLE.replace("event.colour", "1"))
    assert book.why_not("BROKEN") == ""


def test_a_switch_to_a_strategy_that_starts_late_is_a_change_all_the_same(rig: Rig) -> None:
    """It runs as soon as it is ready: who looks up why must find who chose it."""
    answers: list[dict[str, Any]] = []
    switch = _Switch("PING_PONG", "MOMENTUM", "page 10.0.0.7 (ann)", answers.append)
    rig.supervisor.wiring.select_strategy("PING_PONG")
    rig.supervisor.commands._finish(switch, running=False)
    assert answers[0]["code"] == "NOT_READY"
    line = "strategy.active MOMENTUM → PING_PONG, by page 10.0.0.7 (ann)"
    assert rig.lines() == [(Notice.STRATEGY_SWITCHED, line)]


@pytest.mark.parametrize(
    ("before", "after"), [(50, 60), (1e300, -0.1), (True, False), ("halt", "reduce"), (0, 2**62)]
)
@pytest.mark.parametrize("who", ["page ::1 (root)", "a, by b → c (x), undo", "ü (Ω)", "1 → 2"])
def test_what_a_line_says_of_a_change_is_read_back_as_it_was(
    before: Any, after: Any, who: str
) -> None:
    change = Change(5, who, "MY_STRATEGY", "some_value", before, after)
    assert change_of(5, line_of(change)) == change


def test_other_lines_of_the_log_are_no_changes() -> None:
    for line in ("", "halted", "a b → c, by d", "the loss limit is reached: 1 → 2, by nobody"):
        assert change_of(1, line) is None


def test_who_asks_cannot_break_the_line(rig: Rig) -> None:
    rig.ask("set_params", values={"window": 60}, by="x\n\u202e" + "y" * 300)
    ((_, line),) = rig.lines()
    assert len(line.encode()) <= LOG_TEXT_MAX
    assert "\n" not in line
    assert "\u202e" not in line
    found = change_of(0, line)
    assert found is not None
    assert (found.before, found.after) == (40, 60)

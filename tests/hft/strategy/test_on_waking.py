"""Bursts that C calls the moment the process wakes: the same answers, and no fault done twice."""

from __future__ import annotations

import ctypes

import pytest

from hft.strategy.desk import StrategyDesk
from tests.hft.strategy.rig import Rig
from tests.hft.strategy.test_burst import SOURCE, puppet, wish

__all__ = ["puppet"]


def on_waking(desk: StrategyDesk, rig: Rig) -> int:
    """Call the duty as `ringbuf.parking.park` does."""
    assert rig.burst.duty is not None
    function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(rig.burst.duty().address)
    return int(function(desk.table))


def test_a_burst_on_waking_decides_as_one_that_is_asked_for(puppet):
    asked, woken = Rig(puppet), Rig(puppet)
    for rig in (asked, woken):
        for wanted in (1, 2, 6, 0, 9):
            rig.event(price=50.0, qty=float(wanted))
    assert asked.desk.run(asked.now_ns) == on_waking(woken.desk, woken) == 5
    assert asked.desk.state.tobytes() == woken.desk.state.tobytes()
    told = [rig.intents.copy(rig.intents.waiting()) for rig in (asked, woken)]
    names = [name for name in told[0].dtype.names if name not in ("strategy_ns", "decide_ns")]
    assert len(told[0]) == 11
    for name in names:
        assert told[0][name].tolist() == told[1][name].tolist(), name


def test_it_leaves_everything_alone_until_lost_reports_and_new_parameters_are_acted_on(puppet):
    rig = Rig(puppet)
    rig.event(price=1.0)
    rig.desk.know(1, 0)
    assert on_waking(rig.desk, rig) == 0
    rig.desk.know(0, 1)
    assert on_waking(rig.desk, rig) == 0
    rig.desk.know(0, 0)
    assert on_waking(rig.desk, rig) == 1


def test_a_fault_is_told_by_name_and_no_intent_is_written_twice(tmp_path, monkeypatch):
    path = tmp_path / "faltering.py"
    bad = "out.price[wish + 100] = 1.0"
    source = SOURCE.replace('"PUPPET"', '"FALTERING"')
    path.write_text(source.replace("cancel_all(out, event)", bad))
    rig = Rig(path)
    rig.event(price=1.0, qty=1.0)
    rig.event(price=1.0, qty=5.0)
    unheard = []
    with monkeypatch.context() as patch:
        patch.setattr("sys.unraisablehook", unheard.append)
        on_waking(rig.desk, rig)
    assert [each.exc_type for each in unheard] == [IndexError], "C could tell nobody"
    assert rig.intents.waiting() == 1, "the event before the fault was answered"
    with pytest.raises(IndexError):
        rig.desk.check()
    assert rig.intents.waiting() == 1
    sound = Rig(path)
    wish(sound, 1)
    sound.desk.check()

"""A strategy that cannot be compiled runs as plain Python through the same loop."""

from __future__ import annotations

import numpy as np

from hft.events import Side
from hft.strategy.agent import hot_functions, warm
from hft.strategy.load import read
from hft.strategy.records import as_records
from tests.hft.strategy.rig import Rig, side_and_qty

SOURCE = '''"""Uses what numba never saw."""

from decimal import Decimal

import msgspec

from hft.strategy.api import Side, market, state_dtype

NAME = "UNCOMPILED"
COMPILED = False
STATE = state_dtype(("mean", "<f8"), ("flags", "<i8"))


class Params(msgspec.Struct, frozen=True):
    above: float = 10.0


def on_market(event, position, orders, params, state, out):
    state.mean = float(Decimal(repr(float(event.price))) / 2)
    state.flags = event.flags
    if state.mean > params.above and not any(orders["status"]):
        market(out, event, Side.SELL, 0.1)
'''


def test_a_strategy_marked_so_runs_as_plain_python(tmp_path):
    path = tmp_path / "uncompiled.py"
    path.write_text(SOURCE)
    burst = warm(read(path))
    assert not burst.compiled
    assert len(hot_functions(burst)) == 1
    rig = Rig(path)
    assert rig.trade(20.0) == []
    assert side_and_qty(rig.trade(20.5)) == [(Side.SELL, 0.1)]
    assert rig.trade(20.5) == []
    assert rig.desk.state[0]["mean"] == 10.25


def test_a_field_hides_the_attribute_of_the_same_name():
    rows = as_records(np.zeros(2, [("flags", "u1"), ("mean", "<f8"), ("size", "<i8", 3)]))
    row = rows[0]
    row.flags, row.mean = 3, 2.5
    row.size[1] = 7
    assert (row.flags, row.mean, list(row.size)) == (3, 2.5, [0, 7, 0])
    assert rows["mean"][0] == 2.5

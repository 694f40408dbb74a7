"""The disk cache: a second process loads, and an edit is never without effect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from hft.strategy.api import OUT
from hft.strategy.load import read

HELPER = "def step():\n    return {}\n"
STRATEGY = '''"""Counts in steps."""

import msgspec

from hft.strategy.api import Verdict, state_dtype, verdict
from _step_of_mine import step

NAME = "STEPS"
STATE = state_dtype(("count", "<i8"))


class Params(msgspec.Struct, frozen=True):
    pass


def by_how_much():
    return {}


def on_market(event, position, orders, params, state, out):
    state.count += by_how_much() + step()
    verdict(out, Verdict.HOLDING, state.count)
'''
RUN = """
import json, sys, time
from pathlib import Path
from hft.clock import monotonic_ns
from hft.strategy.agent import warm
from hft.strategy.load import discover, make_params
from hft.strategy.build import build
from tests.hft.strategy.rig import Rig

path = Path(sys.argv[1])
rig = Rig(path)
started = monotonic_ns()
for _ in range(3):
    rig.trade(1.0)
hits = sum(rig.burst.enter.stats.cache_hits.values())
took_ns = monotonic_ns() - started
print(json.dumps({"count": float(rig.told["distance"]), "hits": hits, "ms": took_ns / 1e6}))
"""
ROOT = Path(__file__).resolve().parents[3]


def run(path: Path) -> dict[str, float]:
    """Start a fresh process on the strategy and return what it counted."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    made = subprocess.run(
        [sys.executable, "-c", RUN, str(path)], env=env, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    answer: dict[str, float] = json.loads(made.stdout)
    return answer


def test_a_second_process_loads_and_every_edit_changes_behaviour(tmp_path):
    path, helper = tmp_path / "steps.py", tmp_path / "_step_of_mine.py"
    path.write_text(STRATEGY.format(1))
    helper.write_text(HELPER.format(10))
    first = run(path)
    assert (first["count"], first["hits"]) == (33.0, 0)
    second = run(path)
    assert (second["count"], second["hits"]) == (33.0, 1)
    path.write_text(STRATEGY.format(2))
    helper.write_text(HELPER.format(20))
    assert run(path)["count"] == 66.0


def test_an_edit_of_a_file_beside_it_is_seen_without_a_new_process(tmp_path):
    path, helper = tmp_path / "steps.py", tmp_path / "_step_of_mine.py"
    path.write_text(STRATEGY.format(1))
    helper.write_text(HELPER.format(10))
    first, same = read(path), read(path)
    assert first.digest == same.digest
    helper.write_text(HELPER.format(20))
    second = read(path)
    assert second.digest != first.digest
    path.write_text(STRATEGY.format(2))
    third = read(path)
    assert third.digest != second.digest
    counts = []
    for spec in (first, second, third):
        state = np.zeros(1, spec.state_dtype).view(np.recarray)[0]
        spec.on_market(None, None, None, None, state, np.zeros(1, OUT).view(np.recarray)[0])
        counts.append(int(state.count))
    assert counts == [11, 21, 22]


def test_strategies_loaded_from_the_cache_side_by_side_keep_their_own_functions(tmp_path):
    """Two cached loops carry functions of the same names: each must call its own."""
    paths = []
    for step in (1, 1000):
        (tmp_path / str(step)).mkdir()
        path = tmp_path / str(step) / "steps.py"
        (path.parent / "_step_of_mine.py").write_text(HELPER.format(0))
        path.write_text(STRATEGY.format(step))
        paths.append(path)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    script = """
import sys
from pathlib import Path
from tests.hft.strategy.rig import Rig
for path in sys.argv[1:]:
    rig = Rig(Path(path))
    rig.trade(1.0)
    print(rig.told["distance"], sum(rig.burst.enter.stats.cache_hits.values()))
"""
    for which, wanted in (
        (paths[:1], "1.0 0"),
        (paths[1:], "1000.0 0"),
        (paths, "1.0 1\n1000.0 1"),
    ):
        made = subprocess.run(
            [sys.executable, "-c", script, *map(str, which)],
            env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        assert made.stdout.strip() == wanted

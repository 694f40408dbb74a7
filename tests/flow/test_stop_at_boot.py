"""Asked to stop before it runs, the house gives everything back and ends as if it had run."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from hft.boot import Locks, segment_name
from tests.flow.engine import Engine, eventually, free_port, segments

pytestmark = pytest.mark.flow

CONFIG = """
[network]
name = "gone"
rest_url = "http://127.0.0.1:1"
ws_url = "ws://127.0.0.1:1"
[trading]
api_key = "k"
secret_key = "s"
strategy = "SLOW"
strategies_dirs = ["strategies"]
"""
SLOW = """
import time
from pathlib import Path
from types import ModuleType
import msgspec
from numba.extending import overload
from hft.strategy import api
NAME = "SLOW"
class Params(msgspec.Struct, frozen=True):
    size: int = 1
STATE = api.state_dtype(("n", "<i8"))
def wait(stage):
    Path(stage).touch()
    time.sleep(60)
{at_import}
def add_one(number): ...
@overload(add_one)
def compiled_add_one(number):
    wait("compiling")
    return lambda number: number + 1
helper = ModuleType("helper")
helper.add_one = add_one
def on_market(event, position, orders, params, state, out):
    state.n = helper.add_one(state.n)
"""


@pytest.mark.parametrize(
    ("stage", "number"), [("importing", signal.SIGINT), ("compiling", signal.SIGTERM)]
)
def test_while_strategies_are_read_and_compiled(
    stage: str, number: signal.Signals, engine: Callable[..., Engine], tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text(CONFIG)
    (tmp_path / "strategies").mkdir()
    at_import = 'wait("importing")' if stage == "importing" else ""
    (tmp_path / "strategies" / "slow.py").write_text(SLOW.format(at_import=at_import))
    one = engine("--config", "config.toml")
    eventually((tmp_path / stage).exists, 60, f"the stage\n{one.text()}")
    family = psutil.Process(one.process.pid).children(recursive=True)
    # As a terminal does it: to the whole group.
    os.killpg(one.process.pid, number)
    assert one.wait(10) == 0, one.text()
    assert one.text().splitlines()[-1] == "asked to stop before everything was ready"
    assert_nothing_stays(one, family)


def test_while_the_processes_start(engine: Callable[..., Engine]) -> None:
    one = engine("--port", str(free_port()))
    eventually((one.data_dir / "run.json").exists, 120, f"the simulator\n{one.text()}")
    family = psutil.Process(one.process.pid).children(recursive=True)
    assert family
    # Where it meets the start differs from run to run; the end does not.
    one.process.send_signal(signal.SIGTERM)
    assert one.wait(20) == 0, one.text()
    assert_nothing_stays(one, family)


def assert_nothing_stays(one: Engine, family: list[psutil.Process]) -> None:
    assert "Traceback" not in one.text()
    assert not [each for each in family if each.is_running()]
    assert segment_name(one.data_dir) not in segments()
    assert not {"run.json", "control.sock"} & set(os.listdir(one.data_dir))
    locks = Locks()
    locks.take_folder(one.data_dir)
    locks.release()

"""`hft stat` before and after the engine is killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from hft.boot import LAST_RUN
from hft.clock import wall_ms
from tests.flow.engine import Engine, alive, eventually

pytestmark = pytest.mark.flow


def stat(one: Engine, *arguments: str) -> str:
    command = [sys.executable, "-m", "hft", "stat", "--data-dir", str(one.data_dir), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def told_by(one: Engine) -> dict[str, Any]:
    return dict(orjson.loads(stat(one, "--json")))


def test_it_tells_of_a_running_engine_and_of_the_same_one_killed(
    engine: Callable[..., Engine],
) -> None:
    one = engine().wait_up()
    one.wait_trades(0, 60)
    living, order = told_by(one), one.get("/api/orders")["orders"][-1]
    assert living["dead"] is False
    assert living["trade_count"] > 0
    assert {row["health"] for row in living["processes"]} == {"ok"}
    story = one.get(f"/api/orders/{order['key']}")
    assert [stage["name"] for stage in story["stages"]][:2] == ["venue_event", "decoded"]
    assert any("acknowledged" in line for line in story["story"]), story["story"]
    pids = [pid for role, pid in one.run["pids"].items() if role != "supervisor"]
    killed_ms = wall_ms()
    one.kill("supervisor")
    one.process.wait(5)
    eventually(lambda: not any(alive(pid) for pid in pids), 20, "every process gone")
    eventually((one.data_dir / LAST_RUN).exists, 5, "the segment kept")
    dead = told_by(one)
    assert dead["dead"] is True
    assert abs(dead["as_of_ms"] - killed_ms) < 20_000, "when it last beat, not now"
    assert dead["trade_count"] >= living["trade_count"]
    assert "DEAD, last alive" in stat(one, "--once")

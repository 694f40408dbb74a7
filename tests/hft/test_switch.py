"""Strategies switched and started again while other things happen, with processes that obey."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CASE = """
import os, sys
from pathlib import Path
from hft import commands
from hft.agent.vitals import Vitals
from hft.clock import Deadline, monotonic_ns, sleep_s
from hft.errors import BootError
from hft.seats import Seat
from hft.state.blocks import Life, Order
from tests.hft.tuning_rig import tuning_rig

def until(what, look):
    deadline = Deadline(20)
    while not look():
        assert not deadline.passed(), what
        turn()

def turn():
    supervisor._wait()
    supervisor.commands.poll()
    supervisor._watch_children()
    supervisor._watch_account()
    supervisor._restart_the_due()

def entry(seat, *, fresh_state, forget):
    name = supervisor.wiring.strategies.active
    started.append((name, fresh_state))
    def live():
        vitals, order = Vitals(house, seat), house.orders_to[seat]
        if name in broken:
            return 3, "no library of that name"
        vitals.life = Life.READY
        while order["order"] != Order.DRAIN or not may_end.exists():
            vitals.beat(monotonic_ns())
            if order["order"] == Order.RUN:
                vitals.life = Life.RUNNING
            sleep_s(0.002)
        return 0, ""
    return live

def switch(name):
    asked = {"command": "set_strategy", "strategy": name, "user": "ann"}
    supervisor.commands.handle(asked, answers.append)

def account(name):
    house.identity[0]["account_epoch"] = name

folder, may_end = Path(sys.argv[1]), Path(sys.argv[1]) / "may-end"
started, answers, broken = [], [], set()
with tuning_rig(folder) as rig:
    supervisor, house = rig.supervisor, rig.supervisor.house
    supervisor.wiring.entry = entry
    supervisor._expected |= set(supervisor.children) - {Seat.STRATEGY}
    child = supervisor.children[Seat.STRATEGY]
    account(b"one")
    supervisor.fork(Seat.STRATEGY)
    until("it runs", lambda: child.life is Life.RUNNING)
{body}
    may_end.touch()
    child.kill()
"""

BODIES = {
    "another_account_while_the_old_strategy_ends_does_not_keep_the_switch_open": """
    switch("PING_PONG")
    account(b"two")
    turn()
    assert child.pid, "it was not asked to end twice, nor waited for"
    may_end.touch()
    until("the switch", lambda: answers)
    assert answers[0]["ok"], answers
    assert started == [("MOMENTUM", False), ("PING_PONG", True)], started
    assert not supervisor.commands.switching(child.role)
    switch("MOMENTUM")
    until("the next switch", lambda: len(answers) == 2)
    assert answers[1]["ok"], answers
    assert started[2:] == [("MOMENTUM", False)], started
""",
    "a_strategy_that_dies_at_the_end_of_a_switch_comes_back_as_after_any_death": """
    may_end.touch()
    broken.add("PING_PONG")
    commands._SWITCH_MAX_S = 1.5
    switch("PING_PONG")
    until("the answer", lambda: answers)
    assert answers[0]["code"] == "NOT_READY", answers
    assert len(started) <= 6, f"{len(started)} starts"
    assert supervisor.latch.halted(), "the fourth death in ten minutes"
    lines = [text for _, text in rig.lines()]
    assert "strategy died (exit code 3): no library of that name; it is started again" in lines
""",
    "another_account_is_known_to_a_strategy_that_waits_for_its_restart": """
    child.kill()
    until("the death", lambda: not child.pid or len(started) > 1)
    until("it is back", lambda: child.life is Life.RUNNING)
    child.kill()
    child.deaths_ns.clear()
    while child.pid:
        supervisor._wait()
        supervisor._watch_children()
    account(b"two")
    turn()
    until("it is back again", lambda: child.life is Life.RUNNING)
    assert started == [("MOMENTUM", False), ("MOMENTUM", False), ("MOMENTUM", True)], started
""",
    "a_process_that_the_operating_system_refuses_is_tried_again_and_ends_no_house": """
    supervisor._announced = True
    opened = len(os.listdir("/proc/self/fd"))
    def refuses():
        raise BlockingIOError(11, "Resource temporarily unavailable")
    fork, os.fork = os.fork, refuses
    child.kill()
    until("the refusal", lambda: len(started) > 1)
    os.fork = fork
    assert child.life is Life.ABSENT
    until("it is back", lambda: child.life is Life.RUNNING)
    assert len(os.listdir("/proc/self/fd")) == opened
    said = "strategy cannot be started: Resource temporarily unavailable; it is tried again"
    assert said in [text for _, text in rig.lines()]
    os.fork, supervisor._announced = refuses, False
    try:
        supervisor.fork(Seat.FEED)
        raise AssertionError("before the house ran it is the end")
    except BootError as problem:
        assert "feed cannot be started" in str(problem)
    os.fork = fork
""",
}


@pytest.mark.parametrize("name", BODIES)
def test_strategies(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CASE.replace("{body}", BODIES[name]), str(tmp_path)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

"""Forking, hearts and deaths, in a process of its own: a parent must be a single task."""

from __future__ import annotations

import subprocess
import sys

import pytest

CASE = """
import os, signal, sys
from hft.agent.vitals import Vitals
from hft.children import Child, die_with_parent
from hft.clock import Deadline, monotonic_ns, sleep_s
from hft.events import Role
from hft.state.blocks import Life
from tests.hft.houses import new_house

def reap(child):
    deadline = Deadline(10)
    while (death := child.reap()) is None:
        child.check_heart(monotonic_ns())
        assert not deadline.passed()
        sleep_s(0.005)
    return death

def beating(house, role):
    vitals = Vitals(house, role)
    vitals.begin(os.getpid(), monotonic_ns(), -1, 0)
    vitals.life = Life.RUNNING
    return vitals

with new_house("BTCUSDT") as house:
    child = Child(Role.FEED, house)
    {body}
"""

BODIES = {
    "an_exit_code_and_last_words_reach_the_parent": """
    child.fork(lambda: (3, "the port is taken"))
    death = reap(child)
    assert (death.code, death.why) == (3, "the port is taken"), death
    assert child.life is Life.ABSENT
""",
    "an_exception_that_nobody_caught_is_a_fatal_with_its_text": """
    def entry():
        raise ValueError("crossed book")
    child.fork(entry)
    death = reap(child)
    assert death.code == 5 and "crossed book" in death.why, death
""",
    "a_kill_is_reported_as_its_signal": """
    def entry():
        beating(house, Role.FEED)
        while True:
            sleep_s(0.1)
    child.fork(entry)
    os.kill(child.pid, signal.SIGKILL)
    death = reap(child)
    assert death.code == -signal.SIGKILL, death
""",
    "a_heart_that_stops_is_ended_by_sigabrt": """
    def entry():
        beating(house, Role.FEED)
        while True:
            sleep_s(0.1)
    child.fork(entry)
    death = reap(child)
    assert death.code == -signal.SIGABRT, death
""",
    "a_start_that_takes_too_long_is_ended": """
    def entry():
        while True:
            sleep_s(0.1)
    child.fork(entry, start_max_ns=200_000_000)
    death = reap(child)
    assert death.code == -signal.SIGABRT, death
""",
    "a_child_without_its_parent_leaves": """
    inner, outer = os.pipe()
    middle = os.fork()
    if middle == 0:
        parent = os.getpid()
        if os.fork() == 0:
            die_with_parent(parent)
            os.write(outer, b"%d\\n" % os.getpid())
            while True:
                sleep_s(0.05)
        os.read(inner, 1)
        os._exit(0)
    os.waitpid(middle, 0)
    os.close(outer)
    # The pipe ends when its last writer, the orphan, has gone.
    while os.read(inner, 100):
        pass
""",
}


@pytest.mark.parametrize("name", BODIES)
def test_children(name: str) -> None:
    code = CASE.replace("{body}", BODIES[name].strip("\n").replace("\n    ", "\n    ").lstrip())
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

"""The claim: any process may be killed, and is back before a trader notices.

The demo runs as a user starts it, and each process is killed with SIGKILL: how long until the
supervisor knew, how long the new process took to be READY, and how long until it did its work
again, counted from the kill.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import orjson
import requests

from benches.engine import start_engine, stop_engine
from benches.report import Metrics, Outcome, Row, WrongAnswer, run
from hft.boot import attach_for_look
from hft.clock import Deadline, monotonic_ns, sleep_s
from hft.events import Role, TradingState
from hft.state.blocks import Life
from hft.topology import House
from hft.units import NS_PER_MS

ROLES = (Role.FEED, Role.STRATEGY, Role.EXECUTION, Role.LEDGER, Role.DASHBOARD)
ROUNDS, QUICK_ROUNDS = 3, 1
LOOK_S = 100e-6
_UP_MAX_S = 120.0
_BACK_MAX_S = 30.0


class Demo:
    """A running demo, looked at from outside."""

    def __init__(self, house: House, told: dict[str, Any]) -> None:
        self._house = house
        self._url = str(told["dashboard_url"])

    def kill(self, role: Role) -> dict[str, float]:
        """Kill one process and measure its way back, in ms.

        Raises:
            WrongAnswer: it did not come back.
        """
        vitals, sick = self._house.vitals[role], int(self._house.orders_to[role]["died_ns"])
        pid, killed_ns = int(vitals["pid"]), monotonic_ns()
        os.kill(pid, signal.SIGKILL)
        wait(lambda: int(vitals["pid"]) != pid, f"{role.name} has a new pid")
        wait(lambda: int(vitals["life"]) in (Life.READY, Life.RUNNING), f"{role.name} is READY")
        ready_ns = monotonic_ns()
        wait(lambda: self._works(role, killed_ns), f"{role.name} works again")
        works_ns = monotonic_ns()
        noticed_ns = int(self._house.orders_to[role]["died_ns"])
        if noticed_ns == sick:
            raise WrongAnswer(f"the supervisor never saw that {role.name} died")
        return {
            "noticed": (noticed_ns - killed_ns) / NS_PER_MS,
            "ready": (ready_ns - int(vitals["started_ns"])) / NS_PER_MS,
            "works": (works_ns - killed_ns) / NS_PER_MS,
        }

    def is_active(self) -> bool:
        """Say whether it may trade."""
        told = self._house.account.read()
        return told is not None and int(told[0]["trading_state"]) == TradingState.ACTIVE

    def _works(self, role: Role, since_ns: int) -> bool:
        vitals = self._house.vitals[role]
        if int(vitals["life"]) != Life.RUNNING:
            return False
        if role in (Role.FEED, Role.STRATEGY):
            told = self._house.verdict.read()
            return told is not None and int(told[0]["event_ns"]) > int(vitals["started_ns"])
        if role is Role.EXECUTION:
            told = self._house.account.read()
            return told is not None and int(told[0]["updated_ns"]) > since_ns and self.is_active()
        if role is Role.DASHBOARD:
            return self._answers()
        return int(vitals["heartbeat_ns"]) > since_ns

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self._url}api/status", timeout=2).status_code == 200
        except requests.RequestException:
            return False


def wait(done: Callable[[], bool], what: str, seconds: float = _BACK_MAX_S) -> None:
    """Look until `done`.

    Raises:
        WrongAnswer: not in time.
    """
    deadline = Deadline(seconds)
    while not done():
        if deadline.passed():
            raise WrongAnswer(f"not within {seconds:g} s: {what}")
        sleep_s(LOOK_S)


@contextlib.contextmanager
def demo() -> Iterator[Demo]:
    """Run the demo; nothing of it stays behind."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as undo:
        folder = Path(name)
        process = start_engine(folder)
        undo.callback(stop_engine, process)
        path = folder / "data" / "run.json"

        def is_up() -> bool:
            if process.poll() is not None:
                raise WrongAnswer(f"the demo ended: {(folder / 'out').read_text()[-600:]}")
            return path.exists() and b"segment" in path.read_bytes()

        wait(is_up, "the demo is up", _UP_MAX_S)
        told = orjson.loads(path.read_bytes())
        made = Demo(attach_for_look(str(told["segment"])), told)
        wait(made.is_active, "it may trade")
        yield made


def measure(quick: bool) -> Outcome:
    """Kill each process in turn, and give the medians."""
    found: dict[str, list[float]] = {}
    for _ in range(QUICK_ROUNDS if quick else ROUNDS):
        # A demo of its own: the second death of a process in one run waits on purpose.
        with demo() as running:
            for role in ROLES:
                wait(running.is_active, "it may trade again")
                for what, ms in running.kill(role).items():
                    found.setdefault(f"{role.name.lower()}_{what}_ms", []).append(ms)
    metrics: Metrics = {name: round(median(each), 2) for name, each in found.items()}
    words = {
        "noticed": "killed, until the supervisor knew",
        "ready": "started, until it was READY",
        "works": "killed, until it worked again",
    }
    rows = []
    for name, figure in metrics.items():
        who, what, _ = name.rsplit("_", 2)
        rows.append(Row(f"{who} {words[what]}", figure, "ms"))
    notes = [
        "working is: of feed and strategy a decision on an event received since; trading "
        "allowed; a heart that beats; a page that answers",
        "every figure is of a first death: later ones of the same process wait longer and longer",
    ]
    return Outcome(rows, metrics, notes)


if __name__ == "__main__":
    sys.exit(run("restart", measure))

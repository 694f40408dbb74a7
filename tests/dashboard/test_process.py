"""The dashboard as a process: its life in the segment, its heart, and every way it is asked to
end.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from dashboard.process import TOKEN_FILE, DashboardProcess
from hft.agent.contract import Context
from hft.agent.log import Log
from hft.clock import Deadline
from hft.errors import ExitCode
from hft.events import Role
from hft.state.blocks import Life, Mode, Order
from hft.topology import House
from ringbuf.doorbell import Doorbell
from tests.dashboard.furniture import CATALOGUE, furnish, wait_for


class Forked:
    """A dashboard process, forked as the supervisor does it."""

    def __init__(self, house: House, data_dir: Path, parent_pid: int | None = None) -> None:
        self.house, self.data_dir = house, data_dir
        house.run[0]["supervisor_pid"] = parent_pid or os.getpid()
        vitals = house.vitals[Role.DASHBOARD]
        vitals["life"], vitals["heartbeat_ns"] = Life.STARTING, 0
        self._bells = {role: Doorbell(house.parked_words(role)) for role in Role}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.code: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            self._live()

    def _live(self) -> None:
        code = 99
        try:
            bell = self._bells[Role.LEDGER]
            log = Log(Role.DASHBOARD, self.house.log_ring(Role.DASHBOARD), bell)
            context = Context(Role.DASHBOARD, self.house, self._bells, log)
            specs = list(CATALOGUE.specs.values())
            database = str(self.data_dir / "trades.db")
            code = DashboardProcess(context, self._listener, self.data_dir, database, specs).run()
        finally:
            os._exit(code)

    def life(self) -> Life:
        return Life(int(self.house.vitals[Role.DASHBOARD]["life"]))

    def tell(self, order: Order) -> None:
        self.house.orders_to[Role.DASHBOARD]["order"] = order

    def ended(self) -> bool:
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code is not None

    def wait_end(self, seconds: float = 10) -> int:
        wait_for(self.ended, "the process to end", seconds)
        assert self.code is not None
        return self.code

    def close(self) -> None:
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
            self.wait_end()
        self._listener.close()
        for bell in self._bells.values():
            bell.close()


@pytest.fixture
def fork(house: House, tmp_path: Path) -> Iterator[Callable[..., Forked]]:
    """Fork dashboards; none of them outlives the test."""
    started: list[Forked] = []

    def start(**arguments: int) -> Forked:
        started.append(Forked(house, tmp_path, **arguments))
        return started[-1]

    yield start
    for one in started:
        one.close()


def test_it_lives_by_its_orders_and_beats_from_its_loop(fork: Callable[..., Forked]) -> None:
    child = fork()
    wait_for(lambda: child.life() is Life.READY, "READY", 20)
    child.tell(Order.RUN)
    wait_for(lambda: child.life() is Life.RUNNING, "RUNNING")
    assert requests.get(child.url + "/healthz", timeout=5).ok
    before = int(child.house.vitals[Role.DASHBOARD]["heartbeat_ns"])
    wait_for(lambda: child.house.vitals[Role.DASHBOARD]["heartbeat_ns"] > before, "a heartbeat")
    child.tell(Order.DRAIN)
    assert child.wait_end() == 0
    assert child.life() is Life.STOPPED


def test_a_signal_ends_it_and_its_streams_within_a_moment(fork: Callable[..., Forked]) -> None:
    child = fork()
    wait_for(lambda: child.life() is Life.READY, "READY", 20)
    child.tell(Order.RUN)
    with requests.get(child.url + "/api/sse", stream=True, timeout=5) as stream:
        assert next(stream.iter_lines())
        deadline = Deadline(3)
        os.kill(child.pid, signal.SIGTERM)
        assert child.wait_end() == 0
        assert not deadline.passed()


def test_it_ends_with_its_parent(fork: Callable[..., Forked]) -> None:
    child = fork(parent_pid=1)
    assert child.wait_end(20) == 0


def test_outside_the_demo_it_keeps_a_token_and_asks_for_it(
    house: House, fork: Callable[..., Forked]
) -> None:
    furnish(house, Mode.TESTNET)
    child = fork()
    wait_for(lambda: child.life() is Life.READY, "READY", 20)
    token = (child.data_dir / TOKEN_FILE).read_text().strip()
    url, stop = child.url + "/api/control", {"command": "STOP"}
    assert requests.post(url, json=stop, timeout=5).status_code == 401
    headers = {"Authorization": f"Bearer {token}"}
    # Nobody listens at the control socket of this house: the token was right.
    assert requests.post(url, json=stop, headers=headers, timeout=5).status_code == 503


def test_a_folder_it_cannot_write_refuses_the_start(house: House, tmp_path: Path) -> None:
    furnish(house, Mode.LIVE)
    child = Forked(house, tmp_path / "nowhere")
    try:
        assert child.wait_end(20) == ExitCode.BOOT_FAILED
    finally:
        child.close()

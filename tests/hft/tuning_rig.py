"""A supervisor that forks nobody: its commands, its blocks, its log, and nothing that runs."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hft.boot import Options, make_plan
from hft.events import LOG
from hft.pinning import plan_cores, quota_cores, usable_cores
from hft.processes import Wiring
from hft.seats import Seat
from hft.state.blocks import PARAMS
from hft.strategies_book import StrategiesBook
from hft.strategy.params import from_block, values_of
from hft.watch import Supervisor
from ringbuf.spsc import Consumer
from tests.hft.houses import new_house

CONFIG = """
[network]
name = "local"
rest_url = "http://127.0.0.1:1"
ws_url = "ws://127.0.0.1:1/ws"
[trading]
strategy = "MOMENTUM"
[risk]
max_position = 0.5
[strategy.MOMENTUM]
window = 40
"""


class Rig:
    """Asks a supervisor and looks at what the hot processes would see."""

    def __init__(self, supervisor: Supervisor, config: Path) -> None:
        self.supervisor = supervisor
        self.config = config
        self._log = Consumer(supervisor.house.log_ring(Seat.SUPERVISOR))

    def ask(self, command: str, **request: Any) -> dict[str, Any]:
        """Put one request, as user "ann" at the page."""
        answers: list[dict[str, Any]] = []
        whole = {"command": command, "by": "page 10.0.0.7", "user": "ann", **request}
        self.supervisor.commands.handle(whole, answers.append)
        assert len(answers) == 1, f"{command}: {answers}"
        return answers[0]

    def field(self, command: str, name: str) -> dict[str, Any]:
        """One field of the form that `command` gives."""
        fields = self.ask(command)["fields"]
        return next(field for field in fields if field["name"] == name)

    def in_force(self) -> dict[str, Any]:
        """Parameters as the strategy reads them from the block."""
        strategies = self.supervisor.wiring.strategies
        raw = self.supervisor.house.params.read_bytes()
        assert raw is not None
        assert len(raw) == PARAMS.itemsize
        index = strategies.names().index(strategies.active)
        found = from_block(raw, strategies.spec().params_dtype, index)
        assert found is not None
        return values_of(found)

    def limit(self, name: str) -> int:
        """A limit as the gate reads it from the block."""
        limits = self.supervisor.house.limits.read()
        assert limits is not None
        return int(limits[0][name])

    def lines(self) -> list[tuple[int, str]]:
        """Log records since the last look: notice and text."""
        count = self._log.waiting()
        records = self._log.copy(count)
        self._log.release(count)
        assert records.dtype == LOG
        return [
            (int(record["notice"]), bytes(record["text"])[: int(record["size"])].decode())
            for record in records
        ]


@contextmanager
def tuning_rig(folder: Path) -> Iterator[Rig]:
    """Build a supervisor from a config file of its own."""
    config = folder / "config.toml"
    config.write_text(CONFIG)
    plan = make_plan(Options(config=config))
    with new_house("BTCUSDT") as house, socket.create_server(("127.0.0.1", 0)) as listener:
        house.run[0]["session_epoch"] = 77
        cores = plan_cores(usable_cores(), quota_cores(), "auto", pin=False, shards=1)
        wiring = Wiring(plan, house, StrategiesBook(plan.settings), cores, listener, None)
        supervisor = Supervisor(plan, wiring, None)
        rig = Rig(supervisor, config)
        rig.lines()
        try:
            yield rig
        finally:
            supervisor._forget_in_child()  # What it opened, the pipe it is woken by among it.
            wiring.close()

"""Execution in a process of its own, to be killed: `python -m ...execution.child NAME URL`."""

from __future__ import annotations

import os
import sys

from hft.agent.contract import Context
from hft.agent.log import Log
from hft.clock import monotonic_ns
from hft.config import Network, Settings, Trading
from hft.events import Role
from hft.execution import pad
from hft.execution.agent import ExecutionAgent
from hft.risk.gate import Gate
from hft.state.blocks import Life
from hft.topology import House
from ringbuf.doorbell import Doorbell
from ringbuf.memory import Segment

from .rig import KEYS, GivenKeys


def main(name: str, url: str) -> None:
    pad.warm(Gate().address)
    house = House.attach(Segment.attach(name, writable=True))
    bells = {role: Doorbell(house.parked_words(role)) for role in Role}
    log = Log(Role.EXECUTION, house.log_ring(Role.EXECUTION), bells[Role.LEDGER])
    ws = url.replace("http", "ws")
    network = Network("custom", url, ws, f"{ws}/ws-fapi/v1")
    settings = Settings(network=network, trading=Trading(countdown_ms=0))
    context = Context(Role.EXECUTION, house, bells, log)
    agent = ExecutionAgent(context, settings, GivenKeys(KEYS), Gate())  # type: ignore[arg-type]
    agent.on_start()
    context.vitals["pid"] = os.getpid()
    context.vitals["life"] = Life.RUNNING
    while True:
        if not agent.do_work(monotonic_ns()):
            context.parking.wait(1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])

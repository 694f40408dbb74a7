"""A house with only the processes a bench is about, each forked and run as the engine runs it."""

from __future__ import annotations

import contextlib
import gc
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benches.pair import FORK
from benches.report import WrongAnswer
from hft.agent.contract import Agent, Context
from hft.agent.idle import IdleKind, make_idle
from hft.agent.log import Log
from hft.agent.runner import Runner
from hft.agent.vitals import Vitals
from hft.clock import Deadline, anchor_now, monotonic_ns, sleep_s
from hft.events import Role
from hft.pinning import pin_here
from hft.state.blocks import Life, Order
from hft.topology import PROCESSES, House
from ringbuf.doorbell import Doorbell
from ringbuf.memory import unlink
from ringbuf.spsc import Consumer

HotFunctions = Sequence[Callable[..., Any]]
Build = Callable[[Context], tuple[Agent, HotFunctions]]
_SPECS = {spec.role: spec for spec in PROCESSES}
_START_MAX_S = 20.0
_STOP_MAX_S = 10.0


class Stage:
    """One house and the processes that were started in it, all of them parked while idle."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.bells = {role: Doorbell(house.parked_words(role)) for role in Role}
        self._processes: dict[Role, Any] = {}

    def start(self, role: Role, build: Build, core: int) -> None:
        """Fork one process, pinned to `core`, and tell it to run as soon as it is ready."""
        self.house.vitals[role]["life"] = Life.STARTING
        self.house.orders_to[role]["order"] = Order.RUN
        self._processes[role] = FORK.Process(target=self._live, args=(role, build, core))
        self._processes[role].start()

    def wait(self, done: Callable[[], bool], what: str, seconds: float = _START_MAX_S) -> None:
        """Look until `done`.

        Raises:
            WrongAnswer: not in time, or a process ended.
        """
        deadline = Deadline(seconds)
        while not done():
            ended = [role.name for role, each in self._processes.items() if not each.is_alive()]
            if ended or deadline.passed():
                raise WrongAnswer(f"{what}: not in {seconds:g} s; ended: {ended}; {self.said()}")
            sleep_s(0.002)

    def running(self) -> bool:
        """Say whether every process runs."""
        return all(self.house.vitals[role]["life"] == Life.RUNNING for role in self._processes)

    def cpu_ns(self, role: Role) -> int:
        """Time a process has spent on a core; 0 where the system does not tell."""
        return cpu_ns(int(self.house.vitals[role]["pid"]))

    def said(self) -> str:
        """The newest lines of the processes' logs."""
        lines = []
        for role in self._processes:
            log = Consumer(self.house.log_ring(role))
            lines += [bytes(line["text"]).decode() for line in log.copy(log.waiting())]
        return " | ".join(lines[-6:])

    def close(self) -> None:
        """End every process and wait for it."""
        for role in self._processes:
            self.house.orders_to[role]["order"] = Order.DRAIN
        for process in self._processes.values():
            process.join(_STOP_MAX_S)
            process.kill()
            process.join()
            process.close()
        for bell in self.bells.values():
            bell.close()

    def _live(self, role: Role, build: Build, core: int) -> None:
        gc.disable()
        context = Context(
            role, self.house, self.bells, Log(role, self.house.log_ring(role), self.bells[role])
        )
        pin_here(core)
        Vitals(self.house, role).begin(os.getpid(), monotonic_ns(), core, IdleKind.PARK)
        agent, functions = build(context)
        idle = make_idle(IdleKind.PARK, context, agent.has_work, hot=True)
        code = Runner(context, agent, idle, _SPECS[role], functions).run()
        raise SystemExit(int(code))


def cpu_ns(pid: int) -> int:
    """Time process `pid` has spent on a core; 0 where the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    except OSError:
        return 0


@contextlib.contextmanager
def stage(*symbols: str) -> Iterator[Stage]:
    """Lay a house and forget it afterwards, with every process in it."""
    house = House.create(f"hft-bench-{os.getpid()}-{secrets.token_hex(4)}", anchor_now())
    unlink(house.segment.name)
    run = house.run[0]
    run["supervisor_pid"] = os.getpid()
    run["symbol_count"] = len(symbols)
    for index, symbol in enumerate(symbols):
        run["symbols"][index] = symbol.encode()
    run["maker_fee"], run["taker_fee"] = 0.0002, 0.0005
    gc.collect()
    gc.freeze()
    made = Stage(house)
    try:
        yield made
    finally:
        made.close()
        gc.unfreeze()

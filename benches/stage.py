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
from hft.pinning import pin_here
from hft.seats import Seat
from hft.state.blocks import Life, Order
from hft.topology import SPECS, House
from ringbuf.doorbell import Doorbell
from ringbuf.memory import unlink
from ringbuf.spsc import Consumer

HotFunctions = Sequence[Callable[..., Any]]
Build = Callable[[Context], tuple[Agent, HotFunctions]]
_START_MAX_S = 20.0
_STOP_MAX_S = 10.0


class Stage:
    """One house and the processes that were started in it, all of them parked while idle."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.bells = {seat: Doorbell(house.parked_words(seat)) for seat in house.seats}
        self._processes: dict[Seat, Any] = {}

    def start(self, seat: Seat, build: Build, core: int) -> None:
        """Fork one process, pinned to `core`, and tell it to run as soon as it is ready."""
        self.house.vitals[seat]["life"] = Life.STARTING
        self.house.orders_to[seat]["order"] = Order.RUN
        self._processes[seat] = FORK.Process(target=self._live, args=(seat, build, core))
        self._processes[seat].start()

    def wait(self, done: Callable[[], bool], what: str, seconds: float = _START_MAX_S) -> None:
        """Look until `done`.

        Raises:
            WrongAnswer: not in time, or a process ended.
        """
        deadline = Deadline(seconds)
        while not done():
            ended = [seat.name for seat, each in self._processes.items() if not each.is_alive()]
            if ended or deadline.passed():
                raise WrongAnswer(f"{what}: not in {seconds:g} s; ended: {ended}; {self.said()}")
            sleep_s(0.002)

    def running(self) -> bool:
        """Say whether every process runs."""
        return all(self.house.vitals[seat]["life"] == Life.RUNNING for seat in self._processes)

    def cpu_ns(self, seat: Seat) -> int:
        """Time a process has spent on a core; 0 where the system does not tell."""
        return cpu_ns(int(self.house.vitals[seat]["pid"]))

    def said(self) -> str:
        """The newest lines of the processes' logs."""
        lines = []
        for seat in self._processes:
            log = Consumer(self.house.log_ring(seat))
            lines += [bytes(line["text"]).decode() for line in log.copy(log.waiting())]
        return " | ".join(lines[-6:])

    def close(self) -> None:
        """End every process and wait for it."""
        for seat in self._processes:
            self.house.orders_to[seat]["order"] = Order.DRAIN
        for process in self._processes.values():
            process.join(_STOP_MAX_S)
            process.kill()
            process.join()
            process.close()
        for bell in self.bells.values():
            bell.close()

    def _live(self, seat: Seat, build: Build, core: int) -> None:
        gc.disable()
        context = Context(
            seat, self.house, self.bells, Log(seat, self.house.log_ring(seat), self.bells[seat])
        )
        pin_here(core)
        Vitals(self.house, seat).begin(os.getpid(), monotonic_ns(), core, IdleKind.PARK)
        agent, functions = build(context)
        idle = make_idle(IdleKind.PARK, context, hot=True)
        code = Runner(context, agent, idle, SPECS[seat.role], functions).run()
        raise SystemExit(int(code))


def cpu_ns(pid: int) -> int:
    """Time process `pid` has spent on a core; 0 where the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    except OSError:
        return 0


@contextlib.contextmanager
def stage(*symbols: str, shards: int = 1) -> Iterator[Stage]:
    """Lay a house and forget it afterwards, with every process in it."""
    name = f"hft-bench-{os.getpid()}-{secrets.token_hex(4)}"
    house = House.create(name, anchor_now(), shards)
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

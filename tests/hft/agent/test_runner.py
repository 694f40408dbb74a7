from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

from hft.agent.contract import Context
from hft.agent.idle import IdleKind, make_idle
from hft.agent.runner import Runner
from hft.clock import Deadline, monotonic_ns, sleep_s
from hft.errors import BootError, ExitCode
from hft.events import MARKET, Role
from hft.state.blocks import Life, Order
from hft.topology import PROCESSES
from ringbuf.spsc import Consumer, Producer, Ring, packer_of
from tests.hft.houses import new_context, new_house

PACKER = packer_of(MARKET)
SPEC = next(spec for spec in PROCESSES if spec.role is Role.STRATEGY)


class Counter:
    """Counts the events of the market ring and stops the life when it has seen enough."""

    def __init__(self, context: Context, enough: int) -> None:
        self.context, self.enough = context, enough
        self.consumer = Consumer(context.house.market)
        self.seen = 0
        self.closed = 0
        self.drains = 0

    def on_start(self) -> None:
        return

    def do_work(self, now_ns: int) -> int:
        waiting = self.consumer.waiting()
        self.consumer.release(waiting)
        self.seen += waiting
        if self.seen >= self.enough:
            self.context.house.orders_to[Role.STRATEGY]["order"] = Order.DRAIN
        return waiting

    def duty(self) -> None:
        return None

    def inlets(self) -> tuple[Ring]:
        return (self.context.house.market,)

    def drain(self, now_ns: int) -> bool:
        self.drains += 1
        return True

    def on_close(self) -> None:
        self.closed += 1


class Refusing(Counter):
    """Cannot become ready."""

    def on_start(self) -> None:
        raise BootError("the port is taken")


class Breaking(Counter):
    """Breaks an invariant while running."""

    def do_work(self, now_ns: int) -> int:
        raise AssertionError("crossed book")


def live(make: Callable[[Context], Counter], kind: IdleKind, events: int) -> tuple[Counter, Runner]:
    """Run one agent in this process while a thread publishes `events` and rings."""
    with new_house("BTCUSDT") as house, new_context(house, Role.STRATEGY) as context:
        house.vitals[Role.STRATEGY]["life"] = Life.STARTING
        house.orders_to[Role.STRATEGY]["order"] = Order.RUN
        agent = make(context)
        runner = Runner(context, agent, make_idle(kind, context, hot=True), SPEC)

        def publish() -> None:
            producer = Producer(house.market)
            for seq in range(events):
                assert producer.offer(PACKER, (seq, 0, 0, 1.0, 1.0, 0.0, 0.0, 0, 0, 1, 0))
                context.bells[Role.STRATEGY].ring_if_parked()

        before = signal.getsignal(signal.SIGTERM)
        feeder = threading.Thread(target=publish)
        feeder.start()
        try:
            runner.code = runner.run()  # type: ignore[attr-defined]
        finally:
            feeder.join()
            signal.signal(signal.SIGTERM, before)
        vitals = house.vitals[Role.STRATEGY]
        assert int(vitals["life"]) == Life.STOPPED
        assert int(vitals["exit_code"]) == runner.code  # type: ignore[attr-defined]
        return agent, runner


def test_every_way_to_wait_sees_every_event() -> None:
    for kind in IdleKind:
        agent, runner = live(lambda context: Counter(context, 2000), kind, 2000)
        assert (agent.seen, agent.drains, agent.closed) == (2000, 1, 1), kind
        assert runner.code is ExitCode.OK  # type: ignore[attr-defined]


def test_an_agent_that_cannot_start_ends_with_three_and_is_closed() -> None:
    agent, runner = live(lambda context: Refusing(context, 1), IdleKind.PARK, 0)
    assert runner.code is ExitCode.BOOT_FAILED  # type: ignore[attr-defined]
    assert runner.reason == "the port is taken"
    assert agent.closed == 1


def test_a_broken_invariant_ends_with_five_and_says_where() -> None:
    agent, runner = live(lambda context: Breaking(context, 1), IdleKind.PARK, 0)
    assert runner.code is ExitCode.FATAL  # type: ignore[attr-defined]
    assert "crossed book" in runner.reason
    assert agent.closed == 1


def test_a_parked_agent_wakes_from_a_bell_and_beats_without_one() -> None:
    with new_house("BTCUSDT") as house, new_context(house, Role.STRATEGY) as context:
        idle = make_idle(IdleKind.PARK, context, hot=False)
        ringing = threading.Timer(0.01, context.wake_self)
        ringing.start()
        before_ns = monotonic_ns()
        idle(0)
        assert monotonic_ns() - before_ns < 90_000_000, "the bell wakes before the deadline"
        ringing.join()
        idle(0)
        assert int(house.parked_words(Role.STRATEGY)[0]) == 0


def test_a_term_signal_drains() -> None:
    def make(context: Context) -> Counter:
        def send() -> None:
            deadline = Deadline(5)
            while int(context.house.vitals[Role.STRATEGY]["life"]) != Life.RUNNING:
                assert not deadline.passed()
                sleep_s(0.001)
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=send).start()
        return Counter(context, 10)

    agent, runner = live(make, IdleKind.PARK, 0)
    assert runner.code is ExitCode.OK  # type: ignore[attr-defined]
    assert agent.drains == 1

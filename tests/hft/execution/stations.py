"""The stations of an order, a cancel and an amend, and how to kill execution at each of them.

A station is handed the agent that is to die there; it only sets the trap, in its own process.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable
from typing import Any

from hft.clock import monotonic_ns, sleep_s
from hft.events import OrderState, Status
from hft.execution import intents
from hft.execution.agent import ExecutionAgent
from hft.execution.amender import Amender
from hft.execution.books import Books
from hft.execution.canceller import Canceller
from hft.execution.hearing import Hearing
from hft.execution.launch import NOTHING, SENT, launch, take
from hft.execution.order_session import OrderSession
from hft.execution.orders import Order, OrderTable
from hft.execution.reports import Reports
from hft.risk.gate import Gate
from hft.wire.connection import Connection, send_at_once

from .rig import GivenKeys, Rig

Station = Callable[[ExecutionAgent], None]
Given = Any


def die(*_: Given, **__: Given) -> Any:
    """End this process as the kernel ends one: nothing more of it runs."""
    os.kill(os.getpid(), signal.SIGKILL)


def before(owner: Any, name: str, when: Callable[..., bool] = lambda *_: True) -> Station:
    """Die on entering a method."""

    def trap(_agent: ExecutionAgent) -> None:
        call = getattr(owner, name)

        def dying(*given: Given, **more: Given) -> Any:
            if when(*given):
                die()
            return call(*given, **more)

        setattr(owner, name, dying)

    return trap


def behind(owner: Any, name: str, when: Callable[..., bool] = lambda *_: True) -> Station:
    """Die on leaving a method."""

    def trap(_agent: ExecutionAgent) -> None:
        call = getattr(owner, name)

        def dying(*given: Given, **more: Given) -> Any:
            result = call(*given, **more)
            if when(*given):
                die()
            return result

        setattr(owner, name, dying)

    return trap


def launched(does: Callable[[int], None]) -> Station:
    """Let `does` stand where the compiled order path stands, until it dies."""

    def trap(_agent: ExecutionAgent) -> None:
        def launch_and_die(table: int) -> int:
            does(table)
            return NOTHING

        intents.launch = launch_and_die

    return trap


def _take(table: int) -> None:
    if take(table):
        die()


def _launch(table: int) -> None:
    if launch(table) == SENT:
        die()


def python_sends(send: Callable[..., Any]) -> Station:
    """As with TLS: compiled code stores the row and writes the frame, `send` is to send it."""

    def trap(_agent: ExecutionAgent) -> None:
        OrderSession.descriptor = lambda _self: -1  # type: ignore[method-assign]
        Connection.send_frame = send  # type: ignore[method-assign]

    return trap


def torn_row(agent: ExecutionAgent) -> None:
    """Die while compiled code writes the row: its version is odd, its word is not yet there."""

    def tear(*_: Given) -> None:
        house = agent._ctx.house
        newest = int(house.orders["intent_seq"].argmax())
        house.orders[newest]["version"] -= 1
        house.orders[newest]["state"] = OrderState.FREE
        house.memory[0]["handled_intent_seq"][0] -= 1
        die()

    python_sends(tear)(agent)


def half_sent(agent: ExecutionAgent) -> None:
    """Die when a half of the frame is on the wire."""

    def send_half(connection: Any, frame: Any) -> None:
        send_at_once(connection._sock, bytes(frame)[: len(frame) // 2])
        die()

    python_sends(send_half)(agent)


def told_to_one(agent: ExecutionAgent) -> None:
    """Die when the strategy was told of a fill and the ledger was not."""
    readers_of = Reports._readers_of

    def one(self: Reports, symbol: int) -> Any:
        def then_die() -> Any:
            yield readers_of(self, symbol)[0]
            die()

        return then_die()

    def trap(self: Reports, *given: Given) -> None:
        Reports._readers_of = one  # type: ignore[method-assign,assignment]
        tell_fill(self, *given)

    tell_fill = Reports.tell_fill
    Reports.tell_fill = trap  # type: ignore[method-assign]


def _is(state: OrderState) -> Callable[..., bool]:
    return lambda _self, order, *_: order.state is state


def _has_orders(session: OrderSession, _now_ns: int) -> bool:
    return any(request.order is not None for request in session._waiting.values())


def _tells(status: Status) -> Callable[..., bool]:
    return lambda *given: status in given


NEVER_SENT: dict[str, Station] = {
    "taken and without a row": launched(_take),
    "its row half written": torn_row,
    "its row stored and nothing sent": python_sends(die),
    "half of its frame sent": half_sent,
}
SENT_WHOLE: dict[str, Station] = {
    "sent and not in the books": launched(_launch),
    "its answer not read": before(OrderSession, "receive", _has_orders),
    "its answer read and not taken in": before(Hearing, "_take_place_answer"),
    "accepted and its row not written": before(OrderTable, "save", _is(OrderState.ACCEPTED)),
    "accepted and its row half written": behind(Order, "pack_into"),
    "its fill heard and not booked": before(Books, "book"),
    "its fill booked and nobody told": before(Reports, "tell_fill"),
    "its fill told to one of two": told_to_one,
    "its fill told and the position not written": before(Books, "publish_position"),
    "the position written and not its row": before(OrderTable, "save", _is(OrderState.FILLED)),
    "all of it written": behind(OrderTable, "save", _is(OrderState.FILLED)),
}
CANCELS: dict[str, Station] = {
    "asked and nothing noted": before(Canceller, "cancel"),
    "noted and not sent": before(OrderSession, "cancel"),
    "sent and not counted as handled": behind(Canceller, "cancel"),
    "its answer not read": before(OrderSession, "receive", _has_orders),
    "its end heard and not noted": before(OrderTable, "save", _is(OrderState.CANCELLED)),
}
AMENDS: dict[str, tuple[Station, bool]] = {
    "asked and nothing noted": (before(Amender, "amend"), False),
    "noted and not sent": (before(OrderSession, "amend"), False),
    "sent and not counted as handled": (behind(Amender, "amend"), True),
    "its answer not read": (before(OrderSession, "receive", _has_orders), True),
    "its answer read and not taken in": (before(Amender, "take_answer"), True),
    "taken in and nobody told": (before(Reports, "tell_order", _tells(Status.AMENDED)), True),
    "told and not noted": (behind(Reports, "tell_order", _tells(Status.AMENDED)), True),
}
"""With each: whether the venue carries it out."""


class Life:
    """One life of execution in a forked process; `trap` sets a station, and returns when it is."""

    def __init__(self, rig: Rig, station: Station) -> None:
        self._rig = rig
        here, there = os.pipe(), os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self._live(here[0], there[1], station)
            finally:
                os._exit(1)
        os.close(here[0])
        os.close(there[1])
        self._say, self._hear = here[1], there[0]

    def trap(self) -> None:
        """Set the station's trap."""
        os.write(self._say, b"x")
        assert os.read(self._hear, 1) == b"x"

    def end(self) -> int:
        """Wait for the death: the signal that did it, 0 when it ended otherwise."""
        _, status = os.waitpid(self.pid, 0)
        os.close(self._say)
        os.close(self._hear)
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0

    def _live(self, told: int, say: int, station: Station) -> None:
        rig = self._rig
        keys: Any = GivenKeys(rig.keys)
        agent = ExecutionAgent(rig.context(), rig.settings(), keys, Gate())
        agent.on_start()
        while True:
            agent.do_work(monotonic_ns())
            if select.select([told], [], [], 0)[0]:
                os.read(told, 1)
                agent._desk.settle()
                station(agent)
                agent._desk.prepare()
                os.write(say, b"x")
            sleep_s(0.0005)

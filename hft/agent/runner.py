"""The only place that loops, waits, beats the heart, catches, and chooses the exit code."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hft.agent.contract import Agent, Context
from hft.agent.idle import Idle
from hft.agent.machine import Step, advance
from hft.agent.vitals import Vitals
from hft.clock import Deadline, monotonic_ns
from hft.errors import ExitCode, HftError
from hft.events import Role
from hft.state.blocks import ORDERS_TO, Life, Order
from hft.topology import ProcessSpec
from ringbuf.compiled import signature_count
from ringbuf.parking import Duty

DRAIN_MAX_S = 5.0
_READY_WAIT_MS = 5
_NOTICE_NS = 1_000_000_000


class Runner:
    """Runs one agent from STARTING to STOPPED.

    `idle` is called with the work count after each cycle; `hot_functions` are the compiled
    functions of the process, whose signatures must not grow after READY; `after`, when the parent
    is gone, is the role that must have ended before this one stops draining (the ledger outlives
    execution).
    """

    def __init__(
        self,
        context: Context,
        agent: Agent,
        idle: Idle,
        spec: ProcessSpec,
        hot_functions: Sequence[Callable[..., Any]] = (),
    ) -> None:
        self._context = context
        self._agent = agent
        self._idle = idle
        self._spec = spec
        self._hot_functions = hot_functions
        self._vitals = Vitals(context.house, context.seat)
        start = context.house.offsets["orders_to"] + context.seat * ORDERS_TO.itemsize
        self._order = context.house.segment.view[start : start + 8].cast("B").cast("q")
        self._stop_asked = False
        self.reason = ""
        """Why the process ended, when not because it was asked to."""

    def run(self) -> ExitCode:
        """Live the whole life; never raises."""
        signal.signal(signal.SIGTERM, self._on_signal)
        code = ExitCode.FATAL
        try:
            self._agent.on_start()
            self._context.parking.watch(self._agent.inlets(), self._duty())
            self._live()
            code = ExitCode.OK
        except HftError as problem:
            self.reason = str(problem)
            code = problem.exit_code
        except Exception as problem:  # noqa: BLE001 - the last net: every cause ends the process the same way.
            self.reason = f"{type(problem).__name__}: {problem}\n{traceback.format_exc()}"
        self._close()
        if code is not ExitCode.OK:
            self._context.log.error(f"{self._context.seat.label}: {self.reason}")
        self._vitals.end(code)
        self._move(Step.ENDED)
        return code

    def _duty(self) -> Duty | None:
        """The agent's duty, as long as the order is to run."""
        duty, seat = self._agent.duty(), self._context.seat
        if duty is None:
            return None
        orders = self._context.house.orders_to[seat : seat + 1].view(np.int64)
        return duty._replace(order=orders, run=int(Order.RUN))

    def _on_signal(self, _number: int, _frame: object) -> None:
        self._stop_asked = True
        self._context.parking.stop_duty()

    def _move(self, step: Step) -> None:
        self._vitals.life = advance(self._vitals.life, step)

    def _asked_to_drain(self) -> bool:
        return self._stop_asked or self._order[0] == Order.DRAIN

    def _live(self) -> None:
        self._move(Step.STARTED)
        if self._spec.hot:
            # Takes some milliseconds, which nobody has to wait for before READY.
            self._context.house.segment.populate()
        while self._order[0] == Order.NONE and not self._asked_to_drain():
            self._vitals.beat(monotonic_ns())
            self._context.parking.wait(_READY_WAIT_MS)
        if not self._asked_to_drain():
            self._move(Step.TOLD_TO_RUN)
            self._run_cycles()
        self._move(Step.TOLD_TO_DRAIN)
        self._drain()

    def _run_cycles(self) -> None:
        agent, idle, vitals, order = self._agent, self._idle, self._vitals, self._order
        stall_ns, notice_ns = self._spec.stall_ns, 0
        compiled_before = self._signatures()
        while order[0] != Order.DRAIN and not self._stop_asked:
            now_ns = monotonic_ns()
            work = agent.do_work(now_ns)
            ended_ns = monotonic_ns()
            vitals.cycle(now_ns, ended_ns, stall_ns)
            if ended_ns > notice_ns:
                notice_ns = ended_ns + _NOTICE_NS
                vitals.notice(self._signatures() - compiled_before, self._context.log.dropped)
            idle(work)

    def _drain(self) -> None:
        deadline = Deadline(DRAIN_MAX_S)
        while self._must_outlive() and not deadline.passed():
            now_ns = monotonic_ns()
            self._vitals.beat(now_ns)
            self._idle(self._agent.do_work(now_ns))
        deadline = Deadline(DRAIN_MAX_S)
        while True:
            now_ns = monotonic_ns()
            self._vitals.beat(now_ns)
            if self._agent.drain(now_ns):
                return
            if deadline.passed():
                self._context.log.warning(f"not drained within {DRAIN_MAX_S:.0f} s")
                return
            self._context.parking.wait(1)

    def _must_outlive(self) -> bool:
        """Without an order to stop, the ledger itself waits for execution's last word."""
        if self._context.role is not Role.LEDGER or self._order[0] == Order.DRAIN:
            return False
        execution = self._context.house.vitals[Role.EXECUTION]
        return int(execution["life"]) in (Life.READY, Life.RUNNING, Life.DRAINING)

    def _signatures(self) -> int:
        return sum(signature_count(function) for function in self._hot_functions)

    def _close(self) -> None:
        try:
            self._agent.on_close()
        except Exception as problem:  # noqa: BLE001 - closing must not hide why the process ended.
            self._context.log.error(f"on close: {type(problem).__name__}: {problem}")

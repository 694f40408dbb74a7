"""How a process waits when its duty cycle found nothing to do.

=========  ================================================================  ===================
name       what it does                                                      for whom
=========  ================================================================  ===================
spin       nothing: looks again at once                                      a core of its own
yield      gives the core to whoever else is ready                           a shared core, hot
backoff    spins, then yields, then sleeps 50 us to 1 ms                     no descriptors
park       sleeps on its sockets and doorbell, until something comes         everybody else
auto       spin where cores are left over, park elsewhere                    the default
=========  ================================================================  ===================

On two cores spinning everywhere costs milliseconds; a parked hop costs microseconds, some tens of
them on a virtual machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import IntEnum

from hft.agent.contract import Context
from hft.clock import sleep_s

PARK_HOT_MS = 10
PARK_COLD_MS = 100
_SPINS = 100
_YIELDS = 10
_SLEEP_MIN_S = 50e-6
_SLEEP_MAX_S = 1e-3

Idle = Callable[[int], None]
"""Called with the work count after every duty cycle."""


class IdleKind(IntEnum):
    """The ways to wait, as written into the vitals."""

    SPIN = 0
    YIELD = 1
    BACKOFF = 2
    PARK = 3


def _spin(_work: int) -> None:
    return


def _yield(work: int) -> None:
    if work == 0:
        os.sched_yield()


class _Backoff:
    """Counts fruitless cycles and waits longer with each; kernel timers add about 50 us to a
    sleep.
    """

    def __init__(self) -> None:
        self._fruitless = 0

    def __call__(self, work: int) -> None:
        if work:
            self._fruitless = 0
            return
        self._fruitless += 1
        if self._fruitless <= _SPINS:
            return
        if self._fruitless <= _SPINS + _YIELDS:
            os.sched_yield()
            return
        doublings = min(self._fruitless - _SPINS - _YIELDS, 6)
        sleep_s(min(_SLEEP_MAX_S, _SLEEP_MIN_S * 2**doublings))


class _Park:
    """Sleeps on every descriptor of the agent, with a deadline so that a heart keeps beating.

    What was rung is taken from the bell after the work it was rung for, not before.
    """

    def __init__(self, context: Context, deadline_ms: int) -> None:
        self._parking = context.parking
        self._bell = context.bells[context.seat]
        self._deadline_ms = deadline_ms
        self._rung = False

    def __call__(self, work: int) -> None:
        if self._rung:
            # A ring may be for something that came after the agent looked: it looks once more.
            self._rung = False
            self._bell.silence()
        elif not work:
            self._rung = self._parking.sleep(self._deadline_ms) > 0 and self._parking.rang()


def make_idle(kind: IdleKind, context: Context, *, hot: bool) -> Idle:
    """Build the idle strategy of one process."""
    if kind is IdleKind.SPIN:
        return _spin
    if kind is IdleKind.YIELD:
        return _yield
    if kind is IdleKind.BACKOFF:
        return _Backoff()
    return _Park(context, PARK_HOT_MS if hot else PARK_COLD_MS)

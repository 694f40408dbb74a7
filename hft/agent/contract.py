"""What an agent signs, and what it is handed.

An agent does bounded work when asked and says how much; the runner loops, waits, measures, beats
the heart and chooses the exit code.  An agent does not know whether it is alone in its process.
"""

from __future__ import annotations

import select
from typing import Protocol

import numpy as np

from hft.agent.log import Log
from hft.seats import Seat
from hft.state.blocks import VITALS
from hft.topology import House
from ringbuf.doorbell import Doorbell

_FIELDS = VITALS.names or ()
_EVENTS_IN, _EVENTS_OUT = _FIELDS.index("events_in"), _FIELDS.index("events_out")


class Poller:
    """The descriptors a parked process sleeps on; an agent registers its sockets as they come and
    go.
    """

    def __init__(self) -> None:
        self._poll = select.poll()
        self._known: set[int] = set()
        self._told: list[int] | None = None

    def register(self, descriptor: int) -> None:
        """Wake up when `descriptor` can be read; asking twice is harmless."""
        self._known.add(descriptor)
        self._poll.register(descriptor, select.POLLIN)

    def forget(self, descriptor: int) -> None:
        """Stop waiting on `descriptor`; one that was never registered is harmless."""
        if descriptor in self._known:
            self._known.discard(descriptor)
            self._poll.unregister(descriptor)

    def wait(self, timeout_ms: int) -> list[int]:
        """Sleep until something can be read or `timeout_ms` has passed; returns what can be."""
        self._told = [descriptor for descriptor, _ in self._poll.poll(timeout_ms)]
        return self._told

    def look(self) -> list[int]:
        """What can be read, without sleeping: what the last `wait` found, once, else asked anew.

        One look costs half a microsecond, a read that finds nothing costs more than one.
        """
        told, self._told = self._told, None
        return [descriptor for descriptor, _ in self._poll.poll(0)] if told is None else told


class Context:
    """Everything a process is handed: its seat, the house, the doorbells, its poller and its log.

    `bells[seat]` is rung after publishing to `seat`; the process's own bell is in its poller
    already, and a thread of this process rings it to say that a result is ready.  `shard` is the
    part of the house a feed or a strategy works in.
    """

    def __init__(self, seat: Seat, house: House, bells: dict[Seat, Doorbell], log: Log) -> None:
        self.seat = Seat(seat)  # A role is as good: it is the seat of shard 0.
        self.role = self.seat.role
        self.house = house
        self.shard = house.shards[self.seat.shard]
        self.bells = bells
        self.log = log
        self.poller = Poller()
        self.poller.register(bells[self.seat].fileno())
        self.vitals = house.vitals[self.seat]
        # The same words as plain integers: a field of a numpy record costs ten times as much.
        self._words = house.vitals[self.seat : self.seat + 1].view(np.int64).data

    def count_in(self, events: int) -> None:
        """Count events that were taken."""
        self._words[_EVENTS_IN] += events

    def count_out(self, events: int) -> None:
        """Count events that were passed on."""
        self._words[_EVENTS_OUT] += events

    def wake_self(self) -> None:
        """Wake this process's duty cycle from one of its own threads."""
        self.bells[self.seat].ring()


class Agent(Protocol):
    """A thing with a role that does work when asked and says how much.

    `on_start` may block, allocate and raise (`BootError` to refuse).  `do_work` may not block or
    sleep, looks at a limited burst, and returns the work count (0: nothing to do).  `has_work`
    looks once at the inputs from shared memory; the runner asks it between saying *parked* and
    sleeping.  `drain` is called instead of `do_work` once asked to stop, until it returns True
    (nothing held any more) or five seconds have passed.  `on_close` is called once, last, also
    when `on_start` failed: it tolerates a half-built self.
    """

    def on_start(self) -> None:
        """Build everything; afterwards the process is READY."""

    def do_work(self, now_ns: int) -> int:
        """Do a bounded amount of work; `now_ns` is this cycle's one reading of the local clock."""

    def has_work(self) -> bool:
        """Say whether a ring of this agent has something published."""

    def drain(self, now_ns: int) -> bool:
        """Take nothing new from outside, finish what is held; True when done."""

    def on_close(self) -> None:
        """Close what is open."""

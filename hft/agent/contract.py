"""What an agent signs, and what it is handed.

An agent does bounded work when asked and says how much; the runner loops, waits, measures, beats
the heart and chooses the exit code.  An agent does not know whether it is alone in its process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from hft.agent.log import Log
from hft.seats import Seat
from hft.state.blocks import VITALS
from hft.topology import House
from ringbuf.doorbell import Doorbell
from ringbuf.parking import Duty, Parking
from ringbuf.spsc import Ring

_FIELDS = VITALS.names or ()
_EVENTS_IN, _EVENTS_OUT = _FIELDS.index("events_in"), _FIELDS.index("events_out")


class Context:
    """Everything a process is handed: seat, house, doorbells, the place where it parks, its log.

    `bells[seat]` is rung after publishing to `seat`.  The process's own bell is in its `parking`
    already, where an agent registers its sockets as they come and go; a thread of this process
    rings it to say that a result is ready.  `shard` is the part of the house a feed or a strategy
    works in.
    """

    def __init__(self, seat: Seat, house: House, bells: dict[Seat, Doorbell], log: Log) -> None:
        self.seat = Seat(seat)  # A role is as good: it is the seat of shard 0.
        self.role = self.seat.role
        self.house = house
        self.shard = house.shards[self.seat.shard]
        self.bells = bells
        self.log = log
        self.parking = Parking(bells[self.seat].words)
        self.parking.register(bells[self.seat].fileno())
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

    `on_start` may block, allocate and raise (`BootError` to refuse).  `inlets` and `duty` are asked
    once, after it: a process that parks looks at those rings between saying *parked* and sleeping,
    and does that duty the moment it wakes.  `do_work` may not block or sleep, looks at a limited
    burst, and returns the work count (0: nothing to do).  `drain` is called instead of `do_work`
    once asked to stop, until it returns True (nothing held any more) or five seconds have passed.
    `on_close` is called once, last, also when `on_start` failed: it tolerates a half-built self.
    """

    def on_start(self) -> None:
        """Build everything; afterwards the process is READY."""

    def do_work(self, now_ns: int) -> int:
        """Do a bounded amount of work; `now_ns` is this cycle's one reading of the local clock."""

    def inlets(self) -> Sequence[Ring]:
        """The rings this agent reads."""

    def duty(self) -> Duty | None:
        """The compiled work to do on waking; None leaves everything to `do_work`."""

    def drain(self, now_ns: int) -> bool:
        """Take nothing new from outside, finish what is held; True when done."""

    def on_close(self) -> None:
        """Close what is open."""

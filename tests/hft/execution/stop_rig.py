"""A house at a quiet venue, for orders that wait for a trigger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hft.binance.order_frames import client_order_id
from hft.clock import Deadline, sleep_s
from hft.events import Denial, IntentFlag, LatchReason, OrderType, Side

from .quiet import QuietVenue
from .rig import WAIT_S, Rig

STOP, PROFIT = OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET
REDUCE, CLOSE = IntentFlag.REDUCE_ONLY, IntentFlag.CLOSE_POSITION
ON_MARK = IntentFlag.ON_MARK
SELLS = (STOP, Side.SELL, 59_990.0)
"""A stop that sells when the price falls."""


class StopRig(Rig):
    """A house at a quiet venue."""

    venue: QuietVenue

    def stop(self, kind: int, side: int, trigger: float, qty: float = 0.02, flags: int = 0) -> int:
        """Offer a stop; returns its sequence."""
        return self.push(order_type=kind, side=side, price=trigger, qty=qty, flags=flags)

    def waits(self, *wanted: Any, **more: Any) -> int:
        """Offer a stop and wait until the venue has it."""
        seq = self.stop(*wanted, **more)
        self.until_status(seq, "ACCEPTED")
        return seq

    def until_status(self, seq: int, status: str) -> None:
        self.until(lambda: self.statuses(seq)[-1:] == [status], status)

    def buys(self, qty: float = 0.02) -> None:
        self.until_status(self.push(qty=qty), "FILLED")

    def row(self, seq: int) -> Any:
        """The row of an order."""
        return next(row for row in self.house.orders if int(row["intent_seq"]) == seq)

    def denial(self, seq: int) -> Denial:
        self.until_status(seq, "DENIED")
        told = next(row for row in self.reports if int(row["intent_seq"]) == seq)
        return Denial(int(told["reason"]))

    def name_of(self, seq: int) -> str:
        """What the venue calls an order."""
        return client_order_id(int(self.house.run[0]["session_epoch"]), seq)

    def names_waiting(self) -> list[str]:
        return [str(row["clientAlgoId"]) for row in self.venue.waiting()]

    def selling_lots(self) -> int:
        """What may still be sold of orders that can enlarge a position."""
        assert self.agent is not None
        return int(self.agent._books.orders.exposure[0][1])


def idle_until(rig: StopRig, wanted: Callable[[], bool]) -> None:
    deadline = Deadline(WAIT_S)
    while not wanted():
        rig.others_live()
        rig.read()
        assert not deadline.passed(), rig.lines[-10:]
        sleep_s(0.005)


def halt(rig: StopRig) -> None:
    words = rig.house.latch_supervisor[0]
    words["halt_reason"], words["halt_ns"] = LatchReason.PERSON, int(words["resume_ns"]) + 1
    rig.until(lambda: any(line.startswith("HALTED") for line in rig.lines), "halted")

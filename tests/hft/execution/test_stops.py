"""Stops and take-profits: they wait at the venue, fire, fill, end, and survive deaths of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hft.clock import monotonic_ns
from hft.events import Action, Denial, IntentFlag, OrderState, OrderType, Side, Status
from hft.seats import Seat

from .quiet import QuietVenue, quiet_venue
from .rig import SYMBOL, Rig, rig_name
from .test_kills import Child

STOP, PROFIT = OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET
REDUCE, CLOSE = IntentFlag.REDUCE_ONLY, IntentFlag.CLOSE_POSITION
FIRES = [
    (STOP, Side.BUY, 60_010.0),
    (STOP, Side.SELL, 59_990.0),
    (PROFIT, Side.BUY, 59_990.0),
    (PROFIT, Side.SELL, 60_010.0),
]


@pytest.fixture(scope="module")
def _quiet() -> Iterator[QuietVenue]:
    with quiet_venue() as venue:
        yield venue


class StopRig(Rig):
    """A house at a quiet venue."""

    venue: QuietVenue

    def stop(self, kind: int, side: int, trigger: float, qty: float = 0.02, flags: int = 0) -> int:
        """Offer a stop; returns its sequence."""
        return self.push(order_type=kind, side=side, price=trigger, qty=qty, flags=flags)

    def waits(self, *wanted: Any, **more: Any) -> int:
        """Offer a stop and wait until the venue has it."""
        seq = self.stop(*wanted, **more)
        self.until(lambda: self.statuses(seq) == ["ACCEPTED"], "accepted")
        return seq

    def until_status(self, seq: int, status: str) -> None:
        self.until(lambda: self.statuses(seq)[-1:] == [status], status)

    def buys(self, qty: float = 0.02) -> None:
        seq = self.push(qty=qty)
        self.until_status(seq, "FILLED")

    def row(self, seq: int) -> Any:
        """The row of an order."""
        return next(row for row in self.house.orders if int(row["intent_seq"]) == seq)

    def denial(self, seq: int) -> Denial:
        self.until(lambda: self.statuses(seq) == ["DENIED"], "denied")
        told = next(row for row in self.reports if int(row["intent_seq"]) == seq)
        return Denial(int(told["reason"]))


@pytest.fixture
def rig(_quiet: QuietVenue) -> Iterator[StopRig]:
    _quiet.tidy_up()
    rig = StopRig(_quiet, rig_name())
    try:
        yield rig
    finally:
        rig.close()


@pytest.fixture
def ready(rig: StopRig) -> StopRig:
    rig.start()
    rig.until_fit()
    return rig


@pytest.mark.parametrize(("kind", "side", "trigger"), FIRES)
@pytest.mark.parametrize("watched", [0, IntentFlag.ON_MARK])
def test_it_waits_fires_at_its_trigger_and_fills_as_one_order(
    ready: StopRig, kind: OrderType, side: Side, trigger: float, watched: int
) -> None:
    seq = ready.waits(kind, side, trigger, flags=watched)
    assert [row["clientAlgoId"] for row in ready.venue.waiting()] != []
    (ready.venue.move_mark if watched else ready.venue.move_last)(trigger)
    ready.until_status(seq, "FILLED")
    row = ready.row(seq)
    assert (int(row["cum_qty_lots"]), row["state"]) == (20, OrderState.FILLED)
    assert int(row["price_ticks"]) == round(trigger * 10)
    assert int(row["venue_order_id"]) > 0
    assert ready.venue.waiting() == []
    ready.agrees_with_venue()

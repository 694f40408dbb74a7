"""Stops and take-profits: they wait at the venue, fire, fill, end, and survive deaths of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hft.binance.order_frames import client_order_id
from hft.clock import Deadline, sleep_s
from hft.events import Action, Denial, IntentFlag, LatchReason, OrderState, OrderType, Side
from hft.execution import intents

from .quiet import QuietVenue, quiet_venue
from .rig import WAIT_S, Rig, rig_name
from .test_kills import Child

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

    def open_lots(self, side: int) -> int:
        assert self.agent is not None
        return self.agent._books.orders.exposure[0][0 if side > 0 else 1]


@pytest.fixture(scope="module")
def _quiet() -> Iterator[QuietVenue]:
    with quiet_venue() as venue:
        yield venue


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


@pytest.mark.parametrize(
    ("kind", "side", "trigger", "flags"),
    [
        (STOP, Side.BUY, 60_010.0, 0),
        (STOP, Side.SELL, 59_990.0, ON_MARK),
        (PROFIT, Side.BUY, 59_990.0, 0),
        (PROFIT, Side.SELL, 60_010.0, ON_MARK),
    ],
)
def test_it_waits_fires_at_its_trigger_and_fills_as_one_order(
    ready: StopRig, kind: OrderType, side: Side, trigger: float, flags: int
) -> None:
    seq = ready.waits(kind, side, trigger, flags=flags)
    assert ready.names_waiting() == [ready.name_of(seq)]
    (ready.venue.move_mark if flags else ready.venue.move_last)(trigger)
    ready.until_status(seq, "FILLED")
    row = ready.row(seq)
    assert (int(row["cum_qty_lots"]), row["state"]) == (20, OrderState.FILLED)
    assert (int(row["price_ticks"]), int(row["venue_order_id"]) > 0) == (round(trigger * 10), True)
    assert ready.names_waiting() == []
    assert ready.names_at_venue() == [ready.name_of(seq)]
    ready.agrees_with_venue()


def test_one_that_closes_the_position_takes_what_it_is_by_then_in_as_many_fills_as_it_needs(
    ready: StopRig,
) -> None:
    ready.buys(0.02)
    seq = ready.waits(*SELLS, qty=0.0, flags=CLOSE)
    ready.buys(0.05)
    ready.venue.fail("partial_fills", pieces=6)
    ready.venue.move_last(59_990.0)
    ready.until_status(seq, "FILLED")
    assert (int(ready.row(seq)["qty_lots"]), int(ready.position()["position_lots"])) == (70, 0)
    ready.agrees_with_venue()
    assert not any("told" in line for line in ready.lines), ready.lines


def test_a_single_cancel_and_a_cancel_of_all_take_it_away(ready: StopRig) -> None:
    first, second = ready.waits(*SELLS), ready.waits(PROFIT, Side.SELL, 60_010.0)
    ready.push(action=Action.CANCEL, target_ref=1000 + first)
    ready.until_status(first, "CANCELLED")
    assert ready.names_waiting() == [ready.name_of(second)]
    ready.buys()
    kept_by_a_halt = ready.waits(*SELLS, flags=REDUCE)
    ready.push(action=Action.CANCEL_ALL)
    ready.until_status(second, "CANCELLED")
    ready.until_status(kept_by_a_halt, "CANCELLED")
    assert ready.names_waiting() == []


def test_refused_when_it_fires_it_is_rejected_with_the_code_of_a_new_order(ready: StopRig) -> None:
    ready.buys()
    seq = ready.waits(*SELLS, flags=REDUCE)
    ready.venue.trade("SELL", "0.02")
    ready.until(lambda: int(ready.position()["position_lots"]) == 0, "flat")
    ready.venue.move_last(59_990.0)
    ready.until_status(seq, "REJECTED")
    assert int(ready.row(seq)["venue_code"]) == -2022
    ready.agrees_with_venue()


def test_what_the_venue_would_refuse_is_denied_here(
    ready: StopRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    wishes = [
        (ready.stop(STOP, Side.SELL, 60_010.0), Denial.TRIGGER_PASSED),
        (ready.stop(STOP, Side.BUY, 59_990.0), Denial.TRIGGER_PASSED),
        (ready.stop(PROFIT, Side.BUY, 60_010.0, flags=ON_MARK), Denial.TRIGGER_PASSED),
        (ready.stop(PROFIT, Side.SELL, 59_990.0), Denial.TRIGGER_PASSED),
        (ready.stop(STOP, Side.SELL, 0.0), Denial.PRICE_NOT_POSITIVE),
        (ready.stop(*SELLS, qty=0.0), Denial.QUANTITY_NOT_POSITIVE),
        (ready.stop(*SELLS, qty=0.0005), Denial.QUANTITY_BELOW_STEP),
        (ready.stop(STOP, Side.SELL, 1.0, qty=0.001), Denial.PRICE_OUTSIDE_FILTER),
        (ready.stop(*SELLS, flags=CLOSE), Denial.MALFORMED),
        (ready.push(flags=CLOSE), Denial.MALFORMED),
    ]
    assert [ready.denial(seq) for seq, _ in wishes] == [wanted for _, wanted in wishes]
    monkeypatch.setattr(intents, "WAITING_MAX", 1)
    seq = ready.waits(*SELLS)
    assert ready.denial(ready.stop(*SELLS)) is Denial.OPEN_ORDERS_ABOVE_LIMIT
    amended = ready.push(action=Action.AMEND, target_ref=1000 + seq, price=59_980.0, qty=0.01)
    assert ready.denial(amended) is Denial.NOT_SUPPORTED
    assert ready.names_waiting() == [ready.name_of(seq)]


def test_only_one_that_could_enlarge_a_position_counts_as_exposure(ready: StopRig) -> None:
    ready.buys()
    ready.waits(*SELLS, flags=REDUCE)
    ready.waits(*SELLS, qty=0.0, flags=CLOSE)
    assert ready.open_lots(Side.SELL) == 0
    seq = ready.waits(*SELLS, qty=0.03)
    assert ready.open_lots(Side.SELL) == 30
    ready.push(action=Action.CANCEL, target_ref=1000 + seq)
    ready.until_status(seq, "CANCELLED")
    assert ready.open_lots(Side.SELL) == 0


def halt(rig: StopRig) -> None:
    words = rig.house.latch_supervisor[0]
    words["halt_reason"], words["halt_ns"] = LatchReason.PERSON, int(words["resume_ns"]) + 1
    rig.until(lambda: any(line.startswith("HALTED") for line in rig.lines), "halted")


def test_a_halt_cancels_what_could_enlarge_the_position_and_never_its_protection(
    ready: StopRig,
) -> None:
    ready.buys()
    protects = ready.waits(*SELLS, flags=REDUCE)
    enters = ready.waits(STOP, Side.BUY, 60_010.0)
    halt(ready)
    ready.until_status(enters, "CANCELLED")
    assert ready.names_waiting() == [ready.name_of(protects)]
    ready.venue.move_last(59_990.0)
    ready.until_status(protects, "FILLED")
    ready.agrees_with_venue()


def test_a_halt_while_flat_leaves_nothing_behind(ready: StopRig) -> None:
    seq = ready.waits(*SELLS, flags=REDUCE)
    halt(ready)
    ready.until_status(seq, "CANCELLED")
    assert ready.names_waiting() == []


def test_it_outlives_the_house_while_there_is_a_position_and_no_longer(ready: StopRig) -> None:
    ready.buys()
    protects, enters = ready.waits(*SELLS, flags=REDUCE), ready.waits(STOP, Side.BUY, 60_010.0)
    assert ready.drain()
    assert ready.statuses(enters)[-1] == "CANCELLED"
    name = ready.name_of(protects)
    assert ready.names_waiting() == [name]
    assert any("stays at the venue" in line for line in ready.lines)
    ready.forget_agent()
    for left in ([name], []):
        following = StopRig(ready.venue, rig_name())
        try:
            following.start()
            assert following.names_waiting() == left
        finally:
            following.close()
        if left:
            ready.venue.trade("SELL", "0.02")


@pytest.mark.parametrize("then", ["silence", "close"])
def test_one_whose_answer_is_lost_is_unknown_until_the_venue_is_asked(
    ready: StopRig, then: str
) -> None:
    ready.venue.fail("lost_ack", requests=["algoOrder.place"], then=then, count=1)
    # Nor does the stream tell of it.
    ready.venue.fail("drop", streams=["user:ALGO_UPDATE"], count=1)
    seq = ready.stop(*SELLS)
    ready.until(lambda: "UNKNOWN" in ready.statuses(seq), "unknown")
    ready.until_status(seq, "ACCEPTED")
    ready.until_fit()
    ready.venue.move_last(59_990.0)
    ready.until_status(seq, "FILLED")
    ready.agrees_with_venue()
    assert ready.names_at_venue() == [ready.name_of(seq)]


def test_one_the_venue_never_got_is_given_up_once_its_time_is_over(ready: StopRig) -> None:
    ready.venue.fail(
        "unknown_status", requests=["algoOrder.place"], executed=False, status=503, count=1
    )
    seq = ready.stop(*SELLS)
    ready.until(lambda: "UNKNOWN" in ready.statuses(seq), "unknown")
    ready.until_status(seq, "REJECTED")
    ready.until_fit()
    assert ready.names_waiting() == []


def test_fired_while_the_user_stream_is_down_its_fills_are_found(ready: StopRig) -> None:
    assert ready.agent is not None
    seq = ready.waits(*SELLS)
    stream = ready.agent._stream
    assert stream is not None
    ready.venue.fail("stall", streams=["user:*"])
    ready.venue.move_last(59_990.0)
    ready.until(lambda: ready.venue.position() == "-0.020", "fired")
    ready.venue.forget_faults()
    stream.drop(0, "cut by the test")
    ready.until_status(seq, "FILLED")
    ready.until_fit()
    ready.agrees_with_venue()


def test_fired_and_refused_while_nobody_listens_it_is_found_ended(ready: StopRig) -> None:
    ready.buys()
    seq, waits = ready.waits(*SELLS, flags=REDUCE), ready.waits(STOP, Side.SELL, 59_000.0)
    ready.forget_agent()
    ready.venue.trade("SELL", "0.02")
    ready.venue.move_last(59_990.0)
    idle_until(ready, lambda: ready.name_of(seq) not in ready.names_waiting())
    ready.start()
    ready.until_status(seq, "REJECTED")
    ready.until_fit()
    assert int(ready.row(waits)["state"]) == OrderState.ACCEPTED
    ready.agrees_with_venue()


def test_killed_while_one_waits_and_another_fires(rig: StopRig) -> None:
    child = Child(rig)
    try:
        child.wait_fit()
        waits, fires = rig.stop(STOP, Side.BUY, 60_010.0), rig.stop(*SELLS, qty=0.03)
        idle_until(rig, lambda: len(rig.names_waiting()) == 2)
        rig.venue.move_last(59_990.0)
        child.kill()
        idle_until(rig, lambda: rig.name_of(fires) not in rig.names_waiting())
        rig.venue.move_last(60_000.0)
        child = Child(rig)
        child.wait_fit()
        rig.venue.move_last(60_010.0)
        idle_until(rig, lambda: rig.row(waits)["state"] == OrderState.FILLED)
        idle_until(rig, lambda: rig.row(fires)["state"] == OrderState.FILLED)
    finally:
        child.kill()
    rig.read()
    rig.fills_and_position_agree()
    assert sorted(rig.names_at_venue()) == sorted([rig.name_of(waits), rig.name_of(fires)])


def idle_until(rig: StopRig, wanted: Any) -> None:
    deadline = Deadline(WAIT_S)
    while not wanted():
        rig.others_live()
        rig.read()
        assert not deadline.passed(), rig.lines[-10:]
        sleep_s(0.005)

"""Stops and take-profits: they wait at the venue, fire, fill, end, or are denied."""

from __future__ import annotations

import pytest

from hft.events import Action, Denial, OrderState, OrderType, Side
from hft.execution import intents

from .stop_rig import CLOSE, ON_MARK, PROFIT, REDUCE, SELLS, STOP, StopRig


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
    assert ready.selling_lots() == 0
    seq = ready.waits(*SELLS, qty=0.03)
    assert ready.selling_lots() == 30
    ready.push(action=Action.CANCEL, target_ref=1000 + seq)
    ready.until_status(seq, "CANCELLED")
    assert ready.selling_lots() == 0


@pytest.mark.parametrize(
    ("fault", "more"),
    [("stall", {}), ("delay", {"delay_ms": 200}), ("duplicate", {"count": 20})],
)
def test_whatever_comes_late_twice_or_never_of_its_own_events_its_fills_are_booked_once(
    ready: StopRig, fault: str, more: dict[str, int]
) -> None:
    ready.venue.fail(fault, streams=["user:ALGO_UPDATE"], **more)
    seq = ready.waits(*SELLS)
    ready.venue.move_last(59_990.0)
    ready.until_status(seq, "FILLED")
    ready.agrees_with_venue()
    assert ready.statuses(seq) == ["ACCEPTED", "FILLED"]

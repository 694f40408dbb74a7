"""The dead-man switch: whatever hangs or dies, the venue cancels our orders; the books learn it."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from hft.binance.costs import cost_of
from hft.clock import Deadline, monotonic_ns, sleep_s
from hft.events import OrderType, Role
from hft.execution.countdown import say_every_ns
from hft.units import NS_PER_MS, NS_PER_S

from .rig import SYMBOL, Rig
from .test_kills import Child

COUNTDOWN_MS = 1_200
WAIT_S = 15.0
FAR = {"type": "LIMIT", "timeInForce": "GTC"}


@pytest.fixture(autouse=True)
def _armed(rig: Rig) -> None:
    rig.countdown_ms = COUNTDOWN_MS


def armed(rig: Rig) -> bool:
    return bool(rig.account()["countdown_armed"])


def resting_order(rig: Rig) -> int:
    bid, _ = rig.venue.touch()
    return rig.push(order_type=OrderType.LIMIT, price=round(bid * 0.98, 1), qty=0.02)


def begin(rig: Rig) -> int:
    """A house that is armed, with an order that rests."""
    rig.start()
    rig.until_fit()
    rig.until(lambda: armed(rig), "armed")
    seq = resting_order(rig)
    rig.until(lambda: rig.statuses(seq) == ["ACCEPTED"], "accepted")
    return seq


def eventually(wanted: Callable[[], bool]) -> None:
    deadline = Deadline(WAIT_S)
    while not wanted():
        assert not deadline.passed()
        sleep_s(0.02)


def open_at_venue(rig: Rig) -> int:
    return len(rig.venue.rest.open_orders(SYMBOL))


def live_for(rig: Rig, span_ms: int) -> None:
    until_ns = monotonic_ns() + span_ms * NS_PER_MS
    rig.until(lambda: monotonic_ns() > until_ns)


def test_while_all_is_well_orders_outlive_many_countdowns(rig: Rig) -> None:
    begin(rig)
    live_for(rig, 2 * COUNTDOWN_MS)
    assert open_at_venue(rig) == 1
    assert armed(rig)


def test_execution_that_hangs_loses_its_orders_and_learns_it_when_it_goes_on(rig: Rig) -> None:
    seq = begin(rig)
    eventually(lambda: open_at_venue(rig) == 0)
    rig.until(lambda: rig.statuses(seq)[-1:] == ["CANCELLED"], "learnt")
    assert any("the countdown is over" in line for line in rig.lines)
    rig.until(lambda: armed(rig), "armed again")
    rig.agrees_with_venue()


@pytest.mark.parametrize("silent", [Role.FEED, Role.STRATEGY])
def test_a_feed_or_strategy_that_falls_silent_lets_it_run_out(rig: Rig, silent: Role) -> None:
    seq = begin(rig)
    rig.silent.add(silent)  # type: ignore[arg-type]
    rig.until(lambda: rig.statuses(seq)[-1:] == ["CANCELLED"], "cancelled by the venue")
    assert open_at_venue(rig) == 0
    assert any("not all is well" in line for line in rig.lines)
    rig.silent.clear()
    rig.until_fit()
    rig.until(lambda: armed(rig), "armed again")
    rig.agrees_with_venue()


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
def test_a_process_that_is_stopped_or_killed_leaves_no_order_behind(
    rig: Rig, how: signal.Signals
) -> None:
    child = Child(rig)
    try:
        child.wait_fit()
        resting_order(rig)
        eventually(lambda: open_at_venue(rig) == 1)
        child.process.send_signal(how)
        eventually(lambda: open_at_venue(rig) == 0)
        if how == signal.SIGSTOP:
            child.process.send_signal(signal.SIGCONT)
            eventually(lambda: int(rig.account()["open_orders"]) == 0)
    finally:
        child.kill()
    rig.start()
    rig.until_fit()
    rig.agrees_with_venue()


def test_an_orderly_stop_takes_it_back(rig: Rig) -> None:
    begin(rig)
    assert rig.drain()
    bid, _ = rig.venue.touch()
    rig.venue.trade("BUY", "0.02", price=str(round(bid * 0.97, 1)), **FAR)
    sleep_s(COUNTDOWN_MS / 1_000 + 0.2)
    assert open_at_venue(rig) == 1, "an order by hand, and nobody counts down"


def test_a_halt_takes_it_back_once_nothing_is_open(rig: Rig) -> None:
    seq = begin(rig)
    rig.house.latch_supervisor[0]["halt_ns"] = monotonic_ns()
    rig.until(lambda: rig.statuses(seq)[-1:] == ["CANCELLED"], "cancelled")
    rig.until(lambda: not armed(rig), "taken back")
    assert any("taken back" in line for line in rig.lines)


def test_orders_that_wait_for_a_trigger_stay(rig: Rig) -> None:
    begin(rig)
    bid, _ = rig.venue.touch()
    stop = {"algoType": "CONDITIONAL", "type": "STOP_MARKET", "symbol": SYMBOL, "side": "SELL"}
    stop |= {"triggerPrice": str(round(bid * 0.9, 1)), "quantity": "0.01"}
    rig.venue.rest.post("/fapi/v1/algoOrder", stop, signed=True)
    eventually(lambda: open_at_venue(rig) == 0)
    waiting = rig.venue.rest.get("/fapi/v1/openAlgoOrders", {"symbol": SYMBOL}, signed=True)
    rig.venue.rest.delete("/fapi/v1/algoOpenOrders", {"symbol": SYMBOL}, signed=True)
    assert len(waiting) == 1


def test_it_is_said_often_enough_and_costs_at_most_a_tenth_of_the_weight_where_it_can() -> None:
    weight = cost_of("POST /fapi/v1/countdownCancelAll").weight
    for symbols in range(1, 17):
        every_ns = say_every_ns(30 * NS_PER_S, symbols)
        assert 10 * NS_PER_S <= every_ns <= 18 * NS_PER_S
        slower_ns = say_every_ns(120 * NS_PER_S, symbols)
        assert 60 * NS_PER_S / slower_ns * symbols * weight <= 2_400 // 10

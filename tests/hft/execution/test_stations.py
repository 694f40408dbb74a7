"""Execution killed with SIGKILL at every station of an order, then started anew over its memory.

Whatever the moment: at most one order of a name is at the venue, and orders, fills, fees, position
and balance are the venue's to the last unit.
"""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from hft.binance.order_frames import client_order_id
from hft.binance.rest import VenueError
from hft.clock import Deadline, sleep_s
from hft.events import Action, OrderState, OrderType, Side
from hft.execution import reconcile
from hft.units import parse_e8

from .rig import WAIT_S, Rig
from .stations import AMENDS, CANCELS, NEVER_SENT, SENT_WHOLE, Life, Station

STATES = {
    "NEW": (OrderState.ACCEPTED,),
    "FILLED": (OrderState.FILLED,),
    "CANCELED": (OrderState.CANCELLED,),
    "EXPIRED": (OrderState.EXPIRED,),
    "": (OrderState.REJECTED, OrderState.FREE),
}


def watch(rig: Rig, wanted: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    deadline = Deadline(WAIT_S)
    while not wanted():
        rig.others_live()
        rig.read()
        assert not deadline.passed(), "\n".join([*rig.lines[-12:], *map(str, rig.told()[-8:])])
        sleep_s(0.001)


def is_fit(rig: Rig) -> bool:
    account = rig.house.account.read()
    return account is not None and int(account[0]["trading_state"]) == 0


def live(rig: Rig, station: Station) -> Life:
    """Begin a life that will end there; one order is filled in it before."""
    life = Life(rig, station)
    watch(rig, lambda: is_fit(rig))
    seq = rig.push()
    watch(rig, lambda: rig.statuses(seq)[-1:] == ["FILLED"])
    return life


def die_there(rig: Rig, life: Life, **intent: object) -> int:
    life.trap()
    seq = rig.push(**intent)
    assert life.end() == signal.SIGKILL
    rig.read()
    return seq


def live_again(rig: Rig) -> None:
    """Start over the same memory, and come to rest."""
    rig.start()
    assert rig.agent is not None
    orders = rig.agent._books.orders
    rig.until(lambda: next(orders.unknown(), None) is None, "nothing in doubt")
    rig.until_fit()


def everything_agrees(rig: Rig) -> None:
    rig.agrees_with_venue()
    names = rig.names_at_venue()
    assert len(names) == len(set(names)), "an order was sent twice"
    lot_e8, tick_e8 = int(rig.house.spec[0]["lot_e8"]), int(rig.house.spec[0]["tick_e8"])
    for row in rig.house.orders[rig.house.orders["intent_seq"] > 0]:
        name = client_order_id(int(rig.house.run[0]["session_epoch"]), int(row["intent_seq"]))
        try:
            order = rig.venue.rest.order_status("BTCUSDT", name)
        except VenueError:
            assert OrderState(row["state"]) in STATES[""]
            continue
        assert OrderState(row["state"]) in STATES[order["status"]]
        assert int(row["cum_qty_lots"]) * lot_e8 == parse_e8(order["executedQty"])
        assert int(row["qty_lots"]) * lot_e8 == parse_e8(order["origQty"])
        if row["order_type"] == OrderType.LIMIT:
            assert int(row["price_ticks"]) * tick_e8 == parse_e8(order["price"])
        fills = [fill for fill in rig.venue.fills() if fill["orderId"] == order["orderId"]]
        assert int(row["fee_e8"]) == sum(parse_e8(fill["commission"]) for fill in fills)
        assert int(row["realised_e8"]) == sum(parse_e8(fill["realizedPnl"]) for fill in fills)


@pytest.mark.parametrize("station", list(NEVER_SENT))
def test_an_order_that_was_not_sent_whole_never_comes_to_be(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, station: str
) -> None:
    # No whole frame is under way, so nothing can arrive late.
    monkeypatch.setattr(reconcile, "NOT_FOUND_MARGIN_MS", -reconcile.ORDER_RECV_WINDOW_MS)
    seq = die_there(rig, live(rig, NEVER_SENT[station]), qty=0.02)
    live_again(rig)
    rig.until(lambda: rig.statuses(seq)[-1:] == ["REJECTED"], "told")
    assert len(rig.names_at_venue()) == 1
    everything_agrees(rig)
    seq = rig.push(side=Side.SELL)
    rig.until(lambda: rig.statuses(seq)[-1:] == ["FILLED"], "and on it goes")
    everything_agrees(rig)


@pytest.mark.parametrize("station", list(SENT_WHOLE))
def test_an_order_that_left_is_found_and_never_sent_again(rig: Rig, station: str) -> None:
    seq = die_there(rig, live(rig, SENT_WHOLE[station]), qty=0.02)
    live_again(rig)
    rig.until(lambda: rig.statuses(seq)[-1:] == ["FILLED"], "found")
    assert len(rig.names_at_venue()) == 2
    everything_agrees(rig)


def resting(rig: Rig) -> int:
    bid, _ = rig.venue.touch()
    price = round(bid * 0.98, 1)
    seq = rig.push(order_type=OrderType.LIMIT, price=price, qty=0.02)
    watch(rig, lambda: rig.statuses(seq) == ["ACCEPTED"])
    return seq


@pytest.mark.parametrize("station", list(CANCELS))
def test_an_order_whose_cancel_was_in_hand_can_be_cancelled(rig: Rig, station: str) -> None:
    life = live(rig, CANCELS[station])
    seq = resting(rig)
    die_there(rig, life, action=Action.CANCEL, target_ref=1000 + seq)
    live_again(rig)
    rig.push(action=Action.CANCEL, target_ref=1000 + seq)
    rig.until(lambda: rig.statuses(seq)[-1] == "CANCELLED", "cancelled")
    everything_agrees(rig)
    assert rig.venue.rest.open_orders("BTCUSDT") == []


@pytest.mark.parametrize("station", list(AMENDS))
def test_an_order_whose_amend_was_in_hand_stands_at_the_venues_terms(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, station: str
) -> None:
    trap, carried_out = AMENDS[station]
    if not carried_out:
        monkeypatch.setattr(reconcile, "NOT_FOUND_MARGIN_MS", -reconcile.ORDER_RECV_WINDOW_MS)
    life = live(rig, trap)
    seq = resting(rig)
    price = int(rig.reports[-1]["price_ticks"]) / 10 - 5.0
    die_there(rig, life, action=Action.AMEND, target_ref=1000 + seq, price=price, qty=0.03)
    live_again(rig)
    assert rig.agent is not None
    order = rig.agent._books.orders.by_seq(seq)
    assert order is not None
    assert order.amend_lots == 0
    everything_agrees(rig)
    if carried_out:
        assert order.qty_lots == 30
        assert rig.statuses(seq)[-1] == "AMENDED"
    rig.push(action=Action.AMEND, target_ref=1000 + seq, price=price - 1.0, qty=0.04)
    rig.until(lambda: order.qty_lots == 40, "amended again")
    everything_agrees(rig)

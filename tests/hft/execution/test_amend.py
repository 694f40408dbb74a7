"""Amends: another price and whole quantity for a resting order, at the venue and in the books."""

from __future__ import annotations

from typing import Any

import pytest

from hft.binance.order_frames import client_order_id
from hft.events import Action, Denial, OrderState, OrderType, Side, Status, TimeInForce
from hft.execution.order_session import OrderSession
from hft.execution.orders import Order
from hft.execution.user_stream import UserStream
from hft.wire.connection import Backoff, Connection, ConnectionClosed

from .rig import Rig


def resting(rig: Rig, *, share: float = 0.98, qty: float = 0.02, **more: Any) -> int:
    """Let a purchase rest below the market; returns its intent."""
    bid, _ = rig.venue.touch()
    price = round(bid * share, 1)
    seq = rig.push(order_type=OrderType.LIMIT, price=price, qty=qty, **more)
    rig.until(lambda: rig.statuses(seq) == ["ACCEPTED"], "resting")
    return seq


def begin(rig: Rig) -> None:
    rig.start()
    rig.until_fit()


def order_of(rig: Rig, seq: int) -> Order:
    assert rig.agent is not None
    order = rig.agent._books.orders.by_seq(seq)
    assert order is not None
    return order


def amend(rig: Rig, seq: int, price: float, qty: float) -> int:
    return rig.push(action=Action.AMEND, target_ref=1000 + seq, price=price, qty=qty)


def terms(rig: Rig, seq: int) -> tuple[str, str]:
    """Price and whole quantity of an order at the venue."""
    name = client_order_id(int(rig.house.run[0]["session_epoch"]), seq)
    row = rig.venue.rest.order_status("BTCUSDT", name)
    return str(row["price"]), str(row["origQty"])


def price_of(rig: Rig, seq: int) -> float:
    return order_of(rig, seq).price_ticks / 10


def same_terms(rig: Rig, seq: int) -> None:
    """Price and quantity of an order in the books equal the venue's."""
    order, (price, qty) = order_of(rig, seq), terms(rig, seq)
    spec = rig.agent._books.specs[0]  # type: ignore[union-attr]
    assert (order.price_ticks, order.qty_lots) == (spec.ticks(price), spec.lots(qty))


def test_an_amend_is_carried_out_and_told_with_the_new_terms(rig: Rig) -> None:
    begin(rig)
    seq = resting(rig)
    price = price_of(rig, seq) - 25.0
    amend(rig, seq, price, 0.03)
    rig.until(lambda: rig.statuses(seq) == ["ACCEPTED", "AMENDED"], "amended")
    told = rig.reports[-1]
    assert (int(told["price_ticks"]), int(told["qty_lots"])) == (round(price * 10), 30)
    assert terms(rig, seq) == (f"{price:.2f}", "0.030")
    assert rig.agent is not None
    assert rig.agent._books.orders.exposure[0][0] == 30
    assert order_of(rig, seq).state is OrderState.ACCEPTED
    rig.until(lambda: int(rig.account()["amends_sent"]) == 1, "counted")
    # The reply and the user stream both tell of it: that is one amend, and one report.
    rig.push(action=Action.CANCEL, target_ref=1000 + seq)
    rig.until(lambda: rig.statuses(seq) == ["ACCEPTED", "AMENDED", "CANCELLED"], "cancelled")
    rig.agrees_with_venue()


def test_an_amend_that_changes_nothing_is_no_failure(rig: Rig) -> None:
    begin(rig)
    seq = resting(rig)
    amend(rig, seq, price_of(rig, seq), 0.02)
    rig.until(lambda: rig.statuses(seq) == ["ACCEPTED", "AMENDED"], "told as done")
    assert int(rig.account()["rejected"]) == 0
    same_terms(rig, seq)


def test_an_amend_to_a_price_that_takes_fills_the_order(rig: Rig) -> None:
    begin(rig)
    seq = resting(rig)
    _, ask = rig.venue.touch()
    amend(rig, seq, round(ask + 20.0, 1), 0.02)
    rig.until(lambda: rig.statuses(seq)[-1] == "FILLED", "filled")
    assert order_of(rig, seq).amend_lots == 0 or not order_of(rig, seq).is_open
    rig.agrees_with_venue()


def test_a_post_only_order_whose_amend_would_take_is_cancelled_by_the_venue(rig: Rig) -> None:
    begin(rig)
    seq = resting(rig, tif=TimeInForce.GTX)
    _, ask = rig.venue.touch()
    amend(rig, seq, round(ask + 20.0, 1), 0.02)
    rig.until(lambda: rig.statuses(seq) == ["ACCEPTED", "CANCELLED"], "cancelled")
    rig.agrees_with_venue()


def test_an_amend_to_what_is_filled_already_is_the_end_of_the_order(rig: Rig) -> None:
    begin(rig)
    _, ask = rig.venue.touch()
    # More than anybody offers up to that price: a part fills, the rest stays.
    seq = rig.push(order_type=OrderType.LIMIT, price=round(ask, 1), qty=1.0)
    rig.until(lambda: "PARTIALLY_FILLED" in rig.statuses(seq), "a part is filled")
    if order_of(rig, seq).is_open:
        lots = order_of(rig, seq).cum_lots
        amend(rig, seq, price_of(rig, seq), lots / 1000)
    rig.until(lambda: not order_of(rig, seq).is_open, "over")
    rig.agrees_with_venue()


@pytest.mark.parametrize(
    ("changes", "denial"),
    [
        ({"qty": 0.0}, Denial.QUANTITY_NOT_POSITIVE),
        ({"qty": 0.0004}, Denial.QUANTITY_BELOW_STEP),
        ({"qty": 5.0}, Denial.ORDER_SIZE_ABOVE_LIMIT),
        ({"price": 0.0}, Denial.PRICE_NOT_POSITIVE),
        ({"target_ref": 42}, Denial.UNKNOWN_ORDER),
    ],
)
def test_an_amend_passes_the_gate_or_the_venue_never_hears_of_it(
    rig: Rig, changes: dict[str, float], denial: Denial
) -> None:
    begin(rig)
    seq = resting(rig)
    fields = {"target_ref": 1000 + seq, "price": price_of(rig, seq), "qty": 0.03, **changes}
    asked = rig.push(action=Action.AMEND, **fields)
    rig.until(lambda: rig.statuses(asked) == ["DENIED"], "denied")
    told = next(row for row in rig.reports if int(row["intent_seq"]) == asked)
    assert (told["status"], told["reason"]) == (Status.DENIED, denial)
    assert terms(rig, seq)[1] == "0.020"
    assert int(rig.account()["amends_sent"]) == 0


def test_while_an_amend_is_not_answered_the_larger_quantity_counts_and_no_second_one_leaves(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(rig)
    seq = resting(rig)
    price = price_of(rig, seq)
    with monkeypatch.context() as patch:
        deaf(patch)
        amend(rig, seq, price - 5.0, 0.05)
        rig.until(lambda: order_of(rig, seq).state is OrderState.AMEND_PENDING, "sent")
        exposure = rig.agent._books.orders.exposure[0]  # type: ignore[union-attr]
        assert exposure[0] == 50
        second = amend(rig, seq, price - 6.0, 0.01)
        rig.until(lambda: rig.statuses(second) == ["DENIED"], "denied")
        assert rig.reports[-1]["reason"] == Denial.AMEND_PENDING
        assert exposure[0] == 50
    rig.until(lambda: rig.statuses(seq)[-1] == "AMENDED", "amended")
    amend(rig, seq, price - 6.0, 0.01)
    rig.until(lambda: order_of(rig, seq).qty_lots == 10, "and again")
    assert exposure[0] == 10
    same_terms(rig, seq)


def deaf(patch: pytest.MonkeyPatch) -> None:
    """Neither replies nor events are read."""
    patch.setattr(OrderSession, "receive", lambda _self, _now_ns: [])
    patch.setattr(UserStream, "receive", lambda _self, _now_ns: [])


def test_a_cancel_overtakes_an_amend(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(rig)
    seq = resting(rig)
    with monkeypatch.context() as patch:
        deaf(patch)
        amend(rig, seq, price_of(rig, seq) - 5.0, 0.05)
        rig.until(lambda: order_of(rig, seq).state is OrderState.AMEND_PENDING, "sent")
        rig.push(action=Action.CANCEL, target_ref=1000 + seq)
        rig.until(lambda: order_of(rig, seq).state is OrderState.CANCEL_PENDING, "asked")
    rig.until(lambda: rig.statuses(seq)[-1] == "CANCELLED", "cancelled")
    assert rig.agent is not None
    assert rig.agent._books.orders.exposure[0][0] == 0
    rig.agrees_with_venue()


def test_the_echo_of_an_earlier_amend_does_not_end_the_newer_one(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(rig)
    seq = resting(rig)
    price = price_of(rig, seq)
    with monkeypatch.context() as patch:
        patch.setattr(UserStream, "receive", lambda _self, _now_ns: [])
        amend(rig, seq, price - 5.0, 0.05)
        rig.until(lambda: rig.statuses(seq)[-1] == "AMENDED", "by its reply")
        patch.setattr(OrderSession, "receive", lambda _self, _now_ns: [])
        amend(rig, seq, price - 9.0, 0.01)
        rig.until(lambda: order_of(rig, seq).amend_lots == 10, "the second is on its way")
    with monkeypatch.context() as patch:
        # The stream tells of the first amend, then of the second; no reply is read meanwhile.
        patch.setattr(OrderSession, "receive", lambda _self, _now_ns: [])
        rig.until(lambda: order_of(rig, seq).qty_lots == 10, "the second")
    rig.until(lambda: order_of(rig, seq).amend_lots == 0, "answered")
    assert rig.statuses(seq) == ["ACCEPTED", "AMENDED", "AMENDED"]
    same_terms(rig, seq)


@pytest.fixture
def quick(rig: Rig) -> Rig:
    """A rig whose order session is dialled again at once."""
    begin(rig)
    rig.agent._session._link._backoff = Backoff(0.001, 0.001)  # type: ignore[union-attr]
    return rig


def break_off(self: Connection, _payload: bytes) -> None:
    raise ConnectionClosed("broken in the middle")


def test_an_amend_that_never_arrived_is_doubted_until_its_time_is_over(
    quick: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = quick
    seq = resting(rig)
    with monkeypatch.context() as patch:
        patch.setattr(Connection, "send_text", break_off)
        amend(rig, seq, price_of(rig, seq) - 5.0, 0.05)
        rig.until(lambda: order_of(rig, seq).in_doubt, "in doubt")
    rig.until(lambda: not order_of(rig, seq).in_doubt, "resolved")
    assert rig.statuses(seq) == ["ACCEPTED", "ACCEPTED"], "its asker is told how the order stands"
    assert any("was in doubt" in line for line in rig.lines)
    same_terms(rig, seq)
    rig.until_fit()


def test_an_amend_of_which_not_one_byte_left_is_denied(
    quick: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = quick
    seq = resting(rig)

    def refuse(self: Connection, _payload: bytes) -> None:
        raise ConnectionClosed("full", written=False)

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "send_text", refuse)
        asked = amend(rig, seq, price_of(rig, seq) - 5.0, 0.05)
        rig.until(lambda: rig.statuses(asked) == ["DENIED"], "denied")
    assert order_of(rig, seq).state is OrderState.ACCEPTED
    assert rig.reports[-1]["reason"] == Denial.NOT_CONNECTED
    assert rig.agent._books.orders.exposure[0][0] == 20  # type: ignore[union-attr]


def test_an_order_changed_by_somebody_else_is_taken_over(rig: Rig) -> None:
    begin(rig)
    seq = resting(rig)
    name = client_order_id(int(rig.house.run[0]["session_epoch"]), seq)
    price = price_of(rig, seq) - 7.0
    rig.venue.rest.put(
        "/fapi/v1/order",
        {
            "symbol": "BTCUSDT", "origClientOrderId": name, "side": "BUY",
            "quantity": "0.015", "price": f"{price:.1f}",
        },
        signed=True,
    )  # fmt: skip
    rig.until(lambda: rig.statuses(seq) == ["ACCEPTED", "AMENDED"], "told")
    same_terms(rig, seq)


def test_an_amend_nobody_told_of_is_found_by_asking(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(rig)
    seq = resting(rig)
    with monkeypatch.context() as patch:
        deaf(patch)
        amend(rig, seq, price_of(rig, seq) - 5.0, 0.05)
        rig.until(lambda: terms(rig, seq)[1] == "0.050", "changed at the venue")
        stop(rig)
    rig.start()
    rig.until(lambda: rig.statuses(seq)[-1] == "AMENDED", "resolved by the order itself")
    rig.until_fit()
    same_terms(rig, seq)


def stop(rig: Rig) -> None:
    """Let execution die while everything is deaf."""
    rig.read()
    rig.forget_agent()


def test_a_sale_is_amended_as_well(rig: Rig) -> None:
    begin(rig)
    _, ask = rig.venue.touch()
    price = round(ask * 1.02, 1)
    seq = rig.push(side=Side.SELL, order_type=OrderType.LIMIT, price=price, qty=0.02)
    rig.until(lambda: rig.statuses(seq) == ["ACCEPTED"], "resting")
    amend(rig, seq, price + 3.0, 0.01)
    rig.until(lambda: rig.statuses(seq)[-1] == "AMENDED", "amended")
    same_terms(rig, seq)

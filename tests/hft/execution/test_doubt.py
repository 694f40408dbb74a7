"""What the venue does not answer, or answers that it does not know, is unknown until it is asked.

Every test ends with the venue's fills, fees, position and balance in our books.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from hft.binance.order_frames import client_order_id
from hft.events import Action, Hop, Notice, OrderState, OrderType, Side, TimeInForce, Unfit
from hft.execution import reconcile
from hft.execution.orders import Order
from hft.execution.reconcile import Reconciler
from hft.execution.user_stream import UserStream
from hft.units import parse_e8

from .rig import Rig, Venue, rig_at, venue_running

PLACE = {"requests": ["order.place"], "count": 1}
LEAVES_DOUBT: list[dict[str, Any]] = [
    {"kind": "unknown_status", "status": 503},
    {"kind": "unknown_status", "status": 408},
    {"kind": "http_error", "error": "bus"},
    {"kind": "http_error", "error": "timeout"},
]
NO_ANSWER: list[dict[str, Any]] = [
    {"kind": "lost_ack", "then": "silence"},
    {"kind": "lost_ack", "then": "close"},
    {"kind": "lost_ack", "then": "cut"},
]


@pytest.fixture(scope="module")
def _faulty() -> Iterator[Venue]:
    """A venue that commits faults when it is told to."""
    with venue_running("--seed", "5", "--faults", "on") as running:
        yield running


@pytest.fixture
def rig(_faulty: Venue) -> Iterator[Rig]:
    for rig in rig_at(_faulty):
        rig.start()
        rig.until_fit()
        try:
            yield rig
        finally:
            _faulty.forget_faults()


def order_of(rig: Rig, seq: int) -> Order:
    assert rig.agent is not None
    order = rig.agent._books.orders.by_seq(seq)
    assert order is not None
    return order


def ends(rig: Rig, seq: int, status: str) -> None:
    rig.until(lambda: rig.statuses(seq)[-1:] == [status], status)


def filled(rig: Rig, **changes: Any) -> int:
    seq = rig.push(**changes)
    ends(rig, seq, "FILLED")
    return seq


def resting(rig: Rig, price: float, *, side: int = Side.BUY, qty: float = 0.02) -> int:
    seq = rig.push(order_type=OrderType.LIMIT, price=price, qty=qty, side=side)
    ends(rig, seq, "ACCEPTED")
    return seq


def below(rig: Rig) -> float:
    return round(rig.venue.touch()[0] * 0.98, 1)


def nothing_is_to_be_asked(rig: Rig) -> None:
    assert rig.agent is not None
    reconciler = rig.agent._reconciler
    rig.until(lambda: reconciler.agreed and not reconciler.pending, "nothing to be asked")
    rig.until_fit()


def settles(rig: Rig) -> None:
    """Nothing in doubt, everything as the venue has it, and no order of one name twice."""
    nothing_is_to_be_asked(rig)
    wallet_e8 = parse_e8(rig.venue.wallet())
    rig.until(lambda: int(rig.account()["wallet_e8"]) == wallet_e8, "the balance")
    rig.agrees_with_venue()
    names = rig.names_at_venue()
    assert len(names) == len(set(names))


@pytest.mark.parametrize("fault", [*LEAVES_DOUBT, *NO_ANSWER])
def test_an_order_that_was_carried_out_without_a_word_is_found(
    rig: Rig, fault: dict[str, Any]
) -> None:
    executed = {} if fault in NO_ANSWER else {"executed": True}
    rig.venue.strike(**PLACE, **fault, **executed)
    seq = filled(rig)
    assert "REJECTED" not in rig.statuses(seq)
    settles(rig)


@pytest.mark.parametrize("fault", LEAVES_DOUBT)
def test_an_order_that_was_not_carried_out_is_unknown_before_it_is_rejected(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    monkeypatch.setattr(reconcile, "NOT_FOUND_MARGIN_MS", 300 - reconcile.ORDER_RECV_WINDOW_MS)
    rig.venue.strike(**PLACE, **fault, executed=False)
    seq = rig.push(qty=0.03)
    ends(rig, seq, "UNKNOWN")
    assert rig.agent is not None
    assert rig.agent._books.orders.exposure[0][0] == 30, "it counts as if it will be filled"
    rig.until(lambda: int(rig.account()["unfit"]) == Unfit.ORDERS_UNKNOWN, "and is shown")
    ends(rig, seq, "REJECTED")
    assert rig.agent._books.orders.exposure[0][0] == 0
    settles(rig)
    assert rig.names_at_venue() == []


def test_the_user_stream_resolves_an_unknown_order_when_it_answers_first(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.venue.strike(kind="delay", streams=["user:*"], delay_ms=200, count=1)
    rig.venue.strike(kind="unknown_status", executed=True, **PLACE)
    with monkeypatch.context() as patch:
        patch.setattr(Reconciler, "tick", lambda *_given, **_more: None)
        seq = filled(rig)
    assert rig.statuses(seq)[0] == "UNKNOWN"
    assert any(f"intent {seq} was in doubt" in line for line in rig.lines)
    settles(rig)


def test_asking_resolves_an_unknown_order_when_the_user_stream_is_late(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    notices = []
    assert rig.agent is not None
    books = rig.agent._books
    warn = books.log.warning

    def listen(text: str, notice: Notice = Notice.NONE) -> None:
        notices.append(notice)
        warn(text, notice)

    monkeypatch.setattr(books.log, "warning", listen)
    rig.venue.strike(kind="unknown_status", executed=True, **PLACE)
    receive = UserStream.receive
    held: list[Any] = []

    def late(self: UserStream, now_ns: int) -> list[Any]:
        held.extend(receive(self, now_ns))
        return []

    with monkeypatch.context() as patch:
        patch.setattr(UserStream, "receive", late)
        seq = filled(rig)
        assert rig.statuses(seq)[0] == "UNKNOWN"
        assert Notice.ORDER_RESOLVED in notices
        # All that the stream told meanwhile comes now, and is known.
        rig.until(lambda: len(held) >= 3, "the stream's words")
        patch.setattr(UserStream, "receive", lambda _self, _now_ns: [held.pop(0)] if held else [])
        rig.until(lambda: not held, "heard")
    assert [status for status in rig.statuses(seq) if status == "FILLED"]
    settles(rig)


def test_refusals_that_leave_no_record_are_rejections(rig: Rig) -> None:
    bid, ask = rig.venue.touch()
    kill = rig.push(
        order_type=OrderType.LIMIT, price=round(bid * 0.99, 1), tif=TimeInForce.FOK, qty=0.02
    )
    ends(rig, kill, "REJECTED")
    post = rig.push(
        order_type=OrderType.LIMIT, price=round(ask * 1.01, 1), tif=TimeInForce.GTX, qty=0.02
    )
    ends(rig, post, "REJECTED")
    codes = {int(row["intent_seq"]): int(row["venue_code"]) for row in rig.reports}
    assert (codes[kill], codes[post]) == (-5021, -5022)
    assert rig.names_at_venue() == []
    settles(rig)


def test_an_order_somebody_cancels_at_the_venue_is_cancelled(rig: Rig) -> None:
    seq = resting(rig, below(rig))
    name = client_order_id(int(rig.house.run[0]["session_epoch"]), seq)
    rig.venue.rest.cancel("BTCUSDT", name)
    ends(rig, seq, "CANCELLED")
    settles(rig)


def meet_oneself(rig: Rig) -> str:
    """Let an order rest behind the best offer, and buy both by hand; returns how it ended."""
    held = Decimal(rig.venue.position())
    if held:  # What was bought the last time would want more margin than there is.
        rig.venue.trade("SELL" if held > 0 else "BUY", str(abs(held)), reduceOnly="true")
    _, ask = rig.venue.touch()
    seq = rig.push(side=Side.SELL, order_type=OrderType.LIMIT, price=round(ask, 1), qty=0.02)
    rig.until(lambda: bool(rig.statuses(seq)), "resting")
    order = {"type": "LIMIT", "timeInForce": "IOC", "price": f"{ask:.1f}"}
    rig.venue.trade("BUY", "1.5", **order, selfTradePreventionMode="EXPIRE_MAKER")
    rig.push(action=Action.CANCEL, target_ref=1000 + seq)
    rig.until(lambda: not order_of(rig, seq).is_open, "over")
    return rig.statuses(seq)[-1]


def test_an_order_that_meets_its_own_account_expires(rig: Rig) -> None:
    # Somebody else may have been faster, or more may lie before it than is bought.
    assert any(meet_oneself(rig) == "EXPIRED" for _ in range(25))
    settles(rig)


def test_a_lost_fill_is_found_by_the_position_that_does_not_fit(rig: Rig) -> None:
    filled(rig)
    rig.venue.strike(kind="lost_fill", count=2)
    seq = filled(rig, qty=0.03)
    assert order_of(rig, seq).cum_lots == 30
    settles(rig)


def test_events_told_more_than_once_are_booked_once(rig: Rig) -> None:
    rig.venue.strike(kind="duplicate", streams=["user:*"], copies=2)
    rig.venue.strike(kind="partial_fills", pieces=4)
    for side in (Side.BUY, Side.SELL, Side.SELL):
        seq = filled(rig, side=side, qty=0.04)
        parts = [row for row in rig.fills_told() if int(row["intent_seq"]) == seq]
        assert len(parts) > 1
        assert len({int(row["hops"][Hop.FILLED]) for row in parts}) == 1, "its first fill stays it"
    seq = resting(rig, below(rig))
    rig.push(action=Action.CANCEL, target_ref=1000 + seq)
    ends(rig, seq, "CANCELLED")
    assert len(rig.fills_told()) == len(rig.venue.fills())
    settles(rig)


def test_the_short_word_of_a_trade_moves_no_money(rig: Rig) -> None:
    """TRADE_LITE comes first and knows no fee; the long word after it is lost."""
    filled(rig)
    rig.venue.strike(kind="drop", streams=["user:ORDER_TRADE_UPDATE"], count=2)
    seq = filled(rig, side=Side.SELL, qty=0.02)
    fill = next(row for row in rig.fills_told() if int(row["intent_seq"]) == seq)
    assert int(fill["fee_e8"]) > 0
    settles(rig)


def test_events_that_overtake_the_reply_are_the_order_already(rig: Rig) -> None:
    rig.venue.strike(kind="slow_reply", delay_ms=400, **PLACE)
    seq = filled(rig)
    assert order_of(rig, seq).hops[7] == 0, "nothing was answered yet"
    rig.until(lambda: order_of(rig, seq).hops[7] > 0, "answered")
    assert rig.statuses(seq)[-1] == "FILLED"
    assert order_of(rig, seq).state is OrderState.FILLED
    settles(rig)


def cancel_with_lost_fills(rig: Rig, side: int, *, find_first: bool) -> Order:
    """Ask for more than the best price has, lose the word of the first fills, cancel the rest."""
    rig.venue.strike(kind="lost_fill", count=2)
    rig.venue.strike(kind="partial_fills", pieces=4)
    price = round(rig.venue.touch()[side > 0], 1)
    seq = rig.push(order_type=OrderType.LIMIT, price=price, qty=1.0, side=side)
    rig.until(lambda: bool(rig.statuses(seq)), "at the venue")
    if find_first:
        nothing_is_to_be_asked(rig)
    rig.push(action=Action.CANCEL, target_ref=1000 + seq)
    rig.until(lambda: not order_of(rig, seq).is_open, "over")
    rig.venue.forget_faults()
    settles(rig)
    name = client_order_id(int(rig.house.run[0]["session_epoch"]), seq)
    executed = rig.venue.rest.order_status("BTCUSDT", name)["executedQty"]
    assert order_of(rig, seq).cum_lots == round(float(executed) * 1000)
    return order_of(rig, seq)


@pytest.mark.parametrize("find_first", [False, True])
def test_fills_that_were_lost_are_booked_once_while_their_order_rests_and_after_its_end(
    rig: Rig, find_first: bool
) -> None:
    for side in 5 * [Side.BUY, Side.SELL]:
        order = cancel_with_lost_fills(rig, side, find_first=find_first)
        # Somebody else may have been faster, and the price may have moved on.
        if order.cum_lots and order.state is OrderState.CANCELLED:
            return
    pytest.fail("not one order was filled in part")


def test_a_cancel_whose_end_is_never_told_is_asked_about(rig: Rig) -> None:
    seq = resting(rig, below(rig))
    rig.venue.strike(kind="drop", streams=["user:ORDER_TRADE_UPDATE"], count=1)
    rig.push(action=Action.CANCEL, target_ref=1000 + seq)
    ends(rig, seq, "CANCELLED")
    settles(rig)


@pytest.mark.parametrize("executed", [True, False])
def test_a_cancel_that_nobody_knows_of_is_asked_until_the_order_is_gone(
    rig: Rig, executed: bool
) -> None:
    seq = resting(rig, below(rig))
    fault = {"kind": "unknown_status", "requests": ["order.cancel"], "count": 1}
    rig.venue.strike(**fault, executed=executed)
    rig.push(action=Action.CANCEL, target_ref=1000 + seq)
    ends(rig, seq, "CANCELLED")
    settles(rig)


@pytest.mark.parametrize("fault", [*LEAVES_DOUBT[:2], NO_ANSWER[0]])
def test_an_amend_that_nobody_knows_of_ends_at_the_venues_terms(
    rig: Rig, fault: dict[str, Any]
) -> None:
    executed = {} if fault in NO_ANSWER else {"executed": True}
    price = below(rig)
    seq = resting(rig, price)
    rig.venue.strike(**fault, requests=["order.modify"], count=1, **executed)
    terms = {"target_ref": 1000 + seq, "price": price - 5.0, "qty": 0.05}
    rig.push(action=Action.AMEND, **terms)
    ends(rig, seq, "AMENDED")
    assert (order_of(rig, seq).price_ticks, order_of(rig, seq).qty_lots) == (
        round(price * 10) - 50, 50,
    )  # fmt: skip
    settles(rig)

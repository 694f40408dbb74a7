"""The wire to the venue is cut after every byte of an order and of its answer.

Wherever it happens: no order is at the venue twice, and fills, position and money are the venue's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec
import pytest

from hft.clock import monotonic_ns
from hft.events import FIRST_TERMINAL_STATE, Action, IntentFlag, OrderType, Side
from hft.execution.order_session import OrderSession
from hft.wire.connection import Backoff

from .rig import Rig
from .scissors import Scissors

WHOLE_NS = 1_000_000_000
"""How long an order may pass whole before the wire counts as not cut by it."""
BATCH = 400
RESTING = 24
REDUCES = {"side": Side.SELL, "flags": IntentFlag.REDUCE_ONLY}


@pytest.fixture
def scissors(rig: Rig) -> Iterator[Scissors]:
    wire = Scissors(rig.venue.url)
    there = f"ws://127.0.0.1:{wire.port}/ws-fapi/v1"
    rig.network = msgspec.structs.replace(rig.network, ws_api_url=there)
    yield wire
    rig.forget_agent()
    wire.close()


def begin(rig: Rig) -> None:
    """Hold a long position, so that orders which reduce it may leave whatever is in doubt."""
    agent = rig.start()
    link = agent._session._link  # type: ignore[union-attr]
    link._backoff = Backoff(0.001, 0.001)
    rig.until_fit()
    for _ in range(2):
        seq = rig.push(qty=0.8)
        rig.until(lambda seq=seq: rig.statuses(seq)[-1:] == ["FILLED"], "bought")


def push_with_a_cut(
    rig: Rig, scissors: Scissors, way: str, after_bytes: int, **changes: object
) -> int:
    """Send a request over a wire that is cut there, and wait until that is noticed."""
    assert rig.agent is not None
    session = rig.agent._session
    assert session is not None
    rig.until(lambda: session.up and is_quiet(session), "the order session")
    connection = session._link.connection
    scissors.cut(way, after_bytes)
    seq = rig.push(**changes)
    whole_ns = monotonic_ns() + WHOLE_NS
    rig.until(
        lambda: (
            session._link.connection is not connection
            or (scissors.armed() and monotonic_ns() > whole_ns)
        ),
        "the cut, or that all of it has passed",
    )
    return seq


def is_quiet(session: OrderSession) -> bool:
    """Nothing else is on the wire: it asks the venue's time when it comes up, and then seldom."""
    return not session._waiting and session._time_due_ns > monotonic_ns() + WHOLE_NS // 4


def length_of(rig: Rig, scissors: Scissors, way: str, **changes: object) -> int:
    """How many bytes a request has, or its answer."""
    before = scissors.carried[way]
    seq = rig.push(**changes)
    rig.until(lambda: rig.statuses(seq)[-1:] == ["FILLED"], "filled")
    order = rig.agent._books.orders.by_seq(seq)  # type: ignore[union-attr]
    rig.until(lambda: order is not None and order.hops[7] > 0, "answered")
    return scissors.carried[way] - before


def settle(rig: Rig, scissors: Scissors) -> None:
    scissors.leave()
    assert rig.agent is not None
    orders = rig.agent._books.orders
    rig.until(lambda: next(orders.unknown(), None) is None, "nothing in doubt", wait_s=45.0)
    # No feed runs here, and the cuts may have taken longer than one may be silent.
    rig.refresh_top()
    rig.until_fit()
    names = rig.names_at_venue()
    assert max(Counter(names).values()) == 1, "an order was sent twice"
    rig.agrees_with_venue()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("way", ["out", "back"])
def test_a_wire_cut_at_any_byte_of_an_order_or_its_answer_loses_and_doubles_nothing(
    rig: Rig, scissors: Scissors, way: str
) -> None:
    begin(rig)
    order = {"qty": 0.001, **REDUCES}
    most = length_of(rig, scissors, way, **order)
    assert most > 200
    left = list(range(most))
    while left:
        places, left = left[:BATCH], left[BATCH:]
        cuts = scissors.cuts
        seqs = [push_with_a_cut(rig, scissors, way, place, **order) for place in places]
        # One that came whole was a byte or two shorter than the first.
        assert scissors.cuts - cuts >= len(places) - 4
        settle(rig, scissors)
        ends = [rig.statuses(seq)[-1] for seq in seqs]
        assert set(ends) <= {"FILLED", "REJECTED"}, ends
        filled = {int(row["intent_seq"]) for row in rig.fills_told()}
        assert {seq for seq, end in zip(seqs, ends, strict=True) if end == "FILLED"} == (
            filled & set(seqs)
        )
        if way == "back":
            # Now and then it is the answer about the venue's time that is cut: there once more.
            again = [place for place, end in zip(places, ends, strict=True) if end == "REJECTED"]
            assert len(again) < len(places) / 2, "the answer was lost, never the order"
            left += again


def rest(rig: Rig) -> dict[int, float]:
    """Let orders that reduce rest far away; returns their prices."""
    _, ask = rig.venue.touch()
    prices = {}
    for number in range(RESTING):
        price = round(ask * 1.02 + number, 1)
        terms = {"qty": 0.01, "price": price, "order_type": OrderType.LIMIT, **REDUCES}
        prices[rig.push(**terms)] = price
    rig.until(lambda: all(rig.statuses(seq) == ["ACCEPTED"] for seq in prices), "resting")
    return prices


@pytest.mark.parametrize("way", ["out", "back"])
def test_a_wire_cut_inside_an_amend_or_its_answer_leaves_both_sides_with_the_same_terms(
    rig: Rig, scissors: Scissors, way: str
) -> None:
    begin(rig)
    amend = {"action": Action.AMEND, "qty": 0.02}
    for number, (seq, price) in enumerate(rest(rig).items()):
        terms = {**amend, "target_ref": 1000 + seq, "price": price + 5.0}
        push_with_a_cut(rig, scissors, way, number * 17, **terms)
    settle(rig, scissors)
    assert rig.agent is not None
    spec = rig.agent._books.specs[0]
    ours = {
        order.venue_order_id: (order.price_ticks, order.qty_lots)
        for order in rig.agent._books.orders.open.values()
    }
    theirs = {
        row["orderId"]: (spec.ticks(row["price"]), spec.lots(row["origQty"]))
        for row in rig.venue.rest.open_orders("BTCUSDT")
    }
    assert ours == theirs
    assert len(ours) == RESTING
    changed = sum(lots == 20 for _, lots in ours.values())
    if way == "back":
        assert changed > RESTING - 3, "the answer was lost, never the amend"
    else:
        assert changed < RESTING


@pytest.mark.parametrize("way", ["out", "back"])
def test_a_wire_cut_inside_a_cancel_or_its_answer_traps_no_order(
    rig: Rig, scissors: Scissors, way: str
) -> None:
    begin(rig)
    orders = rest(rig)
    for number, seq in enumerate(orders):
        cancel = {"action": Action.CANCEL, "target_ref": 1000 + seq}
        push_with_a_cut(rig, scissors, way, number * 13, **cancel)
    settle(rig, scissors)
    rig.push(action=Action.CANCEL_ALL)
    rig.until(lambda: all(rig.statuses(seq)[-1] == "CANCELLED" for seq in orders), "cancelled")
    assert rig.venue.rest.open_orders("BTCUSDT") == []
    assert all(row["state"] >= FIRST_TERMINAL_STATE for row in rig.house.orders if row["version"])
    rig.agrees_with_venue()

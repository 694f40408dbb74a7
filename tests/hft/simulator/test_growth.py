"""Nothing that a venue remembers grows without end, and what does not move costs no look."""

from __future__ import annotations

import pytest

from hft.simulator import desk as desks
from hft.simulator.expiries import SWEEP_FROM, Expiries
from hft.simulator.fault_kinds import Scenario, Stall
from hft.simulator.fault_streams import STREAMS_REMEMBERED, StreamFaults
from hft.simulator.faults import Faults
from hft.simulator.history import LEAST_KEPT, TRADES_KEPT, trades_kept
from hft.simulator.income_rows import entries
from hft.simulator.matching import BUY, SELL
from hft.simulator.orders import CANCELED, VenueOrder
from hft.simulator.outcomes import Income

from .core import MARK_TICKS, exchange_with, place, request, with_house_book

LATE_MS = 1_000_000


def dated(number: int, due_ms: int = LATE_MS) -> VenueOrder:
    wish = request(BUY, 1, MARK_TICKS, "GTD", good_till_ms=due_ms)
    return VenueOrder(number, 1, wish, 0)


def test_notes_of_dated_orders_that_ended_early_are_swept_out() -> None:
    expiries = Expiries()
    waiting = [dated(number) for number in range(10)]
    for order in waiting:
        expiries.put(order)
    for number in range(10, 5 * SWEEP_FROM):
        order = dated(number)
        expiries.put(order)
        order.move(CANCELED, 1)
    assert len(expiries) <= SWEEP_FROM
    assert list(expiries.due(LATE_MS - 1)) == []
    assert list(expiries.due(LATE_MS)) == waiting
    assert len(expiries) == 0


def test_an_order_that_is_noted_again_and_again_expires_once() -> None:
    expiries = Expiries()
    order = dated(1)
    for _ in range(3 * SWEEP_FROM):
        expiries.put(order)
    assert len(expiries) <= SWEEP_FROM
    due = expiries.due(LATE_MS)
    assert next(due) is order
    order.move(CANCELED, LATE_MS)
    assert list(due) == []


def test_a_desk_that_is_overfull_forgets_at_once_what_is_done_and_nothing_that_is_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(desks, "ORDERS_KEPT", 100)
    exchange, _ = exchange_with(1)
    exchange.on_time(1)
    desk = exchange.desks[1]
    open_order = place(exchange, request(BUY, 10, MARK_TICKS - 10))
    for _ in range(500):
        done = place(exchange, request(BUY, 10, MARK_TICKS - 10))
        exchange.cancel(1, done, 1)
        exchange.on_time(2)
        assert len(desk.orders) <= 111
    assert desk.orders[open_order.order_id] is open_order
    assert len(desk.by_client) == len(desk.orders)


def test_liquidations_and_margin_moves_are_remembered_up_to_a_bound() -> None:
    exchange, _ = exchange_with(1)
    desk = exchange.desks[1]
    for number in range(desks.FORCED_KEPT + 10):
        desk.margin_moves.append(Income("MARGIN", "USDT", 1, number, number))
        desk.forced.append(dated(number))
    assert len(desk.margin_moves) == len(desk.forced) == desks.FORCED_KEPT
    assert desk.margin_moves[-1].number == desks.FORCED_KEPT + 9


def test_a_book_that_moved_is_named_once_until_its_changes_are_drained() -> None:
    exchange, listing = exchange_with(1)
    assert exchange.drain_moved() == []
    for step in range(3):
        exchange.house_order(listing, BUY, (MARK_TICKS - step, 1), 0)
    assert exchange.drain_moved() == [listing]
    listing.book.changed = set()
    exchange.house_order(listing, BUY, (MARK_TICKS, 1), 0)
    assert exchange.drain_moved() == [listing]


def test_of_many_contracts_each_keeps_fewer_trades() -> None:
    assert trades_kept(2) == TRADES_KEPT
    assert trades_kept(500) == 2_000
    assert trades_kept(100_000) == LEAST_KEPT


def test_income_is_told_from_either_end_and_of_each_kind_in_the_same_order() -> None:
    exchange, listing = with_house_book(1)
    for step in range(6):
        place(exchange, request(BUY if step % 2 else SELL, 3), now_ms=1 + step // 3)
    exchange.deposit(1, "USDT", 5, 1)
    exchange.settle_funding(listing, 1_000, 2)
    exchange.deposit(1, "USDT", 7, 3)
    desk = exchange.desks[1]
    forward = list(entries(desk, newest_first=False))
    assert [time_ms for time_ms, _, _ in forward] == sorted(entry[0] for entry in forward)
    assert list(entries(desk, newest_first=True)) == forward[::-1]
    kinds = {kind for _, kind, _ in forward}
    assert kinds == {"COMMISSION", "REALIZED_PNL", "TRANSFER"}
    for kind in (*kinds, "FUNDING_FEE"):
        of_kind = [entry for entry in forward if entry[1] == kind]
        assert list(entries(desk, kind, newest_first=False)) == of_kind
        assert list(entries(desk, kind, newest_first=True)) == of_kind[::-1]


def test_listen_keys_that_fell_silent_are_remembered_up_to_a_bound() -> None:
    faults = Faults(1)
    faults.add(Scenario((Stall(streams=("user:*",), count=None),)))
    streams = StreamFaults(faults, lambda: 0)
    for number in range(STREAMS_REMEMBERED + 10):
        streams.send([Deaf()], f"{number:064d}", b'{"e":"listenKeyExpired"}')
    assert len(streams.stalled()) == STREAMS_REMEMBERED


class Deaf:
    combined = False

    def write_frame(self, frame: bytes) -> None:
        """It hears nothing."""

    def end(self) -> None:
        """It has no end."""

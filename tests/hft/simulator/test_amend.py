from __future__ import annotations

import msgspec
import pytest

from hft.simulator.desk import Listing
from hft.simulator.exchange import Exchange
from hft.simulator.matching import BUY, SELL
from hft.simulator.orders import AmendRequest, VenueOrder
from hft.simulator.outcomes import OrderUpdate
from hft.simulator.refusals import Refusal
from hft.simulator.symbols import BTCUSDT

from .core import MARK_TICKS, exchange_with, place, request, with_house_book
from .test_exchange import names


def wish(side: int, ticks: int, lots: int, **more: object) -> AmendRequest:
    values: dict[str, object] = {"side": side, "price_ticks": ticks, "lots": lots}
    return AmendRequest(**{**values, **more})  # type: ignore[arg-type]


def amend(exchange: Exchange, order: VenueOrder, ticks: int, lots: int, **more: object) -> None:
    exchange.amend(order.owner, order, wish(order.side, ticks, lots, **more), 7)


def first_in_queue(listing: Listing, side: int) -> object:
    return listing.book.side(side).front()


@pytest.mark.parametrize("lots", [4, 6])
def test_an_amended_order_keeps_its_id_and_queues_anew_even_when_it_shrinks(lots: int) -> None:
    exchange, listing = exchange_with(1, 2)
    first = place(exchange, request(BUY, 5, MARK_TICKS))
    second = place(exchange, request(BUY, 5, MARK_TICKS), 2)
    order_id = first.order_id
    exchange.drain()
    amend(exchange, first, MARK_TICKS, lots, modify_id="m-1")
    said = exchange.drain()
    assert names(said) == ["AMENDMENT NEW 0"]
    (told,) = [update for update in said if isinstance(update, OrderUpdate)]
    assert told.modify_id == "m-1"
    assert told.bids_e8 == BTCUSDT.notional_e8(MARK_TICKS, lots), "it is among the open orders"
    assert first_in_queue(listing, BUY) is second
    assert (first.order_id, first.lots, first.left_lots) == (order_id, lots, lots)
    assert listing.book.bids.depth(2) == [(MARK_TICKS, 5 + lots)]
    assert (first.time_ms, first.update_ms) == (1, 7)


def test_an_amendment_that_crosses_is_told_first_and_trades_then() -> None:
    exchange, listing = with_house_book(1)
    order = place(exchange, request(BUY, 5, MARK_TICKS - 20))
    exchange.drain()
    amend(exchange, order, MARK_TICKS + 1, 25)
    assert names(exchange.drain()) == [
        "AMENDMENT NEW 0",
        "TradeLite",
        "AccountUpdate",
        "TRADE PARTIALLY_FILLED 0",
    ]
    assert (order.filled_lots, order.left_lots) == (10, 15)
    assert listing.book.top()[:2] == (MARK_TICKS + 1, 15)
    amend(exchange, order, MARK_TICKS - 20, 12)
    assert names(exchange.drain()) == ["AMENDMENT PARTIALLY_FILLED 0"]
    assert (order.lots, order.left_lots) == (12, 2)


@pytest.mark.parametrize("lots", [9, 10])
def test_a_total_that_is_filled_already_cancels_the_order(lots: int) -> None:
    exchange, listing = with_house_book(1)
    order = place(exchange, request(BUY, 25, MARK_TICKS + 1))
    amend(exchange, order, MARK_TICKS + 1, lots)
    assert (order.status, order.filled_lots, order.lots) == ("CANCELED", 10, 25)
    assert not listing.book.holds(order)
    assert names(exchange.drain())[-1] == "CANCELED CANCELED 0"
    assert not order.amendments


def test_a_post_only_order_that_would_take_is_cancelled() -> None:
    exchange, _ = with_house_book(1)
    order = place(exchange, request(BUY, 5, MARK_TICKS - 20, "GTX"))
    amend(exchange, order, MARK_TICKS, 5)
    assert order.status == "NEW"
    amend(exchange, order, MARK_TICKS + 1, 5)
    assert (order.status, order.filled_lots) == ("CANCELED", 0)


def test_a_refused_amendment_changes_nothing() -> None:
    exchange, listing = exchange_with(1, 2)
    low = MARK_TICKS * 96 // 100
    order = place(exchange, request(BUY, 5, low))
    place(exchange, request(BUY, 5, low), 2)
    exchange.drain()
    for wanted, code in (
        (wish(BUY, low, 5), "-5027"),
        (wish(SELL, low, 6), "-1117"),
        (wish(BUY, low, 6, reduce_only=True), "-5047"),
        (wish(BUY, MARK_TICKS * 2, 6), "-4016"),
        (wish(BUY, 6_000, 1), "-5029"),
        (wish(BUY, low, 100_000), "-2019"),
    ):
        with pytest.raises(Refusal, match=code):
            exchange.amend(1, order, wanted, 7)
    assert exchange.drain() == []
    assert first_in_queue(listing, BUY) is order
    assert (order.limit_ticks, order.lots, order.update_ms) == (low, 5, 1)
    exchange.cancel(1, order, 8)
    with pytest.raises(Refusal, match="-2013"):
        amend(exchange, order, low, 6)


def test_an_order_can_be_amended_only_so_often() -> None:
    exchange, _ = with_house_book(1)
    seldom = msgspec.structs.replace(BTCUSDT, move_max=3)
    order = place(exchange, request(BUY, 5, MARK_TICKS - 20, symbol=seldom))
    for lots in (6, 7, 8):
        amend(exchange, order, MARK_TICKS - 20, lots)
    with pytest.raises(Refusal, match="-5026"):
        amend(exchange, order, MARK_TICKS - 20, 9)
    assert [change.lots for change in order.amendments] == [(5, 6), (6, 7), (7, 8)]
    assert [change.amendment_id for change in order.amendments] == [1, 2, 3]
    assert [change.count for change in order.amendments] == [1, 2, 3]


def test_the_margin_of_the_old_terms_pays_for_the_new() -> None:
    exchange, _ = with_house_book(1)
    order = place(exchange, request(BUY, 3_200, MARK_TICKS - 20))
    with pytest.raises(Refusal, match="-2019"):
        place(exchange, request(BUY, 3_200, MARK_TICKS - 21))
    amend(exchange, order, MARK_TICKS - 21, 3_210)
    assert order.lots == 3_210
    with pytest.raises(Refusal, match="-2019"):
        amend(exchange, order, MARK_TICKS - 21, 3_400)


def test_an_amended_reduce_only_order_is_cut_to_the_position() -> None:
    exchange, _ = with_house_book(1)
    place(exchange, request(BUY, 10))
    order = place(exchange, request(SELL, 4, MARK_TICKS + 50, reduce_only=True))
    amend(exchange, order, MARK_TICKS + 50, 30, reduce_only=True)
    assert (order.lots, order.left_lots) == (10, 10)
    with pytest.raises(Refusal, match="-5027"):
        amend(exchange, order, MARK_TICKS + 50, 30)


def test_an_amended_order_has_no_self_trade_mode_and_does_not_trade_with_its_owner() -> None:
    exchange, _ = with_house_book(1)
    resting = place(exchange, request(SELL, 5, MARK_TICKS))
    order = place(exchange, request(BUY, 5, MARK_TICKS - 20, self_trade="EXPIRE_TAKER"))
    amend(exchange, order, MARK_TICKS, 5)
    assert order.self_trade == "NONE"
    assert (resting.status, order.status) == ("EXPIRED_IN_MATCH", "NEW")
    assert exchange.desks[1].fills == []
    assert (
        BTCUSDT.notional_e8(MARK_TICKS, 5)
        == exchange.account_margin(exchange.desks[1]).orders_e8 * 20
    )


def test_an_amendment_counts_the_order_itself_into_what_its_owner_has_open() -> None:
    exchange, _ = with_house_book(1)
    order = place(exchange, request(BUY, 5, MARK_TICKS - 20))
    exchange.drain()
    amend(exchange, order, MARK_TICKS - 30, 10)
    told = [update for update in exchange.drain() if isinstance(update, OrderUpdate)]
    worth_e8 = (MARK_TICKS - 30) * 10 * BTCUSDT.unit_e8
    assert [(update.bids_e8, update.asks_e8) for update in told] == [(worth_e8, 0)]
    assert exchange.desks[1].account.holding("BTCUSDT").bids_e8 == worth_e8


def test_an_amended_order_says_which_price_of_the_book_it_took_last() -> None:
    exchange, _ = with_house_book(1)
    order = place(exchange, request(BUY, 5, MARK_TICKS - 20))
    amend(exchange, order, 0, 5, price_match="QUEUE_5")
    assert (order.limit_ticks, order.request.price_match) == (MARK_TICKS - 5, "QUEUE_5")
    amend(exchange, order, MARK_TICKS - 20, 5)
    assert (order.limit_ticks, order.request.price_match) == (MARK_TICKS - 20, "NONE")

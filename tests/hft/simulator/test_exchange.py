from __future__ import annotations

import pytest

from hft.simulator.desk import Listing
from hft.simulator.matching import BUY, SELL
from hft.simulator.orders import MOVES, TERMINAL, VenueOrder
from hft.simulator.outcomes import AccountUpdate, OrderUpdate, Outcome, Trade, TradeLite
from hft.simulator.refusals import Refusal
from hft.simulator.settings import set_leverage
from hft.simulator.symbols import BTCUSDT, KNOWN

from .core import MARK_TICKS, place, request, with_house_book


def names(outcomes: list[Outcome], account_id: int = 1) -> list[str]:
    """Say outcomes in short: an order update by its execution and status."""
    told = []
    for outcome in outcomes:
        if isinstance(outcome, OrderUpdate) and outcome.account_id == account_id:
            told.append(f"{outcome.execution} {outcome.status} {outcome.reason}")
        elif isinstance(outcome, TradeLite | AccountUpdate) and outcome.account_id == account_id:
            told.append(type(outcome).__name__)
    return told


def test_a_sweep_tells_each_match_and_new_after_the_first_light_word() -> None:
    exchange, _ = with_house_book(1)
    order = place(exchange, request(BUY, 25))
    assert names(exchange.drain()) == [
        "TradeLite",
        "NEW NEW 0",
        "AccountUpdate",
        "TRADE PARTIALLY_FILLED 0",
        "TradeLite",
        "AccountUpdate",
        "TRADE FILLED 0",
    ]
    assert [fill.price_ticks for fill in exchange.desks[1].fills] == [
        MARK_TICKS + 1,
        MARK_TICKS + 2,
    ]
    assert order.filled_lots == 25


def test_a_market_order_expires_what_the_book_cannot_give() -> None:
    exchange, listing = with_house_book(1)
    order = place(exchange, request(BUY, 200))
    assert order.status == "EXPIRED"
    assert order.filled_lots == 150
    assert names(exchange.drain())[-1] == "EXPIRED EXPIRED 9"
    assert not len(listing.book.asks)


def test_a_market_order_stops_at_the_band_around_the_mark() -> None:
    exchange, listing = with_house_book(1)
    listing.mark_e8 = (MARK_TICKS + 3) * BTCUSDT.tick_e8 * 100 // 105 + 1
    order = place(exchange, request(BUY, 120))
    assert order.filled_lots == 60
    assert max(fill.price_ticks for fill in exchange.desks[1].fills) == MARK_TICKS + 3
    with pytest.raises(Refusal, match="-4131"):
        place(exchange, request(BUY, 10))


def test_an_ioc_remainder_expires_and_a_gtc_remainder_rests() -> None:
    exchange, listing = with_house_book(1)
    ioc = place(exchange, request(BUY, 15, MARK_TICKS + 1, "IOC"))
    assert (ioc.status, ioc.filled_lots) == ("EXPIRED", 10)
    assert names(exchange.drain())[-1] == "EXPIRED EXPIRED 2"
    gtc = place(exchange, request(BUY, 35, MARK_TICKS + 2))
    assert (gtc.status, gtc.filled_lots) == ("PARTIALLY_FILLED", 20)
    assert listing.book.top()[:2] == (MARK_TICKS + 2, 15)


def test_a_refused_order_changes_nothing() -> None:
    exchange, listing = with_house_book(1)
    for wish, code in (
        (request(BUY, 100, MARK_TICKS + 2, "FOK"), "-5021"),
        (request(BUY, 10, MARK_TICKS + 1, "GTX"), "-5022"),
        (request(BUY, 10, reduce_only=True), "-2022"),
        (request(BUY, 100_000, MARK_TICKS), "-2019"),
    ):
        with pytest.raises(Refusal, match=code):
            place(exchange, wish)
    assert exchange.drain() == []
    assert exchange.desks[1].orders == {}
    assert listing.next_order_id == BTCUSDT.order_id_base


@pytest.mark.parametrize(
    ("mode", "maker", "taker", "filled"),
    [
        ("EXPIRE_MAKER", "EXPIRED_IN_MATCH", "FILLED", 5),
        ("EXPIRE_TAKER", "NEW", "EXPIRED_IN_MATCH", 0),
        ("EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH", 0),
    ],
)
def test_nobody_trades_with_himself(mode: str, maker: str, taker: str, filled: int) -> None:
    exchange, listing = with_house_book(1)
    inside = MARK_TICKS
    resting = place(exchange, request(SELL, 5, inside))
    exchange.drain()
    arriving = place(exchange, request(BUY, 5, inside + 1, self_trade=mode))
    assert (resting.status, arriving.status, arriving.filled_lots) == (maker, taker, filled)
    told = names(exchange.drain())
    assert any(word.endswith("EXPIRED_IN_MATCH 1") for word in told)
    assert listing.book.holds(resting) == (maker == "NEW")


def test_a_house_taker_fills_a_resting_user_as_maker() -> None:
    exchange, listing = with_house_book(1)
    place(exchange, request(BUY, 7, MARK_TICKS))
    exchange.drain()
    exchange.house_take(listing, SELL, (MARK_TICKS - 1, 9), 5)
    outcomes = exchange.drain()
    assert names(outcomes) == ["TradeLite", "AccountUpdate", "TRADE FILLED 0"]
    fill = exchange.desks[1].fills[0]
    assert fill.maker
    assert fill.fee_e8 == BTCUSDT.notional_e8(MARK_TICKS, 7) * 200 // 1_000_000
    trades = [outcome for outcome in outcomes if isinstance(outcome, Trade)]
    assert [(trade.lots, trade.buyer_is_maker) for trade in trades] == [(7, True), (2, True)]


def test_resting_reduce_only_orders_expire_with_the_position() -> None:
    exchange, _ = with_house_book(1)
    place(exchange, request(BUY, 10))
    first = place(exchange, request(SELL, 10, MARK_TICKS + 50, reduce_only=True))
    second = place(exchange, request(SELL, 10, MARK_TICKS + 60, reduce_only=True))
    place(exchange, request(SELL, 10))
    assert [first.status, second.status] == ["EXPIRED", "EXPIRED"]
    assert names(exchange.drain())[-1] == "EXPIRED EXPIRED 4"
    assert exchange.desks[1].open == {}


def test_a_reduce_only_order_never_turns_the_position() -> None:
    exchange, listing = with_house_book(1)
    place(exchange, request(BUY, 10))
    resting = place(exchange, request(SELL, 10, MARK_TICKS, reduce_only=True))
    place(exchange, request(SELL, 6))
    exchange.house_take(listing, BUY, (MARK_TICKS, 10), 5)
    assert exchange.desks[1].account.position("BTCUSDT").lots == 0
    assert resting.filled_lots == 4
    assert resting.status in TERMINAL


def test_the_margin_of_both_sides_is_counted_once() -> None:
    exchange, _ = with_house_book(1)
    worth_usdt = 60_000 * 3
    place(exchange, request(BUY, 3_000, MARK_TICKS - 1))
    margin = exchange.account_margin(exchange.desks[1])
    assert margin.orders_e8 // 10**8 == (worth_usdt - 1) // 20
    place(exchange, request(SELL, 3_000, MARK_TICKS + 1))
    both = exchange.account_margin(exchange.desks[1])
    assert both.orders_e8 // 10**8 == worth_usdt // 20
    with pytest.raises(Refusal, match="-2019"):
        place(exchange, request(BUY, 1_000, MARK_TICKS - 1))


def test_too_many_open_orders_are_refused() -> None:
    exchange, _ = with_house_book(1)
    for step in range(200):
        place(exchange, request(BUY, 1, MARK_TICKS - 10 - step))
    with pytest.raises(Refusal, match="-2025"):
        place(exchange, request(BUY, 1, MARK_TICKS - 9))


def test_a_countdown_cancels_once_and_can_be_called_off() -> None:
    exchange, _ = with_house_book(1)
    order = place(exchange, request(BUY, 1, MARK_TICKS - 9))
    exchange.set_countdown(1, BTCUSDT, 100)
    exchange.set_countdown(1, BTCUSDT, 0)
    exchange.on_time(200)
    assert order.status == "NEW"
    exchange.set_countdown(1, BTCUSDT, 300)
    exchange.on_time(299)
    assert order.status == "NEW"
    exchange.on_time(300)
    assert order.status == "CANCELED"


def test_an_ended_order_cannot_move_again() -> None:
    order = VenueOrder(1, 1, request(BUY, 1, MARK_TICKS), 0)
    order.move("CANCELED", 1)
    with pytest.raises(KeyError):
        order.move("FILLED", 2)
    assert not TERMINAL & set(MOVES)


def test_a_leverage_that_the_position_is_too_large_for_is_refused() -> None:
    exchange, _ = with_house_book(1)
    exchange.desks[1].account.wallet_e8 *= 1_000
    exchange.desks[1].account.position("BTCUSDT").lots = 20_000
    with pytest.raises(Refusal, match="-2027"):
        set_leverage(exchange, exchange.desks[1], exchange.listings["BTCUSDT"], 100, 1)


def test_a_fill_or_kill_order_cannot_count_on_its_owner() -> None:
    exchange, _ = with_house_book(1)
    place(exchange, request(SELL, 10, MARK_TICKS))
    with pytest.raises(Refusal, match="-5021"):
        place(exchange, request(BUY, 15, MARK_TICKS + 1, "FOK"))
    killed_nothing = place(exchange, request(BUY, 10, MARK_TICKS + 1, "FOK"))
    assert killed_nothing.status == "FILLED"
    assert [fill.price_ticks for fill in exchange.desks[1].fills] == [MARK_TICKS + 1]


@pytest.mark.parametrize("mode", ["EXPIRE_TAKER", "EXPIRE_BOTH"])
def test_a_fill_or_kill_order_is_never_filled_in_part_because_of_its_owner(mode: str) -> None:
    exchange, _ = with_house_book(1)
    place(exchange, request(SELL, 10, MARK_TICKS + 1))
    order = place(exchange, request(BUY, 25, MARK_TICKS + 2, "FOK", self_trade=mode))
    assert (order.status, order.filled_lots) == ("FILLED", 25)


def test_many_orders_that_each_close_a_position_need_margin_for_what_they_would_open() -> None:
    exchange, _ = with_house_book(1)
    exchange.desks[1].account.wallet_e8 = 1_000 * 10**8
    place(exchange, request(BUY, 100))
    place(exchange, request(SELL, 100, MARK_TICKS + 1_000))
    # Together with the first it turns the position, which ties up no more than it does now.
    place(exchange, request(SELL, 99, MARK_TICKS + 1_000))
    for _ in range(2):
        place(exchange, request(SELL, 100, MARK_TICKS + 1_000))
    with pytest.raises(Refusal, match="-2019"):
        place(exchange, request(SELL, 100, MARK_TICKS + 1_000))
    assert exchange.account_margin(exchange.desks[1]).available_e8 > 0


def test_a_position_can_be_closed_in_parts_when_all_margin_is_used() -> None:
    exchange, listing = with_house_book(1)
    place(exchange, request(BUY, 100))
    exchange.desks[1].account.wallet_e8 = 250 * 10**8
    assert exchange.account_margin(exchange.desks[1]).free_e8 < 0
    for _ in range(2):
        assert place(exchange, request(SELL, 50, MARK_TICKS + 1_000)).status == "NEW"
    assert listing.book.asks.depth(9)[-1] == (MARK_TICKS + 1_000, 100)


def test_a_fee_paid_in_bnb_leaves_the_quote_asset_out_of_what_changed() -> None:
    exchange, _ = with_house_book(1)
    exchange.listings["BNBUSDT"] = Listing(KNOWN["BNBUSDT"])
    exchange.listings["BNBUSDT"].mark_e8 = 600 * 10**8
    account = exchange.desks[1].account
    account.fee_burn = True
    account.change("BNB", 10**8)
    place(exchange, request(BUY, 10))
    place(exchange, request(SELL, 10))
    updates = [said for said in exchange.drain() if isinstance(said, AccountUpdate)]
    assert [[row.asset for row in update.wallets] for update in updates] == [
        ["BNB"],
        ["USDT", "BNB"],
    ]


def test_a_fill_or_kill_order_cannot_count_on_an_order_that_has_less_left_to_reduce() -> None:
    exchange, _ = with_house_book(1, 2)
    place(exchange, request(BUY, 10), 2)
    place(exchange, request(SELL, 10, MARK_TICKS, reduce_only=True), 2)
    # The next sale leaves a position of four to the resting order of ten.
    place(exchange, request(SELL, 6, MARK_TICKS - 1), 2)
    with pytest.raises(Refusal, match="-5021"):
        place(exchange, request(BUY, 5, MARK_TICKS, "FOK"))
    order = place(exchange, request(BUY, 4, MARK_TICKS, "FOK"))
    assert (order.status, order.filled_lots) == ("FILLED", 4)

"""Liquidation by the mark price, the insurance fund and deleveraging."""

from __future__ import annotations

import pytest

from hft.simulator.desk import Listing
from hft.simulator.exchange import Exchange
from hft.simulator.margin import liquidation_price_e8
from hft.simulator.matching import BUY, SELL
from hft.simulator.outcomes import (
    AccountUpdate,
    ForcedOrder,
    MarginCall,
    OrderUpdate,
    Outcome,
)
from hft.simulator.settings import set_hedge, set_leverage, set_margin_type
from hft.simulator.symbols import BTCUSDT, ETHUSDT
from hft.units import E8

from .core import MARK_TICKS, exchange_with, place, request

LONG_LOTS = 1_000
"""One coin at 60,000: at 100 times leverage a tenth of 6,000 is tied up."""


def _with_long(*, isolated: bool = False, others: tuple[int, ...] = ()) -> tuple[Exchange, Listing]:
    exchange, listing = exchange_with(1, *others)
    desk = exchange.desks[1]
    if isolated:
        set_margin_type(desk, listing, isolated=True)
    set_leverage(exchange, desk, listing, 100, 1)
    exchange.house_order(listing, SELL, (MARK_TICKS, LONG_LOTS), 1)
    place(exchange, request(BUY, LONG_LOTS))
    exchange.drain()
    return exchange, listing


def _move_mark(exchange: Exchange, listing: Listing, price: int, now_ms: int = 50) -> list[Outcome]:
    listing.mark_e8 = price * E8
    exchange.on_time(now_ms)
    return exchange.drain()


def _updates(outcomes: list[Outcome]) -> list[str]:
    return [
        f"{o.execution} {o.status} {o.reason}"
        for o in outcomes
        if isinstance(o, OrderUpdate) and o.account_id == 1
    ]


def _liquidation_price(exchange: Exchange, listing: Listing) -> int:
    desk = exchange.desks[1]
    margin = exchange.account_margin(desk)
    legs = list(desk.account.holding("BTCUSDT").held())
    return liquidation_price_e8(listing.symbol, legs, margin.cross_wallet_e8, (0, 0))


def test_an_account_lives_just_above_its_liquidation_price_and_dies_at_it() -> None:
    exchange, listing = _with_long()
    exchange.house_order(listing, BUY, (MARK_TICKS - 60_000, 100_000), 1)
    price_e8 = _liquidation_price(exchange, listing)
    listing.mark_e8 = price_e8 + E8 // 100
    exchange.on_time(2)
    assert exchange.desks[1].account.position("BTCUSDT").lots == LONG_LOTS
    listing.mark_e8 = price_e8 - E8 // 100
    exchange.on_time(3)
    assert exchange.desks[1].account.position("BTCUSDT").lots == 0


def test_a_liquidated_account_loses_its_orders_first_then_its_position_and_pays_the_fund() -> None:
    exchange, listing = _with_long()
    resting = place(exchange, request(BUY, 2, MARK_TICKS - 20_000))
    exchange.house_order(listing, BUY, (MARK_TICKS - 99_000, 100_000), 1)
    exchange.drain()
    before = exchange.treasury.fund.account.wallet_e8
    outcomes = _move_mark(exchange, listing, 50_150)
    assert resting.status == "EXPIRED"
    assert _updates(outcomes) == [
        "EXPIRED EXPIRED 5",
        "NEW NEW 0",
        "CALCULATED FILLED 0",
    ]
    forced = [o for o in outcomes if isinstance(o, ForcedOrder)]
    assert [(o.side, o.lots) for o in forced] == [(SELL, LONG_LOTS)]
    assert forced[0].average_ticks == MARK_TICKS - 99_000
    order = exchange.desks[1].forced[0]
    assert order.client_id.startswith("autoclose-")
    # The clearance fee of 1.25 % of what was closed, as far as the account still had it.
    paid = exchange.treasury.fund.account.wallet_e8 - before
    assert 0 < paid <= order.quote_e8 * 125 // 10_000
    assert exchange.desks[1].account.wallet_e8 >= 0
    told = [o for o in outcomes if isinstance(o, OrderUpdate | AccountUpdate)]
    assert [o.reason for o in told if isinstance(o, AccountUpdate)] == ["ORDER", "INSURANCE_CLEAR"]
    assert isinstance(told[-3], OrderUpdate), "the order is told before the account"


def test_what_the_book_does_not_take_goes_to_the_fund_at_the_bankruptcy_price() -> None:
    exchange, listing = _with_long()
    _move_mark(exchange, listing, 50_150)
    assert exchange.desks[1].account.position("BTCUSDT").lots == 0
    assert 0 <= exchange.desks[1].account.wallet_e8 < E8
    assert exchange.treasury.fund.account.position("BTCUSDT").lots == LONG_LOTS
    exchange.house_order(listing, BUY, (501_400, 5_000), 60)
    exchange.on_time(2_000)
    assert exchange.treasury.fund.account.position("BTCUSDT").lots == 0


def test_a_large_cross_position_is_reduced_tier_by_tier_and_the_rest_is_kept() -> None:
    exchange, listing = exchange_with(1)
    desk = exchange.desks[1]
    # So large that its tier's maintenance is more than the clearance fee of what is closed.
    desk.account.wallet_e8 = 5_000_000 * E8
    exchange.house_order(listing, SELL, (MARK_TICKS, 1_400_000), 1)
    place(exchange, request(BUY, 1_400_000))
    price_e8 = _liquidation_price(exchange, listing)
    exchange.house_order(listing, BUY, (price_e8 // BTCUSDT.tick_e8, 9_000_000), 2)
    listing.mark_e8 = price_e8 - 1
    exchange.on_time(3)
    held = desk.account.position("BTCUSDT").lots
    assert 0 < held < 1_400_000
    margin = exchange.account_margin(desk)
    assert margin.cross_wallet_e8 + margin.cross_unrealized_e8 > margin.maintenance_e8


def test_an_isolated_position_dies_alone_and_costs_no_more_than_its_own_margin() -> None:
    exchange, listing = _with_long(isolated=True)
    account = exchange.desks[1].account
    leg = account.position("BTCUSDT")
    apart = leg.isolated_e8
    assert apart == 600 * E8
    wallet = account.wallet_e8
    # A gap far through the bankruptcy price: the fund bears what the margin does not.
    outcomes = _move_mark(exchange, listing, 58_000)
    assert leg.lots == 0
    assert leg.isolated_e8 == 0
    assert wallet - account.wallet_e8 == apart
    assert _updates(outcomes)[-1] == "CALCULATED FILLED 0"


def test_with_an_empty_fund_the_one_who_earns_most_on_the_other_side_is_deleveraged() -> None:
    exchange, listing = _with_long(others=(2, 3))
    exchange.treasury.fund.account.wallets["USDT"] = 0
    for account_id, price in ((2, MARK_TICKS), (3, MARK_TICKS - 1_000)):
        exchange.house_order(listing, BUY, (price, 600), 1)
        place(exchange, request(SELL, 600, price), account_id)
    exchange.drain()
    listing.mark_e8 = 49_000 * E8
    exchange.on_time(50)
    shorts = [exchange.desks[number].account.position("BTCUSDT").lots for number in (2, 3)]
    assert shorts == [0, -200], "2 sold higher, so it earns more and is first"
    ids = [order.client_id for order in exchange.desks[2].forced]
    assert ids
    assert ids[0].startswith("adl_autoclose-")
    assert exchange.desks[1].account.position("BTCUSDT").lots == 0
    assert exchange.desks[1].account.wallet_e8 >= 0


def test_the_adl_quantile_ranks_the_one_who_earns_most_highest() -> None:
    exchange, listing = exchange_with(1, 2, 3)
    for account_id, price in ((1, 0), (2, 500), (3, 1_000)):
        exchange.house_order(listing, SELL, (MARK_TICKS - price, 100), 1)
        place(exchange, request(BUY, 100, MARK_TICKS - price), account_id)
    ranks = [
        exchange.liquidator.adl_quantile(listing, desk, desk.account.position("BTCUSDT"))
        for desk in (exchange.desks[1], exchange.desks[2], exchange.desks[3])
    ]
    assert ranks == [0, 2, 4]


def test_both_legs_of_a_hedged_account_are_closed_together() -> None:
    exchange, listing = exchange_with(1)
    desk = exchange.desks[1]
    set_hedge(desk, on=True)
    set_leverage(exchange, desk, listing, 100, 1)
    exchange.house_order(listing, SELL, (MARK_TICKS, 1_000), 1)
    place(exchange, request(BUY, 1_000, position_side="LONG"))
    exchange.house_order(listing, BUY, (MARK_TICKS, 100), 1)
    place(exchange, request(SELL, 100, position_side="SHORT"))
    legs = list(desk.account.holding("BTCUSDT").held())
    margin = exchange.account_margin(desk)
    price_e8 = liquidation_price_e8(listing.symbol, legs, margin.cross_wallet_e8, (0, 0))
    listing.mark_e8 = price_e8 + E8
    exchange.on_time(2)
    assert desk.account.position("BTCUSDT", "LONG").lots == 1_000
    listing.mark_e8 = price_e8 - E8
    exchange.on_time(3)
    assert desk.account.position("BTCUSDT", "LONG").lots == 0


def test_a_margin_call_comes_once_and_again_only_after_it_was_over() -> None:
    exchange, listing = _with_long()
    near = _liquidation_price(exchange, listing) // E8 + 20
    calls = [
        sum(isinstance(o, MarginCall) for o in _move_mark(exchange, listing, price))
        for price in (near, near - 1, 60_000, near)
    ]
    assert calls == [1, 0, 0, 1]


@pytest.mark.parametrize("rate_e8", [10_000, -25_000])
def test_funding_moves_money_from_one_side_to_the_other(rate_e8: int) -> None:
    exchange, listing = _with_long(others=(2,))
    exchange.house_order(listing, BUY, (MARK_TICKS, LONG_LOTS), 1)
    place(exchange, request(SELL, LONG_LOTS, MARK_TICKS), 2)
    before = {number: exchange.desks[number].account.wallet_e8 for number in (1, 2)}
    exchange.drain()
    exchange.treasury.settle_funding(listing, rate_e8, 99)
    paid = 60_000 * rate_e8
    assert exchange.desks[1].account.wallet_e8 == before[1] - paid
    assert exchange.desks[2].account.wallet_e8 == before[2] + paid
    told = exchange.drain()
    assert [(o.reason, o.symbol, o.positions) for o in told if isinstance(o, AccountUpdate)] == [
        ("FUNDING_FEE", "BTCUSDT", ())
    ] * 2
    assert exchange.desks[1].income[-1].kind == "FUNDING_FEE"


def test_a_cross_liquidation_ends_the_orders_of_symbols_without_a_position_too() -> None:
    exchange = Exchange([BTCUSDT, ETHUSDT])
    exchange.open_desk(1)
    btc, eth = exchange.listings["BTCUSDT"], exchange.listings["ETHUSDT"]
    btc.mark_e8, eth.mark_e8 = 60_000 * E8, 3_000 * E8
    desk = exchange.desks[1]
    set_leverage(exchange, desk, btc, 100, 1)
    exchange.house_order(btc, SELL, (MARK_TICKS, LONG_LOTS), 1)
    place(exchange, request(BUY, LONG_LOTS))
    resting = place(exchange, request(BUY, 100, 290_000, symbol=ETHUSDT))
    _move_mark(exchange, btc, 50_150)
    assert resting.status == "EXPIRED"
    assert not desk.open


def test_a_deleveraged_user_keeps_no_reduce_only_order_without_a_position() -> None:
    exchange, listing = _with_long(others=(2,))
    exchange.treasury.fund.account.wallets["USDT"] = 0
    exchange.house_order(listing, BUY, (MARK_TICKS, 600), 1)
    place(exchange, request(SELL, 600, MARK_TICKS), 2)
    idle = place(exchange, request(BUY, 600, MARK_TICKS - 200_000, reduce_only=True), 2)
    _move_mark(exchange, listing, 49_000)
    assert exchange.desks[2].account.position("BTCUSDT").lots == 0
    assert idle.status == "EXPIRED"
    assert not exchange.desks[2].open

"""The official SDK reads market and account and trades over REST.

It checks every reply against the models of the venue's own specification and says in its log
what does not fit; nothing may be said.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from hft.clock import wall_ms
from tests.compat.clients import needed
from tests.compat.recipes import pointed
from tests.compat.venue import Venue, eventually, stops_nearby

models = needed("binance_sdk_derivatives_trading_usds_futures.rest_api.models")
errors = needed("binance_common.errors")
TITLE = "The official SDK"
BTC = {"symbol": "BTCUSDT"}
LIMIT = {**BTC, "side": "BUY", "type": "LIMIT", "time_in_force": "GTC"}


@pytest.fixture
def rest(venue: Venue, caplog: pytest.LogCaptureFixture) -> Iterator[Any]:
    with caplog.at_level(logging.WARNING):
        yield pointed(TITLE, venue)["sdk"].rest_api
    assert [record.getMessage() for record in caplog.get_records("call")] == []


def refused(kind: str, code: int, call: Any, **params: Any) -> None:
    """Check class and code of the refusal of a call."""
    with pytest.raises(getattr(errors, kind)) as caught:
        call(**params)
    assert caught.value.status_code == code, params


def one(reply: Any) -> Any:
    """Give the one of several shapes that a reply has."""
    data = reply.data()
    return getattr(data, "actual_instance", data)


def test_it_reads_time_symbols_and_limits(rest: Any) -> None:
    rest.test_connectivity()
    assert abs(rest.check_server_time().data().server_time - wall_ms()) < 2_000
    reply = rest.exchange_information()
    symbols = {row.symbol: row for row in reply.data().symbols}
    assert symbols["BTCUSDT"].contract_type == "PERPETUAL"
    assert "STOP_MARKET" in symbols["BTCUSDT"].order_types
    (weight,) = [row for row in reply.rate_limits if row.rateLimitType == "REQUEST_WEIGHT"]
    assert weight.count > 0


def test_it_reads_the_market(rest: Any) -> None:
    book = rest.order_book(**BTC, limit=5).data()
    assert float(book.bids[0][0]) < float(book.asks[0][0])
    assert len(rest.recent_trades_list(**BTC, limit=7).data()) == 7
    assert len(rest.compressed_aggregate_trades_list(**BTC, limit=7).data()) == 7
    assert rest.old_trades_lookup(**BTC, limit=7).data()
    assert float(one(rest.mark_price(**BTC)).mark_price) > 0
    assert float(one(rest.symbol_price_ticker(**BTC)).price) > 0
    assert len(one(rest.symbol_price_ticker_v2())) >= 2
    assert float(one(rest.symbol_order_book_ticker(**BTC)).bid_qty) > 0
    assert one(rest.ticker24hr_price_change_statistics(**BTC)).count > 0
    assert len(one(rest.ticker24hr_price_change_statistics())) >= 2
    assert float(rest.open_interest(**BTC).data().open_interest) >= 0
    assert isinstance(rest.get_funding_rate_history(**BTC).data(), list)
    assert isinstance(rest.get_funding_rate_info().data(), list)


def test_it_reads_candles_of_every_kind(rest: Any) -> None:
    minute = {"interval": "1m", "limit": 3}
    pair = {"pair": "BTCUSDT"}
    assert len(rest.kline_candlestick_data(**BTC, **minute).data()[0]) == 12
    assert rest.mark_price_kline_candlestick_data(**BTC, **minute).data()
    assert rest.index_price_kline_candlestick_data(**pair, **minute).data()
    assert rest.premium_index_kline_data(**BTC, **minute).data()
    assert rest.continuous_contract_kline_candlestick_data(
        **pair, contract_type="PERPETUAL", **minute
    ).data()


def test_it_reads_the_account_in_every_shape(rest: Any) -> None:
    rest.new_order(**BTC, side="BUY", type="MARKET", quantity=0.01)
    balances = [rest.futures_account_balance_v2(), rest.futures_account_balance_v3()]
    wallets = [row.balance for reply in balances for row in reply.data() if row.asset == "USDT"]
    accounts = [rest.account_information_v2(), rest.account_information_v3()]
    wallets += [reply.data().total_wallet_balance for reply in accounts]
    assert len(set(wallets)) == 1
    risks = [rest.position_information_v2(**BTC), rest.position_information_v3(**BTC)]
    assert [reply.data()[0].position_amt for reply in risks] == ["0.010", "0.010"]
    assert rest.futures_account_configuration().data().can_trade is True
    assert rest.symbol_configuration(**BTC).data()[0].leverage == 20
    assert rest.user_commission_rate(**BTC).data().taker_commission_rate == "0.000500"
    assert one(rest.notional_and_leverage_brackets(**BTC))
    assert rest.position_adl_quantile_estimation(**BTC).data()
    assert rest.query_user_rate_limit().data()[0].limit == 300
    assert rest.get_current_multi_assets_mode().data().multi_assets_margin is False
    assert rest.get_current_position_mode().data().dual_side_position is False
    assert rest.get_bnb_burn_status().data() is not None
    assert rest.users_force_orders().data() == []


def test_it_sets_leverage_margin_type_and_position_mode(rest: Any) -> None:
    changed = rest.change_initial_leverage(**BTC, leverage=7).data()
    assert (changed.leverage, changed.symbol) == (7, "BTCUSDT")
    refused("BadRequestError", -4046, rest.change_margin_type, **BTC, margin_type="CROSSED")
    assert rest.change_margin_type(**BTC, margin_type="ISOLATED").data().code == 200
    assert rest.change_position_mode(dual_side_position="true").data().code == 200
    order = {**BTC, "side": "BUY", "type": "MARKET", "quantity": 0.01}
    rest.new_order(**order, position_side="LONG")
    refused("BadRequestError", -4061, rest.new_order, **order)
    moved = rest.modify_isolated_position_margin(
        **BTC, amount=20.0, type=1, position_side="LONG"
    ).data()
    assert (moved.amount, moved.type) == (20.0, 1)
    assert rest.get_position_margin_change_history(**BTC).data()


def test_an_order_goes_its_way(rest: Any, venue: Venue) -> None:
    price = venue.away(-0.01)
    order = rest.new_order(**LIMIT, quantity=0.01, price=price).data()
    name = {**BTC, "order_id": order.order_id}
    assert order.status == "NEW"
    assert rest.query_order(**name).data().client_order_id == order.client_order_id
    assert rest.query_current_open_order(**name).data().order_id == order.order_id
    assert [row.order_id for row in rest.current_all_open_orders(**BTC).data()] == [order.order_id]
    changed = rest.modify_order(**name, side="BUY", quantity=0.02, price=price - 5).data()
    assert (changed.orig_qty, float(changed.price)) == ("0.020", price - 5)
    (history,) = rest.get_order_modify_history(**name).data()
    assert float(history.amendment.orig_qty.after) == 0.02
    assert rest.cancel_order(**name).data().status == "CANCELED"
    assert order.order_id in {row.order_id for row in rest.all_orders(**BTC).data()}
    refused("BadRequestError", -2011, rest.cancel_order, **name)
    refused("BadRequestError", -2013, rest.query_order, **BTC, order_id=1)


def test_a_fill_shows_in_trades_and_income(rest: Any) -> None:
    order = rest.new_order(
        **BTC, side="BUY", type="MARKET", quantity=0.02, new_order_resp_type="RESULT"
    ).data()
    assert (order.status, order.executed_qty) == ("FILLED", "0.020")
    trades = rest.account_trade_list(**BTC, order_id=order.order_id).data()
    assert sum(float(row.qty) for row in trades) == pytest.approx(0.02)
    fees = sum(float(row.commission) for row in trades)
    ids = {str(row.id) for row in trades}
    paid = rest.get_income_history(**BTC, income_type="COMMISSION", limit=1000).data()
    mine = [float(row.income) for row in paid if row.trade_id in ids]
    assert sum(mine) == pytest.approx(-fees)


def test_orders_go_in_and_out_in_batches(rest: Any, venue: Venue) -> None:
    price = venue.away(-0.01)
    new, changed = (
        models.PlaceMultipleOrdersBatchOrdersParameterInner,
        models.ModifyMultipleOrdersBatchOrdersParameterInner,
    )
    wishes = [new(**LIMIT, quantity=0.01, price=price - number) for number in range(3)]
    orders = rest.place_multiple_orders(batch_orders=wishes).data()
    ids = [row.order_id for row in orders]
    terms = {**BTC, "side": "BUY", "quantity": 0.02, "price": price - 10}
    (first,) = rest.modify_multiple_orders(batch_orders=[changed(**terms, order_id=ids[0])]).data()
    assert (first.order_id, first.orig_qty) == (ids[0], "0.020")
    gone = rest.cancel_multiple_orders(**BTC, order_id_list=ids[:2]).data()
    assert [row.status for row in gone] == ["CANCELED"] * 2
    names = [orders[2].client_order_id]
    (last,) = rest.cancel_multiple_orders(**BTC, orig_client_order_id_list=names).data()
    assert last.order_id == ids[2]
    assert rest.cancel_all_open_orders(**BTC).data().code == 200
    armed = rest.auto_cancel_all_open_orders(**BTC, countdown_time=1_000).data()
    assert armed.countdown_time == "1000"
    assert rest.auto_cancel_all_open_orders(**BTC, countdown_time=0).data().countdown_time == "0"


def test_a_stop_that_the_market_reaches_becomes_an_order_that_fills(
    rest: Any, venue: Venue
) -> None:
    def place(side: str, trigger: float) -> Any:
        return rest.new_algo_order(
            **BTC,
            algo_type="CONDITIONAL",
            side=side,
            type="STOP_MARKET",
            trigger_price=trigger,
            quantity=0.01,
        ).data()

    stops = stops_nearby(venue, place, errors.BadRequestError)
    assert [stop.algo_status for stop in stops] == ["NEW", "NEW"]
    eventually(venue.held)
    found = [rest.query_algo_order(algo_id=stop.algo_id).data() for stop in stops]
    (done,) = [row for row in found if row.actual_order_id]
    child = rest.query_order(**BTC, order_id=int(done.actual_order_id)).data()
    assert (child.status, child.type) == ("FILLED", "MARKET")
    for row in rest.current_all_algo_open_orders(**BTC).data():
        assert rest.cancel_algo_order(algo_id=row.algo_id).data().msg == "success"
    assert len(rest.query_all_algo_orders(**BTC).data()) >= 2
    assert rest.cancel_all_algo_open_orders(**BTC).data().code == 200


def test_a_test_order_is_only_checked(rest: Any, venue: Venue) -> None:
    price = venue.away(-0.01)
    assert rest.test_order(**LIMIT, quantity=0.01, price=price).data()
    refused("BadRequestError", -1111, rest.test_order, **LIMIT, quantity=0.0001, price=price)
    assert venue.open_ids() == []


def test_every_wrong_order_is_a_bad_request_with_its_code(rest: Any, venue: Venue) -> None:
    near, low, high = venue.away(-0.01), venue.away(-0.2), venue.away(0.2)
    for wish, code in (
        ({"quantity": 0.0001, "price": near}, -1111),
        ({"quantity": 1001.0, "price": near}, -4005),
        ({"quantity": 0.01, "price": near + 0.05}, -4014),
        ({"quantity": 0.01, "price": near + 0.055}, -1111),
        ({"quantity": 0.01, "price": low, "side": "SELL"}, -4024),
        ({"quantity": 0.01, "price": high}, -4016),
        ({"quantity": 0.001, "price": low}, -4164),
        ({"quantity": 10.0, "price": near}, -2019),
        ({"quantity": 0.01, "price": near, "time_in_force": "FOK"}, -5021),
        ({"quantity": 0.01, "price": venue.away(0.01), "time_in_force": "GTX"}, -5022),
        ({"quantity": 0.01, "price": near, "reduce_only": "true"}, -2022),
        ({"quantity": 0.01, "price": near, "symbol": "NOPE"}, -1121),
        ({"quantity": 0.01, "price": near, "type": "STOP_MARKET"}, -4120),
    ):
        refused("BadRequestError", code, rest.new_order, **{**LIMIT, **wish})
    assert venue.open_ids() == []


def test_a_stranger_is_refused(venue: Venue) -> None:
    for names, kind, code in (
        ({"SECRET": "wrong"}, "BadRequestError", -1022),
        ({"KEY": "x" * 64}, "UnauthorizedError", -2015),
        ({"KEY": "not a key"}, "UnauthorizedError", -2014),
    ):
        stranger = pointed(TITLE, venue, **names)["sdk"].rest_api
        refused(kind, code, stranger.futures_account_balance_v3)

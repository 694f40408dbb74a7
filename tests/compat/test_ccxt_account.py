"""ccxt reads and sets the account over REST."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compat.clients import needed
from tests.compat.recipes import pointed
from tests.compat.venue import Venue

ccxt = needed("ccxt")
BTC = "BTC/USDT:USDT"


@pytest.fixture
def exchange(venue: Venue) -> Any:
    exchange = pointed("ccxt", venue)["exchange"]
    exchange.enableRateLimit = False
    exchange.load_markets()
    return exchange


def test_it_reads_a_balance_that_adds_up(exchange: Any, venue: Venue) -> None:
    usdt = exchange.fetch_balance()["USDT"]
    assert usdt["total"] > 9_000
    assert usdt["used"] == 0
    exchange.create_order(BTC, "limit", "buy", 0.1, venue.away(-0.01))
    usdt = exchange.fetch_balance()["USDT"]
    assert usdt["used"] > 0
    assert usdt["free"] + usdt["used"] == pytest.approx(usdt["total"])


def test_leverage_changes_what_a_position_ties_up(exchange: Any) -> None:
    for leverage in (10, 5):
        assert exchange.set_leverage(leverage, BTC)["leverage"] == leverage
        exchange.create_order(BTC, "market", "buy", 0.01)
        position = exchange.fetch_positions([BTC])[0]
        assert exchange.fetch_leverage(BTC)["longLeverage"] == leverage
        assert position["initialMargin"] == pytest.approx(position["notional"] / leverage)
        exchange.create_order(BTC, "market", "sell", 0.01, params={"reduceOnly": True})
    with pytest.raises(ccxt.ExchangeError, match="-4028"):
        exchange.fapiPrivatePostLeverage({"symbol": "BTCUSDT", "leverage": 151})


def test_margin_mode_goes_there_and_back(exchange: Any) -> None:
    with pytest.raises(ccxt.MarginModeAlreadySet, match="-4046"):
        exchange.set_margin_mode("cross", BTC)
    exchange.set_margin_mode("isolated", BTC)
    assert exchange.fetch_margin_mode(BTC)["marginMode"] == "isolated"
    exchange.set_margin_mode("cross", BTC)
    assert exchange.fetch_margin_mode(BTC)["marginMode"] == "cross"


def test_margin_is_moved_into_and_out_of_an_isolated_position(exchange: Any) -> None:
    exchange.set_margin_mode("isolated", BTC)
    exchange.create_order(BTC, "market", "buy", 0.01)
    before = exchange.fetch_positions([BTC])[0]
    assert before["marginMode"] == "isolated"
    assert exchange.add_margin(BTC, 25)["amount"] == 25
    after = exchange.fetch_positions([BTC])[0]
    assert after["collateral"] - before["collateral"] == pytest.approx(25, abs=2)
    assert after["liquidationPrice"] < before["liquidationPrice"]
    exchange.reduce_margin(BTC, 20)
    moves = exchange.fetch_margin_adjustment_history(BTC)
    assert [move["amount"] for move in moves[-2:]] == [25, 20]


def test_position_mode_goes_there_and_back(exchange: Any) -> None:
    assert not exchange.fetch_position_mode(BTC)["hedged"]
    exchange.set_position_mode(hedged=True)
    assert exchange.fetch_position_mode(BTC)["hedged"]
    with pytest.raises(ccxt.OperationRejected, match="-4059"):
        exchange.set_position_mode(hedged=True)
    exchange.set_position_mode(hedged=False)
    assert not exchange.fetch_position_mode(BTC)["hedged"]


def test_long_and_short_live_beside_each_other_in_hedge_mode(exchange: Any) -> None:
    exchange.set_position_mode(hedged=True)
    exchange.create_order(BTC, "market", "buy", 0.01, params={"positionSide": "LONG"})
    exchange.create_order(BTC, "market", "sell", 0.02, params={"positionSide": "SHORT"})
    held = {row["side"]: row["contracts"] for row in exchange.fetch_positions([BTC])}
    assert held == {"long": 0.01, "short": 0.02}
    with pytest.raises(ccxt.ExchangeError, match="-4061"):
        exchange.create_order(BTC, "market", "buy", 0.01)


def test_a_trade_shows_in_position_trades_and_ledger(exchange: Any) -> None:
    order = exchange.create_order(BTC, "market", "buy", 0.02)
    position = exchange.fetch_positions([BTC])[0]
    assert (position["side"], position["contracts"]) == ("long", 0.02)
    trades = [row for row in exchange.fetch_my_trades(BTC) if row["order"] == order["id"]]
    assert sum(row["amount"] for row in trades) == pytest.approx(0.02)
    cost = sum(row["cost"] for row in trades)
    assert position["entryPrice"] == pytest.approx(cost / 0.02)
    fees = sum(row["fee"]["cost"] for row in trades)
    assert fees == pytest.approx(cost * 0.0005)
    assert {row["takerOrMaker"] for row in trades} == {"taker"}
    paid = {row["referenceId"]: row["amount"] for row in exchange.fetch_ledger("USDT")}
    assert sum(paid[row["id"]] for row in trades) == pytest.approx(fees)


def test_it_reads_fees_and_settings(exchange: Any) -> None:
    fee = exchange.fetch_trading_fee(BTC)
    assert (fee["maker"], fee["taker"]) == (0.0002, 0.0005)
    assert BTC in exchange.fetch_trading_fees()
    assert BTC in exchange.fetch_leverages([BTC])
    assert BTC in exchange.fetch_margin_modes([BTC])
    exchange.create_order(BTC, "market", "buy", 0.01)
    assert exchange.fetch_position_adl_rank(BTC)
    exchange.create_order(BTC, "market", "sell", 0.01, None, {"reduceOnly": True})
    assert exchange.fetch_funding_history(BTC) == []


def test_a_wrong_secret_a_wrong_key_and_no_key_are_authentication_errors(venue: Venue) -> None:
    for names, code in (
        ({"SECRET": "wrong"}, "-1022"),
        ({"KEY": "x" * 64}, "-2015"),
        ({"KEY": "not a key"}, "-2014"),
    ):
        stranger = pointed("ccxt", venue, **names)["exchange"]
        stranger.enableRateLimit = False
        with pytest.raises(ccxt.AuthenticationError, match=code):
            stranger.fetch_balance()


def test_a_clock_that_is_wrong_is_an_invalid_nonce(exchange: Any) -> None:
    for difference_ms in (60_000, -5_000):
        exchange.options["timeDifference"] = difference_ms
        with pytest.raises(ccxt.InvalidNonce, match="-1021"):
            exchange.fetch_balance(params={"recvWindow": 1_000})


def test_its_own_clock_can_be_set_by_the_venues(exchange: Any) -> None:
    exchange.load_time_difference()
    assert abs(exchange.options["timeDifference"]) < 2_000
    assert exchange.fetch_balance()

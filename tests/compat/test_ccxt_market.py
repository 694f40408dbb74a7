"""ccxt reads the market over REST."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from hft.clock import wall_ms
from tests.compat.clients import needed
from tests.compat.recipes import pointed
from tests.compat.venue import Venue

ccxt = needed("ccxt")
BTC = "BTC/USDT:USDT"


@pytest.fixture
def exchange(venue: Venue) -> Any:
    exchange = pointed("ccxt", venue)["exchange"]
    exchange.enableRateLimit = False
    return exchange


def test_it_loads_the_markets_with_their_steps_and_limits(exchange: Any) -> None:
    market = exchange.load_markets()[BTC]
    assert (market["id"], market["base"], market["settle"]) == ("BTCUSDT", "BTC", "USDT")
    assert market["swap"]
    assert market["linear"]
    assert market["active"]
    assert market["precision"]["price"] == 0.1
    assert market["precision"]["amount"] == 0.001
    assert market["limits"]["amount"] == {"min": 0.001, "max": 1000.0}
    assert market["limits"]["market"]["max"] == 120.0
    assert market["limits"]["cost"]["min"] == 50.0
    assert market["limits"]["price"] == {"min": 556.8, "max": 4529764.0}


def test_it_loads_the_markets_with_the_wallets_coins_too(venue: Venue) -> None:
    exchange = pointed("ccxt", venue)["exchange"]
    exchange.options["fetchCurrencies"] = True
    exchange.urls["api"]["sapi"] = f"{venue.url}/sapi/v1"
    assert BTC in exchange.load_markets()


def test_it_reads_the_time_of_the_venue(exchange: Any) -> None:
    assert abs(exchange.fetch_time() - wall_ms()) < 2_000


def test_it_reads_a_book_that_is_sorted_and_not_crossed(exchange: Any) -> None:
    book = exchange.fetch_order_book(BTC, 20)
    bids, asks = [row[0] for row in book["bids"]], [row[0] for row in book["asks"]]
    assert len(bids) == len(asks) == 20
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    assert book["nonce"] > 0


def test_it_reads_the_ticker_of_a_day(exchange: Any) -> None:
    ticker = exchange.fetch_ticker(BTC)
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    assert ticker["baseVolume"] > 0
    assert BTC in exchange.fetch_tickers()
    assert set(exchange.fetch_tickers([BTC])) == {BTC}


def test_it_reads_best_prices_last_prices_and_marks(exchange: Any) -> None:
    best = exchange.fetch_bids_asks([BTC])[BTC]
    assert best["bid"] < best["ask"]
    assert exchange.fetch_last_prices([BTC])[BTC]["price"] > 0
    assert exchange.fetch_mark_price(BTC)["markPrice"] > 0


@pytest.mark.parametrize("method", ["fapiPublicGetTrades", "fapiPublicGetAggTrades"])
def test_it_reads_recent_trades_in_their_order(exchange: Any, method: str) -> None:
    trades = exchange.fetch_trades(BTC, limit=50, params={"fetchTradesMethod": method})
    ids = [int(trade["id"]) for trade in trades]
    assert len(ids) == 50
    assert ids == sorted(set(ids))
    assert {trade["side"] for trade in trades} <= {"buy", "sell"}
    assert all(trade["timestamp"] <= wall_ms() + 1_000 for trade in trades)


def test_it_reads_candles_that_make_sense(exchange: Any) -> None:
    candles = exchange.fetch_ohlcv(BTC, "1m", limit=10)
    assert candles
    for opened_ms, first, high, low, last, volume in candles:
        assert opened_ms % 60_000 == 0
        assert low <= min(first, last) <= max(first, last) <= high
        assert volume >= 0
    starts = [candle[0] for candle in candles]
    assert all(later - earlier == 60_000 for earlier, later in itertools.pairwise(starts))


@pytest.mark.parametrize("price", ["mark", "index", "premiumIndex"])
def test_it_reads_candles_of_other_prices(exchange: Any, price: str) -> None:
    assert exchange.fetch_ohlcv(BTC, "1m", limit=3, params={"price": price})


def test_it_reads_funding(exchange: Any) -> None:
    rate = exchange.fetch_funding_rate(BTC)
    assert abs(rate["fundingRate"]) < 0.003
    assert rate["fundingTimestamp"] > wall_ms()
    assert BTC in exchange.fetch_funding_rates([BTC])
    for past in exchange.fetch_funding_rate_history(BTC, limit=5):
        assert past["timestamp"] < wall_ms()
    exchange.fetch_funding_intervals()


def test_it_reads_open_interest(exchange: Any) -> None:
    assert exchange.fetch_open_interest(BTC)["openInterestAmount"] >= 0


def test_it_reads_the_leverage_tiers(exchange: Any) -> None:
    tiers = exchange.fetch_leverage_tiers([BTC])[BTC]
    assert (tiers[0]["maxLeverage"], tiers[0]["maxNotional"]) == (150, 300_000)
    assert (tiers[-1]["maxLeverage"], tiers[-1]["maxNotional"]) == (1, 1_800_000_000)
    assert exchange.fetch_market_leverage_tiers(BTC) == tiers


def test_an_unknown_symbol_is_a_bad_symbol(exchange: Any) -> None:
    exchange.load_markets()
    with pytest.raises(ccxt.BadSymbol, match="-1121"):
        exchange.fapiPublicGetDepth({"symbol": "NOPEUSDT"})


def test_a_depth_that_is_not_offered_is_refused(exchange: Any) -> None:
    with pytest.raises(ccxt.ExchangeError, match="-4021"):
        exchange.fapiPublicGetDepth({"symbol": "BTCUSDT", "limit": 3})

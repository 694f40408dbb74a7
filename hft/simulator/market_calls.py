"""Market data requests, which need no key."""

from __future__ import annotations

from collections.abc import Mapping

from hft.simulator.calls import PUBLIC, SIGNED, Call, Route, is_count, one_or_all
from hft.simulator.depth_streams import depth_texts
from hft.simulator.desk import Listing
from hft.simulator.messages import FUNDING_RATE, Json, next_funding_ms, price8
from hft.simulator.order_entry import need_int
from hft.simulator.refusals import refusal
from hft.simulator.symbols import RATE_LIMITS, exchange_info

DEPTH_WEIGHTS = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}


def ping(_: Call) -> object:
    """Answer nothing."""
    return {}


def server_time(call: Call) -> object:
    """Give the venue's time."""
    return {"serverTime": call.venue.said_ms(call.now_ms)}


def info(call: Call) -> object:
    """Describe limits, assets and symbols."""
    symbols = [listing.symbol for listing in call.venue.exchange.listings.values()]
    return exchange_info(symbols, call.now_ms)


def depth_weight(params: Mapping[str, str]) -> int:
    """Weight of a depth request by its limit."""
    limit = params.get("limit", "500")
    return DEPTH_WEIGHTS.get(int(limit), 1) if is_count(limit) else 1


def depth(call: Call) -> object:
    """Give the best levels of a book."""
    listing = call.listing()
    limit = need_int(call.params, "limit") if call.params.get("limit") else 500
    if limit > 1000:
        raise refusal(-1130, "limit")
    if limit not in DEPTH_WEIGHTS:
        raise refusal(-4021, limit)
    bids, asks = depth_texts(listing, limit)
    update_id = call.venue.publisher.snapshot_id(listing.symbol.name)
    return {
        "lastUpdateId": update_id,
        "E": call.now_ms,
        "T": call.now_ms,
        "bids": bids,
        "asks": asks,
    }


def book_ticker(call: Call) -> object:
    """Give the best bid and ask of one symbol or all."""
    return _one_or_all(call, [_book_ticker(call, listing) for listing in call.listings()])


def price(call: Call) -> object:
    """Give the last price of one symbol or all."""
    rows: list[Json] = [
        {
            "symbol": listing.symbol.name,
            "price": listing.symbol.price_text(listing.last_ticks),
            "time": call.now_ms,
        }
        for listing in call.listings()
    ]
    return _one_or_all(call, rows)


def premium_index(call: Call) -> object:
    """Give mark price, index and funding of one symbol or all."""
    rows: list[Json] = [
        {
            "symbol": listing.symbol.name,
            "markPrice": price8(listing.mark_or_mid_e8()),
            "indexPrice": price8(listing.index_e8 or listing.mark_or_mid_e8()),
            "estimatedSettlePrice": price8(listing.index_e8 or listing.mark_or_mid_e8()),
            "lastFundingRate": FUNDING_RATE,
            "interestRate": "0.00010000",
            "nextFundingTime": next_funding_ms(call.now_ms),
            "time": call.now_ms,
        }
        for listing in call.listings()
    ]
    return _one_or_all(call, rows)


def order_rate_limits(_: Call) -> object:
    """Give the order limits of the account."""
    return [row for row in reversed(RATE_LIMITS) if row["rateLimitType"] == "ORDERS"]


def _book_ticker(call: Call, listing: Listing) -> Json:
    symbol = listing.symbol
    bid, bid_lots, ask, ask_lots = listing.book.top()
    feed = call.venue.publisher.feeds[symbol.name]
    return {
        "symbol": symbol.name,
        "bidPrice": symbol.price_text(bid),
        "bidQty": symbol.qty_text(bid_lots),
        "askPrice": symbol.price_text(ask),
        "askQty": symbol.qty_text(ask_lots),
        "time": feed.top_ms or call.now_ms,
        "lastUpdateId": feed.update_id,
    }


def _one_or_all(call: Call, rows: list[Json]) -> object:
    return rows[0] if call.params.get("symbol") else rows


ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/fapi/v1/ping"): Route(ping, PUBLIC),
    ("GET", "/fapi/v1/time"): Route(server_time, PUBLIC),
    ("GET", "/fapi/v1/exchangeInfo"): Route(info, PUBLIC),
    ("GET", "/fapi/v1/depth"): Route(depth, PUBLIC, depth_weight),
    ("GET", "/fapi/v1/ticker/bookTicker"): Route(book_ticker, PUBLIC, one_or_all(2, 5)),
    ("GET", "/fapi/v1/ticker/price"): Route(price, PUBLIC, one_or_all(1, 2)),
    ("GET", "/fapi/v2/ticker/price"): Route(price, PUBLIC, one_or_all(1, 2)),
    ("GET", "/fapi/v1/premiumIndex"): Route(premium_index, PUBLIC, one_or_all(1, 10)),
    ("GET", "/fapi/v1/rateLimit/order"): Route(order_rate_limits, SIGNED),
}

METHODS: dict[str, Route] = {
    "ping": Route(ping, PUBLIC),
    "time": Route(server_time, PUBLIC),
    "depth": Route(depth, PUBLIC, depth_weight),
    "ticker.price": Route(price, PUBLIC, one_or_all(1, 2)),
    "ticker.book": Route(book_ticker, PUBLIC, one_or_all(2, 5)),
}

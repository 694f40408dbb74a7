"""Market data requests, which need no key."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hft.simulator.calls import PUBLIC, SIGNED, Call, Route, one_or_all
from hft.simulator.candle_messages import ticker_row
from hft.simulator.depth_streams import depth_texts
from hft.simulator.desk import Listing
from hft.simulator.history import quiet_day
from hft.simulator.limits import UNREACHED
from hft.simulator.messages import Json
from hft.simulator.order_entry import optional_int
from hft.simulator.refusals import refusal
from hft.simulator.symbols import RATE_LIMITS, exchange_info

DEPTH_LIMIT = 500
DEPTH_MAX = 1_000
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
    told = exchange_info(symbols, call.now_ms)
    if not call.venue.limits.enforced:
        # Clients keep to what is announced: here it is what nobody reaches.
        told["rateLimits"] = [{**row, "limit": UNREACHED} for row in RATE_LIMITS]
    return told


def depth_weight(params: Mapping[str, str]) -> int:
    """Weight of a depth request by its limit."""
    limit = params.get("limit") or str(DEPTH_LIMIT)
    return DEPTH_WEIGHTS.get(int(limit), 1) if re.fullmatch("[0-9]{1,4}", limit) else 1


def depth(call: Call) -> object:
    """Give the best levels of a book."""
    listing = call.listing()
    limit = optional_int(call.params, "limit")
    limit = DEPTH_LIMIT if limit is None else limit
    if limit > DEPTH_MAX:
        raise refusal(-1130, "limit")
    if limit not in DEPTH_WEIGHTS:
        raise refusal(-4021, limit)
    return _snapshot(call, listing, limit)


def rpi_depth(call: Call) -> object:
    """Give the book with the hidden orders of retail users, of which there are none."""
    listing = call.listing()
    limit = optional_int(call.params, "limit")
    if limit is not None and limit != DEPTH_MAX:
        raise refusal(-1130, "limit") if limit > DEPTH_MAX else refusal(-4021, limit)
    return _snapshot(call, listing, DEPTH_MAX)


def _snapshot(call: Call, listing: Listing, limit: int) -> Json:
    bids, asks = depth_texts(listing, limit)
    return {
        "lastUpdateId": call.venue.publisher.snapshot_id(listing.symbol.name, call.now_ms),
        "E": call.now_ms,
        "T": call.now_ms,
        "bids": bids,
        "asks": asks,
    }


def nothing_listed(_: Call) -> object:
    """Answer a request of the spot market that clients make when they start: an empty list."""
    return []


def book_ticker(call: Call) -> object:
    """Give the best bid and ask of one symbol or all."""
    return one_or_all_rows(call, [_book_ticker(call, listing) for listing in call.listings()])


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
    return one_or_all_rows(call, rows)


def day(call: Call) -> object:
    """Give the last 24 hours of one symbol or all."""
    rows: list[Json] = []
    for listing in call.listings():
        symbol = listing.symbol
        history = call.venue.publisher.feeds[symbol.name].history
        figures = history.day(call.now_ms) or quiet_day(listing.last_ticks, call.now_ms)
        rows.append(ticker_row(symbol, figures))
    return one_or_all_rows(call, rows)


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


def one_or_all_rows(call: Call, rows: list[Json]) -> object:
    """Give the row of the symbol that was named, or all rows where none was."""
    return rows[0] if call.params.get("symbol") else rows


ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/fapi/v1/ping"): Route(ping, PUBLIC),
    ("GET", "/fapi/v1/time"): Route(server_time, PUBLIC),
    ("GET", "/fapi/v1/exchangeInfo"): Route(info, PUBLIC),
    ("GET", "/fapi/v1/depth"): Route(depth, PUBLIC, depth_weight),
    ("GET", "/fapi/v1/ticker/bookTicker"): Route(book_ticker, PUBLIC, one_or_all(2, 5)),
    ("GET", "/fapi/v1/ticker/price"): Route(price, PUBLIC, one_or_all(1, 2)),
    ("GET", "/fapi/v2/ticker/price"): Route(price, PUBLIC, one_or_all(1, 2)),
    ("GET", "/fapi/v1/ticker/24hr"): Route(day, PUBLIC, one_or_all(1, 40)),
    ("GET", "/fapi/v1/rpiDepth"): Route(rpi_depth, PUBLIC, 20),
    ("GET", "/fapi/v1/rateLimit/order"): Route(order_rate_limits, SIGNED),
    ("GET", "/api/v3/ping"): Route(ping, PUBLIC),
    ("GET", "/api/v3/time"): Route(server_time, PUBLIC),
    ("GET", "/sapi/v1/capital/config/getall"): Route(nothing_listed, PUBLIC),
    ("GET", "/sapi/v1/margin/allPairs"): Route(nothing_listed, PUBLIC),
}

METHODS: dict[str, Route] = {
    "ping": Route(ping, PUBLIC),
    "time": Route(server_time, PUBLIC),
    "depth": Route(depth, PUBLIC, depth_weight),
    "ticker.price": Route(price, PUBLIC, one_or_all(1, 2)),
    "ticker.book": Route(book_ticker, PUBLIC, one_or_all(2, 5)),
}

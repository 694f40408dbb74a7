"""Requests for statistics (`/futures/data`): what takers did and the basis are counted.

Open interest and the leanings of accounts are made up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import orjson

from hft.simulator.calls import PUBLIC, Call, Route
from hft.simulator.candle_messages import rounded
from hft.simulator.depth_streams import SymbolFeed
from hft.simulator.history import History
from hft.simulator.history_calls import CONTRACT_TYPES, feed_of
from hft.simulator.intervals import DAY_MS, FIXED_MS, HOUR_MS, month_of, month_start_ms
from hft.simulator.market_messages import PERPETUAL
from hft.simulator.messages import Json, price8
from hft.simulator.order_entry import need, optional_int
from hft.simulator.refusals import Refusal, refusal
from hft.simulator.statistics import long_share_e4, open_lots
from hft.units import format_e8, trim_e8

PERIODS = ("5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d")
ROWS = 30
ROWS_MAX = 500
REACH_MS = 30 * DAY_MS
QUARTERS_TOLD = 20
FRIDAY = 4
DELIVERY_HOUR_MS = 8 * HOUR_MS


def open_interest_history(call: Call) -> object:
    """Give the open interest at the begin of each period."""
    history = feed_of(call).history
    symbol = history.symbol
    rows: list[Json] = []
    for time_ms in _times(call):
        lots = open_lots(history, time_ms)
        close = history.candles.close_before(time_ms)
        if close is None:
            continue
        rows.append(
            {
                "symbol": symbol.name,
                "sumOpenInterest": format_e8(lots * symbol.lot_e8),
                "sumOpenInterestValue": format_e8(symbol.notional_e8(close, lots)),
                "CMCCirculatingSupply": "0.00000000",
                "timestamp": time_ms,
            }
        )
    return rows


def leaning(kind: str) -> Callable[[Call], object]:
    """Make the request for who is long and who is short, by one way of counting."""

    def handler(call: Call) -> object:
        history = feed_of(call).history
        name = history.symbol.name
        return [
            _leaning_row(name, long_share_e4(kind, name, time_ms), time_ms)
            for time_ms in _times(call)
            if history.candles.close_before(time_ms) is not None
        ]

    return handler


def taker_volumes(call: Call) -> object:
    """Give what takers bought and sold in each period."""
    history = feed_of(call).history
    lot_e8 = history.symbol.lot_e8
    decimals = max(4, history.symbol.qty_precision)
    rows: list[Json] = []
    for time_ms in _times(call):
        candle = history.candles.candle(need(call.params, "period"), time_ms)
        if candle is None:
            continue
        sold = candle.lots - candle.buy_lots
        ratio_e4 = rounded(candle.buy_lots * 10_000, sold)
        rows.append(
            {
                "buySellRatio": format_e8(ratio_e4 * 10_000, 4),
                "buyVol": format_e8(candle.buy_lots * lot_e8, decimals),
                "sellVol": format_e8(sold * lot_e8, decimals),
                "timestamp": time_ms,
            }
        )
    return rows


def basis(call: Call) -> object:
    """Give how far the contract stood from its index at the end of each period."""
    history = feed_of(call, "pair").history
    contract = need(call.params, "contractType")
    if contract not in CONTRACT_TYPES:
        raise _invalid("contractType")
    times = _times(call)
    if contract != PERPETUAL:
        return []
    period = need(call.params, "period")
    return [row for time_ms in times for row in _basis_rows(history, period, time_ms)]


def delivery_prices(call: Call) -> object:
    """Give the prices at which quarters were delivered, latest first; numbers, not texts."""
    feed = feed_of(call, "pair")
    return list(_deliveries(feed, call.now_ms))[:QUARTERS_TOLD]


def _times(call: Call) -> list[int]:
    """Give the begins of the periods a request asks for, oldest first."""
    period = need(call.params, "period")
    if period not in PERIODS:
        raise _invalid("period")
    limit = _number(call, "limit") or ROWS
    if limit > ROWS_MAX:
        raise _invalid("limit")
    start_ms, end_ms = _number(call, "startTime"), _number(call, "endTime")
    if start_ms is not None and end_ms is not None and start_ms > end_ms:
        raise refusal(-1023)
    length = FIXED_MS[period]
    if start_ms is not None and start_ms < call.now_ms - REACH_MS - length:
        raise _invalid("startTime")
    latest_ms = call.now_ms if end_ms is None else min(end_ms, call.now_ms)
    latest_ms -= latest_ms % length
    first_ms = latest_ms - (limit - 1) * length
    if start_ms is not None:
        first_ms = max(first_ms, -(-start_ms // length) * length)
    return list(range(max(first_ms, call.now_ms - REACH_MS - length), latest_ms + 1, length))


def _number(call: Call, name: str) -> int | None:
    number = optional_int(call.params, name)
    if number is not None and number < (1 if name == "limit" else 0):
        raise _invalid(name)
    return number


def _invalid(name: str) -> Refusal:
    """These requests are answered by another house of the venue, with words of its own."""
    return refusal(-1130, text=f"parameter '{name}' is invalid.")


def _leaning_row(name: str, long_e4: int, time_ms: int) -> Json:
    short_e4 = 10_000 - long_e4
    ratio_e4, long_text, short_text = (
        format_e8(value * 10_000, 4)
        for value in (rounded(long_e4 * 10_000, short_e4), long_e4, short_e4)
    )
    return {
        "symbol": name,
        "longShortRatio": ratio_e4,
        "longAccount": long_text,
        "shortAccount": short_text,
        "timestamp": time_ms,
    }


def _basis_rows(history: History, period: str, time_ms: int) -> Iterator[Json]:
    traded = history.candles.candle(period, time_ms)
    index = history.indexes.candle(period, time_ms)
    if traded is None or index is None:
        return
    symbol = history.symbol
    basis_e8 = traded.close * symbol.tick_e8 - index.close
    yield {
        "indexPrice": price8(index.close),
        "contractType": PERPETUAL,
        "basisRate": format_e8(rounded(basis_e8 * 10_000, index.close) * 10_000, 4),
        "futuresPrice": symbol.price_text(traded.close),
        "annualizedBasisRate": "",
        "basis": trim_e8(basis_e8),
        "pair": symbol.name,
        "timestamp": time_ms,
    }


def _deliveries(feed: SymbolFeed, now_ms: int) -> Iterator[Json]:
    """Walk back over the last Fridays of March, June, September and December."""
    month = month_of(now_ms) // 3 * 3 + 2
    for quarter in range(month, month - 3 * (QUARTERS_TOLD + 1), -3):
        last_day = month_start_ms(quarter + 1) // DAY_MS - 1
        friday = last_day - (last_day + 3 - FRIDAY) % 7
        time_ms = friday * DAY_MS + DELIVERY_HOUR_MS
        ticks = feed.history.candles.close_before(time_ms) if time_ms <= now_ms else None
        if ticks is not None:
            price_e8 = ticks * feed.listing.symbol.tick_e8
            yield {
                "deliveryTime": time_ms,
                "deliveryPrice": orjson.Fragment(price8(price_e8).encode()),
            }


ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/futures/data/" + name): Route(handler, PUBLIC, 0)
    for name, handler in (
        ("openInterestHist", open_interest_history),
        ("topLongShortAccountRatio", leaning("top accounts")),
        ("topLongShortPositionRatio", leaning("top positions")),
        ("globalLongShortAccountRatio", leaning("all accounts")),
        ("takerlongshortRatio", taker_volumes),
        ("basis", basis),
        ("delivery-price", delivery_prices),
    )
}

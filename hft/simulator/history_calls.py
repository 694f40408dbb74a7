"""Requests for what was: trades, aggregates and candles of every price, which need no key."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hft.simulator.calls import KEYED, PUBLIC, Call, Route
from hft.simulator.candle_messages import kline_row, price_kline_row
from hft.simulator.candles import CandleStore
from hft.simulator.depth_streams import SymbolFeed
from hft.simulator.history import History
from hft.simulator.intervals import HOUR_MS, check_interval
from hft.simulator.market_messages import PERPETUAL, aggregate_row, trade_row
from hft.simulator.order_entry import need, optional_int
from hft.simulator.refusals import refusal

LIMIT = 500
TRADES_MAX = 1_000
OLD_TRADES = 100
OLD_TRADES_MAX = 500
CANDLES_MAX = 1_500
CONTRACT_TYPES = frozenset(
    {PERPETUAL, "CURRENT_QUARTER", "NEXT_QUARTER", "CURRENT_MONTH", "NEXT_MONTH"}
    | {"TRADIFI_PERPETUAL"}
)


def limit_of(call: Call, default: int, most: int) -> int:
    """Give how many rows a request wants.

    Raises:
        Refusal: -1102 it is no whole number, -1130 it is none that may be asked for.
    """
    limit = optional_int(call.params, "limit")
    if limit is None:
        return default
    if not 1 <= limit <= most:
        raise refusal(-1130, "limit")
    return limit


def span_of(call: Call) -> tuple[int | None, int | None]:
    """Give the start and the end that a request names, in ms.

    Raises:
        Refusal: -1102 one is no whole number, -1130 it is negative, -1023 they are the wrong way
            round.
    """
    start_ms, end_ms = (optional_int(call.params, name) for name in ("startTime", "endTime"))
    for name, time_ms in (("startTime", start_ms), ("endTime", end_ms)):
        if time_ms is not None and time_ms < 0:
            raise refusal(-1130, name)
    if start_ms is not None and end_ms is not None and start_ms > end_ms:
        raise refusal(-1023)
    return start_ms, end_ms


def from_id_of(call: Call) -> int | None:
    """Give the id a request wants to begin with.

    Raises:
        Refusal: -1102 it is no whole number, -1130 it is negative.
    """
    from_id = optional_int(call.params, "fromId")
    if from_id is not None and from_id < 0:
        raise refusal(-1130, "fromId")
    return from_id


def feed_of(call: Call, name: str = "symbol") -> SymbolFeed:
    """Find the feed of the symbol, or of the pair, that a request must name.

    Raises:
        Refusal: -1102 not named, -1121 not listed.
    """
    feed = call.venue.publisher.feeds.get(need(call.params, name))
    if feed is None:
        raise refusal(-1121)
    return feed


def trades(call: Call) -> object:
    """Give the latest trades, oldest first."""
    history = feed_of(call).history
    return [trade_row(trade) for trade in history.latest_trades(limit_of(call, LIMIT, TRADES_MAX))]


def historical_trades(call: Call) -> object:
    """Give trades from an id on, or the latest; those that are remembered."""
    history = feed_of(call).history
    limit = limit_of(call, OLD_TRADES, OLD_TRADES_MAX)
    return [trade_row(trade) for trade in history.latest_trades(limit, from_id_of(call))]


def agg_trades(call: Call) -> object:
    """Give aggregates from an id on, of a span of less than an hour, or the latest."""
    history = feed_of(call).history
    limit = limit_of(call, LIMIT, TRADES_MAX)
    from_id = from_id_of(call)
    start_ms, end_ms = span_of(call)
    if from_id is not None and (start_ms is not None or end_ms is not None):
        raise refusal(-1128)
    if start_ms is not None and end_ms is not None and end_ms - start_ms >= HOUR_MS:
        raise refusal(-1127, 1)
    if from_id is not None:
        found = history.latest_aggregates(limit, from_id)
    elif start_ms is None and end_ms is None:
        found = history.latest_aggregates(limit)
    else:
        found = history.aggregates_within(start_ms, end_ms, limit)
    return [aggregate_row(history.symbol, aggregate) for aggregate in found]


def candle_weight(params: Mapping[str, str]) -> int:
    """Weight of a request for candles by its limit."""
    text = params.get("limit", "")
    limit = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else LIMIT
    return 1 if limit < 100 else 2 if limit < 500 else 5 if limit <= 1_000 else 10


def klines(call: Call) -> object:
    """Give the candles of a symbol."""
    return _traded(call, feed_of(call).history)


def continuous_klines(call: Call) -> object:
    """Give the candles of a pair's contract; of dated ones, which are not listed, none."""
    history = feed_of(call, "pair").history
    contract = need(call.params, "contractType")
    if contract not in CONTRACT_TYPES:
        raise refusal(-1130, "contractType")
    found = _traded(call, history)
    return found if contract == PERPETUAL else []


def price_klines(
    store_of: Callable[[History], CandleStore], name: str = "symbol"
) -> Callable[[Call], object]:
    """Make the request for the candles of a price that is not traded; `name` names what has it."""

    def handler(call: Call) -> object:
        store = store_of(feed_of(call, name).history)
        interval, span_ms, limit = _candles_asked(call)
        found = store.window(interval, span_ms, limit, call.now_ms)
        return [price_kline_row(interval, candle) for candle in found]

    return handler


def _traded(call: Call, history: History) -> list[list[object]]:
    interval, span_ms, limit = _candles_asked(call)
    found = history.candles.window(interval, span_ms, limit, call.now_ms)
    return [kline_row(history.symbol, interval, candle) for candle in found]


def _candles_asked(call: Call) -> tuple[str, tuple[int | None, int | None], int]:
    interval = check_interval(need(call.params, "interval"))
    return interval, span_of(call), limit_of(call, LIMIT, CANDLES_MAX)


def _marks(history: History) -> CandleStore:
    return history.marks


def _indexes(history: History) -> CandleStore:
    return history.indexes


def _premiums(history: History) -> CandleStore:
    return history.premiums


ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/fapi/v1/trades"): Route(trades, PUBLIC, 5),
    ("GET", "/fapi/v1/historicalTrades"): Route(historical_trades, KEYED, 200),
    ("GET", "/fapi/v1/aggTrades"): Route(agg_trades, PUBLIC, 20),
    ("GET", "/fapi/v1/klines"): Route(klines, PUBLIC, candle_weight),
    ("GET", "/fapi/v1/continuousKlines"): Route(continuous_klines, PUBLIC, candle_weight),
    ("GET", "/fapi/v1/indexPriceKlines"): Route(
        price_klines(_indexes, "pair"), PUBLIC, candle_weight
    ),
    ("GET", "/fapi/v1/markPriceKlines"): Route(price_klines(_marks), PUBLIC, candle_weight),
    ("GET", "/fapi/v1/premiumIndexKlines"): Route(price_klines(_premiums), PUBLIC, candle_weight),
}

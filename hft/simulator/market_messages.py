"""The exact JSON of public market data, streams and REST, in the key order of the live venue."""

from __future__ import annotations

from hft.simulator.desk import Listing
from hft.simulator.history import Aggregate
from hft.simulator.messages import Json, price8
from hft.simulator.outcomes import Trade
from hft.simulator.symbols import Symbol
from hft.units import E8, format_e8, trim_e8

PERPETUAL = "PERPETUAL"
DELIVERY_NEVER_MS = 4_133_404_800_000


def trade_event(trade: Trade, event_ms: int) -> Json:
    """One trade of the book."""
    symbol = trade.symbol
    return {
        "e": "trade",
        "E": event_ms,
        "T": trade.time_ms,
        "s": symbol.name,
        "t": trade.trade_id,
        "p": symbol.price_text(trade.price_ticks),
        "q": symbol.qty_text(trade.lots),
        "X": "MARKET",
        "m": trade.buyer_is_maker,
        "st": 1,
    }


def aggregate_event(symbol: Symbol, aggregate: Aggregate, event_ms: int) -> Json:
    """One aggTrade; there are no RPI trades here, so `nq` is all of it."""
    quantity = symbol.qty_text(aggregate.lots)
    return {
        "e": "aggTrade",
        "E": event_ms,
        "a": aggregate.aggregate_id,
        "s": symbol.name,
        "p": symbol.price_text(aggregate.price_ticks),
        "q": quantity,
        "nq": quantity,
        "f": aggregate.first_id,
        "l": aggregate.last_id,
        "T": aggregate.time_ms,
        "m": aggregate.buyer_is_maker,
        "st": 1,
    }


def trade_row(trade: Trade) -> Json:
    """One element of `trades` and `historicalTrades`."""
    symbol = trade.symbol
    cents = symbol.notional_e8(trade.price_ticks, trade.lots) // 1_000_000
    return {
        "id": trade.trade_id,
        "price": symbol.price_text(trade.price_ticks),
        "qty": symbol.qty_text(trade.lots),
        "quoteQty": format_e8(cents * 1_000_000, 2),
        "time": trade.time_ms,
        "isBuyerMaker": trade.buyer_is_maker,
        "isRPITrade": False,
    }


def aggregate_row(symbol: Symbol, aggregate: Aggregate) -> Json:
    """One element of `aggTrades`."""
    quantity = symbol.qty_text(aggregate.lots)
    return {
        "a": aggregate.aggregate_id,
        "p": symbol.price_text(aggregate.price_ticks),
        "q": quantity,
        "nq": quantity,
        "f": aggregate.first_id,
        "l": aggregate.last_id,
        "T": aggregate.time_ms,
        "m": aggregate.buyer_is_maker,
    }


def book_ticker_event(listing: Listing, update_id: int, time_ms: int, event_ms: int) -> Json:
    """One bookTicker of the present book."""
    symbol = listing.symbol
    bid, bid_lots, ask, ask_lots = listing.book.top()
    return {
        "e": "bookTicker",
        "u": update_id,
        "s": symbol.name,
        "ps": symbol.name,
        "b": symbol.price_text(bid),
        "B": symbol.qty_text(bid_lots),
        "a": symbol.price_text(ask),
        "A": symbol.qty_text(ask_lots),
        "T": time_ms,
        "E": event_ms,
        "st": 1,
    }


def mark_price_event(listing: Listing, mark_e8: int, average_e8: int, event_ms: int) -> Json:
    """One markPriceUpdate; the settlement price means nothing on a perpetual contract."""
    index_e8 = listing.index_e8 or mark_e8
    return {
        "e": "markPriceUpdate",
        "E": event_ms,
        "s": listing.symbol.name,
        "p": price8(mark_e8),
        "ap": price8(average_e8 or mark_e8),
        "P": price8(index_e8),
        "i": price8(index_e8),
        "r": price8(listing.funding_rate_e8),
        "T": listing.next_funding_ms,
        "st": 1,
    }


def contract_info_event(symbol: Symbol, status: str, event_ms: int, *, brackets: bool) -> Json:
    """One contractInfo; the brackets come only when they changed, as JSON numbers."""
    event: Json = {
        "e": "contractInfo",
        "E": event_ms,
        "s": symbol.name,
        "ps": symbol.name,
        "ct": PERPETUAL,
        "dt": DELIVERY_NEVER_MS,
        "ot": symbol.onboard_ms,
        "cs": status,
    }
    if brackets:
        event["bks"] = _brackets(symbol)
    return {**event, "st": 1}


def _brackets(symbol: Symbol) -> list[Json]:
    rows: list[Json] = []
    floor = 0
    for number, bracket in enumerate(symbol.brackets):
        following = symbol.brackets[number + 1 : number + 2]
        rows.append(
            {
                "bs": number + 1,
                "bnf": floor,
                "bnc": bracket.cap,
                "mmr": bracket.mmr_e4 / 10_000,
                "cf": bracket.cumulative,
                "mi": following[0].leverage + 1 if following else 1,
                "ma": bracket.leverage,
            }
        )
        floor = bracket.cap
    return rows


# How far the rates of an asset lie from its index when it serves as margin, in units of 1e-8.
BUFFER_E8 = 5_000_000
AUTO_BUFFER_E8 = 2_500_000
_ASSET_KEYS = (
    "bidBuffer",
    "askBuffer",
    "bidRate",
    "askRate",
    "autoExchangeBidBuffer",
    "autoExchangeAskBuffer",
    "autoExchangeBidRate",
    "autoExchangeAskRate",
)
_ASSET_LETTERS = "baBAqgQG"


def asset_index_row(name: str, index_e8: int, now_ms: int) -> Json:
    """One `assetIndex`."""
    head: Json = {"symbol": name, "time": now_ms, "index": price8(index_e8)}
    return {**head, **dict(zip(_ASSET_KEYS, _asset_rates(index_e8), strict=True))}


def asset_index_event(name: str, index_e8: int, event_ms: int) -> Json:
    """One assetIndexUpdate."""
    head: Json = {"e": "assetIndexUpdate", "E": event_ms, "s": name, "i": price8(index_e8)}
    return {**head, **dict(zip(_ASSET_LETTERS, _asset_rates(index_e8), strict=True))}


def _asset_rates(index_e8: int) -> list[str]:
    texts = []
    for buffer_e8 in (BUFFER_E8, AUTO_BUFFER_E8):
        texts += [price8(buffer_e8)] * 2
        texts += [price8(index_e8 * (E8 + sign * buffer_e8) // E8) for sign in (-1, 1)]
    return texts


def open_interest_row(symbol: Symbol, open_lots: int, now_ms: int) -> Json:
    """One `openInterest`."""
    return {
        "symbol": symbol.name,
        "openInterest": symbol.qty_text(open_lots),
        "time": now_ms,
    }


def constituents_row(symbol: Symbol, index_e8: int, now_ms: int) -> Json:
    """One `constituents`: this venue's index has one source, itself."""
    source = {
        "exchange": "simulator",
        "symbol": symbol.name,
        "price": trim_e8(index_e8),
        "weight": "1.00000000",
    }
    return {"symbol": symbol.name, "time": now_ms, "constituents": [source]}

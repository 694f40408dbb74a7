"""The exact JSON of the wire, built as dictionaries in the key order of the live venue."""

from __future__ import annotations

from hft.simulator.orders import VenueOrder
from hft.simulator.outcomes import (
    BalanceUpdate,
    Fill,
    ForcedOrder,
    LeverageChanged,
    OrderUpdate,
    TradeLite,
)
from hft.units import format_e8, trim_e8

Json = dict[str, object]
SIDE_NAMES = {1: "BUY", -1: "SELL"}


def price8(price_e8: int) -> str:
    """Write a price or an amount with eight decimals."""
    return format_e8(price_e8)


def quote5(amount_e8: int) -> str:
    """Write a quote amount with the five decimals of order and trade records, more if needed."""
    return format_e8(amount_e8, 8 if amount_e8 % 1_000 else 5)


def order_reply(order: VenueOrder, *, accepted_only: bool = False) -> Json:
    """Answer of POST and DELETE order; `accepted_only` reports the state at acceptance (ACK)."""
    symbol = order.symbol
    filled = symbol.qty_text(0 if accepted_only else order.filled_lots)
    return {
        "orderId": order.order_id,
        "symbol": symbol.name,
        "status": "NEW" if accepted_only else order.status,
        "clientOrderId": order.client_id,
        "price": symbol.price_text(order.limit_ticks),
        "origQty": symbol.qty_text(order.lots),
        "executedQty": filled,
        "cumQty": filled,
        **_order_terms(order),
        "updateTime": order.update_ms,
    }


def amend_reply(order: VenueOrder, modify_id: str) -> Json:
    """Answer of PUT order; `modify_id` comes back when it was sent."""
    reply = order_reply(order)
    head: Json = {"orderId": reply["orderId"], "symbol": reply["symbol"], "pair": reply["symbol"]}
    return {**head, **reply, **({"modifyId": modify_id} if modify_id else {})}


def order_record(order: VenueOrder) -> Json:
    """Answer of GET order, openOrders and allOrders."""
    symbol = order.symbol
    return {
        "orderId": order.order_id,
        "symbol": symbol.name,
        "status": order.status,
        "clientOrderId": order.client_id,
        "price": symbol.price_text(order.limit_ticks),
        "avgPrice": quote5((order.average_e8() + 500) // 1_000 * 1_000),
        "origQty": symbol.qty_text(order.lots),
        "executedQty": symbol.qty_text(order.filled_lots),
        "cumQuote": quote5(order.quote_e8),
        **_order_terms(order),
        "time": order.time_ms,
        "updateTime": order.update_ms,
    }


def _order_terms(order: VenueOrder) -> Json:
    return {
        "timeInForce": order.time_in_force,
        "type": order.kind,
        "reduceOnly": order.reduce_only,
        "closePosition": False,
        "side": SIDE_NAMES[order.side],
        "positionSide": "BOTH",
        "stopPrice": order.symbol.price_text(0),
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": order.kind,
        "priceMatch": "NONE",
        "selfTradePreventionMode": order.self_trade,
        "goodTillDate": 0,
    }


def user_trade(fill: Fill) -> Json:
    """One element of `userTrades`."""
    symbol = fill.symbol
    return {
        "symbol": symbol.name,
        "pair": symbol.name,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "side": SIDE_NAMES[fill.side],
        "price": symbol.price_text(fill.price_ticks),
        "qty": symbol.qty_text(fill.lots),
        "realizedPnl": price8(fill.realized_e8) if fill.realized_e8 else "0",
        "marginAsset": symbol.quote,
        "quoteQty": quote5(fill.value_e8),
        "baseQty": symbol.qty_text(fill.lots),
        "commission": price8(fill.fee_e8),
        "commissionAsset": symbol.quote,
        "time": fill.time_ms,
        "positionSide": "BOTH",
        "buyer": fill.side > 0,
        "maker": fill.maker,
    }


def trade_lite(outcome: TradeLite, event_ms: int) -> Json:
    """TRADE_LITE, with the fixed scale it keeps."""
    order, fill, symbol = outcome.order, outcome.fill, outcome.fill.symbol
    return {
        "e": "TRADE_LITE",
        "E": event_ms,
        "T": fill.time_ms,
        "s": symbol.name,
        "q": symbol.qty_text(order.lots),
        "p": symbol.price_text(order.limit_ticks),
        "m": fill.maker,
        "c": order.client_id,
        "S": SIDE_NAMES[order.side],
        "L": symbol.price_text(fill.price_ticks),
        "l": symbol.qty_text(fill.lots),
        "t": fill.trade_id,
        "i": order.order_id,
    }


def order_trade_update(outcome: OrderUpdate, event_ms: int, bids_asks: tuple[int, int]) -> Json:
    """ORDER_TRADE_UPDATE; `bids_asks` are the notionals of the symbol's open orders."""
    order, fill, symbol = outcome.order, outcome.fill, outcome.order.symbol
    body: Json = {
        "s": symbol.name,
        "c": order.client_id,
        "S": SIDE_NAMES[order.side],
        "o": order.kind,
        "f": order.time_in_force,
        "q": symbol.qty_trim(order.lots),
        "p": symbol.price_trim(order.limit_ticks),
        "ap": trim_e8(outcome.average_e8),
        "sp": "0",
        "x": outcome.execution,
        "X": outcome.status,
        "i": order.order_id,
        **({"M": outcome.modify_id} if outcome.modify_id else {}),
        "l": symbol.qty_trim(fill.lots) if fill else "0",
        "z": symbol.qty_trim(outcome.filled_lots),
        "L": symbol.price_trim(fill.price_ticks) if fill else "0",
        "n": trim_e8(fill.fee_e8) if fill else "0",
        "N": symbol.quote,
        "T": outcome.time_ms,
        "t": fill.trade_id if fill else 0,
        "b": trim_e8(bids_asks[0]),
        "a": trim_e8(bids_asks[1]),
        "m": fill.maker if fill else False,
        "R": order.reduce_only,
        "wt": "CONTRACT_PRICE",
        "ot": order.kind,
        "ps": "BOTH",
        "cp": False,
        "rp": trim_e8(fill.realized_e8) if fill else "0",
        "pP": False,
        "si": 0,
        "ss": 0,
        "V": order.self_trade,
        "pm": "NONE",
        "gtd": 0,
        "er": outcome.reason,
    }
    return {"e": "ORDER_TRADE_UPDATE", "T": outcome.time_ms, "E": event_ms, "o": body}


def account_update(outcome: BalanceUpdate, event_ms: int) -> Json:
    """ACCOUNT_UPDATE after a fill."""
    wallet = price8(outcome.wallet_e8)
    position = {
        "s": outcome.symbol.name,
        "pa": outcome.symbol.qty_text(outcome.lots) if outcome.lots else "0",
        "ep": trim_e8(outcome.entry_e8),
        "cr": price8(outcome.realized_e8),
        "up": price8(outcome.unrealized_e8) if outcome.lots else "0",
        "mt": "cross",
        "iw": "0",
        "ps": "BOTH",
        "ma": outcome.symbol.quote,
        "bep": trim_e8(outcome.break_even_e8),
    }
    balances = [{"a": outcome.symbol.quote, "wb": wallet, "cw": wallet, "bc": "0"}]
    return {
        "e": "ACCOUNT_UPDATE",
        "T": outcome.time_ms,
        "E": event_ms,
        "a": {"B": balances, "P": [position], "m": "ORDER"},
    }


def leverage_update(outcome: LeverageChanged, event_ms: int) -> Json:
    """ACCOUNT_CONFIG_UPDATE after a change of leverage."""
    return {
        "e": "ACCOUNT_CONFIG_UPDATE",
        "E": event_ms,
        "T": outcome.time_ms,
        "ac": {"s": outcome.symbol.name, "l": outcome.leverage},
    }


def listen_key_expired(listen_key: str, event_ms: int) -> Json:
    """Say that a listen key has died of old age."""
    return {"e": "listenKeyExpired", "E": event_ms, "listenKey": listen_key}


def force_order(outcome: ForcedOrder, event_ms: int) -> Json:
    """One forceOrder."""
    symbol = outcome.symbol
    quantity = symbol.qty_text(outcome.lots)
    body: Json = {
        "s": symbol.name,
        "S": SIDE_NAMES[outcome.side],
        "o": "LIMIT",
        "f": "IOC",
        "q": quantity,
        "p": symbol.price_text(outcome.price_ticks),
        "ap": symbol.price_text(outcome.average_ticks),
        "X": "FILLED",
        "l": quantity,
        "z": quantity,
        "T": outcome.time_ms,
        "ps": symbol.name,
        "st": 1,
    }
    return {"e": "forceOrder", "E": event_ms, "o": body}

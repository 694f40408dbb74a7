"""The exact JSON of the wire, built as dictionaries in the key order of the live venue."""

from __future__ import annotations

from hft.simulator.orders import LIQUIDATION, VenueOrder
from hft.simulator.outcomes import (
    AccountUpdate,
    Fill,
    ForcedOrder,
    LeverageChanged,
    MarginCall,
    MultiAssetsChanged,
    OrderUpdate,
    PositionFigures,
    TradeLite,
)
from hft.units import E8, format_e8, trim_e8

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
    request = order.request
    kind = "LIMIT" if order.kind == LIQUIDATION else order.kind
    terms: Json = {
        "timeInForce": order.time_in_force,
        "type": kind,
        "reduceOnly": request.reduce_only,
        "closePosition": request.close_position,
        "side": SIDE_NAMES[order.side],
        "positionSide": request.position_side,
        "stopPrice": order.symbol.price_text(request.stop_ticks),
    }
    if request.callback_e4:
        terms["activatePrice"] = order.symbol.price_text(request.activation_ticks)
        terms["priceRate"] = format_e8(request.callback_e4 * (E8 // 100), 1)
    terms |= {
        "workingType": request.working_type,
        "priceProtect": request.price_protect,
        "origType": request.orig_kind or kind,
        "priceMatch": request.price_match,
        "selfTradePreventionMode": order.self_trade,
        "goodTillDate": request.good_till_ms,
    }
    return terms


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
        "commissionAsset": fill.fee_asset,
        "time": fill.time_ms,
        "positionSide": fill.leg,
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


def order_trade_update(outcome: OrderUpdate, event_ms: int) -> Json:
    """ORDER_TRADE_UPDATE."""
    order, fill, symbol = outcome.order, outcome.fill, outcome.order.symbol
    request = order.request
    body: Json = {
        "s": symbol.name,
        "c": order.client_id,
        "S": SIDE_NAMES[order.side],
        "o": order.kind,
        "f": order.time_in_force,
        "q": symbol.qty_trim(order.lots),
        "p": symbol.price_trim(order.limit_ticks),
        "ap": trim_e8(outcome.average_e8),
        "sp": symbol.price_trim(request.stop_ticks),
        "x": outcome.execution,
        "X": outcome.status,
        "i": order.order_id,
    }
    if outcome.modify_id:
        body["M"] = outcome.modify_id
    body |= {
        "l": symbol.qty_trim(fill.lots) if fill else "0",
        "z": symbol.qty_trim(outcome.filled_lots),
        "L": symbol.price_trim(fill.price_ticks) if fill else "0",
        "n": trim_e8(fill.fee_e8) if fill else "0",
        "N": fill.fee_asset if fill else symbol.quote,
        "T": outcome.time_ms,
        "t": fill.trade_id if fill else 0,
        "b": trim_e8(outcome.bids_e8),
        "a": trim_e8(outcome.asks_e8),
        "m": fill.maker if fill else False,
        "R": request.reduce_only,
        "wt": request.working_type,
        "ot": request.orig_kind or order.kind,
        "ps": request.position_side,
        "cp": request.close_position,
    }
    if request.callback_e4:
        body["AP"] = symbol.price_trim(request.activation_ticks)
        body["cr"] = trim_e8(request.callback_e4 * (E8 // 100))
    body |= {
        "rp": trim_e8(fill.realized_e8) if fill else "0",
        "pP": request.price_protect,
        "si": 0,
        "ss": 0,
        "V": order.self_trade,
        "pm": request.price_match,
        "gtd": request.good_till_ms,
        "er": outcome.reason,
    }
    return {"e": "ORDER_TRADE_UPDATE", "T": outcome.time_ms, "E": event_ms, "o": body}


def account_update(outcome: AccountUpdate, event_ms: int) -> Json:
    """ACCOUNT_UPDATE: what changed, and why."""
    body: Json = {
        "B": [
            {
                "a": wallet.asset,
                "wb": price8(wallet.wallet_e8),
                "cw": price8(wallet.cross_e8),
                "bc": trim_e8(wallet.change_e8),
            }
            for wallet in outcome.wallets
        ],
        "P": [_position(figures) for figures in outcome.positions],
        "m": outcome.reason,
    }
    if outcome.symbol:
        body["S"] = outcome.symbol
    return {"e": "ACCOUNT_UPDATE", "T": outcome.time_ms, "E": event_ms, "a": body}


def _position(figures: PositionFigures) -> Json:
    symbol, lots = figures.symbol, figures.lots
    return {
        "s": symbol.name,
        "pa": symbol.qty_trim(lots),
        "ep": trim_e8(figures.entry_e8),
        "cr": _amount(figures.realized_e8),
        "up": _amount(figures.unrealized_e8) if lots else "0",
        "mt": "isolated" if figures.isolated else "cross",
        "iw": _amount(figures.isolated_e8),
        "ps": figures.leg,
        "ma": symbol.quote,
        "bep": trim_e8(figures.break_even_e8) if lots else "0",
    }


def _amount(amount_e8: int) -> str:
    """Write an amount as user events do: eight decimals, and a plain zero."""
    return price8(amount_e8) if amount_e8 else "0"


def leverage_update(outcome: LeverageChanged, event_ms: int) -> Json:
    """ACCOUNT_CONFIG_UPDATE after a change of leverage."""
    return {
        "e": "ACCOUNT_CONFIG_UPDATE",
        "E": event_ms,
        "T": outcome.time_ms,
        "ac": {"s": outcome.symbol.name, "l": outcome.leverage},
    }


def multi_assets_update(outcome: MultiAssetsChanged, event_ms: int) -> Json:
    """ACCOUNT_CONFIG_UPDATE after a change of the asset mode."""
    return {
        "e": "ACCOUNT_CONFIG_UPDATE",
        "E": event_ms,
        "T": outcome.time_ms,
        "ai": {"j": outcome.on},
    }


def margin_call(outcome: MarginCall, event_ms: int) -> Json:
    """MARGIN_CALL, which has no `T`."""
    rows = [
        {
            "s": row.symbol.name,
            "ps": row.leg,
            "pa": row.symbol.qty_trim(row.lots),
            "mt": "ISOLATED" if row.isolated else "CROSSED",
            "iw": trim_e8(row.isolated_e8),
            "mp": trim_e8(row.mark_e8),
            "up": trim_e8(row.unrealized_e8),
            "mm": trim_e8(row.maintenance_e8),
        }
        for row in outcome.positions
    ]
    return {"e": "MARGIN_CALL", "E": event_ms, "cw": price8(outcome.cross_e8), "p": rows}


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

"""The JSON of conditional orders, in the key order of the live venue.

REST rows and the event alike keep the fixed decimals of the contract.
"""

from __future__ import annotations

from hft.simulator.algo import (
    FINISHED,
    REJECTED,
    TRIGGERED,
    TRIGGERING,
    AlgoOrder,
    AlgoUpdate,
)
from hft.simulator.messages import SIDE_NAMES, Json, quote5
from hft.units import E8, format_e8, trim_e8

ALGO_TYPE = "CONDITIONAL"
_FIRED = frozenset({TRIGGERING, TRIGGERED, FINISHED, REJECTED})
_PLACED = frozenset({TRIGGERED, FINISHED})
_PERCENT_E8 = E8 // 100


def algo_reply(algo: AlgoOrder) -> Json:
    """Answer of POST algoOrder."""
    return {**_head(algo), **_prices(algo), **_terms(algo)}


def algo_record(algo: AlgoOrder) -> Json:
    """Answer of GET algoOrder, openAlgoOrders and allAlgoOrders."""
    zero = algo.symbol.price_text(0)
    child = algo.child
    actual: Json = {
        "actualOrderId": str(child.order_id) if child else "",
        "actualPrice": _average_text(child.average_e8() if child else 0),
        "actualType": child.kind if child else "",
        "actualQty": algo.symbol.qty_text(child.filled_lots if child else 0),
    }
    legs: Json = {
        "tpTriggerPrice": zero,
        "tpPrice": zero,
        "slTriggerPrice": zero,
        "slPrice": zero,
        "tpOrderType": "",
    }
    return {**_head(algo), **actual, **_prices(algo), **legs, **_terms(algo)}


def cancel_reply(algo: AlgoOrder) -> Json:
    """Answer of DELETE algoOrder, whose code is a text."""
    return {
        "algoId": algo.algo_id,
        "clientAlgoId": algo.request.client_id,
        "code": "200",
        "msg": "success",
    }


def algo_update(outcome: AlgoUpdate, event_ms: int) -> Json:
    """ALGO_UPDATE: what the new order is and did is told from the moment there is one."""
    algo = outcome.algo
    request, symbol = algo.request, algo.symbol
    fired = outcome.status in _FIRED
    child = algo.child if outcome.status in _PLACED else None
    actual: Json = {
        "ap": _average_text(outcome.average_e8),
        "aq": symbol.qty_text(outcome.filled_lots),
        "act": request.kind,
    }
    trail: Json = {
        "AP": symbol.price_text(request.activation_ticks),
        "cr": percent_text(request.callback_e4),
    }
    body: Json = {
        "caid": request.client_id,
        "aid": algo.algo_id,
        "at": ALGO_TYPE,
        "o": request.orig_kind,
        "s": symbol.name,
        "S": SIDE_NAMES[request.side],
        "ps": request.position_side,
        "f": algo.time_in_force,
        "q": symbol.qty_text(request.lots),
        "X": outcome.status,
        "ai": str(child.order_id) if child else "",
        **(actual if child else {}),
        "tp": symbol.price_text(request.stop_ticks if fired or not algo.trails else 0),
        "p": symbol.price_text(request.price_ticks),
        "V": request.self_trade,
        "wt": request.working_type,
        "pm": request.price_match,
        "cp": request.close_position,
        **(trail if algo.trails else {}),
        "pP": request.price_protect,
        "R": request.reduce_only,
        "tt": algo.trigger_ms if fired else 0,
        "gtd": request.good_till_ms,
        **({"rm": algo.refused} if outcome.status == REJECTED else {}),
        "ia": outcome.active,
    }
    return {"e": "ALGO_UPDATE", "T": outcome.time_ms, "E": event_ms, "o": body}


def _average_text(average_e8: int) -> str:
    """Write an average price, rounded to its five decimals."""
    return quote5((average_e8 + 500) // 1_000 * 1_000)


def percent_text(rate_e4: int) -> str:
    """Write a share in units of 1e-4 as percent: 100 is "1"."""
    return trim_e8(rate_e4 * _PERCENT_E8)


def _head(algo: AlgoOrder) -> Json:
    request = algo.request
    return {
        "algoId": algo.algo_id,
        "clientAlgoId": request.client_id,
        "algoType": ALGO_TYPE,
        "orderType": request.orig_kind,
        "symbol": algo.symbol.name,
        "side": SIDE_NAMES[request.side],
        "positionSide": request.position_side,
        "timeInForce": algo.time_in_force,
        "quantity": algo.symbol.qty_text(request.lots),
        "algoStatus": algo.status,
    }


def _prices(algo: AlgoOrder) -> Json:
    return {
        "triggerPrice": algo.symbol.price_text(algo.request.stop_ticks),
        "price": algo.symbol.price_text(algo.request.price_ticks),
        "icebergQuantity": None,
    }


def _terms(algo: AlgoOrder) -> Json:
    request = algo.request
    trails = algo.trails
    return {
        "selfTradePreventionMode": request.self_trade,
        "workingType": request.working_type,
        "priceMatch": request.price_match,
        "closePosition": request.close_position,
        "priceProtect": request.price_protect,
        "reduceOnly": request.reduce_only,
        "activatePrice": algo.symbol.price_text(request.activation_ticks) if trails else "",
        "callbackRate": format_e8(request.callback_e4 * _PERCENT_E8, 1) if trails else "",
        "createTime": algo.create_ms,
        "updateTime": algo.update_ms,
        "triggerTime": algo.trigger_ms,
        "goodTillDate": request.good_till_ms,
    }

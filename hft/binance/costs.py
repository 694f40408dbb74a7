"""What a request costs of the venue's limits: weight by address, orders by account.

A request that is not listed here is taken for a dear one, so that a mistake is never too cheap.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

UNLISTED_WEIGHT = 40


class Cost(NamedTuple):
    """Request weight, and how many orders it counts as."""

    weight: int = 0
    orders: int = 0


HANDSHAKE = Cost(5)
"""Opening a WebSocket API connection."""

_COSTS: dict[Cost, str] = {
    Cost(0, 1): """
        POST /fapi/v1/order, PUT /fapi/v1/order, POST /fapi/v1/algoOrder,
        order.place, order.modify, algoOrder.place""",
    Cost(1): """
        GET /fapi/v1/ping, GET /fapi/v1/time, GET /fapi/v1/exchangeInfo,
        GET /fapi/v1/order, DELETE /fapi/v1/order, DELETE /fapi/v1/allOpenOrders,
        GET /fapi/v1/algoOrder, DELETE /fapi/v1/algoOrder, DELETE /fapi/v1/algoOpenOrders,
        POST /fapi/v1/listenKey, PUT /fapi/v1/listenKey, DELETE /fapi/v1/listenKey,
        GET /fapi/v1/leverageBracket,
        time, order.cancel, order.status, algoOrder.cancel""",
    Cost(2): "session.logon",
    Cost(5): """
        GET /fapi/v2/account, GET /fapi/v3/account, GET /fapi/v2/balance, GET /fapi/v3/balance,
        GET /fapi/v2/positionRisk, GET /fapi/v3/positionRisk, GET /fapi/v1/userTrades,
        GET /fapi/v1/allOrders, GET /fapi/v1/accountConfig, GET /fapi/v1/symbolConfig""",
    Cost(10): "POST /fapi/v1/countdownCancelAll",
    Cost(20): "GET /fapi/v1/commissionRate",
    Cost(30): """
        GET /fapi/v1/income, GET /fapi/v1/positionSide/dual, GET /fapi/v1/multiAssetsMargin,
        GET /fapi/v1/feeBurn""",
}
_BY_REQUEST = {name.strip(): cost for cost, names in _COSTS.items() for name in names.split(",")}
_ONE_OR_ALL = {
    "GET /fapi/v1/openOrders": 40,
    "GET /fapi/v1/openAlgoOrders": 40,
    "GET /fapi/v1/premiumIndex": 10,
}
"""Requests that cost 1 for one symbol, and so much for all."""
_CANDLES = frozenset({"GET /fapi/v1/klines", "GET /fapi/v1/markPriceKlines"})
_BY_LIMIT = ((100, 1), (500, 2), (1_001, 5))
"""What candles cost: their number is below the first, the weight is the second; 10 for more."""


def cost_of(request: str, params: Mapping[str, object] | None = None) -> Cost:
    """Give the cost of `METHOD /path` over REST, or of a method of the WebSocket API."""
    if request in _ONE_OR_ALL:
        return Cost(1 if params and params.get("symbol") else _ONE_OR_ALL[request])
    if request in _CANDLES:
        limit = int(str((params or {}).get("limit", 500)))
        return Cost(next((weight for below, weight in _BY_LIMIT if limit < below), 10))
    return _BY_REQUEST.get(request, Cost(UNLISTED_WEIGHT))

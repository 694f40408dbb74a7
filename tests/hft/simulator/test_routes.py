"""What clients ask for is there: endpoints and methods of the protocol reference (9.6)."""

from __future__ import annotations

import pytest

from hft.simulator.rest import ROUTES
from hft.simulator.session import SESSION_WEIGHTS
from hft.simulator.ws_api import METHODS

V1 = {
    "GET": (
        "ping time exchangeInfo depth trades historicalTrades aggTrades klines continuousKlines "
        "indexPriceKlines markPriceKlines premiumIndexKlines premiumIndex fundingRate fundingInfo "
        "ticker/24hr ticker/price ticker/bookTicker openInterest rpiDepth constituents indexInfo "
        "assetIndex symbolAdlRisk insuranceBalance tradingSchedule order openOrder openOrders "
        "allOrders orderAmendment userTrades forceOrders rateLimit/order algoOrder openAlgoOrders "
        "allAlgoOrders positionSide/dual multiAssetsMargin positionMargin/history accountConfig "
        "symbolConfig leverageBracket commissionRate income adlQuantile feeBurn apiTradingStatus"
    ),
    "POST": (
        "order order/test batchOrders countdownCancelAll algoOrder leverage marginType "
        "positionSide/dual multiAssetsMargin positionMargin feeBurn listenKey"
    ),
    "PUT": "order batchOrders listenKey",
    "DELETE": "order batchOrders allOpenOrders algoOrder algoOpenOrders listenKey",
}
OTHERS = (
    "/fapi/v2/balance /fapi/v3/balance /fapi/v2/account /fapi/v3/account /fapi/v2/positionRisk "
    "/fapi/v3/positionRisk /fapi/v2/ticker/price /api/v3/ping /api/v3/time "
    "/sapi/v1/capital/config/getall /sapi/v1/margin/allPairs /futures/data/openInterestHist "
    "/futures/data/topLongShortAccountRatio /futures/data/topLongShortPositionRatio "
    "/futures/data/globalLongShortAccountRatio /futures/data/takerlongshortRatio "
    "/futures/data/basis /futures/data/delivery-price"
)
SESSION = (
    "ping time depth ticker.price ticker.book order.place order.modify order.cancel order.status "
    "algoOrder.place algoOrder.cancel account.balance v2/account.balance account.status "
    "v2/account.status account.position v2/account.position userDataStream.start "
    "userDataStream.ping userDataStream.stop"
)


@pytest.mark.parametrize("method", V1)
def test_every_endpoint_of_the_reference_is_served(method: str) -> None:
    wanted = {(method, f"/fapi/v1/{name}") for name in V1[method].split()}
    if method == "GET":
        wanted |= {(method, path) for path in OTHERS.split()}
    assert not wanted - ROUTES.keys()


def test_every_method_of_the_websocket_api_is_served() -> None:
    assert not set(SESSION.split()) - METHODS.keys()
    assert set(SESSION_WEIGHTS) == {"session.logon", "session.status", "session.logout"}

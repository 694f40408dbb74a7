from __future__ import annotations

import json
from typing import Any

import pytest
import websocket

from hft.clock import wall_ms

from .wire import API_KEY, Simulator, receive, sign

PATH = "/ws-fapi/v1"


def call(link: websocket.WebSocket, method: str, request_id: Any = 1, **params: Any) -> Any:
    """Send one signed request and give the reply."""
    params = {"apiKey": API_KEY, "timestamp": wall_ms(), **params}
    text = "&".join(f"{name}={_text(params[name])}" for name in sorted(params))
    params["signature"] = sign(text)
    link.send(json.dumps({"id": request_id, "method": method, "params": params}))
    return receive(link)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


ORDER: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "58500.0",
    "quantity": "0.010",
}


def test_an_order_lives_over_the_websocket_api(exchange: Simulator) -> None:
    with exchange.socket(PATH) as link:
        placed = call(link, "order.place", "x-1", **ORDER)
        assert (placed["id"], placed["status"]) == ("x-1", 200)
        order_id = placed["result"]["orderId"]
        kinds = [row["rateLimitType"] for row in placed["rateLimits"]]
        assert kinds == ["REQUEST_WEIGHT", "ORDERS", "ORDERS"]
        known = call(link, "order.status", 5, symbol="BTCUSDT", orderId=str(order_id))
        assert known["result"]["status"] == "NEW"
        gone = call(link, "order.cancel", None, symbol="BTCUSDT", orderId=order_id)
        assert (gone["id"], gone["result"]["status"]) == (None, "CANCELED")
        again = call(link, "order.cancel", 6, symbol="BTCUSDT", orderId=order_id)
        assert (again["status"], again["error"]["code"]) == (400, -2011)
        assert len(again["rateLimits"]) == 1


@pytest.mark.parametrize(
    ("method", "field"),
    [
        ("account.balance", "balance"),
        ("v2/account.balance", "balance"),
        ("account.status", "canTrade"),
        ("v2/account.status", "availableBalance"),
        ("account.position", "leverage"),
    ],
)
def test_account_methods_have_the_shapes_of_rest(
    exchange: Simulator, method: str, field: str
) -> None:
    with exchange.socket(PATH) as link:
        result = call(link, method)["result"]
    assert field in (result[0] if isinstance(result, list) else result)


def test_what_is_public_needs_no_key(exchange: Simulator) -> None:
    with exchange.socket(PATH + "?returnRateLimits=false") as link:
        for method, params in (
            ("ping", None),
            ("time", {}),
            ("ticker.book", {"symbol": "BTCUSDT"}),
            ("depth", {"symbol": "BTCUSDT", "limit": 5}),
        ):
            request = {"id": 1, "method": method}
            link.send(json.dumps(request if params is None else {**request, "params": params}))
            reply = receive(link)
            assert reply["status"] == 200
            assert "rateLimits" not in reply


def test_user_data_can_be_started_kept_and_stopped(exchange: Simulator) -> None:
    with exchange.socket(PATH) as link:
        key = call(link, "userDataStream.start")["result"]["listenKey"]
        assert call(link, "userDataStream.ping")["result"]["listenKey"] == key
        assert call(link, "userDataStream.stop")["result"] == {}
        assert call(link, "userDataStream.ping")["error"]["code"] == -1125


def test_refusals_mirror_rest(exchange: Simulator) -> None:
    with exchange.socket(PATH) as link:
        missing = call(link, "order.place", **{**ORDER, "quantity": ""})
        assert missing["error"]["code"] == -1102
        nobody = call(link, "order.place", **{**ORDER, "apiKey": "a" * 64})
        assert (nobody["status"], nobody["error"]["code"]) == (401, -2015)
        forged = call(link, "order.place", **ORDER)
        assert forged["status"] == 200
        link.send(
            json.dumps(
                {
                    "id": 2,
                    "method": "order.place",
                    "params": {
                        **ORDER,
                        "apiKey": API_KEY,
                        "timestamp": wall_ms(),
                        "signature": "0" * 64,
                    },
                }
            )
        )
        assert receive(link)["error"]["code"] == -1022
        old = call(link, "account.status", timestamp=wall_ms() - 10_000)
        assert old["error"]["code"] == -1021
        for text in ("{", "[]", '{"id":1,"method":"dance"}', '{"id":1,"method":"time","params":5}'):
            link.send(text)
            assert receive(link)["status"] == 400


def test_numbers_are_signed_in_the_text_they_were_sent_as(exchange: Simulator) -> None:
    now_ms = wall_ms()
    fields = {**ORDER, "apiKey": API_KEY, "timestamp": now_ms}
    signature = sign("&".join(f"{name}={fields[name]}" for name in sorted(fields)))
    body = json.dumps({**fields, "signature": signature})
    body = body.replace('"0.010"', "0.010").replace('"58500.0"', "58500.0")
    with exchange.socket(PATH) as link:
        link.send('{"id":1,"method":"order.place","params":' + body + "}")
        assert receive(link)["status"] == 200


def test_a_request_can_switch_its_rate_limits(exchange: Simulator) -> None:
    with exchange.socket(PATH) as link:
        reply = call(link, "account.balance", returnRateLimits=False)
        assert reply["status"] == 200
        assert "rateLimits" not in reply

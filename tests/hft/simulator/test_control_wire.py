"""Control messages of stream connections: what is echoed, what is refused and in which words."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from .wire import Simulator, receive, until

INVALID = "Invalid request: "
VARIANTS = "SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, SET_PROPERTY, GET_PROPERTY"


@pytest.mark.parametrize(
    ("message", "code", "text", "request_id"),
    [
        ("{nope", 3, "Invalid JSON: expected value at line 1 column 2", None),
        ('{"id":1,\n"method":}', 3, "Invalid JSON: expected value at line 2 column 10", None),
        ("", 3, "Invalid JSON: expected value at line 1 column 1", None),
        ("[]", 2, INVALID + "missing field `method`", None),
        ('{"id":1}', 2, INVALID + "missing field `method`", 1),
        (
            '{"method":"DANCE","id":"x"}',
            2,
            INVALID + "unknown variant `DANCE`, expected one of " + VARIANTS,
            "x",
        ),
        ('{"method":"SUBSCRIBE","id":1}', 2, INVALID + "missing field `params`", 1),
        ('{"method":"SUBSCRIBE","params":"a@b","id":1}', 2, INVALID + "params must be an array", 1),
        (
            '{"method":"SUBSCRIBE","params":["btcusdt@aggTrade"],"id":-1}',
            2,
            INVALID + "request ID must be an unsigned integer",
            None,
        ),
        ('{"method":"GET_PROPERTY","params":["colour"],"id":1}', 0, "Unknown property", 1),
        (
            '{"method":"GET_PROPERTY","params":["combined",true],"id":1}',
            2,
            INVALID + "too many parameters",
            1,
        ),
        (
            '{"method":"SET_PROPERTY","params":["combined",true,1],"id":1}',
            2,
            INVALID + "too many parameters",
            1,
        ),
        (
            '{"method":"SET_PROPERTY","params":["combined"],"id":1}',
            1,
            "Invalid value type: expected Boolean",
            1,
        ),
        (
            '{"method":"SET_PROPERTY","params":[5,true],"id":1}',
            2,
            INVALID + "property name must be a string",
            1,
        ),
    ],
)
def test_a_bad_message_is_refused_in_the_venues_words(
    exchange: Simulator, message: str, code: int, text: str, request_id: object
) -> None:
    with exchange.socket("/public/ws") as link:
        link.send(message)
        assert receive(link) == {"error": {"code": code, "msg": text}, "id": request_id}
        link.send('{"method":"LIST_SUBSCRIPTIONS","id":2}')
        assert receive(link) == {"result": [], "id": 2}


@pytest.mark.parametrize("request_id", [0, 7, 2**63, "a-b", "1", None])
def test_ids_come_back_as_they_were(exchange: Simulator, request_id: object) -> None:
    with exchange.socket("/market/ws") as link:
        ask: dict[str, Any] = {"method": "SUBSCRIBE", "params": ["nope@kline_7m"], "id": request_id}
        link.send(json.dumps(ask))
        assert receive(link) == {"result": None, "id": request_id}
        ask["method"] = "UNSUBSCRIBE"
        link.send(json.dumps({**ask, "params": ["never@followed"]}))
        assert receive(link) == {"result": None, "id": request_id}


def test_answers_are_not_wrapped_on_a_combined_connection(exchange: Simulator) -> None:
    with exchange.socket("/market/stream") as link:
        link.send('{"method":"GET_PROPERTY","params":["combined"],"id":1}')
        assert receive(link) == {"result": True, "id": 1}
        link.send('{"method":"SUBSCRIBE","params":["btcusdt@markPrice@1s"],"id":2}')
        assert until(link, lambda message: "result" in message) == {"result": None, "id": 2}
        assert receive(link)["stream"] == "btcusdt@markPrice@1s"
        link.send('{"method":"SET_PROPERTY","params":["combined",false],"id":3}')
        until(link, lambda message: message.get("id") == 3)
        assert receive(link)["e"] == "markPriceUpdate"


@pytest.mark.parametrize(
    ("path", "stream"),
    [
        ("/public/ws/0", "btcusdt@depth@100ms"),
        ("/public/ws/0", "btcusdt@trade"),
        ("/market/ws/1", "btcusdt@aggTrade"),
        ("/market/ws/2", "btcusdt@kline_1m"),
        ("/ws/3", "btcusdt@miniTicker"),
    ],
)
def test_a_meaningless_name_in_the_path_hurts_nobody(
    exchange: Simulator, path: str, stream: str
) -> None:
    with exchange.socket(path) as link:
        link.send(json.dumps({"method": "SUBSCRIBE", "params": [stream], "id": 1}))
        assert until(link, lambda message: "result" in message) == {"result": None, "id": 1}
        assert receive(link)["s"] == "BTCUSDT"


ROUTES = {
    "public": (
        "btcusdt@bookTicker !bookTicker btcusdt@depth btcusdt@depth@500ms btcusdt@depth5 "
        "btcusdt@depth10@100ms btcusdt@rpiDepth@500ms"
    ),
    "market": (
        "btcusdt@aggTrade btcusdt@markPrice btcusdt@markPrice@1s !markPrice@arr !markPrice@arr@1s "
        "btcusdt@kline_1m btcusdt_perpetual@continuousKline_1m btcusdt@miniTicker !miniTicker@arr "
        "btcusdt@ticker !ticker@arr !assetIndex@arr btcusd@assetIndex"
    ),
}


def test_every_stream_speaks_on_its_route_and_not_on_the_other(exchange: Simulator) -> None:
    with contextlib.ExitStack() as links:
        opened = []
        for route, other in (("public", "market"), ("market", "public")):
            names = set(ROUTES[route].split())
            query = "streams=" + "/".join(sorted(names))
            right, wrong = (
                links.enter_context(exchange.socket(f"/{each}/stream?{query}"))
                for each in (route, other)
            )
            opened.append((names, right, wrong))
        for names, right, wrong in opened:
            waiting = set(names)
            until(right, lambda m, waiting=waiting: not (waiting.discard(m["stream"]) or waiting))
            wrong.send('{"method":"LIST_SUBSCRIPTIONS","id":1}')
            first = receive(wrong)
            assert first["id"] == 1, "something was said on the wrong route"
            assert set(first["result"]) == names


def test_each_listen_key_of_an_address_has_its_own_events(exchange: Simulator) -> None:
    key = exchange.raw("POST", "/fapi/v1/listenKey").json()["listenKey"]
    unknown = "z" * 64
    query = f"listenKey={unknown}&events=TRADE_LITE&listenKey={key}&events=ACCOUNT_UPDATE/NONE"
    with exchange.socket("/private/stream?" + query) as link:
        exchange.order(side="BUY", type="MARKET", quantity="0.010")
        exchange.flatten()
        events = [receive(link) for _ in range(2)]
    assert {(event["stream"], event["data"]["e"]) for event in events} == {(key, "ACCOUNT_UPDATE")}

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from hft.clock import Deadline

from .wire import API_KEY, Simulator, receive, until

MARKET: dict[str, Any] = {"side": "BUY", "type": "MARKET", "quantity": "0.010"}
FIELDS = {
    "aggTrade": "e E a s p q nq f l T m st",
    "trade": "e E T s t p q X m st",
    "bookTicker": "e u s ps b B a A T E st",
    "depthUpdate": "e E T s ps U u pu b a st",
    "markPriceUpdate": "e E s p ap P i r T st",
}


@pytest.mark.parametrize(
    ("path", "stream"),
    [
        ("/market/ws/btcusdt@aggTrade", "aggTrade"),
        ("/public/ws/btcusdt@trade", "trade"),
        ("/market/ws/btcusdt@trade", "trade"),
        ("/public/ws/btcusdt@bookTicker", "bookTicker"),
        ("/public/ws/ethusdt@depth@100ms", "depthUpdate"),
        ("/public/ws/btcusdt@depth5@100ms", "depthUpdate"),
        ("/market/ws/btcusdt@markPrice@1s", "markPriceUpdate"),
        ("/ws/btcusdt@aggTrade", "aggTrade"),
    ],
)
def test_a_stream_has_the_fields_of_the_venue_in_order(
    exchange: Simulator, path: str, stream: str
) -> None:
    with exchange.socket(path) as link:
        message = receive(link)
    assert message["e"] == stream
    assert " ".join(message) == FIELDS[stream]


def test_the_combined_form_wraps_every_message(exchange: Simulator) -> None:
    names = "btcusdt@aggTrade/ethusdt@aggTrade"
    with exchange.socket("/market/stream?streams=" + names) as link:
        seen = {message["stream"]: message["data"]["s"] for message in map(_one(link), range(60))}
    assert seen == {"btcusdt@aggTrade": "BTCUSDT", "ethusdt@aggTrade": "ETHUSDT"}


def _one(link: Any) -> Any:
    return lambda _: receive(link)


def test_a_name_on_the_wrong_route_is_acknowledged_and_mute(exchange: Simulator) -> None:
    with exchange.socket("/public/ws") as link:
        names = ["btcusdt@aggTrade", "nonsense", "btcusdt@bookTicker"]
        link.send(json.dumps({"method": "SUBSCRIBE", "params": names, "id": "a-b"}))
        assert receive(link) == {"result": None, "id": "a-b"}
        assert {receive(link)["e"] for _ in range(100)} == {"bookTicker"}
        link.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 7}))
        listed = until(link, lambda message: message.get("id") == 7)
        assert listed["result"] == names
        link.send(json.dumps({"method": "UNSUBSCRIBE", "params": names, "id": 8}))
        until(link, lambda message: message.get("id") == 8)
        link.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 9}))
        assert receive(link) == {"result": [], "id": 9}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{nope", 3),
        ('{"id":1}', 2),
        ('{"method":"DANCE","id":1}', 2),
        ('{"method":"GET_PROPERTY","params":["colour"],"id":1}', 0),
        ('{"method":"SET_PROPERTY","params":["combined","yes"],"id":1}', 1),
        ('{"method":"SET_PROPERTY","params":[5,true],"id":1}', 2),
        ('{"method":"SUBSCRIBE","params":[5],"id":1}', 2),
    ],
)
def test_a_bad_control_message_gets_its_code(exchange: Simulator, message: str, code: int) -> None:
    with exchange.socket("/public/ws") as link:
        link.send(message)
        assert receive(link)["error"]["code"] == code


def test_the_combined_property_can_be_switched(exchange: Simulator) -> None:
    with exchange.socket("/market/ws") as link:
        link.send('{"method":"SET_PROPERTY","params":["combined",true],"id":1}')
        assert receive(link) == {"result": None, "id": 1}
        link.send('{"method":"GET_PROPERTY","params":["combined"],"id":2}')
        assert receive(link) == {"result": True, "id": 2}
        link.send('{"method":"SUBSCRIBE","params":["btcusdt@aggTrade"],"id":3}')
        until(link, lambda message: message.get("stream") == "btcusdt@aggTrade")


def test_aggregate_ids_are_consecutive_and_trade_ids_have_no_hole(exchange: Simulator) -> None:
    with exchange.socket("/market/ws/btcusdt@aggTrade") as link:
        rows = [receive(link) for _ in range(150)]
    for earlier, later in pairwise(rows):
        assert later["a"] == earlier["a"] + 1
        assert later["f"] == earlier["l"] + 1


def test_book_tickers_are_uncrossed_and_their_ids_rise(exchange: Simulator) -> None:
    with exchange.socket("/public/ws/btcusdt@bookTicker") as link:
        rows = [receive(link) for _ in range(200)]
    assert all(float(row["b"]) < float(row["a"]) for row in rows)
    ids = [row["u"] for row in rows]
    assert ids == sorted(set(ids))


def test_a_client_can_keep_a_book_by_the_venues_rule(exchange: Simulator) -> None:
    with exchange.socket("/public/ws") as link:
        link.send(json.dumps({"method": "SUBSCRIBE", "params": ["btcusdt@depth@100ms"], "id": 1}))
        receive(link)
        snapshot = exchange.get("/fapi/v1/depth?symbol=BTCUSDT&limit=1000")
        book = {side: dict(snapshot[side]) for side in ("bids", "asks")}
        last_id = snapshot["lastUpdateId"]
        first = until(link, lambda event: event["u"] >= last_id)
        assert first["U"] <= last_id <= first["u"]
        previous = _apply(book, first)
        for _ in range(4):
            event = receive(link)
            assert event["pu"] == previous
            previous = _apply(book, event)
        assert max(map(float, book["bids"])) < min(map(float, book["asks"]))
        _compare_with_the_venue(exchange, link, book)


def _apply(book: dict[str, dict[str, str]], event: Any) -> int:
    for side, rows in (("bids", event["b"]), ("asks", event["a"])):
        for price, quantity in rows:
            if float(quantity):
                book[side][price] = quantity
            else:
                book[side].pop(price, None)
    return int(event["u"])


def _compare_with_the_venue(
    exchange: Simulator, link: Any, book: dict[str, dict[str, str]]
) -> None:
    """Some snapshot taken between two messages equals the kept book exactly."""
    deadline = Deadline(10)
    while not deadline.passed():
        event = receive(link)
        _apply(book, event)
        venue = exchange.get("/fapi/v1/depth?symbol=BTCUSDT&limit=1000")
        # The snapshot takes one id of its own; with no other in between, nothing has changed.
        if {side: dict(venue[side]) for side in ("bids", "asks")} == book:
            return
    raise AssertionError("the kept book never equalled the venue's")


def _order_of_one_fill(
    exchange: Simulator, link: Any
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A market order that met one maker, which the touch does not promise, and its events."""
    for number in range(20):
        order = exchange.order(**MARKET, newClientOrderId=f"events-{number}")
        events = [receive(link)]
        while events[-1].get("o", {}).get("X") != "FILLED":
            events.append(receive(link))
        if len(events) == 4:
            return order, events
    raise AssertionError("every order met several makers")


def test_user_events_come_in_the_venues_order_with_its_fields(exchange: Simulator) -> None:
    with exchange.user_stream() as link:
        order, events = _order_of_one_fill(exchange, link)
    light, new, account, trade = events
    assert [event["e"] for event in events] == [
        "TRADE_LITE",
        "ORDER_TRADE_UPDATE",
        "ACCOUNT_UPDATE",
        "ORDER_TRADE_UPDATE",
    ]
    assert len({event["T"] for event in events}) == 1
    assert " ".join(light) == "e E T s q p m c S L l t i"
    assert (light["p"], light["q"], light["i"]) == ("0.00", "0.010", order["orderId"])
    fields = "s c S o f q p ap sp x X i l z L n N T t b a m R wt ot ps cp rp pP si ss V pm gtd er"
    for event, execution, status in ((new, "NEW", "NEW"), (trade, "TRADE", "FILLED")):
        assert " ".join(event["o"]) == fields
        assert (event["o"]["x"], event["o"]["X"]) == (execution, status)
    assert (trade["o"]["q"], trade["o"]["z"], trade["o"]["p"]) == ("0.01", "0.01", "0")
    position = account["a"]["P"][0]
    assert " ".join(position) == "s pa ep cr up mt iw ps ma bep"
    assert account["a"]["m"] == "ORDER"
    fill = exchange.ok("GET", "/fapi/v1/userTrades", symbol="BTCUSDT", orderId=order["orderId"])[0]
    assert trade["o"]["t"] == light["t"] == fill["id"]
    assert float(trade["o"]["n"]) == float(fill["commission"])


def test_closing_says_zero_and_a_resting_order_says_little(exchange: Simulator) -> None:
    with exchange.user_stream() as link:
        exchange.order(**MARKET)
        exchange.flatten()
        closed = until(link, lambda e: e["e"] == "ACCOUNT_UPDATE" and e["a"]["P"][0]["pa"] == "0")
        position = closed["a"]["P"][0]
        assert [position[key] for key in ("pa", "ep", "up", "bep")] == ["0"] * 4
        until(link, lambda e: e["e"] == "ORDER_TRADE_UPDATE" and e["o"]["x"] == "TRADE")
        limit = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "58500"}
        exchange.order(**limit, quantity="0.01")
        exchange.ok("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")
        events = [receive(link) for _ in range(2)]
    assert [event["o"]["x"] for event in events] == ["NEW", "CANCELED"]
    assert events[0]["o"]["b"] == "585"


def test_an_unfilled_ioc_expires_with_its_reason(exchange: Simulator) -> None:
    with exchange.user_stream() as link:
        order = {"side": "BUY", "type": "LIMIT", "timeInForce": "IOC", "price": "58500"}
        exchange.order(**order, quantity="0.01")
        events = [receive(link)["o"] for _ in range(2)]
    assert [(o["x"], o["X"], o["er"]) for o in events] == [
        ("NEW", "NEW", "0"),
        ("EXPIRED", "EXPIRED", "2"),
    ]


@pytest.mark.parametrize("form", ["path", "query", "sorted", "combined", "subscribe", "bare"])
def test_every_form_of_the_user_stream_is_served(exchange: Simulator, form: str) -> None:
    key = exchange.raw("POST", "/fapi/v1/listenKey").json()["listenKey"]
    path = {
        "path": f"/private/ws/{key}",
        "query": f"/private/ws?listenKey={key}&events=TRADE_LITE",
        "sorted": f"/private/ws?events=TRADE_LITE&listenKey={key}",
        "combined": f"/private/stream?listenKey={key}&events=TRADE_LITE/ACCOUNT_UPDATE",
        "subscribe": "/private/stream",
        "bare": f"/ws/{key}",
    }[form]
    with exchange.socket(path) as link:
        if form == "subscribe":
            link.send(json.dumps({"method": "SUBSCRIBE", "params": [key], "id": 1}))
            receive(link)
        exchange.order(**MARKET)
        exchange.order(**{**MARKET, "side": "SELL"})
        first, second = receive(link), receive(link)
    if form in ("combined", "subscribe"):
        assert first["stream"] == key
        first, second = first["data"], second["data"]
    assert first["e"] == "TRADE_LITE"
    expected = {"query": "TRADE_LITE", "sorted": "TRADE_LITE", "combined": "ACCOUNT_UPDATE"}
    assert second["e"] == expected.get(form, "ORDER_TRADE_UPDATE")


def test_an_unknown_listen_key_connects_and_is_mute(exchange: Simulator) -> None:
    with exchange.socket("/private/ws?listenKey=" + "z" * 64) as link:
        link.send('{"method":"LIST_SUBSCRIPTIONS","id":1}')
        assert receive(link)["id"] == 1


def test_a_leverage_change_is_told(exchange: Simulator) -> None:
    with exchange.user_stream() as link:
        exchange.ok("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=25)
        assert receive(link)["ac"] == {"s": "BTCUSDT", "l": 25}
        exchange.ok("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=20)


def test_forced_orders_come_one_object_per_message(exchange: Simulator) -> None:
    with exchange.socket("/market/ws/!forceOrder@arr") as link:
        link.settimeout(25)
        message = receive(link)
    assert message["e"] == "forceOrder"
    assert " ".join(message["o"]) == "s S o f q p ap X l z T ps st"


def test_a_client_ping_is_answered_and_garbage_ends_only_that_client(
    exchange: Simulator,
) -> None:
    with exchange.socket("/public/ws") as link:
        link.ping("hello")
        opcode, frame = link.recv_data_frame(control_frame=True)
        assert (opcode, frame.data) == (0xA, b"hello")
    with exchange.socket("/public/ws") as link:
        link.sock.sendall(b"\xff\xff\xff\xff")
        assert link.recv() in ("", b"")
    assert exchange.raw("GET", "/fapi/v1/ping", headers={"X-MBX-APIKEY": API_KEY}).json() == {}

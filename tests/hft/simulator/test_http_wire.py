from __future__ import annotations

from collections.abc import Iterator

import pytest

from hft.clock import wall_ms
from hft.simulator.http_reader import BODY_MAX_BYTES, URL_MAX_BYTES

from .clocked import Clocked, clocked
from .raw import HOST, PING, Wire, handshake, wire_to
from .wire import API_KEY, Simulator, eventually, sign

KEYED = HOST + f"X-MBX-APIKEY: {API_KEY}\r\n".encode()


@pytest.fixture
def wire(exchange: Simulator) -> Iterator[Wire]:
    with wire_to(exchange.line["port"]) as link:
        yield link


def post(target: str, body: bytes, more: bytes = b"") -> bytes:
    head = f"POST {target} HTTP/1.1\r\nContent-Length: {len(body)}\r\n".encode()
    return head + KEYED + more + b"\r\n" + body


def test_a_reply_carries_what_the_venue_sends_with_it(wire: Wire) -> None:
    answer = wire.ask(PING)
    headers = answer.headers
    assert headers["content-type"] == "application/json"
    assert headers["server"] == "Tengine"
    assert headers["x-response-time"].endswith("ms")
    assert int(headers["x-response-time"].removesuffix("ms")) >= 0
    assert headers["access-control-allow-origin"] == "*"
    assert headers["cache-control"].startswith("no-cache")
    assert headers["date"].endswith(" GMT")
    assert int(headers["x-mbx-used-weight-1m"]) >= 1
    assert not [name for name in headers if name.startswith("x-mbx-order-count")]


def test_what_has_a_limit_of_its_own_tells_no_weight(wire: Wire) -> None:
    request = b"GET /fapi/v1/fundingRate HTTP/1.1\r\n" + HOST + b"\r\n"
    assert "x-mbx-used-weight-1m" not in wire.ask(request).headers


def test_a_head_is_a_get_without_its_body(wire: Wire) -> None:
    wire.send(b"HEAD /fapi/v1/time HTTP/1.1\r\n" + HOST + b"\r\n" + PING)
    head = wire.answer(head_only=True)
    assert head.status == 200
    assert int(head.headers["content-length"]) > 10
    assert wire.answer().json() == {}


def test_options_tell_a_browser_what_it_may_do(wire: Wire) -> None:
    for target in (b"/fapi/v1/order", b"*"):
        answer = wire.ask(b"OPTIONS " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n")
        assert (answer.status, answer.body) == (200, b"")
        assert "X-MBX-APIKEY" in answer.headers["access-control-allow-headers"]
        assert "DELETE" in answer.headers["access-control-allow-methods"]


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:1/fapi/v1/ping?x=1", "/fapi%2Fv1/p%69ng", "/fapi/v1/ping#part"]
)
def test_a_target_may_be_absolute_or_encoded(wire: Wire, target: str) -> None:
    assert wire.ask(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()).json() == {}


def test_an_unknown_method_is_told_like_an_unknown_path(wire: Wire) -> None:
    for method in ("PATCH", "TRACE"):
        answer = wire.ask(f"{method} /fapi/v1/ping HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        text = f"Path /fapi/v1/ping, Method {method} is invalid"
        assert (answer.status, answer.json()) == (404, {"code": -5000, "msg": text})


def test_who_waits_to_be_told_is_told_to_go_on(wire: Wire) -> None:
    head = b"POST /fapi/v1/listenKey HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n"
    wire.send(head + KEYED + b"\r\n")
    first = wire.answer()
    assert (first.status, first.headers) == (100, {})
    assert wire.ask(b"a=1").status == 200


def test_a_chunked_body_ends_where_it_says_and_its_trailer_is_no_header(wire: Wire) -> None:
    head = b"POST /fapi/v1/listenKey HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + HOST + b"\r\n"
    late = b"1\r\na\r\n2;x=y\r\n=1\r\n0\r\nX-MBX-APIKEY: " + API_KEY.encode() + b"\r\n\r\n"
    wire.send(head + late + PING)
    assert wire.answer().json()["code"] == -2014
    assert wire.answer().json() == {}


def test_the_body_may_be_of_any_type_or_of_none(wire: Wire) -> None:
    for kind in (b"", b"Content-Type: application/json;charset=utf-8\r\n", b"Content-Type: ?\r\n"):
        stamp = f"symbol=BTCUSDT&leverage=20&timestamp={wall_ms()}"
        body = f"{stamp}&signature={sign(stamp)}".encode()
        answer = wire.ask(post("/fapi/v1/leverage", body, kind))
        assert answer.json()["leverage"] == 20, answer.json()


def test_a_name_in_query_and_body_is_the_querys(wire: Wire) -> None:
    query, body = "leverage=21", f"leverage=22&symbol=BTCUSDT&timestamp={wall_ms()}"
    signed = f"{body}&signature={sign(query + body)}".encode()
    assert wire.ask(post(f"/fapi/v1/leverage?{query}", signed)).json()["leverage"] == 21
    query, body = "leverage=20", f"leverage=22&symbol=BTCUSDT&timestamp={wall_ms()}"
    signed = f"{body}&signature={sign(query + body)}".encode()
    assert wire.ask(post(f"/fapi/v1/leverage?{query}", signed)).json()["leverage"] == 20


def test_a_name_that_comes_twice_in_one_place_is_refused(exchange: Simulator) -> None:
    for query in ("symbol=BTCUSDT&symbol=ETHUSDT", "symbol=BTCUSDT&symbol=BTCUSDT", "a=%31&a=1"):
        reply = exchange.raw("GET", "/fapi/v1/depth", query)
        assert (reply.status_code, reply.json()["code"]) == (400, -1101)
    stamp = f"symbol=BTCUSDT&leverage=20&leverage=125&timestamp={wall_ms()}"
    reply = exchange.raw("POST", "/fapi/v1/leverage", f"{stamp}&signature={sign(stamp)}")
    assert reply.json() == {"code": -1101, "msg": "Duplicate values for a parameter detected."}
    many = "&".join(f"p{number}=1" for number in range(201))
    assert exchange.raw("GET", "/fapi/v1/depth", many).json()["code"] == -1101


@pytest.mark.parametrize("text", ['[{"a":"b c"}]', "%5B%7B%22a%22%3A%22b+c%22%7D%5D", "%zz", "+"])
def test_what_is_signed_is_what_was_sent_encoded_or_not(wire: Wire, text: str) -> None:
    # In an address a blank must be encoded; in a body it need not be.
    stamp = f"leverage=20&symbol=BTCUSDT&note={text}&empty=&bare&timestamp={wall_ms()}"
    body = f"{stamp}&signature={sign(stamp)}".encode()
    assert wire.ask(post("/fapi/v1/leverage", body)).json()["leverage"] == 20
    query = f"{stamp}&signature={sign(stamp)}".replace(" ", "%20")
    resigned = query.partition("&signature=")[0]
    target = f"/fapi/v1/leverage?{resigned}&signature={sign(resigned)}"
    assert wire.ask(post(target, b"")).json()["leverage"] == 20


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /" + b"a" * URL_MAX_BYTES + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n" * 101 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A: " + b"b" * 40_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A: " + b"b" * 900_000, 431),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
        (b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"CONNECT a:80 HTTP/1.1\r\n" + HOST + b"\r\n", 405),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Expect: a miracle\r\nContent-Length: 1\r\n\r\n", 417),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % (BODY_MAX_BYTES + 1), 413),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
        (
            b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"
            b"\r\n0\r\n\r\n",
            400,
        ),
        (
            b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"
            b"\r\n0\r\n\r\n",
            400,
        ),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding : chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b" folded: yes\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_is_refused_and_the_connection_ends(
    wire: Wire, request_bytes: bytes, status: int
) -> None:
    answer = wire.ask(request_bytes)
    assert answer.status == status
    assert answer.json()["code"] == -1000
    assert answer.headers["connection"] == "close"
    assert wire.is_over()


def test_a_body_above_a_megabyte_is_refused_while_it_still_comes(wire: Wire) -> None:
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    wire.send(b"POST /fapi/v1/order HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + HOST + b"\r\n")
    for _ in range(64):
        wire.send(chunk)
    assert wire.answer().status == 413
    assert wire.is_over()


def test_a_body_of_a_megabyte_is_read(wire: Wire) -> None:
    body = b"symbol=" + b"x" * (BODY_MAX_BYTES - 7)
    assert wire.ask(post("/fapi/v1/order", body)).json()["code"] in (-1102, -1121)
    assert wire.ask(PING).json() == {}


@pytest.mark.parametrize("body", [b"", b"a=1"])
def test_an_offer_of_http_2_is_passed_over(wire: Wire, body: bytes) -> None:
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"
    wire.send(post("/fapi/v1/listenKey", body, offer) + PING)
    assert len(str(wire.answer().json()["listenKey"])) == 64
    assert wire.answer().json() == {}


def test_old_clients_are_answered_and_left(wire: Wire) -> None:
    assert wire.ask(b"GET /fapi/v1/ping HTTP/1.0\r\n\r\n").headers["connection"] == "close"
    assert wire.is_over()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (handshake("Sec-WebSocket-Version: 8"), 426),
        (handshake("Sec-WebSocket-Version: "), 426),
        (handshake("Sec-WebSocket-Key: "), 400),
        (handshake("Sec-WebSocket-Key: c2hvcnQ="), 400),
        (handshake("Sec-WebSocket-Key: no base64 at all"), 400),
        (handshake(method="POST"), 405),
        (handshake(target="/elsewhere"), 404),
        (handshake(target="/ws-fapi/v2"), 404),
        (handshake(target="/ws-fapi/v1?returnRateLimits=maybe"), 400),
    ],
)
def test_a_handshake_that_is_none_is_refused(wire: Wire, request_bytes: bytes, status: int) -> None:
    answer = wire.ask(request_bytes)
    assert answer.status == status
    assert isinstance(answer.json()["code"], int)
    if status == 426:
        assert answer.headers["sec-websocket-version"] == "13"
    assert wire.is_over()


def test_compression_and_subprotocols_are_declined(wire: Wire) -> None:
    offer = ("Sec-WebSocket-Extensions: permessage-deflate", "Sec-WebSocket-Protocol: mqtt")
    answer = wire.ask(handshake(*offer))
    assert answer.status == 101
    assert not {"sec-websocket-extensions", "sec-websocket-protocol"} & answer.headers.keys()


@pytest.fixture
def venue() -> Iterator[Clocked]:
    with clocked(request_s=0.3, idle_s=1.5) as simulator:
        yield simulator


def test_who_does_not_finish_a_request_is_dropped(venue: Clocked) -> None:
    with wire_to(venue.port) as silent, wire_to(venue.port) as slow, wire_to(venue.port) as good:
        assert good.ask(PING).json() == {}
        for piece in (PING[:9], PING[9:20]):
            slow.send(piece)
        # Each second of the venue's clock every connection is looked at.
        pulse(venue, left=1)
        assert silent.is_over()
        assert slow.is_over()
        assert good.ask(PING).json() == {}


def test_who_is_idle_for_longer_is_dropped_too(venue: Clocked) -> None:
    with wire_to(venue.port) as idle:
        assert idle.ask(PING).json() == {}
        pulse(venue, left=0)
        assert idle.is_over()


def pulse(venue: Clocked, *, left: int) -> None:
    """Let the venue's seconds pass until so many connections are left."""

    def are_left() -> bool:
        venue.now_ms += 1_000
        return venue.venue.counts.connections == left

    eventually(are_left)

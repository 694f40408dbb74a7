from __future__ import annotations

import contextlib
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import websocket
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hft.simulator.rest import ROUTES
from hft.simulator.ws_api import METHODS
from tests.hft.simulator.raw import PING, wire_to
from tests.hft.simulator.wire import WAIT_S

from .venue_rig import Pairs, Shape, Target, target

GOOD: dict[str, tuple[str, ...]] = {
    "symbol": ("BTCUSDT", "ETHUSDT"),
    "side": ("BUY", "SELL"),
    "type": ("LIMIT", "MARKET", "STOP_MARKET", "1", "2"),
    "timeInForce": ("GTC", "IOC", "FOK", "GTX", "GTD"),
    "quantity": ("0.010", "1", "0.001"),
    "price": ("60000.0", "58500", "3000"),
    "reduceOnly": ("true", "false"),
    "positionSide": ("BOTH", "LONG", "SHORT"),
    "newOrderRespType": ("ACK", "RESULT"),
    "newClientOrderId": ("mine",),
    "origClientOrderId": ("mine",),
    "orderId": ("1", "8389766000000000001"),
    "leverage": ("20", "5"),
    "marginType": ("CROSSED", "ISOLATED"),
    "dualSidePosition": ("true", "false"),
    "multiAssetsMargin": ("true", "false"),
    "amount": ("1", "0.5"),
    "countdownTime": ("0", "100000"),
    "batchOrders": ('[{"symbol":"BTCUSDT","side":"BUY"}]', "[]"),
    "orderIdList": ("[1,2]",),
    "limit": ("5", "100"),
    "startTime": ("0", "1790000000000"),
    "endTime": ("1790000000000",),
    "fromId": ("1",),
    "interval": ("1m", "1d"),
    "period": ("5m",),
    "pair": ("BTCUSDT",),
    "contractType": ("PERPETUAL",),
    "incomeType": ("COMMISSION",),
    "page": ("1",),
    "algoType": ("CONDITIONAL",),
    "algoId": ("1",),
    "clientAlgoId": ("mine",),
    "triggerPrice": ("60000",),
    "stopPrice": ("60000",),
    "activatePrice": ("60000",),
    "callbackRate": ("1",),
    "closePosition": ("true",),
    "workingType": ("MARK_PRICE",),
    "priceMatch": ("QUEUE", "OPPONENT"),
    "goodTillDate": ("1890000000000",),
    "selfTradePreventionMode": ("EXPIRE_MAKER", "NONE"),
    "modifyId": ("7",),
    "recvWindow": ("5000",),
    "feeBurn": ("true",),
    "listenKey": ("a" * 64,),
}
BAD = (
    "", " ", "0", "-1", "-0", "+1", " 1", "1e5", "1E400", "NaN", "-nan", "Infinity", "-inf",
    "9" * 18, "9" * 19, "-" + "9" * 19, "9" * 40, "9" * 2_000, "9" * 5_000, "0." + "0" * 30 + "1",
    "1.123456789", "1.", ".5", ".", "-", "0x10", "1_000", "1,5", "null", "None", "undefined",
    "true", "TRUE", "[]", "{}", '[{"a":', "[" * 500, '[{"symbol":{}}]', "[null]", "[1e999]",
    "' OR 1=1 --", "1; DROP TABLE orders", "../../etc/passwd", "%00", "\0", "\r\nX: y", "\x7f",
    "é", "😀", "\u202e", "BTCUSDT\0", "btcusdt", "BTCUSDT ", "٣", "²", "１２", "Ⅷ", "x" * 3_000,
)  # fmt: skip
values = st.one_of(st.sampled_from(BAD), st.text(max_size=40))
names = st.sampled_from((*sorted(GOOD), "", "signature", "a b", "é"))
ORDER = "symbol side type timeInForce quantity price"
AMENDMENT = "symbol side origClientOrderId quantity price"
ALGO = "algoType symbol side type quantity triggerPrice"
NEEDS: dict[object, str] = {
    ("POST", "/fapi/v1/order"): ORDER,
    ("POST", "/fapi/v1/order/test"): ORDER,
    ("PUT", "/fapi/v1/order"): AMENDMENT,
    ("POST", "/fapi/v1/algoOrder"): ALGO,
    ("POST", "/fapi/v1/leverage"): "symbol leverage",
    ("POST", "/fapi/v1/marginType"): "symbol marginType",
    ("POST", "/fapi/v1/positionMargin"): "symbol amount type",
    ("POST", "/fapi/v1/countdownCancelAll"): "symbol countdownTime",
    ("POST", "/fapi/v1/batchOrders"): "batchOrders",
    ("PUT", "/fapi/v1/batchOrders"): "batchOrders",
    ("DELETE", "/fapi/v1/batchOrders"): "symbol orderIdList",
    "order.place": ORDER,
    "order.modify": AMENDMENT,
    "algoOrder.place": ALGO,
}
"""What a call must have to get past its first check; the others name a symbol and an order."""


@st.composite
def calls(draw: st.DrawFn, table: st.SearchStrategy[Any]) -> tuple[Any, Pairs]:
    """A call with parameters that are good but for a few: wrong, missing, or there twice."""
    route = draw(table)
    needed = NEEDS.get(route, "symbol origClientOrderId").split()
    more = draw(st.lists(st.sampled_from(sorted(GOOD)), max_size=3, unique=True))
    found = {name: draw(st.sampled_from(GOOD[name])) for name in (*needed, *more)}
    wrong = st.sampled_from(needed) | names
    for name in draw(st.lists(wrong, max_size=2)):
        found[name] = draw(values)
    if draw(st.integers(0, 5)) == 0:
        found.pop(draw(st.sampled_from(sorted(found))))
    listed = list(found.items())
    if listed and draw(st.integers(0, 9)) == 0:
        listed.append((draw(st.sampled_from(listed))[0], draw(values)))
    return route, listed


shapes = st.builds(
    Shape,
    in_body=st.booleans(),
    signed=st.integers(0, 9).map(bool),
    stamped=st.integers(0, 9).map(bool),
)
routes = st.sampled_from(sorted(ROUTES))
methods = st.sampled_from(sorted(METHODS))
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with target(tmp_path_factory.mktemp("fuzz")) as under_fire:
        yield under_fire


def hold_every_route(venue: Target, examples: int) -> None:
    @given(calls(routes), shapes)
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    def every_route(called: tuple[tuple[str, str], Pairs], shape: Shape) -> None:
        route, sent = called
        answer = venue.fire(route, sent, shape)
        if route[0] != "GET":
            venue.settle(answer.status, (route, sent, shape))

    every_route()
    venue.is_well()


def hold_every_method(venue: Target, examples: int) -> None:
    known = st.dictionaries(st.sampled_from(sorted(GOOD)), json_values, max_size=2)

    @given(calls(methods), known)
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    def every_method(called: tuple[str, Pairs], odd: dict[str, Any]) -> None:
        method, sent = called
        reply = venue.ask(method, {**dict(sent), **odd})
        if not method.startswith(("account", "v2/account")):
            venue.settle(reply["status"], (method, sent, odd))

    every_method()
    venue.is_well()


def hold_any_bytes(venue: Target, examples: int) -> None:
    heads = st.sampled_from((b"", b"GET ", b"POST /fapi/v1/order HTTP/1.1\r\n", PING))

    @given(st.lists(heads | st.binary(max_size=300), max_size=5))
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    def any_bytes(pieces: list[bytes]) -> None:
        with wire_to(venue.port) as wire, contextlib.suppress(ConnectionError):
            for piece in pieces:
                wire.send(piece)
        assert venue.picture() == venue.held

    any_bytes()
    venue.is_well()


def hold_any_message(venue: Target, examples: int) -> None:
    texts = st.text(max_size=200) | st.sampled_from(
        ("{", "[]", "{}", "null", '{"id":{}}', '{"id":1e999}', "[" * 50_000, '{"a":' * 50_000)
    )

    @given(
        st.lists(texts | st.binary(max_size=50), max_size=5),
        st.sampled_from(("/ws", "/ws-fapi/v1")),
    )
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    def any_message(messages: list[str | bytes], path: str) -> None:
        url = f"ws://127.0.0.1:{venue.port}{path}"
        with contextlib.closing(websocket.create_connection(url, timeout=WAIT_S)) as link:
            for message in messages:
                if isinstance(message, str):
                    link.send(message)
                    assert "code" in link.recv()
            with contextlib.suppress(OSError):
                for message in messages:
                    if isinstance(message, bytes):
                        link.sock.sendall(message)

    any_message()
    venue.is_well()


def hold_memory(venue: Target, rounds: int) -> None:
    """What is refused leaves nothing behind, however new its words are."""
    dice = Random(7)
    shape = Shape(in_body=False, signed=True, stamped=True)

    def refused(count: int) -> None:
        for _ in range(count):
            odd = f"{dice.getrandbits(128):x}"
            for method, path in (("POST", "/fapi/v1/order"), ("GET", f"/fapi/v1/{odd}")):
                wrong = [("symbol", odd), ("newClientOrderId", odd), (odd, odd)]
                assert venue.fire((method, path), wrong, shape).status >= 400
            venue.session.send('{"id":"' + odd + '","method":"' + odd + '"}')
            assert odd in venue.session.recv()

    refused(rounds // 5)
    before = venue.resident_bytes()
    refused(rounds)
    grown = venue.resident_bytes() - before
    assert grown < 4 << 20, f"{grown >> 10} KiB more"


def hold_large_bodies(venue: Target, rounds: int) -> None:
    shape = Shape(in_body=True, signed=True, stamped=True)
    before = venue.resident_bytes()
    for number in range(rounds):
        route = sorted(ROUTES)[number % len(ROUTES)]
        # Above a megabyte once its letters are encoded, or just below.
        size = 1_000_000 if number % 2 else 1 << 20
        status = venue.fire(route, [("symbol", "x" * size)], shape).status
        assert (status == 413) == (size == 1 << 20)
    assert venue.resident_bytes() - before < 32 << 20
    venue.is_well()


def test_every_route_refuses_nonsense_by_the_venues_rules(venue: Target) -> None:
    hold_every_route(venue, 3_500)


def test_every_method_refuses_nonsense_by_the_venues_rules(venue: Target) -> None:
    hold_every_method(venue, 1_800)


def test_any_bytes_leave_the_venue_as_it_was(venue: Target) -> None:
    hold_any_bytes(venue, 200)


def test_any_message_is_answered_with_a_code(venue: Target) -> None:
    hold_any_message(venue, 100)


def test_refused_requests_leave_nothing_in_memory(venue: Target) -> None:
    hold_memory(venue, 1_500)


def test_bodies_of_a_megabyte_are_refused(venue: Target) -> None:
    hold_large_bodies(venue, 30)


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_a_long_siege_changes_nothing(venue: Target) -> None:
    hold_every_route(venue, 40_000)
    hold_every_method(venue, 20_000)
    hold_any_bytes(venue, 5_000)
    hold_any_message(venue, 2_000)
    hold_memory(venue, 30_000)
    hold_large_bodies(venue, 500)

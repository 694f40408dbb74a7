"""Failing servers, late replies, ended connections and fills in parts, over real sockets."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import websocket

from hft.clock import monotonic_ns, wall_ms
from hft.simulator.fault_replies import LATE_MAX_REPLIES

from .test_faults_wire import MARKET, ORDER, SYMBOL, arm, known_status, struck
from .test_session_wire import call
from .wire import API_KEY, WAIT_S, Simulator, eventually, running, sign, until

NS_PER_MS = 1_000_000
TEXTS = {
    "unavailable": (503, -1001, "Service Unavailable."),
    "internal": (503, -1001, "Internal error; unable to process your request. Please try again."),
    "bus": (500, -1006, "An unexpected response was received from the message bus. "),
    "timeout": (408, -1007, "Timeout waiting for response from backend server. "),
}


@pytest.fixture(scope="module")
def _faulty() -> Iterator[Simulator]:
    with running("--seed", "3", "--faults", "on") as simulator:
        yield simulator


@pytest.fixture
def faulty(_faulty: Simulator) -> Iterator[Simulator]:
    """A simulator that may be told to fail; each test leaves it whole and flat."""
    yield _faulty
    _faulty.raw("DELETE", "/sim/faults")
    _faulty.flatten()


@pytest.mark.parametrize("error", TEXTS)
@pytest.mark.parametrize("executed", [True, False])
def test_a_failing_server_has_carried_out_what_its_words_leave_open(
    faulty: Simulator, error: str, executed: bool
) -> None:
    arm(faulty, "http_error", error=error, executed=executed, count=2)
    status, code, text = TEXTS[error]
    name = f"{error}-{executed}"
    reply = faulty.signed("POST", "/fapi/v1/order", **SYMBOL, **ORDER, newClientOrderId=name)
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert reply.json()["msg"].startswith(text)
    there = executed and error in ("bus", "timeout")
    assert known_status(faulty, name) == ("NEW" if there else -2013)
    with faulty.socket("/ws-fapi/v1") as link:
        answer = call(link, "order.place", 7, **SYMBOL, **ORDER, newClientOrderId=name + "w")
    assert (answer["id"], answer["status"], answer["error"]["code"]) == (7, status, code)
    assert known_status(faulty, name + "w") == ("NEW" if there else -2013)


@pytest.mark.parametrize(
    ("error", "status"), [("bad_gateway", 502), ("gateway_timeout", 504), ("forbidden", 403)]
)
def test_a_gateway_answers_with_a_page_and_over_rest_alone(
    faulty: Simulator, error: str, status: int
) -> None:
    number = arm(faulty, "http_error", error=error, executed=True)
    name = f"page-{status}"
    reply = faulty.signed("POST", "/fapi/v1/order", **SYMBOL, **ORDER, newClientOrderId=name)
    assert (reply.status_code, reply.headers["Content-Type"]) == (status, "text/html")
    assert f"<title>{status}" in reply.text
    assert known_status(faulty, name) == (-2013 if status == 403 else "NEW")
    with faulty.socket("/ws-fapi/v1") as link:
        assert call(link, "order.place", 1, **SYMBOL, **ORDER)["status"] == 200
    assert struck(faulty, number) == 1


def test_the_throttle_spares_what_reduces_and_what_is_no_new_order(faulty: Simulator) -> None:
    faulty.order(**{**MARKET, "quantity": "0.030"})
    path = "/fapi/v1/order"
    number = arm(faulty, "http_error", error="throttled", requests=["*"])
    assert faulty.refused("POST", path, **SYMBOL, **MARKET) == (503, -1008)
    sell = {**MARKET, "side": "SELL", "reduceOnly": "true"}
    faulty.ok("POST", path, **SYMBOL, **sell)
    faulty.ok("DELETE", "/fapi/v1/allOpenOrders", **SYMBOL)
    opening, closing = {**SYMBOL, **MARKET}, {**SYMBOL, **sell}
    batch = "/fapi/v1/batchOrders"
    assert faulty.refused("POST", batch, batchOrders=json.dumps([closing, opening])) == (503, -1008)
    done = faulty.ok("POST", batch, batchOrders=json.dumps([closing]))
    assert done[0]["status"] == "NEW"
    assert struck(faulty, number) == 2


def test_a_slow_reply_comes_late_and_those_behind_it_wait_their_turn(faulty: Simulator) -> None:
    number = arm(faulty, "slow_reply", requests=["GET /fapi/v1/time"], count=1, delay_ms=400)
    one = "GET /fapi/v1/{} HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", faulty.line["port"]), timeout=WAIT_S) as link:
        began_ns = monotonic_ns()
        link.sendall((one.format("time") + one.format("ping")).encode())
        assert faulty.raw("GET", "/fapi/v1/time").status_code == 200
        data = b""
        while data.count(b"HTTP/1.1 200 OK") < 2 or not data.endswith(b"{}"):
            data += link.recv(4096)
        took_ms = (monotonic_ns() - began_ns) // NS_PER_MS
    assert data.index(b"serverTime") < data.index(b"\r\n\r\n{}")
    assert took_ms >= 400
    assert struck(faulty, number) == 1


def test_a_slow_reply_of_the_websocket_api_holds_up_the_next(faulty: Simulator) -> None:
    arm(faulty, "slow_reply", count=1, delay_ms=400)
    with faulty.socket("/ws-fapi/v1") as link:
        params: dict[str, Any] = {"apiKey": API_KEY, "timestamp": wall_ms(), **SYMBOL, **ORDER}
        params["newClientOrderId"] = "slow-ws"
        text = "&".join(f"{name}={params[name]}" for name in sorted(params))
        params["signature"] = sign(text)
        link.send(json.dumps({"id": 1, "method": "order.place", "params": params}))
        link.send(json.dumps({"id": 2, "method": "time"}))
        eventually(lambda: known_status(faulty, "slow-ws") == "NEW")
        assert [json.loads(link.recv())["id"] for _ in range(2)] == [1, 2]


def test_a_client_that_asks_on_and_on_behind_a_late_reply_is_cut_off(faulty: Simulator) -> None:
    arm(faulty, "slow_reply", requests=["GET /fapi/v1/ping"], count=1, delay_ms=60_000)
    one = b"GET /fapi/v1/ping HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", faulty.line["port"]), timeout=WAIT_S) as link:
        link.sendall(one * (LATE_MAX_REPLIES + 10))
        assert link.recv(100) == b""


@pytest.mark.parametrize("close_frame", [True, False])
def test_connections_of_one_sort_end_and_the_others_do_not(
    faulty: Simulator, close_frame: bool
) -> None:
    with (
        faulty.user_stream() as users,
        faulty.socket("/public/ws/btcusdt@bookTicker") as market,
        faulty.socket("/ws-fapi/v1") as session,
    ):
        number = arm(faulty, "disconnect", connections="user", close_frame=close_frame)
        frame = None
        try:
            frame = users.recv_frame()
        except websocket.WebSocketConnectionClosedException:
            assert not close_frame
        assert (frame is not None) is close_frame
        if frame is not None:
            assert (frame.opcode, frame.data) == (websocket.ABNF.OPCODE_CLOSE, b"\x03\xe9")
        assert struck(faulty, number) == 1
        assert json.loads(market.recv())["e"] == "bookTicker"
        assert call(session, "time")["status"] == 200
        again = arm(faulty, "disconnect", connections="session")
        eventually(lambda: struck(faulty, again) == 1)
        assert session.recv_frame().opcode == websocket.ABNF.OPCODE_CLOSE


def test_a_fill_comes_in_parts_that_make_up_the_whole(faulty: Simulator) -> None:
    number = arm(faulty, "partial_fills", pieces=5, count=1, symbol="BTCUSDT")
    with faulty.user_stream() as link:
        placed = faulty.order(**MARKET)
        updates: list[Any] = []

        def last(event: Any) -> bool:
            if event["e"] == "ORDER_TRADE_UPDATE":
                updates.append(event["o"])
            return bool(updates) and updates[-1]["X"] == "FILLED"

        until(link, last)
    fills = faulty.ok("GET", "/fapi/v1/userTrades", **SYMBOL, orderId=placed["orderId"])
    assert 2 <= len(fills) == len(updates) - 1
    assert [update["X"] for update in updates[1:-1]] == ["PARTIALLY_FILLED"] * (len(fills) - 1)
    assert sum(round(1_000 * float(fill["qty"])) for fill in fills) == 10
    assert updates[-1]["z"] == "0.01"
    assert struck(faulty, number) == 1

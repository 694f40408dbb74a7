"""Faults as a client meets them: over real sockets, from a running process."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket

from hft.clock import wall_ms

from .test_session_wire import call
from .wire import API_KEY, Simulator, eventually, receive, running, sign, until

ORDER: dict[str, Any] = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
ORDER |= {"price": "58500.0", "quantity": "0.010"}
MARKET: dict[str, Any] = {"side": "BUY", "type": "MARKET", "quantity": "0.010"}
SYMBOL = {"symbol": "BTCUSDT"}


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


def arm(simulator: Simulator, kind: str, **fields: Any) -> int:
    """Arm one fault; gives its number."""
    reply = simulator.raw("POST", "/sim/faults", data=json.dumps({"kind": kind, **fields}))
    assert reply.status_code == 200, reply.text
    return int(reply.json()["added"][0]["id"])


def struck(simulator: Simulator, number: int) -> int:
    rows = simulator.get("/sim/state")["faults"]["armed"]
    return int(next(row["struck"] for row in rows if row["id"] == number))


def known_status(simulator: Simulator, client_id: str) -> Any:
    reply = simulator.signed("GET", "/fapi/v1/order", **SYMBOL, origClientOrderId=client_id)
    return reply.json().get("status") or reply.json()["code"]


def test_without_being_asked_for_faults_nobody_can_add_one(exchange: Simulator) -> None:
    reply = exchange.raw("POST", "/sim/faults", data='{"kind":"drop"}')
    assert (reply.status_code, reply.json()["code"]) == (404, -5000)
    assert exchange.get("/sim/state")["faults"] is None


def test_the_state_tells_the_run_and_what_is_armed_and_clearing_disarms(faulty: Simulator) -> None:
    number = arm(faulty, "drop", streams=["nothing"], probability=0.5)
    state = faulty.get("/sim/state")
    assert len(state["account_epoch"]) == 16
    assert (state["seed"], state["symbols"]) == (3, ["BTCUSDT", "ETHUSDT"])
    assert abs(state["server_time_ms"] - wall_ms()) < 5_000
    row = next(row for row in state["faults"]["armed"] if row["id"] == number)
    assert (row["kind"], row["probability"], row["struck"]) == ("drop", 0.5, 0)
    assert row["active"] is True
    assert faulty.raw("DELETE", "/sim/faults", "id=x").status_code == 400
    assert faulty.raw("DELETE", "/sim/faults", f"id={number}").json() == {"cleared": 1}
    arm(faulty, "drop", streams=["nothing"])
    assert faulty.raw("DELETE", "/sim/faults").json() == {"cleared": 1}
    assert faulty.get("/sim/faults")["armed"] == []
    assert faulty.raw("PUT", "/sim/faults").status_code == 404
    assert faulty.raw("POST", "/sim/faults", data='{"kind":"dorp"}').json()["code"] == -1130


@pytest.mark.parametrize("then", ["silence", "close", "cut"])
def test_an_order_whose_reply_is_lost_is_at_the_venue(faulty: Simulator, then: str) -> None:
    number = arm(faulty, "lost_ack", then=then, count=1)
    query = f"symbol=BTCUSDT&newClientOrderId=lost-{then}&timestamp={wall_ms()}"
    query += "".join(f"&{name}={value}" for name, value in ORDER.items())
    address = f"{faulty.url}/fapi/v1/order?{query}&signature={sign(query)}"
    with pytest.raises(requests.RequestException) as failure:
        requests.post(address, headers={"X-MBX-APIKEY": API_KEY}, timeout=0.5)
    assert isinstance(failure.value, requests.Timeout) is (then == "silence")
    assert known_status(faulty, f"lost-{then}") == "NEW"
    assert struck(faulty, number) == 1
    faulty.order(**ORDER)


def test_after_a_lost_reply_nothing_behind_it_is_answered_out_of_turn(faulty: Simulator) -> None:
    arm(faulty, "lost_ack", requests=["GET /fapi/v1/time"], count=1)
    with socket.create_connection(("127.0.0.1", faulty.line["port"]), timeout=0.3) as link:
        one = "GET /fapi/v1/{} HTTP/1.1\r\nHost: x\r\n\r\n"
        link.sendall((one.format("time") + one.format("ping")).encode())
        with pytest.raises(TimeoutError):
            link.recv(100)


def test_a_lost_reply_of_the_websocket_api_leaves_the_next_ones_alone(faulty: Simulator) -> None:
    arm(faulty, "lost_ack", count=1)
    with faulty.socket("/ws-fapi/v1") as link:
        params = {"apiKey": API_KEY, "newClientOrderId": "lost-ws", "timestamp": wall_ms()}
        params |= SYMBOL | ORDER
        text = "&".join(f"{name}={params[name]}" for name in sorted(params))
        params["signature"] = sign(text)
        link.send(json.dumps({"id": 1, "method": "order.place", "params": params}))
        asked = call(link, "order.status", 2, **SYMBOL, origClientOrderId="lost-ws")
    assert (asked["id"], asked["result"]["status"]) == (2, "NEW")


@pytest.mark.parametrize(("executed", "found"), [(True, "NEW"), (False, -2013)])
def test_an_unknown_status_tells_nothing_of_whether_the_order_is_there(
    faulty: Simulator, executed: bool, found: Any
) -> None:
    arm(faulty, "unknown_status", executed=executed, count=2)
    name = f"u-{executed}"
    reply = faulty.signed("POST", "/fapi/v1/order", **SYMBOL, **ORDER, newClientOrderId=name)
    assert reply.status_code == 503
    assert reply.json() == {
        "code": -1000,
        "msg": "Unknown error, please check your request or try again later.",
    }
    assert known_status(faulty, name) == found
    with faulty.socket("/ws-fapi/v1") as link:
        answer = call(link, "order.place", "x", **SYMBOL, **ORDER, newClientOrderId=name + "w")
    assert (answer["id"], answer["status"], answer["error"]["code"]) == ("x", 503, -1000)
    assert known_status(faulty, name + "w") == found


def test_a_backend_timeout_is_408(faulty: Simulator) -> None:
    arm(faulty, "unknown_status", status=408, executed=False, count=1)
    assert faulty.refused("POST", "/fapi/v1/order", **SYMBOL, **ORDER) == (408, -1007)


@pytest.mark.parametrize("status", [429, 418])
def test_too_many_requests_are_told_when_to_come_back(faulty: Simulator, status: int) -> None:
    number = arm(faulty, "too_many", status=status, retry_after_s=1, count=1)
    reply = faulty.raw("GET", "/fapi/v1/ping")
    assert (reply.status_code, reply.json()["code"]) == (status, -1003)
    assert reply.headers["Retry-After"] == "1"
    assert ("banned until" in reply.json()["msg"]) is (status == 418)
    with faulty.socket("/ws-fapi/v1") as link:
        assert call(link, "ping")["status"] == status
    eventually(lambda: faulty.raw("GET", "/fapi/v1/ping").status_code == 200)
    assert struck(faulty, number) == 1


def test_what_tells_of_the_simulator_itself_is_never_struck(faulty: Simulator) -> None:
    number = arm(faulty, "lost_ack", requests=["*"])
    assert struck(faulty, number) == 0
    with faulty.socket("/public/ws") as link:
        link.send('{"method":"LIST_SUBSCRIPTIONS","id":1}')
        assert receive(link) == {"result": [], "id": 1}
    assert struck(faulty, number) == 0


def test_there_is_an_end_to_how_many_faults_are_armed(faulty: Simulator) -> None:
    many = json.dumps({"faults": [{"kind": "drop", "streams": ["nothing"]}] * 100})
    assert faulty.raw("POST", "/sim/faults", data=many).status_code == 200
    one_more = faulty.raw("POST", "/sim/faults", data='{"kind":"drop"}')
    assert (one_more.status_code, one_more.json()["code"]) == (400, -1130)
    assert len(faulty.get("/sim/faults")["armed"]) == 100


def test_a_stalled_stream_is_silent_on_a_connection_that_lives(faulty: Simulator) -> None:
    with faulty.socket("/public/ws/btcusdt@bookTicker/btcusdt@depth@100ms") as link:
        until(link, lambda message: message["e"] == "bookTicker")
        number = arm(faulty, "stall", streams=["btcusdt@bookTicker"])
        eventually(lambda: struck(faulty, number) == 1)
        assert faulty.get("/sim/state")["faults"]["stalled"] == ["btcusdt@bookTicker"]
        link.send('{"method":"LIST_SUBSCRIPTIONS","id":1}')
        until(link, lambda message: message.get("id") == 1)
        kinds = [receive(link)["e"] for _ in range(5)]
        assert set(kinds) == {"depthUpdate"}
        faulty.raw("DELETE", "/sim/faults")
        until(link, lambda message: message["e"] == "bookTicker")


def test_a_cut_ends_the_connection_inside_a_frame(faulty: Simulator) -> None:
    with faulty.socket("/public/ws/btcusdt@bookTicker") as link:
        receive(link)
        arm(faulty, "cut")
        raw = link.sock
        raw.settimeout(5)
        data = b""
        while piece := raw.recv(65536):
            data += piece
    while len(data) >= 4:
        size, head = (data[1], 2) if data[1] < 126 else (int.from_bytes(data[2:4], "big"), 4)
        if len(data) < head + size:
            break
        data = data[head + size :]
    assert data, "the last frame must not be whole"


def test_a_book_gap_breaks_the_chain_of_ids(faulty: Simulator) -> None:
    with faulty.socket("/public/ws/btcusdt@depth@100ms") as link:
        last = receive(link)
        number = arm(faulty, "book_gap", count=1, burst=2)
        gaps = 0
        for _ in range(8):
            message = receive(link)
            gaps += message["pu"] != last["u"]
            last = message
    assert (gaps, struck(faulty, number)) == (1, 1)


def test_garbage_does_not_replace_what_was_said(faulty: Simulator) -> None:
    with faulty.socket("/public/ws/btcusdt@bookTicker") as link:
        arm(faulty, "garbage", forms=["html"], count=1)
        texts = [str(link.recv()) for _ in range(200)]
    garbage = [text for text in texts if not text.startswith("{")]
    assert len(garbage) == 1
    assert "502 Bad Gateway" in garbage[0]


def test_a_lost_fill_is_booked_and_only_the_account_update_tells(faulty: Simulator) -> None:
    arm(faulty, "lost_fill")
    with faulty.user_stream() as link:
        faulty.order(**MARKET, newClientOrderId="untold")
        first = _until_account_update(link)
        faulty.raw("DELETE", "/sim/faults")
        faulty.order(**MARKET, newClientOrderId="told")
        second = until(link, _is_fill)
    assert "TRADE_LITE" not in first
    assert second["o"]["c"] == "told"
    fills = faulty.ok("GET", "/fapi/v1/userTrades", **SYMBOL)
    assert len(fills) >= 2


def _is_fill(event: Any) -> bool:
    return event.get("o", {}).get("x") == "TRADE"


def _until_account_update(link: websocket.WebSocket) -> list[str]:
    kinds: list[str] = []
    until(link, lambda event: bool(kinds.append(event["e"])) or event["e"] == "ACCOUNT_UPDATE")
    return kinds


def test_the_user_stream_lags_and_keeps_its_order(faulty: Simulator) -> None:
    arm(faulty, "delay", streams=["user:*"], count=1, delay_ms=300)
    with faulty.user_stream() as link:
        faulty.order(**MARKET)
        first = receive(link)
        late_ms = wall_ms() - first["E"]
        kinds = []
        until(link, lambda event: bool(kinds.append(event["e"])) or _is_fill(event))
    assert late_ms >= 300
    assert first["e"] == "TRADE_LITE"
    assert kinds[:2] == ["ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"]


@pytest.mark.parametrize("step_ms", [10_000, -10_000])
def test_a_clock_step_refuses_timestamps_until_the_client_asks_the_time(
    faulty: Simulator, step_ms: int
) -> None:
    arm(faulty, "clock_step", step_ms=step_ms, duration_ms=60_000)
    eventually(lambda: faulty.get("/sim/state")["faults"]["clock_step_ms"] == step_ms)
    assert faulty.refused("GET", "/fapi/v2/balance") == (400, -1021)
    told_ms = faulty.get("/fapi/v1/time")["serverTime"]
    assert abs(told_ms - wall_ms() - step_ms) < 2_000
    faulty.ok("GET", "/fapi/v2/balance", timestamp=told_ms)
    faulty.raw("DELETE", "/sim/faults")
    faulty.ok("GET", "/fapi/v2/balance")


def test_a_clock_step_ends_by_itself(faulty: Simulator) -> None:
    number = arm(faulty, "clock_step", duration_ms=100)
    eventually(lambda: struck(faulty, number) == 1)
    eventually(lambda: faulty.get("/sim/state")["faults"]["clock_step_ms"] == 0)
    faulty.ok("GET", "/fapi/v2/balance")


def test_a_listen_key_dies_and_says_so(faulty: Simulator) -> None:
    with faulty.user_stream() as link:
        key = faulty.raw("POST", "/fapi/v1/listenKey").json()["listenKey"]
        arm(faulty, "listen_key_death")
        event = until(link, lambda message: message["e"] == "listenKeyExpired")
        assert event["listenKey"] == key
        reply = faulty.raw("PUT", "/fapi/v1/listenKey")
        assert (reply.status_code, reply.json()["code"]) == (400, -1125)


def test_a_scenario_file_is_armed_from_the_start(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('seed = 5\n[[faults]]\nkind = "too_many"\nrequests = ["GET *ping"]\n')
    with running("--faults", str(path)) as simulator:
        assert simulator.raw("GET", "/fapi/v1/ping").status_code == 429
        assert simulator.get("/sim/state")["faults"]["seed"] == 5

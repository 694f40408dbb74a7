from __future__ import annotations

import contextlib
import json
import socket
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hft.clock import Deadline
from hft.simulator.hub import SEND_BUFFER_MAX_BYTES, Hub, enveloped, prefix_of, text_frame
from hft.simulator.limits import Limits
from hft.simulator.user_streams import LISTEN_KEY_LIFE_MS, UserStreams

from .wire import API_KEY, Simulator, eventually


def connect(simulator: Simulator) -> socket.socket:
    return socket.create_connection(("127.0.0.1", simulator.line["port"]), timeout=10)


def read_replies(link: socket.socket, count: int) -> list[dict[str, object]]:
    """Read `count` whole HTTP replies and give their JSON bodies."""
    data = b""
    bodies: list[dict[str, object]] = []
    while len(bodies) < count:
        head, found, rest = data.partition(b"\r\n\r\n")
        if found:
            size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            if len(rest) >= size:
                bodies.append(json.loads(rest[:size]))
                data = rest[size:]
                continue
        received = link.recv(65536)
        assert received, "the server closed too early"
        data += received
    return bodies


def test_pipelined_requests_are_answered_in_order_on_one_connection(exchange: Simulator) -> None:
    paths = ["/fapi/v1/ping", "/fapi/v1/time", "/none", "/fapi/v1/exchangeInfo"]
    text = "".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n" for path in paths)
    with connect(exchange) as link:
        for piece in (text[:30], text[30:77], text[77:]):
            link.sendall(piece.encode())
        bodies = read_replies(link, 4)
    assert bodies[0] == {}
    assert "serverTime" in bodies[1]
    assert bodies[2]["code"] == -5000
    assert "symbols" in bodies[3]


def test_a_body_may_come_in_chunks(exchange: Simulator) -> None:
    with connect(exchange) as link:
        head = "POST /fapi/v1/listenKey HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        link.sendall(f"{head}X-MBX-APIKEY: {API_KEY}\r\n\r\n3\r\na=1\r\n0\r\n\r\n".encode())
        assert len(str(read_replies(link, 1)[0]["listenKey"])) == 64


def test_garbage_gets_400_and_the_door(exchange: Simulator) -> None:
    with connect(exchange) as link:
        link.sendall(b"\x00\x01garbage\r\n\r\n")
        assert link.recv(65536).startswith(b"HTTP/1.1 400 ")
        assert link.recv(65536) == b""


def test_an_upgrade_to_nowhere_is_refused(exchange: Simulator) -> None:
    with connect(exchange) as link:
        link.sendall(
            b"GET /elsewhere HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert link.recv(65536).startswith(b"HTTP/1.1 404 ")


def test_frames_sent_with_the_handshake_are_not_lost(exchange: Simulator) -> None:
    message = b'{"method":"LIST_SUBSCRIPTIONS","id":3}'
    frame = bytes((0x81, 0x80 | len(message))) + b"\0\0\0\0" + message
    with connect(exchange) as link:
        link.sendall(
            b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            + frame
        )
        data = b""
        deadline = Deadline(10)
        while b'"id":3' not in data and not deadline.passed():
            data += link.recv(65536)
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in data
    assert b'{"result":[],"id":3}' in data


def test_a_client_that_does_not_read_is_cut_off(exchange: Simulator) -> None:
    before = exchange.get("/sim/state")["counts"]["cut_off"]
    asking = b'{"method":"SET_PROPERTY","params":["combined",true],"id":"' + b"x" * 60_000 + b'"}'
    frame = bytes((0x81, 0xFE)) + len(asking).to_bytes(2, "big") + b"\0\0\0\0" + asking
    with exchange.socket("/ws") as link:
        sent = 0
        # The cut: what it looks like from here depends on what was still under way.
        with contextlib.suppress(OSError):
            while sent < 4 * SEND_BUFFER_MAX_BYTES:
                link.sock.sendall(frame)
                sent += len(frame)
        eventually(lambda: exchange.get("/sim/state")["counts"]["cut_off"] == before + 1)


@given(st.binary(max_size=300) | st.integers(65_500, 65_600).map(bytes))
def test_server_frames_have_the_shortest_length_form(payload: bytes) -> None:
    frame = text_frame(payload)
    assert frame.endswith(payload)
    head = len(frame) - len(payload)
    assert head == (2 if len(payload) < 126 else 4 if len(payload) < 65_536 else 10)


def test_every_stream_belongs_to_one_route() -> None:
    public = "btcusdt@bookTicker !bookTicker btcusdt@depth btcusdt@depth5@100ms btcusdt@trade"
    market = "btcusdt@aggTrade btcusdt@markPrice@1s !markPrice@arr !forceOrder@arr btcusdt@kline_1m"
    assert {prefix_of(name) for name in public.split()} == {"public"}
    assert {prefix_of(name) for name in market.split()} == {"market"}


class _Ear:
    combined = False

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def write_frame(self, frame: bytes) -> None:
        self.frames.append(frame)


def test_a_frame_is_made_once_for_all_plain_subscribers() -> None:
    hub, ears = Hub(), [_Ear(), _Ear(), _Ear()]
    ears[2].combined = True
    for ear in ears:
        hub.subscribe("a@b", ear)
    hub.publish("a@b", b"{}")
    assert ears[0].frames[0] is ears[1].frames[0]
    assert ears[2].frames == [text_frame(enveloped("a@b", b"{}"))]
    for ear in ears:
        hub.unsubscribe("a@b", ear)
    assert not hub.wanted("a@b")


def test_a_listen_key_expires_and_says_so_once() -> None:
    users, ear = UserStreams(), _Ear()
    key = users.start(1, 1_000)
    users.follow(key, ear, None)
    users.expire(1_000 + LISTEN_KEY_LIFE_MS - 1)
    assert ear.frames == []
    users.expire(1_000 + LISTEN_KEY_LIFE_MS)
    users.expire(1_000 + LISTEN_KEY_LIFE_MS + 1)
    assert len(ear.frames) == 1
    assert b"listenKeyExpired" in ear.frames[0]
    assert users.start(1, 1_001 + LISTEN_KEY_LIFE_MS) != key


def test_usage_windows_follow_the_calendar() -> None:
    limits = Limits(enforced=False)
    seen = []
    for now_ms in (59_000, 59_900, 60_000, 70_000):
        limits.spend("::1", "/", 5, now_ms)
        limits.spend_orders(1, 1, now_ms)
        seen.append((limits.weight("::1", now_ms), *limits.order_counts(1, now_ms)))
    assert seen == [(5, 1, 1), (10, 2, 2), (5, 1, 1), (10, 1, 2)]
    assert all(later != earlier for earlier, later in pairwise(seen))

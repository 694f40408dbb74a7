from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from wsproto.frame_protocol import FrameProtocol, Opcode

from hft.wire.connection import Backoff, Connection, ConnectionClosed, Dialler
from tests.hft.wire.local_server import LocalServer, server_frame


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


def dialled(server: LocalServer, first_bytes: bytes = b"") -> tuple[socket.socket, Connection]:
    done = threading.Event()
    dialler = Dialler(server.url + "/some/path?a=b", done.set)
    dialler.start()
    end = server.accept(first_bytes)
    assert done.wait(30)
    sock = dialler.result()
    assert isinstance(sock, socket.socket), sock
    return end, Connection(sock)


def receive_until(connection: Connection, count: int) -> list[bytes]:
    messages: list[bytes] = []
    deadline = time.monotonic() + 30
    while len(messages) < count and time.monotonic() < deadline:
        messages += connection.receive()
    return messages


def closed_reason(connection: Connection) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            assert connection.receive() == []
        except ConnectionClosed as problem:
            return str(problem)
    raise AssertionError("still open")


def client_frames(end: socket.socket, count: int) -> list[tuple[Opcode, bytes]]:
    protocol = FrameProtocol(client=False, extensions=[])
    frames: list[tuple[Opcode, bytes]] = []
    parts = bytearray()
    while len(frames) < count:
        protocol.receive_bytes(end.recv(65536))
        for frame in protocol.received_frames():
            parts += _bytes(frame.payload)
            if frame.frame_finished:
                frames.append((frame.opcode, bytes(parts)))
                parts.clear()
    return frames


def _bytes(payload: object) -> bytes:
    if isinstance(payload, tuple):
        return int(payload[0]).to_bytes(2, "big")
    return payload.encode() if isinstance(payload, str) else bytes(payload)  # type: ignore[call-overload]


def test_backoff_doubles_from_100_ms_to_5_s_and_begins_anew_after_a_success() -> None:
    backoff = Backoff()
    waits = [backoff.next_s() for _ in range(8)]
    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])
    backoff.reset()
    assert backoff.next_s() == pytest.approx(0.1)


def test_frames_that_come_with_the_handshake_are_not_lost(server: LocalServer) -> None:
    end, connection = dialled(server, server_frame(b"first") + server_frame(b"second")[:3])
    end.sendall(server_frame(b"second")[3:])
    assert receive_until(connection, 2) == [b"first", b"second"]
    assert server.paths == ["/some/path?a=b"]
    assert connection.receive() == []
    connection.close()


def test_what_is_sent_arrives_as_one_masked_text_frame(server: LocalServer) -> None:
    end, connection = dialled(server)
    payloads = [b"", b"x" * 125, b"y" * 126, b"z" * 70_000]
    for payload in payloads:
        connection.send_text(payload)
    assert client_frames(end, 4) == [(Opcode.TEXT, payload) for payload in payloads]
    connection.close()
    assert client_frames(end, 1) == [(Opcode.CLOSE, (1000).to_bytes(2, "big"))]


def test_a_ping_is_answered_with_its_own_payload(server: LocalServer) -> None:
    end, connection = dialled(server)
    end.sendall(server_frame(b"1700000000", opcode=9) + server_frame(b"text"))
    assert receive_until(connection, 1) == [b"text"]
    assert client_frames(end, 1) == [(Opcode.PONG, b"1700000000")]
    connection.close()


def test_messages_before_the_end_are_returned_before_the_end_is_told(server: LocalServer) -> None:
    end, connection = dialled(server)
    goodbye = (1001).to_bytes(2, "big") + b"24 h"
    end.sendall(server_frame(b"last") + server_frame(goodbye, opcode=8))
    assert receive_until(connection, 1) == [b"last"]
    assert closed_reason(connection) == "the other side said goodbye: 1001 24 h"
    with pytest.raises(ConnectionClosed) as caught:
        connection.send_text(b"too late")
    assert caught.value.written is False
    connection.close()


def test_a_cut_connection_and_a_masked_frame_are_both_an_end(server: LocalServer) -> None:
    end, connection = dialled(server)
    end.close()
    assert "closed the connection" in closed_reason(connection)
    connection.close()
    end, connection = dialled(server)
    end.sendall(b"\x81\x81abcd\x00")
    assert "masked" in closed_reason(connection)
    assert client_frames(end, 1) == [(Opcode.CLOSE, (1002).to_bytes(2, "big"))]
    connection.close()


def test_a_peer_that_does_not_read_ends_the_connection_instead_of_blocking_us(
    server: LocalServer,
) -> None:
    _, connection = dialled(server)

    def flood() -> None:
        for _ in range(1000):
            connection.send_text(b"x" * 100_000)

    with pytest.raises(ConnectionClosed, match="does not read"):
        flood()
    connection.close()


def test_nobody_listening_is_a_result_not_an_exception() -> None:
    done = threading.Event()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dialler = Dialler(f"ws://127.0.0.1:{unused.getsockname()[1]}", done.set)
        dialler.start()
        assert done.wait(30)
        assert isinstance(dialler.result(), OSError)


def test_a_server_that_never_answers_the_handshake_is_given_up(server: LocalServer) -> None:
    done = threading.Event()
    dialler = Dialler(server.url, done.set, timeout_s=0.05)
    dialler.start()
    server.accept_silent()
    assert done.wait(30)
    assert isinstance(dialler.result(), Exception)


def test_an_abandoned_dialler_closes_what_it_still_gets(server: LocalServer) -> None:
    dialler = Dialler(server.url, lambda: pytest.fail("nobody wants to know"))
    dialler.start()
    dialler.abandon()
    end = server.accept()
    assert end.recv(1) == b""
    assert dialler.result() is None

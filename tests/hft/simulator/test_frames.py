from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hft.simulator.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    MESSAGE_MAX_BYTES,
    PING,
    PONG,
    TEXT,
    FrameError,
    FrameReader,
    farewell_of,
)

from .raw import handshake
from .wire import Simulator

MASK = b"\x11\x22\x33\x44"


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, rsv: int = 0) -> bytes:
    """A client's frame."""
    size = len(payload)
    first = opcode | rsv | (0x80 if final else 0)
    if size < 126:
        head = bytes((first, 0x80 | size))
    elif size < 1 << 16:
        head = bytes((first, 0xFE)) + struct.pack(">H", size)
    else:
        head = bytes((first, 0xFF)) + struct.pack(">Q", size)
    masked = bytes(byte ^ MASK[at % 4] for at, byte in enumerate(payload))
    return head + MASK + masked


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    at = 0
    for size in sizes:
        yield data[at : at + size]
        at += size
    yield data[at:]


@given(
    st.lists(st.tuples(st.text(max_size=300), st.integers(1, 4), st.binary(max_size=125))),
    st.lists(st.integers(0, 200), max_size=20),
)
def test_messages_come_whole_however_they_were_cut_and_interrupted(
    messages: list[tuple[str, int, bytes]], sizes: list[int]
) -> None:
    data = b""
    for text, pieces, ping in messages:
        raw = text.encode()
        step = max(1, -(-len(raw) // pieces))
        parts = [raw[at : at + step] for at in range(0, len(raw), step)] or [b""]
        for number, part in enumerate(parts):
            opcode = CONTINUATION if number else TEXT
            data += frame(opcode, part, final=number == len(parts) - 1)
            data += frame(PING, ping)
    reader = FrameReader()
    found = [each for piece in cut(data, sizes) for each in reader.read(piece)]
    assert [each.text for each in found if each.opcode == TEXT] == [each[0] for each in messages]
    assert {each.payload for each in found if each.opcode == PING} == {each[2] for each in messages}


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_any_bytes_are_frames_or_a_reason_to_part(pieces: list[bytes]) -> None:
    reader = FrameReader()
    farewell = b""
    for piece in pieces:
        try:
            found = reader.read(piece)
            assert {each.opcode for each in found} <= {TEXT, CLOSE, PING, PONG}
        except FrameError as error:
            farewell = error.farewell
            break
    assert farewell[:1] in (b"", b"\x88")


WRONG = [
    (bytes((0x81, 1)) + b"a", 1002),
    (frame(TEXT, b"a", rsv=0x40), 1002),
    (frame(3, b"a"), 1002),
    (frame(11), 1002),
    (frame(PING, final=False), 1002),
    (frame(PING, b"x" * 126), 1002),
    (frame(CONTINUATION, b"a"), 1002),
    (frame(TEXT, b"a", final=False) + frame(TEXT, b"b"), 1002),
    (frame(BINARY, b"{}"), 1003),
    (frame(TEXT, b"\xff"), 1007),
    (frame(TEXT, b"\xe2\x82", final=False) + frame(CONTINUATION, b"\x28"), 1007),
    (frame(TEXT, b"\xed\xa0\x80"), 1007),
    (bytes((0x81, 0xFF)) + struct.pack(">Q", 1 << 40), 1009),
    (bytes((0x81, 0xFF)) + struct.pack(">Q", (1 << 64) - 1), 1009),
    (
        frame(TEXT, b"x" * 100, final=False)
        + bytes((0x80, 0xFF))
        + struct.pack(">Q", MESSAGE_MAX_BYTES - 99),
        1009,
    ),
    (frame(CLOSE, b"\x03"), 1002),
    (frame(CLOSE, struct.pack(">H", 1005)), 1002),
    (frame(CLOSE, struct.pack(">H", 999)), 1002),
    (frame(CLOSE, struct.pack(">H", 1000) + b"\xff"), 1007),
]


@pytest.mark.parametrize(("data", "code"), WRONG)
def test_a_broken_rule_is_answered_with_its_code(
    exchange: Simulator, data: bytes, code: int
) -> None:
    asked = json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": 7}).encode()
    with connected(exchange) as link:
        link.sendall(frame(TEXT, asked) + data)
        said = frames_of(link)
        assert said[0] == (TEXT, b'{"result":[],"id":7}')
        opcode, payload = said[-1]
        assert (opcode, int.from_bytes(payload[:2], "big")) == (CLOSE, code)


@pytest.mark.parametrize(
    ("payload", "echo"),
    [
        (b"", b""),
        (struct.pack(">H", 1000) + b"bye", struct.pack(">H", 1000)),
        (struct.pack(">H", 4_321), struct.pack(">H", 4_321)),
    ],
)
def test_a_close_is_echoed(exchange: Simulator, payload: bytes, echo: bytes) -> None:
    assert farewell_of(payload)[2:] == echo
    with connected(exchange) as link:
        link.sendall(frame(CLOSE, payload))
        assert frames_of(link) == [(CLOSE, echo)]


def test_a_ping_between_fragments_is_answered_at_once(exchange: Simulator) -> None:
    asked = json.dumps({"method": "GET_PROPERTY", "params": ["combined"], "id": "x"}).encode()
    with connected(exchange) as link:
        link.sendall(frame(TEXT, asked[:9], final=False) + frame(PING, b"now"))
        link.sendall(frame(CONTINUATION, asked[9:]) + frame(CLOSE))
        told = b'{"result":false,"id":"x"}'
        assert frames_of(link) == [(PONG, b"now"), (TEXT, told), (CLOSE, b"")]


def connected(exchange: Simulator) -> socket.socket:
    link = socket.create_connection(("127.0.0.1", exchange.line["port"]), timeout=10)
    link.sendall(handshake())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += link.recv(1)
    assert head.startswith(b"HTTP/1.1 101 ")
    return link


def frames_of(link: socket.socket) -> list[tuple[int, bytes]]:
    """Every short frame until a close or the end."""
    found: list[tuple[int, bytes]] = []
    data = b""
    while not found or found[-1][0] != CLOSE:
        while len(data) < 2 or len(data) < 2 + data[1]:
            received = link.recv(1 << 16)
            if not received:
                return found
            data += received
        found.append((data[0] & 0x0F, data[2 : 2 + data[1]]))
        data = data[2 + data[1] :]
    return found

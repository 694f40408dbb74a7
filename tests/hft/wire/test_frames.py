from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto.frame_protocol import FrameProtocol

from hft.wire.frames import (
    FRAGMENTS_MAX,
    MESSAGE_BYTES_MAX,
    CloseCode,
    FrameReader,
    Message,
    Opcode,
    ProtocolError,
    client_frame,
    close_payload,
    close_reason,
)
from tests.hft.wire.local_server import server_frame

PAYLOADS = st.binary(max_size=300) | st.integers(126, 70_000).map(lambda size: b"x" * size)


def read_all(data: bytes) -> list[Message]:
    return list(FrameReader().read(data))


@settings(deadline=None)
@given(st.lists(PAYLOADS, max_size=6), st.lists(st.integers(1, 5_000), min_size=1))
def test_messages_come_out_as_they_went_in_wherever_the_bytes_are_cut(
    payloads: list[bytes], sizes: list[int]
) -> None:
    stream = b"".join(map(server_frame, payloads))
    reader, found, at, turn = FrameReader(), [], 0, 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        found += [message.payload for message in reader.read(stream[at : at + size])]
        at, turn = at + size, turn + 1
    assert found == payloads


@settings(deadline=None)
@given(PAYLOADS, st.binary(min_size=4, max_size=4))
def test_another_implementation_reads_what_the_client_frames(payload: bytes, mask: bytes) -> None:
    server = FrameProtocol(client=False, extensions=[])
    server.receive_bytes(client_frame(Opcode.BINARY, payload, mask))
    received = bytearray()
    for frame in server.received_frames():
        assert isinstance(frame.payload, bytes | bytearray)
        received += frame.payload
    assert received == payload


def test_two_frames_of_the_same_text_are_masked_differently() -> None:
    assert client_frame(Opcode.TEXT, b"same") != client_frame(Opcode.TEXT, b"same")


def test_fragments_are_joined_and_control_frames_pass_between_them() -> None:
    stream = (
        server_frame(b"on", final=False)
        + server_frame(b"?", opcode=Opcode.PING)
        + server_frame(b"", opcode=Opcode.CONTINUATION, final=False)
        + server_frame(b"ce", opcode=Opcode.CONTINUATION)
        + server_frame(b"raw", opcode=Opcode.BINARY)
    )
    assert read_all(stream) == [
        Message(Opcode.PING, b"?"),
        Message(Opcode.TEXT, b"once"),
        Message(Opcode.BINARY, b"raw"),
    ]


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        (b"\x81\x80abcd", "masked"),
        (b"\xa1\x00", "reserved"),
        (b"\x87\x00", "unknown opcode 7"),
        (b"\x09\x00", "in fragments"),
        (b"\x88\x7e\x00\x7e", "long"),
        (b"\x80\x00", "continuation of nothing"),
        (server_frame(b"a", final=False) + server_frame(b"b"), "mixed up"),
    ],
)
def test_what_no_server_may_send_is_refused(stream: bytes, why: str) -> None:
    with pytest.raises(ProtocolError, match=why) as caught:
        read_all(stream)
    assert caught.value.code == CloseCode.PROTOCOL_ERROR


@pytest.mark.parametrize(
    "stream",
    [
        b"\x81\x7f" + (MESSAGE_BYTES_MAX + 1).to_bytes(8, "big"),
        b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x01\x00" + b"\x00\x00" * (FRAGMENTS_MAX + 1),
    ],
)
def test_a_message_without_measure_is_refused_before_it_is_held(stream: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        read_all(stream)
    assert caught.value.code == CloseCode.TOO_BIG


def test_messages_before_a_broken_frame_are_yielded_first() -> None:
    messages = FrameReader().read(server_frame(b"good") + b"\x83\x00")
    assert next(messages).payload == b"good"
    with pytest.raises(ProtocolError):
        next(messages)


def test_a_goodbye_tells_its_code_and_text() -> None:
    assert close_reason(close_payload(1001) + b"24 h") == (1001, "24 h")
    assert close_reason(b"") == (CloseCode.NO_STATUS, "")
    assert close_reason(b"\x03") == (CloseCode.NO_STATUS, "")

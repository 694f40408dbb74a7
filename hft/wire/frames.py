"""RFC 6455 framing for a client: bytes in, messages out, masked frames back.  No sockets.

`FrameReader` is the complete reader, for low-rate connections and for whatever the compiled path
hands back.  `plain_text_header` is that path: it knows only the commonest frame of a market stream.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from enum import IntEnum

import msgspec
import numpy as np
import numpy.typing as npt

from hft.wire.loads import Int
from ringbuf.compiled import inlined

MESSAGE_BYTES_MAX = 4 << 20
FRAGMENTS_MAX = 4096
CONTROL_BYTES_MAX = 125
_FIN, _RESERVED, _OPCODE, _MASKED = 0x80, 0x70, 0x0F, 0x80
_LENGTH_16, _LENGTH_64 = 126, 127

NEEDS_MORE = -1
NOT_PLAIN = -2


class Opcode(IntEnum):
    """What a frame carries."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


class CloseCode(IntEnum):
    """The close codes this client sends or names."""

    NORMAL = 1000
    PROTOCOL_ERROR = 1002
    NO_STATUS = 1005
    TOO_BIG = 1009


class ProtocolError(Exception):
    """The peer broke the framing; `code` is what a close frame should tell it."""

    def __init__(self, text: str, code: CloseCode = CloseCode.PROTOCOL_ERROR) -> None:
        super().__init__(text)
        self.code = code


class Message(msgspec.Struct, frozen=True):
    """One whole message: fragments joined, control frames as they came."""

    opcode: Opcode
    payload: bytes


@inlined
def plain_text_header(buffer: npt.NDArray[np.uint8], at: Int, end: Int) -> tuple[Int, Int]:
    """Look at the frame that begins at `at` of ``buffer[:end]``.

    Returns its first payload byte and one past its last; for a frame that is not whole yet
    (`NEEDS_MORE`, 0), and for one that is not a final, unmasked text frame with a length below
    65,536 (`NOT_PLAIN`, 0), so that `FrameReader` looks at it.
    """
    if end - at < 2:
        return NEEDS_MORE, 0
    if buffer[at] != 0x81:
        return NOT_PLAIN, 0
    length = np.int64(buffer[at + 1])
    first = at + 2
    if length == 126:
        if end - at < 4:
            return NEEDS_MORE, 0
        length = (np.int64(buffer[at + 2]) << 8) | np.int64(buffer[at + 3])
        first = at + 4
    elif length > 125:
        return NOT_PLAIN, 0
    if first + length > end:
        return NEEDS_MORE, 0
    return first, first + length


class Frame(msgspec.Struct, frozen=True):
    """One frame, whole: its payload lies in ``buffer[first:last]``."""

    opcode: Opcode
    final: bool
    first: int
    last: int


def parse_frame(buffer: bytearray | memoryview, at: int, end: int) -> Frame | None:
    """Read the frame that begins at `at` of ``buffer[:end]``; None while it is not whole yet.

    Raises:
        ProtocolError: no server may send such a frame, or it is longer than `MESSAGE_BYTES_MAX`.
    """
    if end - at < 2:
        return None
    length, first = buffer[at + 1] & 0x7F, at + 2
    _check_head(buffer[at], buffer[at + 1], length)
    if length >= _LENGTH_16:
        first = at + (4 if length == _LENGTH_16 else 10)
        if end < first:
            return None
        length = int.from_bytes(buffer[at + 2 : first], "big")
    if length > MESSAGE_BYTES_MAX:
        raise ProtocolError(f"a frame of {length} bytes", CloseCode.TOO_BIG)
    if end < first + length:
        return None
    opcode = Opcode(buffer[at] & _OPCODE)
    return Frame(opcode, bool(buffer[at] & _FIN), first, first + length)


class Assembler:
    """Joins fragments into messages; control frames pass between them."""

    def __init__(self) -> None:
        self._fragments: list[bytes] = []
        self._opcode = Opcode.CONTINUATION
        self._size = 0

    @property
    def is_open(self) -> bool:
        """Say whether a message has begun whose last fragment has not come."""
        return bool(self._fragments)

    def join(self, opcode: Opcode, final: bool, payload: bytes) -> Message | None:
        """Take one frame; the message it completes, or None.

        Raises:
            ProtocolError: fragments out of order or without end.
        """
        if opcode >= Opcode.CLOSE:
            return Message(opcode, payload)
        continues = opcode == Opcode.CONTINUATION
        if continues != bool(self._fragments):
            raise ProtocolError("a continuation of nothing" if continues else "fragments mixed up")
        if final and not continues:
            return Message(opcode, payload)
        if not continues:
            self._opcode = opcode
        self._fragments.append(payload)
        self._size += len(payload)
        if self._size > MESSAGE_BYTES_MAX or len(self._fragments) > FRAGMENTS_MAX:
            raise ProtocolError("fragments without an end", CloseCode.TOO_BIG)
        if not final:
            return None
        whole = b"".join(self._fragments)
        self._fragments.clear()
        self._size = 0
        return Message(self._opcode, whole)


class FrameReader:
    """Turns a stream of bytes, cut anywhere, into whole messages.

    A server's frames are unmasked, without extensions, and no message is longer than
    `MESSAGE_BYTES_MAX`; anything else is a `ProtocolError`.  Text is not checked to be UTF-8:
    whoever parses it finds out.
    """

    def __init__(self) -> None:
        self._pending = bytearray()
        self._assembler = Assembler()

    def read(self, data: bytes | bytearray | memoryview) -> Iterator[Message]:
        """Take `data` and yield every message it completes, in order.

        Exhaust the iterator before the next call.  Messages before a broken frame are yielded
        before it raises.

        Raises:
            ProtocolError: the peer broke the framing; the connection is of no more use.
        """
        pending = self._pending
        pending += data
        while (frame := parse_frame(pending, 0, len(pending))) is not None:
            payload = bytes(pending[frame.first : frame.last])
            del pending[: frame.last]
            message = self._assembler.join(frame.opcode, frame.final, payload)
            if message is not None:
                yield message


_KNOWN_OPCODES = frozenset(int(opcode) for opcode in Opcode)


def _check_head(first: int, second: int, length: int) -> None:
    opcode = first & _OPCODE
    if first & _RESERVED:
        raise ProtocolError("reserved bits set without an extension")
    if second & _MASKED:
        raise ProtocolError("a masked frame from the server")
    if opcode not in _KNOWN_OPCODES:
        raise ProtocolError(f"unknown opcode {opcode}")
    if opcode >= Opcode.CLOSE and (length > CONTROL_BYTES_MAX or not first & _FIN):
        raise ProtocolError("a control frame that is long or in fragments")


def client_frame(opcode: Opcode, payload: bytes, mask: bytes | None = None) -> bytes:
    """Build one final frame as a client sends it, masked with four random bytes or with `mask`."""
    mask = os.urandom(4) if mask is None else mask
    length = len(payload)
    if length < _LENGTH_16:
        head = bytes((_FIN | opcode, _MASKED | length))
    elif length < 1 << 16:
        head = bytes((_FIN | opcode, _MASKED | _LENGTH_16)) + length.to_bytes(2, "big")
    else:
        head = bytes((_FIN | opcode, _MASKED | _LENGTH_64)) + length.to_bytes(8, "big")
    return head + mask + _masked(payload, mask)


def _masked(payload: bytes, mask: bytes) -> bytes:
    # One big xor: a loop over bytes costs 50 ns each in Python.
    length = len(payload)
    repeated = (mask * (length // 4 + 1))[:length]
    number = int.from_bytes(payload, "little") ^ int.from_bytes(repeated, "little")
    return number.to_bytes(length, "little")


def close_payload(code: int) -> bytes:
    """Build the payload of a close frame."""
    return code.to_bytes(2, "big")


def close_reason(payload: bytes) -> tuple[int, str]:
    """Read the code and the text of a close frame; `CloseCode.NO_STATUS` when it has none."""
    if len(payload) < 2:
        return CloseCode.NO_STATUS, ""
    return int.from_bytes(payload[:2], "big"), payload[2:].decode(errors="replace")

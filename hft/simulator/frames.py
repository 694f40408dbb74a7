"""WebSocket frames of clients, taken apart as RFC 6455 wants it; the hub frames what leaves."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hft.simulator.lifetimes import CLOSE_FRAME_HEAD, close_frame

MESSAGE_MAX_BYTES = 1 << 20
CONTROL_MAX_BYTES = 125

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
_KNOWN = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})
_FINAL, _RESERVED, _OPCODE, _MASKED, _LENGTH = 0x80, 0x70, 0x0F, 0x80, 0x7F

PROTOCOL_ERROR, UNSUPPORTED, INVALID_DATA, TOO_BIG = 1002, 1003, 1007, 1009
_CLOSE_CODES = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})


class FrameError(Exception):
    """A client broke the rules of WebSocket; carries the close frame that says how."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.farewell = close_frame(code, reason)


class Frame(msgspec.Struct, frozen=True):
    """One whole message or control frame: a text is in `text`, what else came in `payload`."""

    opcode: int
    payload: bytes = b""
    text: str = ""


class FrameReader:
    """Puts frames together from bytes and messages from frames.

    A message is at most `MESSAGE_MAX_BYTES` long, in however many pieces; what is longer is refused
    by its announced length, before it is kept.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._pieces: list[bytes] | None = None
        self._size = 0

    def read(self, data: bytes) -> Iterator[Frame]:
        """Give what is whole now.

        Raises:
            FrameError: the client broke the rules; what came before was given.
        """
        held = self._held
        held += data
        while len(held) >= 2:
            first, second = held[0], held[1]
            self._check_head(first, second)
            size, at = second & _LENGTH, 2
            if size >= 126:
                at = 4 if size == 126 else 10
                if len(held) < at:
                    return
                size = int.from_bytes(held[2:at], "big")
            opcode = first & _OPCODE
            if opcode < CLOSE and self._size + size > MESSAGE_MAX_BYTES:
                raise FrameError(TOO_BIG, "Message too big")
            last = at + 4 + size
            if len(held) < last:
                return
            payload = _unmasked(bytes(held[at + 4 : last]), bytes(held[at : at + 4]))
            del held[:last]
            if opcode >= CLOSE:
                yield Frame(opcode, payload)
            elif opcode == TEXT and first & _FINAL:
                yield Frame(TEXT, text=_text(payload))
            else:
                whole = self._piece(payload, final=bool(first & _FINAL))
                if whole is not None:
                    yield Frame(TEXT, text=_text(whole))

    def _check_head(self, first: int, second: int) -> None:
        opcode = first & _OPCODE
        if first & _RESERVED or opcode not in _KNOWN:
            raise FrameError(PROTOCOL_ERROR, "Reserved bits or opcode")
        if not second & _MASKED:
            raise FrameError(PROTOCOL_ERROR, "Client frames must be masked")
        if opcode >= CLOSE:
            if not first & _FINAL or second & _LENGTH > CONTROL_MAX_BYTES:
                raise FrameError(PROTOCOL_ERROR, "Control frames are short and whole")
        elif (opcode == CONTINUATION) != (self._pieces is not None):
            raise FrameError(PROTOCOL_ERROR, "Fragments out of order")
        elif opcode == BINARY:
            raise FrameError(UNSUPPORTED, "Text frames only")

    def _piece(self, payload: bytes, *, final: bool) -> bytes | None:
        if self._pieces is None:
            self._pieces = []
        if payload:
            self._pieces.append(payload)
            self._size += len(payload)
        if not final:
            return None
        whole = b"".join(self._pieces)
        self._pieces, self._size = None, 0
        return whole


def farewell_of(payload: bytes) -> bytes:
    """Give the frame that answers a client's close: its own code, or none where it gave none.

    Raises:
        FrameError: the code or the reason is not a legal one.
    """
    if not payload:
        return bytes((CLOSE_FRAME_HEAD, 0))
    code = int.from_bytes(payload[:2], "big")
    if len(payload) < 2 or not (code in _CLOSE_CODES or 3_000 <= code < 5_000):
        raise FrameError(PROTOCOL_ERROR, "Invalid close code")
    _text(payload[2:])
    return close_frame(code)


def _text(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise FrameError(INVALID_DATA, "Invalid UTF-8") from None


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    number = int.from_bytes(payload, "little") ^ int.from_bytes(key, "little")
    return number.to_bytes(size, "little")

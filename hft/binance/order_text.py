"""The bytes of a new order, written and signed in compiled code.

Whatever of a request does not change from order to order was written once by `OrderTexts`: one set
of pieces per symbol, side, kind and reduce-only.  An order adds its numbers, its name, its time,
its signature and the frame around them.  The WebSocket API signs the parameters sorted by name, the
API key among them, as they stand; in a session that was logged on it wants neither key nor
signature.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from hft.binance.filters import SymbolSpec
from hft.binance.sha256 import (
    BLOCK_BYTES,
    DIGEST_TEXT_BYTES,
    SCRATCH_WORDS,
    STATE_WORDS,
    key_schedule,
    pack_keys,
    sign,
)
from hft.events import OrderType, Side, TimeInForce, record
from hft.units import decimals_of
from ringbuf.addressed import array_at
from ringbuf.compiled import compiled, merged

CLIENT_ID_PREFIX = "hft-"
ORDER_RECV_WINDOW_MS = 2000
"""An order that reaches the venue later than this is refused there: late is worse than never."""
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"

Bytes = npt.NDArray[np.uint8]
Int = int | np.int64

KINDS = 5
"""MARKET, then LIMIT by its time in force; GTX is post-only."""
_HEAD_BYTES = 8
"""A masked text frame of 126 to 65,535 bytes: two, two of length, four of mask."""
_NUMBERS_BYTES = 160
"""Room for every number an order adds."""
_WORD = np.dtype("<i8")
_BYTE = np.dtype("u1")
_STATE = np.dtype("<u4")

REQUEST = record(
    128,
    ("request_id", "<i8"),
    ("intent_seq", "<i8"),
    ("shape", "<i8"),  # See `shape_of`.
    ("price_e8", "<i8"),
    ("price_decimals", "<i8"),
    ("qty_e8", "<i8"),
    ("qty_decimals", "<i8"),
    ("venue_ms", "<i8"),
    ("mask", "<i8"),  # Four random bytes, the first one lowest.
    ("hashed_before", "<i8"),  # Of the `KeySchedule`; fixed.  0: the session is logged on.
)
"""What one order adds to its pieces."""


class Piece(IntEnum):
    """The pieces every order has; then four for each shape."""

    SIGNED_BEGIN = 0
    """What of the signed text's beginning is not in the key schedule."""
    SIGNED_PRICE = 1
    SIGNED_QTY = 2
    ID = 3
    NAME = 4
    PRICE = 5
    QTY = 6
    SIGNATURE = 7
    END = 8


class TextRow(IntEnum):
    """Rows of the table `write_order` is handed."""

    REQUEST = 0
    PIECES = 1
    BOUNDS = 2
    KEYS = 3
    WORK = 4
    SIGNED = 5
    FRAME = 6


_SHAPES_FROM = len(Piece)
_PER_SHAPE = 4
_SIGNED_MIDDLE, _SIGNED_END, _MIDDLE, _AFTER_TIME = range(_PER_SHAPE)
_REQUEST_ROW, _PIECES_ROW, _BOUNDS_ROW = map(int, list(TextRow)[:3])
_KEYS_ROW, _WORK_ROW, _SIGNED_ROW, _FRAME_ROW = map(int, list(TextRow)[3:])
_P_SIGNED_BEGIN, _P_SIGNED_PRICE, _P_SIGNED_QTY = map(int, list(Piece)[:3])
_P_ID, _P_NAME, _P_PRICE, _P_QTY, _P_SIGNATURE, _P_END = map(int, list(Piece)[3:])
_DIGIT_BYTES = np.frombuffer(DIGITS.encode(), dtype=np.uint8)


@compiled
def shape_of(symbol: Int, sells: Int, kind: Int, reduces: Int) -> Int:
    """Number a shape: `kind` is 0 for MARKET, else the time in force; the others are 0 or 1."""
    return ((symbol * 2 + sells) * KINDS + kind) * 2 + reduces


class OrderTexts:
    """The pieces of all orders of one session, and the memory one order is written in.

    `frame` holds the newest order after `write_order`, framed as a client sends it.  `keys` are the
    API key and its secret; without them the session is one that was logged on.

    Raises:
        ValueError: the API key is too long for an order to fit its frame.
    """

    def __init__(
        self,
        keys: tuple[str, str] | None,
        session_name: str,
        symbols: list[str],
        specs: list[SymbolSpec],
    ) -> None:
        api_key, secret = keys or ("", "")
        name = f"{CLIENT_ID_PREFIX}{session_name}-"
        begin = f"apiKey={api_key}&newClientOrderId={name}".encode()
        schedule = key_schedule(secret.encode(), begin)
        shown = f'"apiKey":"{api_key}",' if keys else ""
        texts = [
            schedule.rest,
            b"&price=",
            b"&quantity=",
            b'{"id":',
            f',"method":"order.place","params":{{{shown}"newClientOrderId":"{name}'.encode(),
            b'","price":"',
            b'","quantity":"',
            b',"signature":"',
            b'"}}' if keys else b"}}",
        ]
        assert len(texts) == _SHAPES_FROM
        for symbol in symbols:
            texts += [text.encode() for shape in _shapes(symbol) for text in shape]
        longest = sum(map(len, texts[:_SHAPES_FROM]))
        longest += 2 * max(map(len, texts[_SHAPES_FROM:])) + _NUMBERS_BYTES + DIGEST_TEXT_BYTES
        if longest > 1 << 15:
            raise ValueError(f"an order of {longest} bytes: the API key is too long")
        self.request = np.zeros(1, REQUEST)
        self.request[0]["hashed_before"] = schedule.before if keys else 0
        self.pieces = np.frombuffer(b"".join(texts), dtype=np.uint8).copy()
        self.bounds = np.cumsum([0, *map(len, texts)]).astype(_WORD)
        self.keys = pack_keys(schedule)
        self.work = np.zeros(STATE_WORDS + SCRATCH_WORDS, _STATE)
        self.signed = np.zeros(longest + 2 * BLOCK_BYTES, _BYTE)
        self.frame = np.zeros(_HEAD_BYTES + longest + 8, _BYTE)
        self.decimals = [(decimals_of(spec.tick_e8), decimals_of(spec.lot_e8)) for spec in specs]

    def rows(self) -> tuple[npt.NDArray[np.generic], ...]:
        """The arrays in the order of `TextRow`."""
        return (
            self.request, self.pieces, self.bounds, self.keys, self.work, self.signed, self.frame,
        )  # fmt: skip


def _shapes(symbol: str) -> Iterator[tuple[str, str, str, str]]:
    """Write the four pieces of every shape of one symbol, in the order of `shape_of`."""
    for side in (Side.BUY, Side.SELL):
        for kind in range(KINDS):
            for reduces in (False, True):
                pairs = {"recvWindow": f"{ORDER_RECV_WINDOW_MS}"}
                if reduces:
                    pairs["reduceOnly"] = "true"
                pairs |= {"side": side.name, "symbol": symbol}
                if kind:
                    pairs["timeInForce"] = TimeInForce(kind).name
                named = OrderType.LIMIT.name if kind else OrderType.MARKET.name
                texts = [f',"{name}":"{value}"' for name, value in pairs.items()]
                texts[0] = f',"recvWindow":{ORDER_RECV_WINDOW_MS}'
                yield (
                    "".join(f"&{name}={value}" for name, value in pairs.items()) + "&timestamp=",
                    f"&type={named}",
                    '"' + "".join(texts) + ',"timestamp":',
                    f',"type":"{named}"',
                )


@merged
def _put(target: Bytes, at: int, pieces: Bytes, bounds: npt.NDArray[np.int64], which: int) -> int:
    """Copy a piece; the position behind it."""
    for index in range(bounds[which], bounds[which + 1]):
        target[at] = pieces[index]
        at += 1
    return at


@merged
def _put_number(target: Bytes, at: int, value: int, base: int, digits_min: int) -> int:
    """Write a number that is not negative in a base of up to 36; the position behind it."""
    count, rest = 1, value // base
    while rest > 0:
        count += 1
        rest //= base
    count = max(count, digits_min)
    for index in range(count):
        target[at + count - 1 - index] = _DIGIT_BYTES[value % base]
        value //= base
    return at + count


@merged
def _put_amount(target: Bytes, at: int, value_e8: int, decimals: int) -> int:
    """Write a positive amount with so many decimals, as `hft.units.format_e8` does."""
    at = _put_number(target, at, value_e8 // 100_000_000, 10, 1)
    if decimals > 0:
        target[at] = 46
        fraction = value_e8 % 100_000_000 // 10 ** (8 - decimals)
        at = _put_number(target, at + 1, fraction, 10, decimals)
    return at


@compiled
def write_order(table: int) -> int:
    """Write, sign and frame the order of REQUEST; returns the bytes of the frame in FRAME."""
    request = array_at(table, _REQUEST_ROW, REQUEST)[0]
    pieces = array_at(table, _PIECES_ROW, _BYTE)
    bounds = array_at(table, _BOUNDS_ROW, _WORD)
    signed = array_at(table, _SIGNED_ROW, _BYTE)
    frame = array_at(table, _FRAME_ROW, _BYTE)
    shape = _SHAPES_FROM + _PER_SHAPE * request.shape
    is_limit = request.shape // 2 % KINDS != 0
    at = _put(frame, _HEAD_BYTES, pieces, bounds, _P_ID)
    at = _put_number(frame, at, request.request_id, 10, 1)
    at = _put(frame, at, pieces, bounds, _P_NAME)
    at = _put_number(frame, at, request.intent_seq, 36, 1)
    if is_limit:
        at = _put(frame, at, pieces, bounds, _P_PRICE)
        at = _put_amount(frame, at, request.price_e8, request.price_decimals)
    at = _put(frame, at, pieces, bounds, _P_QTY)
    at = _put_amount(frame, at, request.qty_e8, request.qty_decimals)
    at = _put(frame, at, pieces, bounds, shape + _MIDDLE)
    at = _put_number(frame, at, request.venue_ms, 10, 1)
    at = _put(frame, at, pieces, bounds, shape + _AFTER_TIME)
    if request.hashed_before > 0:
        size = _write_signed(signed, request, pieces, bounds, shape)
        keys, work = array_at(table, _KEYS_ROW, _STATE), array_at(table, _WORK_ROW, _STATE)
        sign(keys, request.hashed_before, signed, size, work)
        at = _put(frame, at, pieces, bounds, _P_SIGNATURE)
        for index in range(DIGEST_TEXT_BYTES):
            frame[at + index] = signed[index]
        at += DIGEST_TEXT_BYTES
    at = _put(frame, at, pieces, bounds, _P_END)
    _mask(frame, at, request.mask)
    return int(at)


@merged
def _write_signed(
    signed: Bytes, request: Any, pieces: Bytes, bounds: npt.NDArray[np.int64], shape: int
) -> int:
    """Write what is signed, behind what the key schedule has taken in; returns its bytes."""
    at = _put(signed, 0, pieces, bounds, _P_SIGNED_BEGIN)
    at = _put_number(signed, at, request.intent_seq, 36, 1)
    if request.shape // 2 % KINDS != 0:
        at = _put(signed, at, pieces, bounds, _P_SIGNED_PRICE)
        at = _put_amount(signed, at, request.price_e8, request.price_decimals)
    at = _put(signed, at, pieces, bounds, _P_SIGNED_QTY)
    at = _put_amount(signed, at, request.qty_e8, request.qty_decimals)
    at = _put(signed, at, pieces, bounds, shape + _SIGNED_MIDDLE)
    at = _put_number(signed, at, request.venue_ms, 10, 1)
    return _put(signed, at, pieces, bounds, shape + _SIGNED_END)


@merged
def _mask(frame: Bytes, end: int, mask: int) -> None:
    """Write the head of a final masked text frame and mask what follows (RFC 6455, 5.2 and 5.3)."""
    size = end - _HEAD_BYTES
    frame[0], frame[1] = 0x81, 0xFE
    frame[2], frame[3] = size >> 8, size & 0xFF
    for index in range(4):
        frame[4 + index] = (mask >> (8 * index)) & 0xFF
    for index in range(size):
        frame[_HEAD_BYTES + index] ^= frame[4 + index % 4]

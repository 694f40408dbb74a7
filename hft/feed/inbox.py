"""What arrived on one connection and was not read yet; turns it into published events, in order.

No sockets here: the link receives into `room`, calls `take`, and answers the control frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from hft.binance.market_frames import BadFrame, ControlReply, MarketEvent, read_message
from hft.events import MARKET
from hft.feed.decode import BUFFER, STOP_NEEDS_MORE, decode, offer
from hft.feed.rows import TOLD, Tables
from hft.feed.scan import FIELDS
from hft.feed.tokens import GUARD_BYTES
from hft.wire.frames import (
    MESSAGE_BYTES_MAX,
    Assembler,
    Message,
    Opcode,
    ProtocolError,
    parse_frame,
)
from ringbuf.addressed import AddressTable
from ringbuf.spsc import packer_of

FIRST_BYTES = 1 << 19
RECEIVE_MAX = 1 << 18
"""At most so much per receipt: a full one costs Python once for 1,300 trades, and what was copied
from the kernel is still in the core's own cache when it is decoded."""
OFFSET_MAX_NS = (1 << 32) - 1
_PACKER = packer_of(MARKET)
_AT, _FRAMES, _PUBLISHED, _TOUCHED = range(4)
assert TOLD.names == ("at", "frames", "published", "touched")


class Taken(msgspec.Struct):
    """What one `Inbox.take` brought about."""

    frames: int = 0
    """Text messages read, whatever was in them."""
    published: int = 0
    touched: int = 0
    """A bit for every symbol whose row changed."""
    control: list[Message] = []
    broken: ProtocolError | None = None
    """The peer broke the framing; what came before it is published all the same."""


class Inbox:
    """The receive buffer of one connection and the way out of it.

    `refused` is called with a sentence for every message that cannot be read and for every error
    the venue reports; `link` is the connection's record of counters.
    """

    def __init__(
        self,
        tables: Tables,
        link: npt.NDArray[np.void],
        refused: Callable[[str], None],
    ) -> None:
        self._tables = tables
        self._link = link
        self._refused = refused
        spare, told = np.zeros(1, MARKET), np.zeros(1, TOLD)
        self._spare = spare.view(np.uint8).data
        # The same record as plain integers: a field of a numpy record costs ten times as much.
        self._told = told.view(np.int64).data
        self._buffer, self._capacity = _buffer_of(FIRST_BYTES), FIRST_BYTES
        self._view = self._buffer.data
        self._table = AddressTable(
            (
                self._buffer, tables.words, tables.slots, tables.rows, tables.desk, link, spare,
                np.zeros(FIELDS, np.int64), told, tables.parked,
            )
        )  # fmt: skip
        self._address = self._table.address
        self._at = self._filled = 0
        self._assembler = Assembler()

    def clear(self) -> None:
        """Forget everything; a new connection begins."""
        self._at = self._filled = 0
        self._assembler = Assembler()

    def room(self) -> memoryview:
        """Where to receive into; never empty."""
        if self._capacity - self._filled < RECEIVE_MAX:
            self._make_room()
        return self._view[self._filled : self._filled + RECEIVE_MAX]

    def take(self, got: int, recv_ns: int, decoded_off_ns: int) -> Taken:
        """Read every whole frame, the `got` new bytes included, and publish its events."""
        self._filled += got
        stamp = recv_ns, max(0, min(decoded_off_ns, OFFSET_MAX_NS))
        told, taken = self._told, Taken()
        told[_FRAMES] = told[_PUBLISHED] = told[_TOUCHED] = 0
        while True:
            # Between fragments a whole text is a broken framing, which only the slow path sees.
            if not self._assembler.is_open:
                stop = decode(self._address, self._at, self._filled, *stamp)
                self._at = told[_AT]
                if stop == STOP_NEEDS_MORE:
                    break
            if not self._take_one(taken, stamp):
                break
        if self._at == self._filled:
            self._at = self._filled = 0
        taken.frames, taken.published = told[_FRAMES], told[_PUBLISHED]
        taken.touched = told[_TOUCHED]
        return taken

    def _take_one(self, taken: Taken, stamp: tuple[int, int]) -> bool:
        """Read the frame the compiled pass stopped at; False while it is not whole."""
        try:
            frame = parse_frame(self._view, self._at, self._filled)
            if frame is None:
                return False
            payload = bytes(self._view[frame.first : frame.last])
            self._at = frame.last
            message = self._assembler.join(frame.opcode, frame.final, payload)
        except ProtocolError as problem:
            taken.broken = problem
            return False
        if message is None:
            return True
        if message.opcode != Opcode.TEXT:
            taken.control.append(message)
            return message.opcode != Opcode.CLOSE
        self._told[_FRAMES] += 1
        self._read_slowly(message.payload, stamp)
        return True

    def _read_slowly(self, payload: bytes, stamp: tuple[int, int]) -> None:
        link = self._link[0]
        link["frames"] += 1
        try:
            told = read_message(payload)
        except BadFrame as problem:
            link["bad_frames"] += 1
            self._refused(f"cannot read a message: {problem}: {payload[:80]!r}")
            return
        link["slow_frames"] += 1
        if isinstance(told, ControlReply):
            if told.code is not None:
                self._refused(f"the venue refused request {told.id}: {told.code} {told.message}")
            return
        self._offer(told, stamp)

    def _offer(self, told: Sequence[MarketEvent], stamp: tuple[int, int]) -> None:
        for event in told:
            symbol = self._tables.index.get(event.symbol)
            if symbol is None:
                continue
            numbers = event.price, event.qty, event.price2, event.qty2
            place = stamp[1], symbol, event.kind, event.flags
            values = (0, event.venue_ms, stamp[0], *numbers, *place)
            _PACKER.pack_into(self._spare, 0, *values)
            offer(self._address)

    def _make_room(self) -> None:
        kept = bytes(self._view[self._at : self._filled])
        if len(kept) + RECEIVE_MAX > self._capacity:
            self._grow(min(2 * self._capacity, 2 * MESSAGE_BYTES_MAX))
        self._view[: len(kept)] = kept
        self._at, self._filled = 0, len(kept)

    def _grow(self, nbytes: int) -> None:
        self._buffer, self._capacity = _buffer_of(nbytes), nbytes
        self._view = self._buffer.data
        self._table.replace(BUFFER, self._buffer)


def _buffer_of(nbytes: int) -> npt.NDArray[np.uint8]:
    # Written, not merely reserved: the first large receipt shall not fault its pages in.
    return np.full(nbytes + GUARD_BYTES, 0, np.uint8)

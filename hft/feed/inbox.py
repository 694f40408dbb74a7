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
from hft.feed.receive import BROKEN, NOT_DECODED, RECEIPT, no_receipts
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
_WORDS = RECEIPT.names or ()
_ARMED, _DESCRIPTOR, _TABLE, _BUFFER, _FROM, _FILLED, _ROOM, _FRAGMENTS, _GOT = range(9)
assert _WORDS[_FROM] == "at"
assert _WORDS[_GOT : _GOT + 4] == ("got", "recv_ns", "decoded_off_ns", "stop")
NOTHING = -(1 << 62)
"""In the place of bytes received: nobody has looked since the receipt was armed."""
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
        receipt: npt.NDArray[np.void] | None = None,
    ) -> None:
        self._tables = tables
        self._link = link
        self._refused = refused
        spare, told = np.zeros(1, MARKET), np.zeros(1, TOLD)
        self._spare = spare.view(np.uint8).data
        # The same record as plain integers: a field of a numpy record costs ten times as much.
        self._told = told.view(np.int64).data
        self._buffer, self._capacity = _buffer_of(FIRST_BYTES), FIRST_BYTES
        self._view, self._start = self._buffer.data, self._buffer.ctypes.data
        self._table = AddressTable(
            (
                self._buffer, tables.words, tables.slots, tables.rows, tables.desk, link, spare,
                np.zeros(FIELDS, np.int64), told, tables.parked,
            )
        )  # fmt: skip
        self._address = self._table.address
        self._receipt = (no_receipts(1) if receipt is None else receipt).view(np.int64).data
        self._receipt[_TABLE] = self._address
        self._at = self._filled = 0
        self._assembler = Assembler()

    def clear(self) -> None:
        """Forget everything; a new connection begins, or one has ended."""
        self._receipt[_ARMED], self._receipt[_GOT] = 0, NOTHING
        self._at = self._filled = 0
        self._assembler = Assembler()

    def room(self) -> memoryview:
        """Where to receive into; never empty."""
        if self._capacity - self._filled < RECEIVE_MAX:
            self._make_room()
        return self._view[self._filled : self._filled + RECEIVE_MAX]

    def take(self, got: int, recv_ns: int, decoded_off_ns: int) -> Taken:
        """Read every whole frame, the `got` new bytes included, and publish its events."""
        self._receipt[_ARMED] = 0
        self._filled += got
        told = self._told
        told[_FRAMES] = told[_PUBLISHED] = told[_TOUCHED] = 0
        return self._read((recv_ns, max(0, min(decoded_off_ns, OFFSET_MAX_NS))), NOT_DECODED)

    # What is received before Python is asked.

    def arm(self, descriptor: int) -> None:
        """Let compiled code take the next receipt from a plain socket; see `hft.feed.receive`."""
        receipt, told = self._receipt, self._told
        if receipt[_ARMED]:
            return
        room = len(self.room())
        told[_FRAMES] = told[_PUBLISHED] = told[_TOUCHED] = 0
        receipt[_BUFFER], receipt[_FROM], receipt[_FILLED] = self._start, self._at, self._filled
        receipt[_ROOM], receipt[_FRAGMENTS] = room, self._assembler.is_open
        receipt[_GOT], receipt[_DESCRIPTOR] = NOTHING, descriptor
        receipt[_ARMED] = 1

    def received(self) -> int:
        """What compiled code received since it was armed: bytes, 0 for the end, minus an errno.

        NOTHING: not a byte; else `finish` reads on.
        """
        return int(self._receipt[_GOT])

    def finish(self) -> tuple[Taken, int]:
        """Read on behind what compiled code has decoded; also when that was received.

        Raises:
            RuntimeError: the compiled code failed; what it printed says how.
        """
        receipt = self._receipt
        got, recv_ns, off_ns, stop = receipt[_GOT : _GOT + 4]
        receipt[_GOT] = NOTHING
        if stop == BROKEN:
            raise RuntimeError("the decoder failed in compiled code")
        self._filled += got
        if stop != NOT_DECODED:
            self._at = self._told[_AT]
        return self._read((recv_ns, max(0, min(off_ns, OFFSET_MAX_NS))), stop), recv_ns

    def _read(self, stamp: tuple[int, int], stop: int) -> Taken:
        told, taken = self._told, Taken()
        while True:
            # Between fragments a whole text is a broken framing, which only the slow path sees.
            if stop == NOT_DECODED and not self._assembler.is_open:
                stop = decode(self._address, self._at, self._filled, *stamp)
                self._at = told[_AT]
            if stop == STOP_NEEDS_MORE or not self._take_one(taken, stamp):
                break
            stop = NOT_DECODED
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
        self._view, self._start = self._buffer.data, self._buffer.ctypes.data
        self._table.replace(BUFFER, self._buffer)


def _buffer_of(nbytes: int) -> npt.NDArray[np.uint8]:
    # Written, not merely reserved: the first large receipt shall not fault its pages in.
    return np.full(nbytes + GUARD_BYTES, 0, np.uint8)

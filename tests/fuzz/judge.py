"""One input through every reader there is; they must agree, and stay in their place.

The compiled decoder with its slow path behind it (what the feed publishes), the uncompiled source
of its scanner over checked memory, and msgspec alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from hft.binance.market_frames import BadFrame, ControlReply, MarketEvent, read_message
from hft.events import MarketKind
from hft.feed.scan import DECIMALS_AT, FIELDS, KIND_AT, SYMBOL_AT, scan, slot_of_letter
from hft.feed.tokens import GUARD_BYTES, UNKNOWN
from hft.wire.frames import FrameReader, Opcode, ProtocolError
from ringbuf.layout import HEAD, TAIL
from tests.fuzz.uncompiled import Scanner
from tests.hft.feed.bench_room import SYMBOLS, Bench, values
from tests.hft.wire.local_server import server_frame

SLOTS = 64
_SENTINEL = 0xA5
_MEMORY_BYTES = 1 << 17
_LETTERS = {
    MarketKind.TRADE: "paqTm",
    MarketKind.BOOK_TOP: "bBaAT",
    MarketKind.MARK_PRICE: "pirE",
}
Row = tuple[object, ...]


class Judge:
    """Holds what all inputs share: making a ring and an inbox costs more than using them."""

    def __init__(self, instrument: Callable[[Any], Any] = lambda function: function) -> None:
        self._bench = Bench(slots=SLOTS)
        self._scanner = Scanner(instrument)
        self._memory = np.zeros(_MEMORY_BYTES, np.uint8)
        self.taken_fast = 0
        """Messages the scanner read by itself."""

    def message(self, payload: bytes, behind: bytes = b"", stale: bytes = b"") -> list[Row]:
        """Read one text message in all ways; the events in it.

        `behind` is received together with it, `stale` lies behind all that was received.

        Raises:
            AssertionError: two readers differ, or a slot was touched that was not published.
            OutOfBounds: the scanner read what is not its own.
        """
        expected = rows_of([payload])
        published = self._published([server_frame(payload)])
        assert published == expected, f"the feed says {published}, msgspec {expected}"
        if len(payload) + len(behind) + GUARD_BYTES <= _MEMORY_BYTES:
            self._scanners_agree(payload, behind, stale, expected)
        return expected

    def stream(self, data: bytes, sizes: Iterable[int]) -> list[Row]:
        """Read a stream of frames, received in pieces of `sizes`; the events in it.

        Raises:
            AssertionError: the feed and the complete reader differ, or a slot was touched that was
                not published.
        """
        expected = rows_of(text_messages(data))
        pieces, at = [], 0
        for size in sizes:
            pieces.append(data[at : at + size])
            at += size
        published = self._published([*pieces, data[at:]])
        assert published == expected, f"the feed says {published}, msgspec {expected}"
        return expected

    def _published(self, pieces: list[bytes]) -> list[Row]:
        """What a fresh connection puts into the ring; no other slot may change."""
        bench, ring = self._bench, self._bench.ring
        bench.inbox.clear()
        bench.tables.rows["last_trade_id"] = 0
        raw = ring.slots.view(np.uint8).reshape(SLOTS, -1)
        raw[:] = _SENTINEL
        first = int(ring.words[TAIL])
        for piece in pieces:
            taken = bench.feed(piece)
            if taken.broken or any(m.opcode == Opcode.CLOSE for m in taken.control):
                break
        last = int(ring.words[TAIL])
        assert first == int(ring.words[HEAD])
        assert 0 <= last - first <= SLOTS
        untouched = [position % SLOTS for position in range(last, first + SLOTS)]
        assert (raw[untouched] == _SENTINEL).all(), "a slot was written and not published"
        bench.complaints.clear()
        return values(bench.events())

    def _scanners_agree(
        self, payload: bytes, behind: bytes, stale: bytes, expected: list[Row]
    ) -> None:
        guard = (b"\x00" + stale)[:GUARD_BYTES].ljust(GUARD_BYTES, b"\x00")
        memory = payload + behind + guard
        kind, fields = self._scanner.scan(payload, memory)
        compiled_kind, compiled_fields = self._compiled(payload, memory)
        assert kind == compiled_kind, f"uncompiled {kind}, compiled {compiled_kind}"
        if kind == UNKNOWN:
            return
        self.taken_fast += 1
        assert expected or not is_ours(fields), "the scanner took what msgspec would not"
        places = [KIND_AT, *range(SYMBOL_AT, SYMBOL_AT + 3)]
        for slot in map(slot_of_letter, _LETTERS[MarketKind(kind)]):
            places += [slot, DECIMALS_AT + slot]
        for place in places:
            assert fields[place] == compiled_fields[place], f"field {place} differs"

    def _compiled(self, payload: bytes, memory: bytes) -> tuple[int, Any]:
        self._memory[: len(memory)] = np.frombuffer(memory, np.uint8)
        fields = np.zeros(FIELDS, np.int64)
        first = np.int64(self._memory.ctypes.data)
        return int(scan(first, first + len(payload), fields.ctypes.data)), fields


def is_ours(fields: Any) -> bool:
    """Say whether the scanned symbol is one the bench knows."""
    name = fields[SYMBOL_AT : SYMBOL_AT + 3].tobytes().rstrip(b"\x00")
    return name in [symbol.encode() for symbol in SYMBOLS]


def text_messages(data: bytes) -> Iterator[bytes]:
    """The text messages before the stream ends, breaks its framing or says goodbye."""
    try:
        for message in FrameReader().read(data):
            if message.opcode == Opcode.CLOSE:
                return
            if message.opcode == Opcode.TEXT:
                yield message.payload
    except ProtocolError:
        return


def rows_of(messages: Iterable[bytes]) -> list[Row]:
    """What msgspec makes of messages, as the ring's rows; repeated trades are left out."""
    found: list[Row] = []
    last_ids = dict.fromkeys(SYMBOLS, 0.0)
    for event in events_of(messages):
        if event.symbol not in SYMBOLS:
            continue
        if event.kind == MarketKind.TRADE:
            if last_ids[event.symbol] and event.qty2 <= last_ids[event.symbol]:
                continue
            last_ids[event.symbol] = event.qty2
        numbers = event.price, event.qty, event.price2, event.qty2
        symbol = SYMBOLS.index(event.symbol)
        found.append((int(event.kind), symbol, event.venue_ms, *numbers, int(event.flags)))
    return found


def events_of(messages: Iterable[bytes]) -> Iterator[MarketEvent]:
    """The market events in messages; those that cannot be read have none."""
    for payload in messages:
        try:
            told = read_message(payload)
        except BadFrame:
            continue
        if not isinstance(told, ControlReply):
            yield from told

"""From a receive buffer to ring slots in one compiled pass, whole bursts at a time.

Who reads the ring is woken from here as well: between the first event of a burst and its bell lies
no interpreted Python.

`decode` reads every complete frame it knows and stops at the first it does not, so that Python can
hand that one to msgspec and go on behind it: order is kept and every frame is read exactly once.
`offer` takes what msgspec made of it; both settle an event in the same way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hft.events import MARKET, MarketFlag, MarketKind
from hft.feed.rows import DESK, ROW, TOLD
from hft.feed.scan import SYMBOL_AT, decimal, scan, slot_of_letter
from hft.feed.tokens import GUARD_BYTES, UNKNOWN
from hft.state.blocks import FEED_LINK
from hft.wire.frames import NOT_PLAIN, plain_text_header
from hft.wire.loads import Int, number_in
from ringbuf.addressed import array_at
from ringbuf.compiled import compiled, inlined, merged
from ringbuf.doorbell import ring_if_parked
from ringbuf.layout import DROPPED, GAP, TAIL
from ringbuf.spsc import free_slots, publish, slot_of

Words = npt.NDArray[np.uint64]
Records = npt.NDArray[np.void]
Record = Any
"""One element of a record array: numba passes it by reference."""

BYTE, WORD, FIELD = np.dtype("u1"), np.dtype("<u8"), np.dtype("<i8")
BUFFER, WORDS, SLOTS, ROWS, DESKS, LINK, SPARE, VALUES, RESULT, PARKED = range(10)
"""Rows of the table of addresses that the compiled functions are handed."""

PUBLISH_EVERY = 32
"""Events decoded before the strategy may see them; bounds how long the first of a burst waits."""

STOP_NEEDS_MORE = 0
STOP_NOT_PLAIN = 1
STOP_UNKNOWN = 2

_TRADE, _BOOK_TOP = int(MarketKind.TRADE), int(MarketKind.BOOK_TOP)
_MARK = int(MarketKind.MARK_PRICE)
_MAKER, _GAP = int(MarketFlag.BUYER_IS_MAKER), int(MarketFlag.GAP)
_PRICE, _QTY, _TRADE_ID = slot_of_letter("p"), slot_of_letter("q"), slot_of_letter("a")
_BID, _BID_QTY = slot_of_letter("b"), slot_of_letter("B")
_ASK, _ASK_QTY = slot_of_letter("a"), slot_of_letter("A")
_INDEX, _RATE = slot_of_letter("i"), slot_of_letter("r")
_SENT, _MATCHED, _BY_MAKER = slot_of_letter("E"), slot_of_letter("T"), slot_of_letter("m")


@merged
def _symbol(fields: Int, rows: Records) -> int:
    """Find the row of the scanned symbol; UNKNOWN when it is not one of ours."""
    first = np.uint64(number_in(fields, SYMBOL_AT))
    second = np.uint64(number_in(fields, SYMBOL_AT + 1))
    third = np.uint64(number_in(fields, SYMBOL_AT + 2))
    for index in range(len(rows)):
        row = rows[index]
        if row["name0"] == first and row["name1"] == second and row["name2"] == third:
            return index
    return UNKNOWN


@merged
def _fill(event: Record, fields: Int, kind: Int, symbol: Int) -> None:
    """Turn what was scanned into a MARKET event that has yet to be settled."""
    event["kind"] = kind
    event["symbol"] = symbol
    event["flags"] = 0
    event["venue_ms"] = number_in(fields, _SENT if kind == _MARK else _MATCHED)
    if kind == _BOOK_TOP:
        event["price"] = decimal(fields, _BID)
        event["qty"] = decimal(fields, _BID_QTY)
        event["price2"] = decimal(fields, _ASK)
        event["qty2"] = decimal(fields, _ASK_QTY)
        return
    event["price"] = decimal(fields, _PRICE)
    if kind == _TRADE:
        event["qty"] = decimal(fields, _QTY)
        event["price2"] = 0.0
        event["qty2"] = np.float64(number_in(fields, _TRADE_ID))
        if number_in(fields, _BY_MAKER) != 0:
            event["flags"] = _MAKER
    else:
        event["qty"] = decimal(fields, _RATE)
        event["price2"] = decimal(fields, _INDEX)
        event["qty2"] = 0.0


@merged
def _remember_trade(event: Record, row: Record, link: Record) -> int:
    """Keep a trade in its row; GAP when ids are missing before it, UNKNOWN when it is old."""
    trade_id = np.int64(event["qty2"])
    missing = trade_id - row["last_trade_id"] - 1
    flags = 0
    if row["last_trade_id"] != 0 and missing != 0:
        if missing < 0:
            link["duplicates"] += 1
            return UNKNOWN
        link["gaps"] += 1
        flags = _GAP
    if row["trade_gap"] != 0:
        flags = _GAP
        row["trade_gap"] = 0
    row["last_trade_id"] = trade_id
    row["last"] = event["price"]
    row["trade_ns"] = event["recv_ns"]
    row["trade_venue_ms"] = event["venue_ms"]
    return flags


@merged
def _remember_book(event: Record, row: Record) -> int:
    """Keep a book top in its row; GAP when it is the first after a loss."""
    flags = _GAP if row["book_gap"] != 0 else 0
    row["book_gap"] = 0
    row["bid"] = event["price"]
    row["bid_qty"] = event["qty"]
    row["ask"] = event["price2"]
    row["ask_qty"] = event["qty2"]
    row["book_ns"] = event["recv_ns"]
    row["book_venue_ms"] = event["venue_ms"]
    return flags


@merged
def _remember(event: Record, row: Record, link: Record) -> int:
    """Keep the event's values in its row: flags it has to carry, UNKNOWN to leave it out."""
    if event["kind"] == _TRADE:
        return _remember_trade(event, row, link)
    if event["kind"] == _BOOK_TOP:
        return _remember_book(event, row)
    if event["kind"] == _MARK:
        row["mark"] = event["price"]
        row["funding_rate"] = event["qty"]
        row["index"] = event["price2"]
        row["mark_ns"] = event["recv_ns"]
    return 0


@inlined
def _drop(event: Record, words: Words, row: Record, desk: Record, link: Record) -> None:
    """Count an event that found the ring full; what comes next carries GAP."""
    words[DROPPED] += np.uint64(1)
    words[GAP] += np.uint64(1)
    link["dropped"] += 1
    desk["gap"] = 1
    if event["kind"] == _TRADE:
        row["trade_gap"] = 1
    elif event["kind"] == _BOOK_TOP:
        row["book_gap"] = 1


@inlined
def _settle(
    event: Record,
    words: Words,
    slots: Records,
    rows: Records,
    desk: Record,
    link: Record,
    waiting: int,
) -> int:
    """Number one event and lay it into the next free slot; how many slots wait to be published.

    A ring without room costs the event and its number.  Seven parameters, because this is one step
    of a loop written down once for its two callers, and records are passed by reference.
    """
    row = rows[event["symbol"]]
    flags = _remember(event, row, link)
    if flags != UNKNOWN:
        event["seq"] = desk["next_seq"]
        desk["next_seq"] += np.uint64(1)
        if free_slots(words, waiting + 1) > waiting:
            if desk["gap"] != 0:
                desk["gap"] = 0
                flags = _GAP
            event["flags"] |= np.uint8(flags)
            slots[slot_of(words, np.int64(words[TAIL]) + waiting)] = event
            waiting += 1
        else:
            _drop(event, words, row, desk, link)
    return waiting


@compiled
def decode(table: int, at: int, end: int, recv_ns: int, decoded_off_ns: int) -> int:
    """Decode the frames in ``buffer[at:end]`` into the ring, publishing as it goes.

    `table` is the address of an `AddressTable` of BUFFER and so on; its TOLD record adds up what
    was done.  `recv_ns` is the time of receipt, `decoded_off_ns` the offset to now.  The buffer
    must reach `tokens.GUARD_BYTES` beyond the span.  Returns why it stopped (`STOP_...`).
    """
    buffer = array_at(table, BUFFER, BYTE)
    fields: Int = np.int64(array_at(table, VALUES, FIELD).ctypes.data)
    words, slots = array_at(table, WORDS, WORD), array_at(table, SLOTS, MARKET)
    rows, desk = array_at(table, ROWS, ROW), array_at(table, DESKS, DESK)[0]
    link, event = array_at(table, LINK, FEED_LINK)[0], array_at(table, SPARE, MARKET)[0]
    told, parked = array_at(table, RESULT, TOLD)[0], array_at(table, PARKED, WORD)
    assert 0 <= at <= end <= len(buffer) - GUARD_BYTES
    event["recv_ns"] = recv_ns
    event["decoded_off_ns"] = decoded_off_ns
    buffer[end] = 0
    base: Int = np.int64(buffer.ctypes.data)
    here: Int = np.int64(at)
    stop, frames, published, waiting, touched = STOP_UNKNOWN, 0, 0, 0, 0
    while True:
        first, last = plain_text_header(buffer, here, end)
        if first < 0:
            stop = STOP_NOT_PLAIN if first == NOT_PLAIN else STOP_NEEDS_MORE
            break
        kind = scan(base + first, base + last, fields)
        symbol = _symbol(fields, rows) if kind != UNKNOWN else UNKNOWN
        if symbol == UNKNOWN:
            break
        here = last
        frames += 1
        touched |= 1 << symbol
        _fill(event, fields, kind, symbol)
        waiting = _settle(event, words, slots, rows, desk, link, waiting)
        if waiting == PUBLISH_EVERY:
            publish(words, waiting)
            if published == 0:
                ring_if_parked(parked, desk["bell"])
            published += waiting
            waiting = 0
    if waiting > 0:
        publish(words, waiting)
    if published + waiting > 0:
        # Whoever was woken by the first of many may have caught up and gone to sleep again.
        ring_if_parked(parked, desk["bell"])
    link["frames"] += frames
    told["at"] = here
    told["frames"] += frames
    told["published"] += published + waiting
    told["touched"] |= touched
    return stop


@compiled
def offer(table: int) -> None:
    """Settle and publish the event in the spare record of the table."""
    words, slots = array_at(table, WORDS, WORD), array_at(table, SLOTS, MARKET)
    rows, desk = array_at(table, ROWS, ROW), array_at(table, DESKS, DESK)[0]
    link, event = array_at(table, LINK, FEED_LINK)[0], array_at(table, SPARE, MARKET)[0]
    told, parked = array_at(table, RESULT, TOLD)[0], array_at(table, PARKED, WORD)
    published = _settle(event, words, slots, rows, desk, link, 0)
    if published > 0:
        publish(words, published)
        ring_if_parked(parked, desk["bell"])
    told["published"] += published
    told["touched"] |= 1 << np.int64(event["symbol"])

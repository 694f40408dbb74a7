"""The compiled half of the order path: an intent taken with all the gate must know, and sent.

`launch` moves the ring's cursor, copies the intent, gathers the facts, lets the gate rule, stores
the order's row and then writes, signs and sends it.  Python prepares what both need while
nothing else is to do, and folds what was sent into its books afterwards.
"""

from __future__ import annotations

import functools
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import cfunc, types

from hft.binance.order_text import REQUEST, shape_of, write_order
from hft.events import (
    HOP_MAX_NS,
    INTENT,
    Action,
    Denial,
    Hop,
    IntentFlag,
    OrderState,
    OrderType,
    TradingState,
    record,
)
from hft.execution.latency import count_sent
from hft.state.blocks import LATCH, LATENCY, ORDER, TOP
from hft.state.decision import FACTS, RULING
from hft.wire.bare_socket import send_now
from ringbuf.addressed import array_at
from ringbuf.atomics import full_fence, load_acquire, store_release
from ringbuf.compiled import compiled, merged
from ringbuf.layout import HEAD
from ringbuf.native import call_at, clock_gettime
from ringbuf.snapshot import READ_ATTEMPTS
from ringbuf.spsc import available, release, slot_of

Record = Any
Int = int | np.int64
Words = npt.NDArray[np.uint64]
Longs = npt.NDArray[np.int64]

SENT_TIMES = 128
"""Power of two, above the highest rate a config may allow."""
_SECOND_NS = 1_000_000_000
_MS_NS = 1_000_000
_WORD = np.dtype("<u8")
_LONG = np.dtype("<i8")
_REAL = np.dtype("<f8")
_ORDER_WORDS = ORDER.itemsize // 8
_TOP_WORDS = -(-TOP.itemsize // 64) * 8
SNAPSHOT_WORDS = 8 + 2 * _TOP_WORDS
"""Words from one symbol's TOP to the next."""
_NAMES = TOP.names or ()
_BID, _ASK, _LAST, _MARK, _BOOK_NS, _TRADE_NS, _MARK_NS = (
    _NAMES.index(name) for name in ("bid", "ask", "last", "mark", "book_ns", "trade_ns", "mark_ns")
)
assert all(each[0].itemsize == 8 for each in (TOP.fields or {}).values()), "TOP is whole words"

NOTHING, HELD, SENT, BROKEN = range(4)
"""What `launch` did: no intent waited; one waits for Python, denied or no order; one was sent; it
never came back."""

PAD = record(
    256,
    ("fresh", "<i8"),  # 1: what follows was prepared since the last intent was taken.
    ("fitness", "<i8"),  # TradingState that conditions allow.
    ("has_report_room", "<i8"),
    ("connected", "<i8"),
    ("pnl_e8", "<i8"),
    ("symbol_count", "<i8"),
    ("row", "<i8"),  # Of the order table, for the next order; -1: it is full.
    ("descriptor", "<i8"),  # Of the order session's plain socket; -1: Python sends the frame.
    ("venue_less_local_ns", "<i8"),  # Venue's wall clock less our monotonic one.
    ("text_table", "<i8"),  # Address of the table `write_order` is handed.
    ("gate", "<i8"),  # Address of the risk gate and of the table it is handed.
    ("gate_table", "<i8"),
    # What happened.
    ("lane", "<i8"),  # The shard, and what came of it, when it was launched on waking.
    ("outcome", "<i8"),
    ("taken_ns", "<i8"),
    ("gated_ns", "<i8"),
    ("venue_ms", "<i8"),  # The time that was signed.
    ("base_ns", "<i8"),  # What the hops count from.
    ("signed_ns", "<i8"),
    ("sent_ns", "<i8"),
    ("frame_bytes", "<i8"),
    ("sent_bytes", "<i8"),  # Minus the errno when nothing was sent.
)
"""The launch pad: what an order needs at hand, and what became of the newest."""

EXPOSURE = record(32, ("position_lots", "<i8"), ("open_buy_lots", "<i8"), ("open_sell_lots", "<i8"))
"""One symbol's share of the facts."""

PRICE_DECIMALS = record(32, ("tick_e8", "<i8"), ("lot_e8", "<i8"), ("price", "<i8"), ("qty", "<i8"))
"""How one symbol's prices and quantities are written."""


class PadRow(IntEnum):
    """Rows of the table `take` and `fire` are handed; each shard has one, of its own ring."""

    RING_WORDS = 0
    RING_SLOTS = 1
    INTENT = 2
    FACTS = 3
    RULING = 4
    PAD = 5
    LATCH_SUPERVISOR = 6
    LATCH_GATE = 7
    TOP_WORDS = 8
    TOP_REALS = 9
    EXPOSURE = 10
    HANDLED = 11
    SENT_NS = 12
    ORDERS = 13
    ORDER_WORDS = 14
    REQUEST = 15
    FRAME = 16
    DECIMALS = 17
    LATENCY = 18


_RING_WORDS, _RING_SLOTS, _INTENT, _FACTS, _RULING, _PAD = map(int, list(PadRow)[:6])
_LATCH_SUPERVISOR, _LATCH_GATE, _TOP_AT, _TOP_REALS, _EXPOSURE = map(int, list(PadRow)[6:11])
_HANDLED, _SENT, _ORDERS, _ORDER_AT, _REQUEST, _FRAME, _DECIMALS, _LATENCY = map(
    int, list(PadRow)[11:]
)
_ACTIVE, _REDUCING, _HALTED = (int(state) for state in TradingState)
_HOPS = [int(each) for each in Hop]
_DECODED, _STRATEGY, _DECIDED, _EXECUTION, _GATED = _HOPS[:5]
_SIGNED, _SENT_HOP = _HOPS[5:7]


@compiled
def launch(table: int) -> int:
    """Take the next intent, let the gate rule, and fire the order that passes.

    Nothing is taken before everything was prepared anew: a row is written once.
    """
    pad = array_at(table, _PAD, PAD)[0]
    if pad.fresh == 0 or take(table) == 0:
        return NOTHING
    pad.fresh = 0
    judge(table)
    if array_at(table, _RULING, RULING)[0].denial != Denial.NONE:
        return HELD
    if array_at(table, _INTENT, INTENT)[0].action != Action.PLACE:
        return HELD
    fire(table)
    return SENT


@compiled
def launch_on_waking(lanes: int) -> int:
    """Launch an intent of the first shard that has one; Python folds it in when it gets there.

    `lanes` is the address of a table with the tables of all shards and the pad.
    """
    pad = array_at(lanes, 1, PAD)[0]
    tables = array_at(lanes, 0, _LONG)
    if pad.outcome != NOTHING:
        return 0
    for lane in range(len(tables)):
        # A fault in here is told to nobody else.
        pad.lane, pad.outcome = lane, BROKEN
        pad.outcome = launch(tables[lane])
        if pad.outcome != NOTHING:
            return 1
    return 0


@functools.cache
def entry() -> Any:
    """Compile `launch_on_waking` as a C function, or load it; it is kept for good."""
    return cfunc(types.int64(types.int64), cache=True)(_enter)


def _enter(lanes: int) -> int:
    return launch_on_waking(lanes)


@compiled
def judge(table: int) -> None:
    """Gather the facts about the intent at hand and let the gate rule on it."""
    gather(table)
    pad = array_at(table, _PAD, PAD)[0]
    call_at(pad.gate, pad.gate_table)


@compiled
def take(table: int) -> int:
    """Take the next intent; 0 when none waits.

    The slot is given back before anything is decided: whatever happens next, no intent is taken
    twice.
    """
    words = array_at(table, _RING_WORDS, _WORD)
    if available(words, 1) < 1:
        return 0
    kept = array_at(table, _INTENT, INTENT)
    kept[0] = array_at(table, _RING_SLOTS, INTENT)[slot_of(words, np.int64(words[HEAD]))]
    release(words, 1)
    return 1


@compiled
def gather(table: int) -> None:
    """Gather the facts about the intent at hand."""
    intent = array_at(table, _INTENT, INTENT)[0]
    pad = array_at(table, _PAD, PAD)[0]
    facts = array_at(table, _FACTS, FACTS)[0]
    pad.taken_ns = clock_gettime()
    facts.now_ns = pad.taken_ns
    supervisor = array_at(table, _LATCH_SUPERVISOR, LATCH)[0]
    gate = array_at(table, _LATCH_GATE, LATCH)[0]
    facts.trading_state = max(pad.fitness, _latched(supervisor, gate))
    facts.has_report_room, facts.connected = pad.has_report_room, pad.connected
    facts.pnl_e8 = pad.pnl_e8
    facts.has_row = 1 if pad.row >= 0 else 0
    facts.symbol_count = pad.symbol_count
    facts.last_seq = np.int64(array_at(table, _HANDLED, _WORD)[0])
    facts.orders_last_s = _recent(array_at(table, _SENT, _LONG), pad.taken_ns)
    if intent.symbol < pad.symbol_count:
        exposure = array_at(table, _EXPOSURE, EXPOSURE)[intent.symbol]
        facts.position_lots = exposure.position_lots
        facts.open_buy_lots = exposure.open_buy_lots
        facts.open_sell_lots = exposure.open_sell_lots
        tops = array_at(table, _TOP_AT, _WORD)
        _read_top(tops, array_at(table, _TOP_REALS, _REAL), intent.symbol, facts)
    else:
        facts.position_lots = facts.open_buy_lots = facts.open_sell_lots = 0
        _no_top(facts)


@merged
def _latched(supervisor: Record, gate: Record) -> int:
    """The trading state the latch allows, as `hft.state.latch.latch_of` judges it."""
    resumed_ns = supervisor.resume_ns
    if supervisor.halt_ns > resumed_ns or gate.halt_ns > resumed_ns:
        return _HALTED
    if supervisor.reduce_ns > resumed_ns or gate.reduce_ns > resumed_ns:
        return _REDUCING
    return _ACTIVE


@merged
def _recent(sent_ns: Longs, now_ns: Int) -> Int:
    """Count the orders of the last second; ``sent_ns[SENT_TIMES]`` counts all of them."""
    count, total = 0, sent_ns[SENT_TIMES]
    while count < min(total, SENT_TIMES):
        if now_ns - sent_ns[(total - 1 - count) % SENT_TIMES] >= _SECOND_NS:
            break
        count += 1
    return count


@merged
def _no_top(facts: Record) -> None:
    facts.bid = facts.ask = facts.last = facts.mark = 0.0
    facts.newest_ns = 0


@merged
def _read_top(words: Words, reals: npt.NDArray[np.float64], symbol: Int, facts: Record) -> None:
    """Copy the newest whole TOP of a symbol, as `ringbuf.snapshot.Snapshot` reads it."""
    begin = np.int64(symbol) * SNAPSHOT_WORDS
    for _ in range(READ_ATTEMPTS):
        generation = load_acquire(words, begin)
        if generation == np.uint64(0):
            break
        at = begin + 8 + np.int64(generation & np.uint64(1)) * _TOP_WORDS
        facts.bid, facts.ask = reals[at + _BID], reals[at + _ASK]
        facts.last, facts.mark = reals[at + _LAST], reals[at + _MARK]
        newest = max(words[at + _BOOK_NS], words[at + _TRADE_NS], words[at + _MARK_NS])
        facts.newest_ns = np.int64(newest)
        full_fence()
        if load_acquire(words, begin) == generation:
            return
    _no_top(facts)


@merged
def _hop(base_ns: Int, at_ns: Int) -> Int:
    """Offset of a station, saturating."""
    return min(max(0, at_ns - base_ns), HOP_MAX_NS)


@compiled
def fire(table: int) -> None:
    """Store the row of the order that was let through, write it, sign it and send it.

    Leaves in `sent_bytes` what the kernel took, minus the errno when it took none, and 0 where
    Python must send the frame itself.
    """
    intent = array_at(table, _INTENT, INTENT)[0]
    ruling = array_at(table, _RULING, RULING)[0]
    pad = array_at(table, _PAD, PAD)[0]
    request = array_at(table, _REQUEST, REQUEST)[0]
    pad.gated_ns = clock_gettime()
    pad.venue_ms = (pad.gated_ns + pad.venue_less_local_ns) // _MS_NS
    _store_row(table, intent, ruling, pad)
    store_release(array_at(table, _HANDLED, _WORD), 0, intent.seq)
    _describe(request, intent, ruling, array_at(table, _DECIMALS, PRICE_DECIMALS)[intent.symbol])
    request.venue_ms = pad.venue_ms
    pad.frame_bytes = write_order(pad.text_table)
    pad.signed_ns = clock_gettime()
    pad.sent_bytes = 0
    if pad.descriptor >= 0:
        frame = array_at(table, _FRAME, np.dtype("u1"))
        pad.sent_bytes = send_now(pad.descriptor, np.int64(frame.ctypes.data), pad.frame_bytes)
        if pad.sent_bytes > 0:
            note_sent(table)


@compiled
def note_sent(table: int) -> None:
    """Note when an order left: in its row, in the histograms and for the limit on their rate."""
    pad = array_at(table, _PAD, PAD)[0]
    pad.sent_ns = clock_gettime()
    row = array_at(table, _ORDERS, ORDER)[pad.row]
    row.hops[_SIGNED] = _hop(pad.base_ns, pad.signed_ns)
    row.hops[_SENT_HOP] = _hop(pad.base_ns, pad.sent_ns)
    count_sent(array_at(table, _LATENCY, LATENCY), row.hops)
    sent_ns = array_at(table, _SENT, _LONG)
    sent_ns[sent_ns[SENT_TIMES] % SENT_TIMES] = pad.sent_ns
    sent_ns[SENT_TIMES] += 1


@merged
def _describe(request: Record, intent: Record, ruling: Record, decimals: Record) -> None:
    kind = np.int64(0)
    if intent.order_type == OrderType.LIMIT:
        kind = np.int64(4) if intent.flags & IntentFlag.POST_ONLY else np.int64(intent.tif)
    reduces = 1 if intent.flags & IntentFlag.REDUCE_ONLY else 0
    request.shape = shape_of(np.int64(intent.symbol), 1 if intent.side < 0 else 0, kind, reduces)
    request.intent_seq = np.int64(intent.seq)
    request.price_e8 = ruling.price_ticks * decimals.tick_e8
    request.qty_e8 = ruling.qty_lots * decimals.lot_e8
    request.price_decimals, request.qty_decimals = decimals.price, decimals.qty


@merged
def _store_row(table: int, intent: Record, ruling: Record, pad: Record) -> None:
    """Write the order's row, SENT; its version is odd meanwhile."""
    versions = array_at(table, _ORDER_AT, _WORD)
    row = array_at(table, _ORDERS, ORDER)[pad.row]
    facts = array_at(table, _FACTS, FACTS)[0]
    at = pad.row * _ORDER_WORDS
    version = versions[at] | np.uint64(1)
    store_release(versions, at, version)
    full_fence()
    row.intent_seq, row.order_ref = intent.seq, intent.order_ref
    row.market_seq, row.recv_ns = intent.market_seq, intent.recv_ns
    row.sent_venue_ms, row.updated_ns = pad.venue_ms, pad.gated_ns
    row.venue_order_id = 0
    row.price_ticks, row.qty_lots = ruling.price_ticks, ruling.qty_lots
    row.cum_qty_lots = row.cum_quote_e8 = row.fee_e8 = row.realised_e8 = 0
    row.amend_ticks = row.amend_lots = 0
    row.bid, row.ask = facts.bid, facts.ask
    # An intent that no market event caused counts from its decision.
    base_ns = intent.recv_ns if intent.recv_ns != 0 else intent.decide_ns
    pad.base_ns = base_ns
    for index in range(len(row.hops)):
        row.hops[index] = 0
    row.hops[_DECODED] = intent.decoded_off_ns
    row.hops[_STRATEGY] = _hop(base_ns, intent.strategy_ns)
    row.hops[_DECIDED] = _hop(base_ns, intent.decide_ns)
    row.hops[_EXECUTION] = _hop(base_ns, pad.taken_ns)
    row.hops[_GATED] = _hop(base_ns, pad.gated_ns)
    row.venue_code = 0
    row.symbol, row.strategy, row.reason = intent.symbol, intent.strategy, intent.reason
    row.state = OrderState.SENT
    row.side, row.order_type = intent.side, intent.order_type
    row.tif, row.flags, row.cancel_sent = intent.tif, intent.flags, 0
    store_release(versions, at, version + np.uint64(1))

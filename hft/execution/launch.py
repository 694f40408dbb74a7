"""The compiled half of the order path: an intent taken with all the gate must know, and sent.

`launch` moves the ring's cursor, copies the intent, has the facts gathered (see `facts`), lets the
gate rule, stores the order's row and then writes, signs and sends it.  Python prepares what both
need while nothing else is to do, and folds what was sent into its books afterwards.
"""

from __future__ import annotations

import functools
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
)
from hft.execution.facts import gather
from hft.execution.latency import count_sent
from hft.execution.pad_rows import PAD, PRICE_DECIMALS, PadRow
from hft.state.blocks import LATENCY, ORDER
from hft.state.decision import FACTS, RULING
from hft.wire.bare_socket import send_now
from ringbuf.addressed import array_at
from ringbuf.atomics import full_fence, store_release
from ringbuf.compiled import compiled, merged
from ringbuf.layout import HEAD
from ringbuf.native import call_at, clock_gettime
from ringbuf.spsc import available, release, slot_of

Record = Any
Int = int | np.int64
Longs = npt.NDArray[np.int64]

_MS_NS = 1_000_000
_WORD = np.dtype("<u8")
_LONG = np.dtype("<i8")
_ORDER_WORDS = ORDER.itemsize // 8

NOTHING, HELD, SENT, BROKEN = range(4)
"""What `launch` did: no intent waited; one waits for Python, denied, no order, or one that takes
another road; one was sent; it never came back."""

_RING_WORDS, _RING_SLOTS, _INTENT = (
    int(row) for row in (PadRow.RING_WORDS, PadRow.RING_SLOTS, PadRow.INTENT)
)
_FACTS, _RULING, _PAD = int(PadRow.FACTS), int(PadRow.RULING), int(PadRow.PAD)
_HANDLED, _SENT, _ORDERS, _ORDER_AT, _REQUEST, _FRAME, _DECIMALS, _LATENCY = (
    int(row) for row in list(PadRow)[PadRow.HANDLED : PadRow.SPECS]
)
_CHANGED = int(PadRow.CHANGED_NS)
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
    intent = array_at(table, _INTENT, INTENT)[0]
    if intent.action != Action.PLACE:
        note_change(table)
        return HELD
    if pad.by_socket == 0:
        return HELD
    if intent.order_type != OrderType.MARKET and intent.order_type != OrderType.LIMIT:
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
    keep(table)
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
def keep(table: int) -> None:
    """Store the row of the order that was let through, SENT, before anything of it leaves."""
    intent = array_at(table, _INTENT, INTENT)[0]
    pad = array_at(table, _PAD, PAD)[0]
    pad.gated_ns = clock_gettime()
    pad.venue_ms = (pad.gated_ns + pad.venue_less_local_ns) // _MS_NS
    _store_row(table, intent, array_at(table, _RULING, RULING)[0], pad)
    store_release(array_at(table, _HANDLED, _WORD), 0, intent.seq)


@compiled
def note_sent(table: int) -> None:
    """Note when an order left: in its row, in the histograms and for the limit on their rate."""
    pad = array_at(table, _PAD, PAD)[0]
    pad.sent_ns = clock_gettime()
    row = array_at(table, _ORDERS, ORDER)[pad.row]
    row.hops[_SIGNED] = _hop(pad.base_ns, pad.signed_ns)
    row.hops[_SENT_HOP] = _hop(pad.base_ns, pad.sent_ns)
    count_sent(array_at(table, _LATENCY, LATENCY), row.hops)
    count_order(table)


@compiled
def count_order(table: int) -> None:
    """Count an order that left at `sent_ns` for the limit on their rate."""
    _note(array_at(table, _SENT, _LONG), array_at(table, _PAD, PAD)[0].sent_ns)


@compiled
def note_change(table: int) -> None:
    """Note that a strategy cancels or amends; an amend counts as an order too."""
    pad = array_at(table, _PAD, PAD)[0]
    _note(array_at(table, _CHANGED, _LONG), pad.taken_ns)
    if array_at(table, _INTENT, INTENT)[0].action == Action.AMEND:
        _note(array_at(table, _SENT, _LONG), pad.taken_ns)


@merged
def _note(times_ns: Longs, now_ns: Int) -> None:
    """Remember a time, see `hft.execution.facts.recent`."""
    room = len(times_ns) - 1
    times_ns[times_ns[room] % room] = now_ns
    times_ns[room] += 1


@merged
def _describe(request: Record, intent: Record, ruling: Record, decimals: Record) -> None:
    kind = np.int64(0)
    if intent.order_type == OrderType.LIMIT:
        kind = np.int64(4) if intent.flags & IntentFlag.POST_ONLY else np.int64(intent.tif)
    sells = 1 if intent.side < 0 else 0
    request.shape = shape_of(np.int64(intent.symbol), sells, kind, ruling.reduce_only)
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
    row.tif, row.cancel_sent = intent.tif, 0
    # The gate may let an order pass only as one that reduces.
    row.flags = intent.flags | IntentFlag.REDUCE_ONLY if ruling.reduce_only else intent.flags
    store_release(versions, at, version + np.uint64(1))

"""What is true at the moment an intent is judged: gathered, compiled, from prepared memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hft.events import INTENT, Action, TradingState
from hft.execution.pad_rows import PAD, PadRow
from hft.state.blocks import LATCH, SPEC, TOP
from hft.state.decision import FACTS
from hft.state.exposure import (
    EXPOSURE,
    reference_price,
    tied_e8,
    worst_lots,
    worth_e8,
)
from hft.state.steps import nearest_ticks
from ringbuf.addressed import array_at
from ringbuf.atomics import full_fence, load_acquire
from ringbuf.compiled import compiled, merged
from ringbuf.native import clock_gettime
from ringbuf.snapshot import READ_ATTEMPTS

Record = Any
Int = int | np.int64
Words = npt.NDArray[np.uint64]
Reals = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

_SECOND_NS = 1_000_000_000
_WORD = np.dtype("<u8")
_LONG = np.dtype("<i8")
_REAL = np.dtype("<f8")
_TOP_WORDS = -(-TOP.itemsize // 64) * 8
SNAPSHOT_WORDS = 8 + 2 * _TOP_WORDS
"""Words from one symbol's TOP to the next."""
_NAMES = TOP.names or ()
_BID, _ASK, _LAST, _MARK, _BOOK_NS, _TRADE_NS, _MARK_NS = (
    _NAMES.index(name) for name in ("bid", "ask", "last", "mark", "book_ns", "trade_ns", "mark_ns")
)
assert all(each[0].itemsize == 8 for each in (TOP.fields or {}).values()), "TOP is whole words"

_INTENT, _FACTS, _PAD = int(PadRow.INTENT), int(PadRow.FACTS), int(PadRow.PAD)
_LATCH_SUPERVISOR, _LATCH_GATE = int(PadRow.LATCH_SUPERVISOR), int(PadRow.LATCH_GATE)
_TOP_AT, _TOP_REALS, _EXPOSURE = map(int, list(PadRow)[PadRow.TOP_WORDS : PadRow.HANDLED])
_HANDLED, _SENT = int(PadRow.HANDLED), int(PadRow.SENT_NS)
_SPECS, _CHANGED = int(PadRow.SPECS), int(PadRow.CHANGED_NS)
_ACTIVE, _REDUCING, _HALTED = (int(state) for state in TradingState)


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
    facts.last_seq = np.int64(array_at(table, _HANDLED, _WORD)[0])
    facts.orders_last_s = recent(array_at(table, _SENT, _LONG), pad.taken_ns)
    facts.changes_last_s = 0
    if intent.action != Action.PLACE:
        facts.changes_last_s = recent(array_at(table, _CHANGED, _LONG), pad.taken_ns)
    _copy_prepared(pad, facts)
    if intent.action == Action.PLACE or intent.action == Action.AMEND:
        _weigh(table, np.int64(intent.symbol), pad, facts)


@merged
def _copy_prepared(pad: Record, facts: Record) -> None:
    facts.has_row = 1 if pad.row >= 0 else 0
    facts.has_report_room, facts.connected = pad.has_report_room, pad.connected
    facts.symbol_count, facts.open_orders = pad.symbol_count, pad.open_orders
    facts.may_order, facts.equity_e8 = pad.may_order, pad.equity_e8
    facts.pnl_e8, facts.peak_pnl_e8 = pad.pnl_e8, pad.peak_pnl_e8
    facts.day_pnl_e8 = pad.day_pnl_e8
    facts.checked_ns, facts.clock_error_ns = pad.checked_ns, pad.clock_error_ns


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
def recent(times_ns: Longs, now_ns: Int) -> Int:
    """Count the times of the last second; the last word counts all that ever were."""
    room = len(times_ns) - 1
    count, total = 0, times_ns[room]
    while count < min(total, room):
        if now_ns - times_ns[(total - 1 - count) % room] >= _SECOND_NS:
            break
        count += 1
    return count


@compiled
def _weigh(table: int, symbol: Int, pad: Record, facts: Record) -> None:
    """Value every symbol's position and open orders at the newest prices, the intent's last."""
    words, reals = array_at(table, _TOP_AT, _WORD), array_at(table, _TOP_REALS, _REAL)
    exposures, specs = array_at(table, _EXPOSURE, EXPOSURE), array_at(table, _SPECS, SPEC)
    facts.others_e8, facts.free_e8 = 0, pad.untied_e8
    for index in range(pad.symbol_count):
        if index != symbol:
            exposure = exposures[index]
            _read_top(words, reals, index, facts)
            ticks = _value(exposure, specs[index], facts)
            buys = worst_lots(
                exposure.position_lots, 1, exposure.open_buy_lots, exposure.reducing_buy_lots
            )
            sells = worst_lots(
                exposure.position_lots, -1, exposure.open_sell_lots, exposure.reducing_sell_lots
            )
            facts.others_e8 += worth_e8(ticks, max(buys, sells), specs[index].unit_e8)
    if symbol >= pad.symbol_count:
        _no_top(facts)
        return
    exposure = exposures[symbol]
    _read_top(words, reals, symbol, facts)
    _value(exposure, specs[symbol], facts)
    facts.position_lots, facts.leverage = exposure.position_lots, exposure.leverage
    facts.open_buy_lots, facts.open_sell_lots = exposure.open_buy_lots, exposure.open_sell_lots
    facts.reducing_buy_lots = exposure.reducing_buy_lots
    facts.reducing_sell_lots = exposure.reducing_sell_lots


@merged
def _value(exposure: Record, spec: Record, facts: Record) -> Int:
    """Value a symbol's open orders, take off what it ties up; its price in ticks."""
    price = reference_price(facts.mark, facts.bid, facts.ask, facts.last)
    ticks: Int = min(nearest_ticks(price, spec.tick_e8), spec.max_ticks)
    unit_e8 = spec.unit_e8
    facts.bids_e8 = worth_e8(1, exposure.bid_value, unit_e8)
    facts.bids_e8 += worth_e8(ticks, exposure.unpriced_buy_lots, unit_e8)
    facts.asks_e8 = worth_e8(1, exposure.ask_value, unit_e8)
    facts.asks_e8 += worth_e8(ticks, exposure.unpriced_sell_lots, unit_e8)
    if exposure.leverage > 0:
        held_e8 = worth_e8(ticks, abs(exposure.position_lots), unit_e8)
        if exposure.position_lots < 0:
            held_e8 = -held_e8
        facts.free_e8 -= tied_e8(held_e8, facts.bids_e8, facts.asks_e8, exposure.leverage)
    return ticks


@merged
def _no_top(facts: Record) -> None:
    facts.bid = facts.ask = facts.last = facts.mark = 0.0
    facts.newest_ns = 0


@merged
def _read_top(words: Words, reals: Reals, symbol: Int, facts: Record) -> None:
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

"""The burst: everything the strategy process does between two looks at its orders, in one loop.

First the waiting reports, then up to BURST_MAX market events, and so on while there are more, up to
BURSTS_MAX times.  It keeps the positions and the table of open orders (both from reports, never
from having sent an intent), calls the strategy, writes its intents into the ring, wakes execution
at once, and commits verdict and state at the end.  Same events in, same intents out: the only clock
is read into hops of an intent that no strategy sees.

The source is plain Python.  `hft.strategy.build` clones it around one strategy, with the names
under TYPE_CHECKING below filled in, and compiles the clone; left uncompiled it gives the same
answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hft.events import (
    INTENT,
    MARKET,
    OPEN_ORDER,
    POSITION,
    REPORT,
    SYMBOLS_MAX,
    Action,
    MarketFlag,
    Verdict,
    record,
)
from hft.state.blocks import OUT_DETAIL, SPEC, VERDICT
from hft.strategy.api import OUT, Record
from hft.strategy.booking import book_order, book_position, free_row, open_row, symbol_of
from ringbuf.addressed import array_at
from ringbuf.atomics import load_acquire
from ringbuf.layout import GAP, HEAD, TAIL
from ringbuf.native import CARRIED, commit_rows
from ringbuf.snapshot import commit
from ringbuf.spsc import available, free_slots, publish, release, slot_of

if TYPE_CHECKING:
    from hft.strategy.placeholder import PARAMS, STATE, on_market, on_report, read_clock, wake

BURST_MAX = 64
"""Market events per burst: bounds how long a report may wait behind market data."""
BURSTS_MAX = 16
"""Bounds how long a signal, or the one waiting for a slot, waits: some 50 us at 50 ns per event."""
REPORTS_MAX = 64

WORD = np.dtype("<u8")
BYTE = np.dtype("u1")

LOOP = record(
    192,
    ("next_intent_seq", "<u8"),
    ("intent_stride", "<u8"),  # From one intent to the next: the number of shards.
    ("next_market_seq", "<u8"),  # 0: no event seen yet.
    ("strategy", "<i8"),  # Its index, as every intent carries it.
    ("now_ns", "<i8"),  # When the burst began.
    ("market_seq", "<u8"),  # What is being decided on: the event, or the one behind the report.
    ("recv_ns", "<i8"),
    ("symbol", "<i8"),
    ("decoded_off_ns", "<i8"),
    ("bell", "<i8"),  # The descriptor that wakes execution.
    ("known_gaps", "<u8"),  # Reports lost and parameters set, as far as Python has acted on it.
    ("known_params", "<u8"),
    ("broken", "<i8"),  # 1: a burst on waking has begun and not ended.
    ("gap", "u1", SYMBOLS_MAX),  # 1: the next event of this symbol is flagged GAP.
    ("row", "u1", SYMBOLS_MAX),  # Where the STATE of this symbol lies; none but the shard's are.
)
"""What the loop itself remembers."""

NEWEST, ACTED = 0, 1
"""Rows of `Desk.verdict`: the newest verdict, and the newest one that led to an intent."""


class Desk(NamedTuple):
    """The memory a burst works on: rings, private records, and two snapshots to commit to."""

    market_words: Any
    market_slots: Any
    reports_words: Any
    reports_slots: Any
    intents_words: Any
    intents_slots: Any
    positions: Any
    orders: Any
    spec: Any
    state: Any
    params: Any
    out: Any
    event: Any
    loop: Any
    verdict: Any
    verdict_words: Any
    verdict_slots: Any
    state_value: Any
    state_words: Any
    state_slots: Any
    changed: Any
    parked: Any


def enter(table: int, now_ns: int) -> int:
    """Make the desk from the table at an address and run one burst; returns the work count."""
    desk = Desk(
        array_at(table, 0, WORD),
        array_at(table, 1, MARKET),
        array_at(table, 2, WORD),
        array_at(table, 3, REPORT),
        array_at(table, 4, WORD),
        array_at(table, 5, INTENT),
        array_at(table, 6, POSITION),
        array_at(table, 7, OPEN_ORDER),
        array_at(table, 8, SPEC),
        array_at(table, 9, STATE),
        array_at(table, 10, PARAMS),
        array_at(table, 11, OUT),
        array_at(table, 12, MARKET),
        array_at(table, 13, LOOP),
        array_at(table, 14, VERDICT),
        array_at(table, 15, WORD),
        array_at(table, 16, VERDICT),
        array_at(table, 17, WORD),
        array_at(table, 18, WORD),
        array_at(table, 19, WORD),
        array_at(table, 20, BYTE),
        array_at(table, 21, WORD),
    )
    return run_bursts(desk, now_ns)


def enter_on_waking(table: int) -> int:
    """Run bursts the moment the process wakes, unless Python must read something first."""
    loop = array_at(table, 13, LOOP)[0]
    reports, params = array_at(table, 2, WORD), array_at(table, 22, WORD)
    if reports[GAP] != loop.known_gaps or load_acquire(params, 0) != loop.known_params:
        return 0
    # A fault in here is told to nobody else.
    loop.broken = 1
    work = enter(table, read_clock())
    loop.broken = 0
    return work


def run_bursts(desk: Desk, now_ns: int) -> int:
    """Run bursts while there is something to take, bounded; returns how much there was."""
    desk.loop[0].now_ns = now_ns
    work = took = take_burst(desk)
    for _ in range(BURSTS_MAX - 1):
        if took < BURST_MAX:
            break
        desk.loop[0].now_ns = read_clock()
        took = take_burst(desk)
        work += took
    if work > 0:
        commit(desk.verdict_words, desk.verdict_slots, desk.verdict)
        commit_rows(desk.state_words, desk.state_slots, desk.state_value, desk.changed)
    return work


def take_burst(desk: Desk) -> int:
    """Take the waiting reports, then market events, both bounded; returns how many there were."""
    loop, out, told = desk.loop[0], desk.out[0], desk.verdict[NEWEST]
    ready = available(desk.reports_words, REPORTS_MAX)
    reports = ready if ready < REPORTS_MAX else REPORTS_MAX
    first = np.int64(desk.reports_words[HEAD])
    for ahead in range(reports):
        report = desk.reports_slots[slot_of(desk.reports_words, first + ahead)]
        position, spec = desk.positions[report.symbol], desk.spec[report.symbol]
        begin_call(loop, out, report.symbol, report.market_seq, report.local_ns)
        book_position(position, report, spec)
        book_order(desk.orders, position, report, spec)
        row = loop.row[report.symbol]
        state = desk.state[row]
        desk.changed[row] = CARRIED
        on_report(report, position, desk.orders, desk.params[0], state, out)
        if out.count > 0:
            write_intents(
                desk.intents_words, desk.intents_slots, desk.orders, desk.positions, out, loop, told
            )
            wake(desk.parked, loop.bell)
        tell(desk.verdict, out, report.symbol)
    if reports > 0:
        release(desk.reports_words, reports)
    ready = available(desk.market_words, BURST_MAX)
    events = ready if ready < BURST_MAX else BURST_MAX
    first = np.int64(desk.market_words[HEAD])
    for ahead in range(events):
        # The strategy gets a copy: an event in the ring never changes after it was published.
        desk.event[0] = desk.market_slots[slot_of(desk.market_words, first + ahead)]
        event = desk.event[0]
        note_gap(loop, event, told)
        position = desk.positions[event.symbol]
        begin_call(loop, out, event.symbol, event.seq, event.recv_ns)
        loop.decoded_off_ns = event.decoded_off_ns
        row = loop.row[event.symbol]
        state = desk.state[row]
        desk.changed[row] = CARRIED
        on_market(event, position, desk.orders, desk.params[0], state, out)
        told.events += 1
        told.event_ns = event.recv_ns
        if out.count > 0:
            write_intents(
                desk.intents_words, desk.intents_slots, desk.orders, desk.positions, out, loop, told
            )
            wake(desk.parked, loop.bell)
        tell(desk.verdict, out, event.symbol)
    if events > 0:
        release(desk.market_words, events)
    return int(events + reports)


def begin_call(loop: Record, out: Record, symbol: int, market_seq: int, recv_ns: int) -> None:
    """Remember what is being decided on and empty `out`."""
    loop.symbol = symbol
    loop.market_seq = market_seq
    loop.recv_ns = recv_ns
    loop.decoded_off_ns = 0
    out.count = 0
    out.overflow = 0
    out.verdict = 0
    out.distance = 0.0
    out.needed = 0.0
    for index in range(OUT_DETAIL):
        out.detail[index] = 0.0


def note_gap(loop: Record, event: Record, told: Record) -> None:
    """Flag the event GAP when others are missing before it, and the next one of every symbol."""
    expected = loop.next_market_seq
    missing = expected != 0 and event.seq != expected
    loop.next_market_seq = event.seq + np.uint64(1)
    if missing or event.flags & MarketFlag.GAP:
        told.gaps_seen += 1
        for symbol in range(SYMBOLS_MAX):
            loop.gap[symbol] = 1
    if loop.gap[event.symbol]:
        event.flags = event.flags | MarketFlag.GAP
        loop.gap[event.symbol] = 0


def tell(verdict: Any, out: Record, symbol: int) -> None:
    """Keep the verdict of one call for the snapshot; without one the last stays."""
    told = verdict[NEWEST]
    told.counts[out.verdict] += 1
    told.refused += out.overflow
    if out.verdict != Verdict.NONE:
        told.verdict = out.verdict
        told.distance = out.distance
        told.needed = out.needed
        told.symbol = symbol
        for index in range(OUT_DETAIL):
            told.detail[index] = out.detail[index]
        if out.count > 0:
            verdict[ACTED] = verdict[NEWEST]


def write_intents(
    words: Any, slots: Any, orders: Any, positions: Any, out: Record, loop: Record, told: Record
) -> None:
    """Write the intents of one call into the ring; what finds no room is refused and counted."""
    for row in range(out.count):
        place = free_row(orders) if out.action[row] == Action.PLACE else 0
        if place < 0 or free_slots(words, 1) < 1:
            told.refused += 1
            out.verdict = Verdict.INTENTS_FULL
            continue
        intent = slots[slot_of(words, np.int64(words[TAIL]))]
        fill_intent(intent, out, row, loop)
        if intent.action == Action.PLACE:
            open_row(orders[place], intent)
            positions[intent.symbol].open_orders += 1
        else:
            intent.symbol = symbol_of(orders, intent)
        publish(words, 1)
        told.intents += 1


def fill_intent(intent: Record, out: Record, row: int, loop: Record) -> None:
    """Fill an intent from row `row` of `out`; its number is the next one, used once."""
    seq = loop.next_intent_seq
    loop.next_intent_seq = seq + loop.intent_stride
    intent.seq = seq
    intent.market_seq = loop.market_seq
    intent.recv_ns = loop.recv_ns
    intent.decoded_off_ns = loop.decoded_off_ns
    intent.strategy_ns = loop.now_ns
    intent.strategy = loop.strategy
    intent.symbol = loop.symbol
    intent.order_ref = out.order_ref[row]
    if intent.order_ref == 0:
        intent.order_ref = seq
    intent.target_ref = out.target_ref[row]
    intent.price = out.price[row]
    intent.qty = out.qty[row]
    intent.reason = out.reason[row]
    intent.action = out.action[row]
    intent.side = out.side[row]
    intent.order_type = out.order_type[row]
    intent.tif = out.tif[row]
    intent.flags = out.flags[row]
    intent.decide_ns = read_clock()

"""From an intent through the gate to the wire: the hot path of this process.

At most once: the ring's cursor moves before anything else, the order's row is stored before its
bytes leave, and what may have left is never sent again.  The work itself is compiled (see
`launch`); here is what comes before and after it.
"""

from __future__ import annotations

import os
import struct
from collections import deque
from typing import NamedTuple, Protocol

import numpy as np

from hft.agent.contract import Context
from hft.binance.order_terms import CONDITIONAL_TYPES, WAITING_MAX
from hft.binance.order_text import REQUEST, OrderTexts
from hft.binance.venue_clock import VenueClock
from hft.clock import monotonic_ns
from hft.events import INTENT, Action, Denial, OrderState
from hft.execution.account import Standing
from hft.execution.amender import Amender
from hft.execution.books import Books
from hft.execution.canceller import Canceller
from hft.execution.denial_log import DenialLog
from hft.execution.launch import (
    BROKEN,
    HELD,
    NOTHING,
    SENT,
    count_order,
    entry,
    judge,
    keep,
    launch,
    note_change,
    note_sent,
)
from hft.execution.order_life import OrderEvent
from hft.execution.orders import Order
from hft.execution.pad import Pad
from hft.execution.pad_rows import PAD
from hft.execution.rates import rate_used
from hft.execution.roads import Roads
from hft.state.decision import Intent, Limits, Measures, Trip, fill_limits
from hft.state.exposure import EXPOSURE
from hft.wire.connection import ConnectionClosed
from ringbuf.layout import HEAD
from ringbuf.parking import Duty
from ringbuf.spsc import Consumer, packer_of

BURST_MAX = 16
_INTENT = packer_of(INTENT)
_EXPOSURE = packer_of(EXPOSURE)
_NO_LIMITS = Limits(0, 0, 0, 0, 0, 0, 0)
_PREPARED = struct.Struct(f"<{(PAD.names or ()).index('text_table')}q")
_OUTCOME = struct.Struct("<5q")
_OUTCOME_AT = (PAD.names or ()).index("base_ns") * 8
_ON_WAKING = struct.Struct("<2q")
_ON_WAKING_AT = (PAD.names or ()).index("lane") * 8
_ID_WORD, _MASK_WORD = ((REQUEST.names or ()).index(name) for name in ("request_id", "mask"))


class RiskGate(Protocol):
    """What execution must be given before it can send anything."""

    address: int
    """A C function ``int64 (int64)`` that judges the intent behind a table of `GateRow`."""

    def breach(self, measured: Measures, limits: Limits) -> Trip | None:
        """Say which breaker trips."""


class Lane(NamedTuple):
    """The intents of one shard: their ring, and the table by which compiled code finds it."""

    shard: int
    consumer: Consumer
    table: int


class IntentDesk:
    """Takes intents from their rings, asks the gate, sends what passes.

    Of a burst every shard gets the same share, so that none waits for a busy one.
    """

    def __init__(
        self,
        ctx: Context,
        books: Books,
        gate: RiskGate,
        roads: Roads,
        changers: tuple[Canceller, Amender],
        texts: OrderTexts,
        clock: VenueClock,
    ) -> None:
        self.denials = DenialLog(ctx.log)
        self._books = books
        self.roads = roads
        self._session = roads.session
        self._canceller, self._amender = changers
        self._pad = pad = Pad(ctx.house, books.specs, texts, gate.address)
        lanes = (
            Lane(shard.number, Consumer(shard.intents), table.address)
            for shard, table in zip(ctx.house.shards, pad.tables, strict=True)
        )
        self._by_shard = list(lanes)
        self._lanes = deque(self._by_shard)
        self._share = BURST_MAX // len(self._lanes)
        self._prepared = pad.pad.view(np.uint8).data
        self._taken = pad.intent.view(np.uint8).data
        self._exposure = pad.exposure.view(np.uint8).data
        self._request = texts.request.view(np.int64).data
        self._frame = texts.frame.data
        self._sent_ns, self._changed_ns = pad.sent_ns.data, pad.changed_ns.data
        self._row = -1
        self._request_id = self._masked_id = 0
        self._limits = _NO_LIMITS
        self.standing = Standing()
        self.clock = clock

    @property
    def limits(self) -> Limits:
        """The limits in force."""
        return self._limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        if limits != self._limits:
            self._limits = limits
            fill_limits(self._pad.limits, limits)

    def waiting(self) -> int:
        """Intents in the rings."""
        return sum(lane.consumer.waiting() for lane in self._lanes)

    def work(self) -> int:
        """Handle a burst of intents; returns how many.

        What `prepare` laid ready must be the newest there is, and is used up afterwards.
        """
        self._look_at_stand_by()
        handled = self.settle()
        for lane in self._lanes:
            handled += self._work_lane(lane)
        self._lanes.rotate(-1)
        return handled

    def duty(self) -> Duty:
        """What launches an intent the moment this process wakes."""
        return Duty(int(entry().address), self._pad.lanes.address)

    def settle(self) -> int:
        """Fold in what was launched on waking; returns how many that were.

        Raises:
            RuntimeError: the compiled code failed; what it printed says how.
        """
        lane, outcome = _ON_WAKING.unpack_from(self._prepared, _ON_WAKING_AT)
        if outcome == NOTHING:
            return 0
        if outcome == BROKEN:
            raise RuntimeError("the order path failed in compiled code")
        _ON_WAKING.pack_into(self._prepared, _ON_WAKING_AT, lane, NOTHING)
        self._handle(self._by_shard[lane], outcome)
        if self.waiting():
            self.prepare()
        return 1

    def _work_lane(self, lane: Lane) -> int:
        handled = 0
        while handled < self._share:
            outcome = launch(lane.table)
            if outcome == NOTHING:
                break
            self._handle(lane, outcome)
            handled += 1
            if self.waiting():
                self.prepare()
        return handled

    def prepare(self) -> None:
        """Lay ready what the next intent needs; for whoever may have changed any of it."""
        books, session, account = self._books, self._session, self._books.account
        self._row = books.orders.reserve()
        self._request_id = self._request[_ID_WORD] = session.next_id
        if self._masked_id != self._request_id:
            # RFC 6455, 5.3: a mask nobody can foretell, for every frame.
            self._masked_id = self._request_id
            self._request[_MASK_WORD] = int.from_bytes(os.urandom(4), "little")
        _PREPARED.pack_into(
            self._prepared, 0, 1,
            self.standing.fitness, books.reports.has_room(), self.roads.open, session.up,
            account.pnl_e8, len(books.symbols), self._row, session.descriptor(),
            self.clock.less_local_ns(), account.peak_pnl_e8, account.day_pnl_e8,
            account.equity_e8, books.margin.untied_e8(), account.checked_ns,
            self.clock.error_ns(monotonic_ns()), len(books.orders.open), self._session.may_order,
        )  # fmt: skip
        leverage, exposure = books.margin.leverage, books.orders.exposure
        for symbol in range(len(books.positions)):
            _EXPOSURE.pack_into(
                self._exposure, symbol * EXPOSURE.itemsize,
                books.exposed_lots(symbol), leverage[symbol], *exposure[symbol],
            )  # fmt: skip

    def show_rates(self, now_ns: int) -> None:
        """Tell the account how much of the limits on our own rate is used."""
        account, limits = self._books.account, self._limits
        account.orders_last_s, account.orders_full_until_ns = rate_used(
            self._sent_ns, limits.max_orders_per_s, now_ns
        )
        account.changes_last_s, account.changes_full_until_ns = rate_used(
            self._changed_ns, limits.max_cancels_per_s, now_ns
        )

    def last_consumed(self) -> list[tuple[Lane, Intent]]:
        """The newest intent that was taken from each ring, while its slot still holds it."""
        found = []
        for lane in self._lanes:
            consumer = lane.consumer
            overwritten = consumer.waiting() >= consumer.ring.layout.slots
            if not overwritten and int(consumer.words[HEAD]):
                found.append((lane, Intent._make(consumer.peek(_INTENT, -1))))
        return found

    def redo(self, lane: Lane, intent: Intent) -> None:
        """Handle an intent an earlier life consumed and may not have finished: only cancels."""
        self.prepare()
        _INTENT.pack_into(self._taken, 0, *intent)
        judge(lane.table)
        self._handle(lane, HELD)

    def _handle(self, lane: Lane, outcome: int) -> None:
        books = self._books
        books.account.intents += 1
        if outcome == SENT:
            self._follow_up(lane)
            return
        intent = self._intent()
        if intent.action == Action.AMEND:
            denial = self._amend(lane, intent)
        else:
            denial = Denial(int(self._pad.ruling[0]["denial"]))
            if denial is Denial.NONE:
                denial = self._do(lane, intent)
        if denial is not Denial.NONE:
            self._deny(intent, denial)
        handled = books.orders.handled_seq
        handled[lane.shard] = max(intent.seq, handled[lane.shard])

    def _intent(self) -> Intent:
        return Intent._make(_INTENT.unpack_from(self._taken))

    def _follow_up(self, lane: Lane) -> None:
        """Fold an order into the books while it travels; its row was stored before it left."""
        books, failure = self._books, None
        try:
            self._finish_sending(lane)
        except ConnectionClosed as problem:
            failure = problem
        order = books.orders.adopt(self._row)
        order.base_ns, signed_ns, sent_ns, _, _ = _OUTCOME.unpack_from(self._prepared, _OUTCOME_AT)
        if failure is not None:
            if failure.written:
                books.move(order, OrderEvent.DOUBT)
            else:
                self._send_otherwise(lane, order, self._intent())
            return
        order.sent_ns = sent_ns
        self._session.expect(order, self._request_id, signed_ns)
        books.account.orders_sent += 1

    def _finish_sending(self, lane: Lane) -> None:
        """Send what compiled code could not.

        Raises:
            ConnectionClosed: it did not leave whole; its `written` says whether a part did.
        """
        frame_bytes, sent_bytes = _OUTCOME.unpack_from(self._prepared, _OUTCOME_AT)[3:]
        if sent_bytes == frame_bytes:
            return
        if sent_bytes:
            self._session.give_up(sent_bytes)
        self._session.send_frame(self._frame[:frame_bytes])
        note_sent(lane.table)

    def _place(self, lane: Lane, intent: Intent) -> Denial:
        """Place an order that compiled code has let through and left to us."""
        books = self._books
        if intent.order_type in CONDITIONAL_TYPES and books.orders.waiting() >= WAITING_MAX:
            return Denial.OPEN_ORDERS_ABOVE_LIMIT
        keep(lane.table)
        order = books.orders.adopt(self._row)
        order.base_ns = int(self._pad.pad[0]["base_ns"])
        self._send_otherwise(lane, order, intent)
        return Denial.NONE

    def _send_otherwise(self, lane: Lane, order: Order, intent: Intent) -> None:
        """Send an order of which nothing has left; deny it where there is no way."""
        if not self.roads.send(order, intent, self._limits.intent_expiry_ns):
            self._take_back(order, intent)
            return
        self._pad.pad[0]["sent_ns"] = monotonic_ns()
        count_order(lane.table)

    def _take_back(self, order: Order, intent: Intent) -> None:
        # Not one byte left: the venue cannot have it, so nobody else need hear of an order.
        order.state = order.state_after(OrderEvent.DENY)
        self._books.orders.save(order)
        self._deny(intent, Denial.NOT_CONNECTED)

    def _look_at_stand_by(self) -> None:
        stand_by = self.roads.stand_by
        for order, intent in stand_by.unsent:
            if order.state is OrderState.SENT:
                self._take_back(order, intent)
        stand_by.unsent.clear()

    def _do(self, lane: Lane, intent: Intent) -> Denial:
        """Do what passed and was not launched."""
        if intent.action == Action.PLACE:
            return self._place(lane, intent)
        return self._cancel(intent)

    def _cancel(self, intent: Intent) -> Denial:
        books = self._books
        if intent.action == Action.CANCEL_ALL:
            for order in books.open_of(intent.symbol):
                self._canceller.cancel(order)
            return Denial.NONE
        order_meant = books.orders.by_ref(intent.target_ref, intent.symbol)
        if order_meant is None or not order_meant.is_open:
            return Denial.UNKNOWN_ORDER
        self._canceller.cancel(order_meant)
        return Denial.NONE

    def _amend(self, lane: Lane, intent: Intent) -> Denial:
        """Let the gate rule once more, now that the order meant is known, and ask the venue."""
        order = self._books.orders.by_ref(intent.target_ref, intent.symbol)
        if order is None or not order.is_open:
            return Denial.UNKNOWN_ORDER
        facts, ruling = self._pad.facts[0], self._pad.ruling[0]
        targets = {
            "lots": order.qty_lots,
            "cum_lots": order.cum_lots,
            "ticks": order.price_ticks,
            "side": order.side,
            "state": order.state,
            "type": order.order_type,
            "flags": order.flags,
            "pending": order.amend_lots > 0,
        }
        for name, value in targets.items():
            facts[f"target_{name}"] = value
        judge(lane.table)
        for name in targets:
            facts[f"target_{name}"] = 0
        denial = Denial(int(ruling["denial"]))
        if denial is not Denial.NONE:
            return denial
        note_change(lane.table)
        return self._amender.amend(order, int(ruling["price_ticks"]), int(ruling["qty_lots"]))

    def _deny(self, intent: Intent, denial: Denial) -> None:
        books = self._books
        books.account.count_denial(denial)
        self.denials.note(monotonic_ns(), intent.seq, denial)
        known = intent.symbol < len(books.symbols)
        position = books.positions[intent.symbol] if known else None
        facts = self._pad.facts[0]
        books.reports.tell_denial(
            intent, denial, (float(facts["bid"]), float(facts["ask"])), position
        )

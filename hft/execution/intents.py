"""From an intent through the gate to the wire: the hot path of this process.

At most once: the ring's cursor moves before anything else, the order's row is stored before its
bytes leave, and what may have left is never sent again.
"""

from __future__ import annotations

from typing import Protocol

from hft.agent.contract import Context
from hft.binance.filters import SymbolSpec
from hft.binance.order_frames import client_order_id
from hft.clock import monotonic_ns, wall_ns
from hft.events import INTENT, Action, Denial, Hop, LatchReason, OrderState, TradingState
from hft.execution.books import Books
from hft.execution.canceller import Canceller
from hft.execution.order_life import OrderEvent
from hft.execution.order_session import OrderSession
from hft.execution.orders import Order
from hft.execution.reports import hop
from hft.execution.terms import Terms
from hft.state.decision import Facts, Intent, Limits, Ruling, Top
from hft.state.latch import LatchWords
from hft.units import NS_PER_S
from hft.wire.connection import ConnectionClosed
from ringbuf.layout import HEAD
from ringbuf.spsc import Consumer, packer_of

BURST_MAX = 16
_INTENT = packer_of(INTENT)
_NO_TOP = Top(0.0, 0.0, 0.0, 0.0, 0)


class RiskGate(Protocol):
    """What execution must be given before it can send anything."""

    def check(
        self, intent: Intent, specs: list[SymbolSpec], limits: Limits, facts: Facts
    ) -> Ruling:
        """Judge one intent."""

    def breach(self, pnl_e8: int, limits: Limits) -> LatchReason:
        """Say which limit on the session's profit and loss is reached."""


class IntentDesk:
    """Takes the intents of one shard from their ring, asks the gate, sends what passes."""

    def __init__(
        self,
        ctx: Context,
        books: Books,
        gate: RiskGate,
        session: OrderSession,
        canceller: Canceller,
        *,
        terms: Terms,
        shard: int = 0,
    ) -> None:
        self._latch = LatchWords(ctx.house.latch_supervisor, ctx.house.latch_gate)
        self._log = ctx.log
        self._denial_told_ns = 0
        self._books = books
        self._gate = gate
        self._session = session
        self._canceller = canceller
        self._consumer = Consumer(ctx.house.shards[shard].intents)
        self._session_epoch = int(ctx.house.run[0]["session_epoch"])
        self._terms = terms
        self.shard = shard

    def waiting(self) -> int:
        """Intents in the ring."""
        return self._consumer.waiting()

    def work(self, burst_max: int = BURST_MAX) -> int:
        """Handle a burst of intents; returns how many."""
        count = min(self._consumer.waiting(), burst_max)
        for _ in range(count):
            intent = Intent._make(self._consumer.peek(_INTENT))
            self._consumer.release(1)
            self._handle(intent, monotonic_ns())
        return count

    def last_consumed(self) -> Intent | None:
        """The newest intent that was taken from the ring, while its slot still holds it."""
        overwritten = self._consumer.waiting() >= self._consumer.ring.layout.slots
        if overwritten or not int(self._consumer.words[HEAD]):
            return None
        return Intent._make(self._consumer.peek(_INTENT, -1))

    def redo(self, intent: Intent) -> None:
        """Handle an intent an earlier life consumed and may not have finished: only cancels."""
        self._handle(intent, monotonic_ns())

    def _handle(self, intent: Intent, taken_ns: int) -> None:
        books = self._books
        books.account.intents += 1
        known = intent.symbol < len(books.symbols)
        top = books.top(intent.symbol) if known else _NO_TOP
        ruling = self._gate.check(
            intent, books.specs, self._terms.limits, self._facts(intent, top, taken_ns)
        )
        denial = ruling.denial
        if denial is Denial.NONE:
            if intent.action == Action.PLACE:
                self._place(intent, ruling, top, taken_ns)
            else:
                denial = self._cancel(intent)
        if denial is not Denial.NONE:
            self._deny(intent, denial, top)
        handled = books.orders.handled_seq
        handled[self.shard] = max(intent.seq, handled[self.shard])

    def _facts(self, intent: Intent, top: Top, now_ns: int) -> Facts:
        books = self._books
        known = intent.symbol < len(books.symbols)
        open_lots = books.orders.open_lots
        return Facts(
            now_ns,
            self._trading_state(),
            top,
            books.positions[intent.symbol].lots if known else 0,
            open_lots.get((intent.symbol, 1), 0),
            open_lots.get((intent.symbol, -1), 0),
            self._terms.sent_lately(now_ns),
            books.orders.has_room(),
            books.reports.has_room(),
            self._session.up,
            books.account.pnl_e8,
            books.orders.handled_seq[self.shard],
        )

    def _trading_state(self) -> TradingState:
        """The latch is read anew before each send; fitness is as old as the last look around."""
        return max(self._latch.state(), self._terms.standing.fitness)

    def _place(self, intent: Intent, ruling: Ruling, top: Top, taken_ns: int) -> None:
        books = self._books
        order = self._new_order(intent, ruling, top, taken_ns)
        books.orders.save(order)
        books.orders.handled_seq[self.shard] = intent.seq
        client_id = client_order_id(self._session_epoch, intent.seq)
        try:
            signed_ns, sent_ns = self._session.place(order, client_id, order.sent_venue_ms)
        except ConnectionClosed as problem:
            self._failed_to_send(intent, order, top, written=problem.written)
            return
        order.sent_ns = sent_ns
        order.hops[Hop.SIGNED] = hop(order.base_ns, signed_ns)
        order.hops[Hop.SENT] = hop(order.base_ns, sent_ns)
        self._terms.count_sent(sent_ns)
        books.account.orders_sent += 1
        books.latency.record_sent(order.hops)

    def _new_order(self, intent: Intent, ruling: Ruling, top: Top, taken_ns: int) -> Order:
        order = self._books.orders.new()
        order.intent_seq, order.order_ref = intent.seq, intent.order_ref
        order.market_seq, order.recv_ns = intent.market_seq, intent.recv_ns
        order.symbol, order.strategy, order.reason = intent.symbol, intent.strategy, intent.reason
        order.side, order.order_type = intent.side, intent.order_type
        order.tif, order.flags = intent.tif, intent.flags
        order.price_ticks, order.qty_lots = ruling.price_ticks, ruling.qty_lots
        order.bid, order.ask = top.bid, top.ask
        order.state = OrderState.SENT
        # An intent that no market event caused counts from its decision.
        base_ns = order.base_ns = intent.recv_ns or intent.decide_ns
        hops = order.hops
        hops[Hop.DECODED] = intent.decoded_off_ns
        hops[Hop.STRATEGY] = hop(base_ns, intent.strategy_ns)
        hops[Hop.DECIDED] = hop(base_ns, intent.decide_ns)
        hops[Hop.EXECUTION] = hop(base_ns, taken_ns)
        order.updated_ns = monotonic_ns()
        hops[Hop.GATED] = hop(base_ns, order.updated_ns)
        order.sent_venue_ms = self._terms.clock.to_venue_ms(wall_ns())
        return order

    def _failed_to_send(self, intent: Intent, order: Order, top: Top, *, written: bool) -> None:
        if written:
            self._books.move(order, OrderEvent.DOUBT)
            return
        # Not one byte left: the venue cannot have it, so nobody else need hear of an order.
        order.state = OrderState.REJECTED
        self._books.orders.save(order)
        self._deny(intent, Denial.NOT_CONNECTED, top)

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

    def _deny(self, intent: Intent, denial: Denial, top: Top) -> None:
        books = self._books
        books.account.count_denial(denial)
        if monotonic_ns() - self._denial_told_ns > NS_PER_S:
            # One line a second says enough; the counters have every one.
            self._denial_told_ns = monotonic_ns()
            self._log.warning(f"denied intent {intent.seq}: {denial.name}")
        known = intent.symbol < len(books.symbols)
        position = books.positions[intent.symbol] if known else None
        books.reports.tell_denial(intent, denial, top, position)

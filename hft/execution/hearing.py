"""What the venue says, by reply or by event, taken into the books."""

from __future__ import annotations

import msgspec

from hft.agent.contract import Context
from hft.binance.order_frames import Reply
from hft.binance.outcomes import Outcome, outcome_of
from hft.binance.user_events import (
    ACCOUNT_UPDATE,
    ALGO_UPDATE,
    CONFIG_UPDATE,
    MARGIN_CALL,
    ORDER_UPDATE,
    AlgoUpdate,
    OrderUpdate,
    UserEvent,
    decode_algo_update,
    decode_order_update,
)
from hft.clock import monotonic_ns
from hft.events import Hop, OrderState, OrderType, Side
from hft.execution.account_events import AccountEvents
from hft.execution.amender import Amender
from hft.execution.books import Books
from hft.execution.incomes import Incomes
from hft.execution.order_life import OrderEvent
from hft.execution.order_session import Answer, Asked
from hft.execution.orders import Order
from hft.execution.picture import notice_of, own_intent
from hft.execution.reconcile import Reconciler
from hft.execution.reports import Fill, hop
from hft.execution.roads import Roads
from hft.execution.second_tries import SecondTries
from hft.execution.stops import follow_algo
from hft.execution.user_stream import UserStream
from hft.state.blocks import Leg
from hft.units import NS_PER_S, parse_e8

RECHECK_NS = NS_PER_S
ENDED = frozenset({"CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "FILLED", "FINISHED", "REJECTED"})
"""Statuses of an order or a waiting one that ended."""


class Hearing:
    """Listens to both sockets; events wait while the venue's picture is being fetched."""

    def __init__(
        self,
        ctx: Context,
        books: Books,
        roads: Roads,
        stream: UserStream,
        hands: tuple[Reconciler, Amender, SecondTries, Incomes],
    ) -> None:
        self._books = books
        self._log = ctx.log
        self._roads = roads
        self._stream = stream
        self._reconciler, self._amender, self._second_tries, incomes = hands
        self._account_events = AccountEvents(books, incomes)
        self._session_epoch = int(ctx.house.run[0]["session_epoch"])
        self._held: list[UserEvent] = []

    def work(self, now_ns: int) -> int:
        """Take in every reply and event that is there; returns how many."""
        answers = self._roads.receive(now_ns)
        for answer in answers:
            self._take_answer(answer, now_ns)
        events = self._stream.receive(now_ns)
        if self._reconciler.holding:
            self._held += events
            self._settle_debts(events)
            return len(answers)
        if self._held:
            events, self._held = self._held + events, []
        for event in events:
            self._take_event(event, now_ns)
        return len(answers) + len(events)

    def _settle_debts(self, events: list[UserEvent]) -> None:
        """Take note of what was told, though it must wait to be booked."""
        for event in events:
            try:
                name, status = _order_told(event)
            except msgspec.DecodeError:
                continue  # What cannot be read is said when its turn has come.
            self._books.owed.told(own_intent(name, self._session_epoch), ended=status in ENDED)

    # Replies.

    def _take_answer(self, answer: Answer, now_ns: int) -> None:
        request, reply = answer
        if request.asked is Asked.LOGON and reply is not None:
            self._second_tries.hear_refused_time(reply.error.code)
        if request.order is None:
            return
        if request.asked is Asked.CANCEL:
            self._take_cancel_answer(request.order, reply, now_ns)
        elif request.asked is Asked.AMEND:
            self._amender.take_answer(request, reply, now_ns)
        elif reply is None:
            self._doubt(request.order, now_ns)
        else:
            if request.ticket is None:
                self._second_tries.forbid(request.order)
            self._take_place_answer(request.order, reply, now_ns)

    def _take_place_answer(self, order: Order, reply: Reply, now_ns: int) -> None:
        books, error = self._books, reply.error
        acked_ns = monotonic_ns()
        order.hops[Hop.ACKED] = hop(order.base_ns, acked_ns)
        books.account.order_rtt_ns = acked_ns - order.sent_ns
        books.latency.record(Leg.ORDER_ROUND_TRIP, acked_ns - order.sent_ns)
        outcome = outcome_of(reply.status, error.code, error.msg)
        if outcome is Outcome.ACCEPTED and reply.result is not None:
            books.acknowledge(order, reply.result.order_id, reply.result.update_time)
            if not order.stream_seen:
                books.owed.acknowledged(order.intent_seq, now_ns, cancel=False)
            return
        order.venue_code = error.code
        if outcome is not Outcome.REJECTED:
            self._doubt(order, now_ns)
            return
        if self._second_tries.takes_order(order, error.code):
            return
        books.account.rejected += 1
        books.account.last_reject_code = error.code
        self._log.warning(f"the venue rejected intent {order.intent_seq}: {error.code} {error.msg}")
        books.move(order, OrderEvent.REJECT)

    def _take_cancel_answer(self, order: Order, reply: Reply | None, now_ns: int) -> None:
        if not order.is_open:
            return
        if reply is not None and reply.status < 300:
            self._books.owed.acknowledged(order.intent_seq, now_ns, cancel=True)
            order.cancel_acked = True  # The user stream tells how much of it was filled.
            return
        if self._second_tries.takes_cancel(order, reply):
            return
        # "Unknown order" is said of one that was just filled and of one that never was: a failed
        # cancel proves nothing, so it may be tried again and the venue is asked.
        order.cancel_sent = 0
        self._books.move(order, OrderEvent.CANCEL_REFUSED)
        self._reconciler.want(now_ns, after_ns=RECHECK_NS)

    def _doubt(self, order: Order, now_ns: int) -> None:
        self._books.account.errors += 1
        if order.state is OrderState.SENT:
            self._books.move(order, OrderEvent.DOUBT)
        if order.is_open:
            self._reconciler.want(now_ns)

    # Events.

    def _take_event(self, event: UserEvent, now_ns: int) -> None:
        try:
            if event.e == ORDER_UPDATE:
                self._take_order_update(decode_order_update(event.o), now_ns)
            elif event.e == ACCOUNT_UPDATE:
                self._account_events.take_update(event, now_ns)
            elif event.e == ALGO_UPDATE:
                self._take_algo_update(decode_algo_update(event.o), event.T, now_ns)
            elif event.e == MARGIN_CALL:
                self._account_events.take_margin_call(event)
            elif event.e == CONFIG_UPDATE:
                self._account_events.take_config(event)
        except (msgspec.DecodeError, ValueError, KeyError) as problem:
            self._log.error(f"user stream: {event.e} cannot be booked: {problem}")
            self._reconciler.want(now_ns, disagreed=True)

    def _take_order_update(self, update: OrderUpdate, now_ns: int) -> None:
        books = self._books
        symbol = books.index.get(update.s)
        if symbol is None:
            return
        intent_seq = own_intent(update.c, self._session_epoch)
        order = books.orders.by_seq(intent_seq) if intent_seq else None
        order = order or books.orders.by_venue_id(symbol, update.i)
        if order is not None:
            intent_seq = order.intent_seq
            order.stream_seen = True
            books.owed.told(intent_seq, ended=update.X in ENDED)
            self._take_terms(order, update)
        if update.is_fill:
            books.book(self._fill_of(symbol, update, intent_seq))
        if order is None:
            return
        a_fill_is_missing = order.cum_lots < books.specs[symbol].lots(update.z)
        if update.x == "NEW":
            books.acknowledge(order, update.i, update.T)
        elif update.x == "CANCELED":
            books.move(order, OrderEvent.CANCEL, update.T)
        elif update.x == "EXPIRED":
            books.move(order, OrderEvent.EXPIRE, update.T)
        elif update.X == "FILLED" and order.is_open and not a_fill_is_missing:
            # Less was wanted than the books know: an amend of which nothing was told yet.
            books.move(order, OrderEvent.FILL_WHOLE, update.T)
        if a_fill_is_missing:
            books.views[symbol].doubt()
            self._reconciler.want(now_ns)

    def _take_terms(self, order: Order, update: OrderUpdate) -> None:
        """Take over what the order asks for: it may be amended, or cut to what it reduces."""
        spec = self._books.specs[order.symbol]
        ticks, lots = spec.ticks(update.p), spec.lots(update.q)
        if update.x == "AMENDMENT":
            self._books.amend(order, ticks, lots, update.T)
        elif order.terms_ms < update.T:
            order.qty_lots = lots
            if order.order_type == OrderType.LIMIT:
                order.price_ticks = ticks

    def _take_algo_update(self, update: AlgoUpdate, venue_ms: int, now_ns: int) -> None:
        """Take in what became of an order that waits for its trigger, or waited."""
        intent_seq = own_intent(update.caid, self._session_epoch)
        order = self._books.orders.by_seq(intent_seq) if intent_seq else None
        if order is None:
            return
        order.stream_seen = True
        if not follow_algo(self._books, order, update, venue_ms):
            self._reconciler.want(now_ns, after_ns=RECHECK_NS)
        self._books.owed.told(intent_seq, ended=not order.is_open)

    def _fill_of(self, symbol: int, update: OrderUpdate, intent_seq: int) -> Fill:
        spec = self._books.specs[symbol]
        fill = Fill(symbol, update.t, update.i, Side[update.S])
        fill.intent_seq = intent_seq
        fill.price_ticks, fill.qty_lots = spec.ticks(update.L), spec.lots(update.l)
        fill.fee_e8 = parse_e8(update.n or "0")
        fill.fee_asset = (update.N or "").encode()
        fill.realised_e8 = parse_e8(update.rp)
        fill.venue_ms = update.T
        fill.maker = update.m
        fill.notice = notice_of(update.c)
        return fill


def _order_told(event: UserEvent) -> tuple[str, str]:
    """Give the name and the status of the order that an event speaks of; empty: of none."""
    if event.e == ORDER_UPDATE:
        update = decode_order_update(event.o)
        return update.c, update.X
    if event.e == ALGO_UPDATE:
        waiting = decode_algo_update(event.o)
        return waiting.caid, waiting.X
    return "", ""

"""What the venue refused for a reason that passes, asked once more when it has passed.

An order whose time was refused (-1021, and -5028 of the matching engine) was refused before it
could trade: the reply says so, and only with that reply in hand is it sent again.  Once, under the
same name, signed by a clock that was read since, and only while its intent is young and may still
be sent.  Nothing is ever sent again because a reply was lost.

A cancel may be asked as often as one likes; one that was refused for its time or for the rate is
asked again as soon as that can help.
"""

from __future__ import annotations

from typing import NamedTuple

from hft.binance import endpoints
from hft.binance.budget import BANNED, TOO_MANY_REQUESTS, Use
from hft.binance.costs import cost_of
from hft.binance.meter import Meter
from hft.binance.order_frames import Reply
from hft.binance.outcomes import Outcome, outcome_of
from hft.clock import monotonic_ns
from hft.events import Hop, Notice, OrderState, TradingState
from hft.execution.books import Books
from hft.execution.canceller import AGAIN_NS, Canceller
from hft.execution.intents import IntentDesk
from hft.execution.order_life import OrderEvent
from hft.execution.order_session import OrderSession
from hft.execution.orders import Order
from hft.execution.reports import hop
from hft.execution.roads import terms_of
from hft.execution.timekeeper import Timekeeper
from hft.units import NS_PER_S
from hft.wire.connection import ConnectionClosed

DOUBT_NS = NS_PER_S
"""How far a clock is taken to be off whose time was refused: more than that is refused."""
_CANCEL = cost_of("order.cancel")


class Waiting(NamedTuple):
    """An order whose time was refused, and when: it needs a clock that was read after that."""

    order: Order
    refused_ns: int


class SecondTries:
    """Keeps what is to be asked again, and asks it."""

    def __init__(
        self,
        books: Books,
        desk: IntentDesk,
        ways: tuple[OrderSession, Canceller, Timekeeper, Meter],
        session_epoch: int,
    ) -> None:
        self._books = books
        self._desk = desk
        self._session, self._canceller, self._timekeeper, self._meter = ways
        self._session_epoch = session_epoch
        self._orders: list[Waiting] = []
        self._tried: dict[int, Order] = {}
        """By intent: orders that had their second try, until they are no longer open."""

    def hear_refused_time(self, code: int) -> None:
        """Doubt the clock where the venue refused a time."""
        if code in endpoints.TIMESTAMP_CODES:
            self._timekeeper.doubt(DOUBT_NS)

    def forbid(self, order: Order) -> None:
        """Take none of an order that went by a road which tries twice itself."""
        self._tried = {seq: each for seq, each in self._tried.items() if each.is_open}
        self._tried[order.intent_seq] = order

    def takes_order(self, order: Order, code: int) -> bool:
        """Take an order whose refusal was received, if it may be sent again; say whether."""
        if code not in endpoints.TIMESTAMP_CODES:
            return False
        self._timekeeper.doubt(DOUBT_NS)
        if order.state is not OrderState.SENT or order.intent_seq in self._tried:
            return False
        if not self._may_leave(order):
            return False
        self.forbid(order)
        self._orders.append(Waiting(order, monotonic_ns()))
        return True

    def takes_cancel(self, order: Order, reply: Reply | None) -> bool:
        """Take a cancel that was refused or not answered, if asking again can help; say whether."""
        if reply is None or _is_unknown(reply):
            # Whoever wanted it gone still does, and cancelling twice is harmless.
            self._canceller.hold(order, AGAIN_NS)
            return True
        refused_time = reply.error.code in endpoints.TIMESTAMP_CODES
        if refused_time:
            self._timekeeper.doubt(DOUBT_NS)
        if refused_time or reply.status in (TOO_MANY_REQUESTS, BANNED):
            self._books.move(order, OrderEvent.CANCEL_REFUSED)
            self._canceller.hold(order)
            return True
        return False

    def tick(self) -> None:
        """Ask again what may be asked by now."""
        if self._orders:
            waiting, self._orders = self._orders, []
            for each in waiting:
                self._try_order(each)
        if self._canceller.held and self._can_cancel():
            self._canceller.cancel_held()

    def _can_cancel(self) -> bool:
        """Say whether a cancel would be let through by now, and bear a time that is right."""
        timed = self._timekeeper.sure or not self._session.up
        return timed and not self._meter.wait_s(Use.CANCEL, _CANCEL)

    def _try_order(self, waiting: Waiting) -> None:
        order = waiting.order
        if order.state is not OrderState.SENT:
            return  # Its fate was learnt otherwise.
        if not self._may_leave(order):
            books = self._books
            books.account.rejected += 1
            books.log.warning(f"intent {order.intent_seq} was refused for its time: given up")
            books.move(order, OrderEvent.REJECT)
        elif self._timekeeper.clock.asked_ns <= waiting.refused_ns:
            self._orders.append(waiting)
        else:
            self._send(order)

    def _may_leave(self, order: Order) -> bool:
        """Say whether it is still wanted, in time and allowed."""
        state = self._desk.standing.trading_state()
        reduces = state is TradingState.REDUCING and not order.may_add
        allowed = state is TradingState.ACTIVE or reduces
        decided_ns = order.base_ns + order.hops[Hop.DECIDED]
        young = monotonic_ns() - decided_ns <= self._desk.limits.intent_expiry_ns
        wanted = not order.cancel_sent and order.index not in self._canceller.held
        return bool(allowed and young and wanted and self._session.up)

    def _send(self, order: Order) -> None:
        books, log = self._books, self._books.log
        order.sent_venue_ms = self._timekeeper.clock.venue_ms()
        # Stored before it leaves: after a death it is not given up before this time is over.
        books.orders.save(order)
        try:
            self._session.place(order, terms_of(order, books, self._session_epoch))
        except ConnectionClosed as problem:
            books.move(order, OrderEvent.DOUBT if problem.written else OrderEvent.REJECT)
            return
        order.sent_ns = monotonic_ns()
        order.hops[Hop.SENT] = hop(order.base_ns, order.sent_ns)
        log.warning(
            f"intent {order.intent_seq} was refused for its time and sent once more",
            Notice.CLOCK_DOUBTED,
        )


def _is_unknown(reply: Reply) -> bool:
    return outcome_of(reply.status, reply.error.code, reply.error.msg) is Outcome.UNKNOWN

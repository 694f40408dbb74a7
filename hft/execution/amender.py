"""Changing the price and quantity of a resting order: asked once, never twice.

What was asked stands in the order's row before a byte of it leaves; until the venue has answered,
the larger of both quantities counts as open.
"""

from __future__ import annotations

from hft.binance import endpoints
from hft.binance.order_frames import Reply, client_order_id
from hft.binance.outcomes import Outcome, outcome_of
from hft.binance.rest import Rest
from hft.clock import monotonic_ns
from hft.events import Denial, Side
from hft.execution.books import Books
from hft.execution.order_life import OrderEvent
from hft.execution.order_session import OrderSession, Request
from hft.execution.orders import Order
from hft.execution.reconcile import Reconciler
from hft.wire.connection import ConnectionClosed


class Amender:
    """Sends amends over the order session, and takes in what the venue says to them."""

    def __init__(
        self, books: Books, session: OrderSession, rest: Rest, reconciler: Reconciler, epoch: int
    ) -> None:
        self._books = books
        self._session = session
        self._rest = rest
        self._reconciler = reconciler
        self._session_epoch = epoch

    def amend(self, order: Order, ticks: int, lots: int) -> Denial:
        """Ask for another price and whole quantity of a resting limit order."""
        books, spec = self._books, self._books.specs[order.symbol]
        if not self._session.up:
            return Denial.NOT_CONNECTED
        order.amend_ticks, order.amend_lots, order.amend_ns = ticks, lots, monotonic_ns()
        order.sent_venue_ms = self._rest.venue_ms()
        books.move(order, OrderEvent.AMEND_ASKED)
        name = client_order_id(self._session_epoch, order.intent_seq)
        side = Side(order.side).name
        terms = (order.symbol, side, spec.price_text(ticks), spec.qty_text(lots))
        try:
            self._session.amend(order, name, terms, order.sent_venue_ms)
        except ConnectionClosed as problem:
            if not problem.written:
                order.end_amend()
                books.move(order, OrderEvent.AMEND_REFUSED)
                return Denial.NOT_CONNECTED
            self._doubt(order, monotonic_ns())
        books.account.amends_sent += 1
        return Denial.NONE

    def take_answer(self, request: Request, reply: Reply | None, now_ns: int) -> None:
        """Take in the reply to an amend; None: it will never come."""
        order = request.order
        if order is None or not order.amend_lots or request.sent_ns != order.amend_ns:
            return  # The user stream was faster, and a newer amend may be on its way.
        if not order.is_open:
            return
        if reply is None:
            self._doubt(order, now_ns)
            return
        books, error = self._books, reply.error
        outcome = outcome_of(reply.status, error.code, error.msg)
        unchanged = error.code == endpoints.NO_NEED_TO_MODIFY
        if (outcome is Outcome.ACCEPTED and reply.result is not None) or unchanged:
            self._take_accepted(order, reply, now_ns)
        elif outcome is not Outcome.REJECTED:
            self._doubt(order, now_ns)
        else:
            order.venue_code = error.code
            books.account.rejected += 1
            books.account.last_reject_code = error.code
            books.log.warning(
                f"the venue refused to change intent {order.intent_seq}: {error.code} {error.msg}"
            )
            books.keep_unamended(order, 0)
            # Some refusals end the order: the venue says how it stands.
            self._reconciler.want(now_ns)

    def _take_accepted(self, order: Order, reply: Reply, now_ns: int) -> None:
        result = reply.result
        if result is not None and result.status not in ("NEW", "PARTIALLY_FILLED", ""):
            # An amend that would take, or that asks for less than is filled, ends the order.
            self._reconciler.want(now_ns)
            return
        venue_ms = result.update_time if result is not None else 0
        self._books.amend(order, order.amend_ticks, order.amend_lots, venue_ms)

    def _doubt(self, order: Order, now_ns: int) -> None:
        order.amend_doubted = True
        self._books.move(order, OrderEvent.DOUBT)
        self._reconciler.want(now_ns)

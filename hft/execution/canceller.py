"""Cancelling: over the order session when it is up, over REST when it is not; twice is harmless."""

from __future__ import annotations

from collections.abc import Container
from functools import partial
from typing import Any

from hft.binance import endpoints
from hft.binance.budget import Use
from hft.binance.costs import cost_of
from hft.binance.order_frames import client_order_id
from hft.binance.rest import Rest, VenueError, VenueUnknown
from hft.clock import monotonic_ns
from hft.execution.books import Books
from hft.execution.errands import Errands
from hft.execution.order_life import OrderEvent
from hft.execution.order_session import OrderSession
from hft.execution.orders import Order
from hft.units import NS_PER_MS
from hft.wire.connection import ConnectionClosed

_COST = cost_of("order.cancel")

AGAIN_NS = 400 * NS_PER_MS
"""Between two cancels of one order, when what became of the first is not known."""


class Canceller:
    """Sends cancels; what becomes of them the user stream tells."""

    def __init__(
        self, books: Books, session: OrderSession, errands: Errands, rest: Rest, epoch: int
    ) -> None:
        self._books = books
        self._log = books.log
        self._session = session
        self._errands = errands
        self._rest = rest
        self._session_epoch = epoch
        self.held: dict[int, Order] = {}
        """By row: orders whose cancel has to wait, for the venue's limits or for the right time."""

    def cancel(self, order: Order) -> None:
        """Cancel one open order, unless that was asked already and not yet answered."""
        if order.cancel_sent or order.index in self.held:
            return
        if self._rest.meter.wait_s(Use.CANCEL, _COST):
            self.hold(order)
            return
        order.cancel_sent = 1
        self._books.move(order, OrderEvent.CANCEL_ASKED)
        self._books.account.cancels_sent += 1
        client_id = client_order_id(self._session_epoch, order.intent_seq)
        venue_ms = self._rest.venue_ms()
        if self._session.up:
            try:
                self._session.cancel(order, client_id, venue_ms)
            except ConnectionClosed:
                self._log.warning("order session: ended under a cancel, which goes over REST")
            else:
                return
        symbol, waits = self._books.symbols[order.symbol], order.waits
        self._errands.ask(
            f"cancel {client_id}",
            lambda rest: rest.cancel_algo(client_id) if waits else rest.cancel(symbol, client_id),
            lambda result, now_ns: self._heard(order, result, now_ns),
            Use.CANCEL,
        )

    def hold(self, order: Order, for_ns: int = 0) -> None:
        """Leave an order to `cancel_held`, for so long at least."""
        order.cancel_sent = 0
        order.cancel_due_ns = monotonic_ns() + for_ns
        self.held[order.index] = order

    def cancel_held(self) -> None:
        """Cancel what had to wait and is still open."""
        held, self.held, now_ns = self.held, {}, monotonic_ns()
        for order in held.values():
            if not order.is_open:
                continue
            if now_ns < order.cancel_due_ns:
                self.held[order.index] = order
            else:
                self.cancel(order)

    def cancel_open(self, symbols: Container[int] | None = None) -> int:
        """Cancel every open order, or those of some symbols; returns how many there are.

        What protects a position is left alone: nobody who halts wants it to go unprotected.
        """
        orders = [
            order
            for order in self._books.orders.open.values()
            if (symbols is None or order.symbol in symbols) and not self.is_kept(order)
        ]
        for order in orders:
            self.cancel(order)
        return len(orders)

    def is_kept(self, order: Order) -> bool:
        """Say whether an order protects a position that is held, or that may yet come about."""
        if not order.protects:
            return False
        books = self._books
        others = (each for each in books.open_of(order.symbol) if not each.protects)
        return books.positions[order.symbol].lots * order.side < 0 or any(others)

    def is_done(self) -> bool:
        """Say whether no order is left but those that protect a position."""
        return all(map(self.is_kept, self._books.orders.open.values()))

    def sweep(self) -> None:
        """Cancel everything on our symbols over REST, as a last resort, but what is kept."""
        books = self._books
        for index, symbol in enumerate(books.symbols):
            self._errands.ask(
                f"sweep {symbol}", partial(Rest.cancel_all, symbol=symbol), self._swept, Use.CANCEL
            )
            if not any(map(self.is_kept, books.open_of(index))):
                algos = partial(Rest.cancel_all_algos, symbol=symbol)
                self._errands.ask(f"sweep algo orders of {symbol}", algos, self._swept)

    def _heard(self, order: Order, result: Any, now_ns: int) -> None:
        if not isinstance(result, Exception):
            if order.is_open:  # Else the user stream was faster, and owes nothing.
                order.cancel_acked = True
                self._books.owed.acknowledged(order.intent_seq, now_ns, cancel=True)
            return
        order.cancel_sent = 0
        if order.is_open:
            self._books.move(order, OrderEvent.CANCEL_REFUSED)
        done = isinstance(result, VenueError) and result.code == endpoints.UNKNOWN_ORDER_SENT
        if isinstance(result, VenueUnknown):
            self.hold(order, AGAIN_NS)
        elif isinstance(result, VenueError) and result.retry_after_s:
            self.hold(order)
        elif not done:
            self._log.warning(f"a cancel over REST failed: {result}")

    def _swept(self, result: Any, _now_ns: int) -> None:
        if isinstance(result, Exception):
            self._log.warning(f"cancelling everything over REST failed: {result}")

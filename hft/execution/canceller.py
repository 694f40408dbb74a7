"""Cancelling: over the order session when it is up, over REST when it is not; twice is harmless."""

from __future__ import annotations

from collections.abc import Container
from functools import partial
from typing import Any

from hft.binance import endpoints
from hft.binance.order_frames import client_order_id
from hft.binance.rest import Rest, VenueError
from hft.clock import wall_ns
from hft.execution.books import Books
from hft.execution.errands import Errands
from hft.execution.order_life import OrderEvent
from hft.execution.order_session import OrderSession
from hft.execution.orders import Order
from hft.wire.connection import ConnectionClosed


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

    def cancel(self, order: Order) -> None:
        """Cancel one open order, unless that was asked already and not yet answered."""
        if order.cancel_sent:
            return
        order.cancel_sent = 1
        self._books.move(order, OrderEvent.CANCEL_ASKED)
        self._books.account.cancels_sent += 1
        client_id = client_order_id(self._session_epoch, order.intent_seq)
        venue_ms = self._rest.offset.to_venue_ms(wall_ns())
        if self._session.up:
            try:
                self._session.cancel(order, client_id, venue_ms)
            except ConnectionClosed:
                self._log.warning("order session: ended under a cancel, which goes over REST")
            else:
                return
        symbol = self._books.symbols[order.symbol]
        self._errands.ask(
            f"cancel {client_id}",
            lambda rest: rest.cancel(symbol, client_id),
            lambda result, now_ns: self._heard(order, result, now_ns),
        )

    def cancel_open(self, symbols: Container[int] | None = None) -> int:
        """Cancel every open order, or those of some symbols; returns how many there are."""
        orders = [
            order
            for order in self._books.orders.open.values()
            if symbols is None or order.symbol in symbols
        ]
        for order in orders:
            self.cancel(order)
        return len(orders)

    def sweep(self) -> None:
        """Cancel everything on our symbols over REST, as a last resort."""
        for symbol in self._books.symbols:
            self._errands.ask(
                f"sweep {symbol}", partial(Rest.cancel_all, symbol=symbol), self._swept
            )

    def _heard(self, order: Order, result: Any, now_ns: int) -> None:
        if not isinstance(result, Exception):
            self._books.owed.acknowledged(order.intent_seq, now_ns, cancel=True)
            return  # The user stream tells the end.
        order.cancel_sent = 0
        if order.is_open:
            self._books.move(order, OrderEvent.CANCEL_REFUSED)
        done = isinstance(result, VenueError) and result.code == endpoints.UNKNOWN_ORDER_SENT
        if not done:
            self._log.warning(f"a cancel over REST failed: {result}")

    def _swept(self, result: Any, _now_ns: int) -> None:
        if isinstance(result, Exception):
            self._log.warning(f"cancelling everything over REST failed: {result}")

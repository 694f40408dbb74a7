"""The roads of orders that compiled code does not send.

Those that wait for a trigger go to the algo endpoint over the order session; while it is down every
order that was never written to it goes over REST.
"""

from __future__ import annotations

from hft.binance.filters import SymbolSpec
from hft.binance.order_frames import client_order_id
from hft.binance.order_terms import OrderTerms
from hft.clock import monotonic_ns
from hft.events import Hop, OrderType
from hft.execution.books import Books
from hft.execution.errands import Errands
from hft.execution.order_life import OrderEvent
from hft.execution.order_session import Answer, OrderSession
from hft.execution.orders import Order
from hft.execution.reports import hop
from hft.execution.stand_by import Sending, StandBy
from hft.state.decision import Intent
from hft.wire.connection import ConnectionClosed


class Roads:
    """The order session and its stand-by, as one way out and one way in."""

    def __init__(
        self,
        books: Books,
        session: OrderSession,
        stand_by: StandBy,
        errands: Errands,
        epoch: int,
    ) -> None:
        self._books = books
        self._errands = errands
        self.session = session
        self.stand_by = stand_by
        self._session_epoch = epoch

    @property
    def open(self) -> bool:
        """Say whether an order can be sent at all."""
        return self.session.up or self.stand_by_open

    @property
    def stand_by_open(self) -> bool:
        """Say whether an order can go over REST, as far as is known."""
        return self.stand_by.open and self._errands.answered

    def receive(self, now_ns: int) -> list[Answer]:
        """Give the answers that came either way."""
        return self.session.receive(now_ns) + self.stand_by.receive(now_ns)

    def send(self, order: Order, intent: Intent, life_ns: int) -> bool:
        """Send an order whose row is stored; False: not one byte of it left.

        It may begin to leave until the intent is `life_ns` old.
        """
        terms = _terms_of(order, self._books, self._session_epoch)
        if terms.waits and self.session.up:
            try:
                self.session.place_waiting(order, terms)
            except ConnectionClosed as problem:
                if problem.written:
                    self._books.move(order, OrderEvent.DOUBT)
                    return True
            else:
                self._note_sent(order)
                return True
        if not self.stand_by_open:
            return False
        self._note_sent(order)
        expires_ns = intent.decide_ns + life_ns
        self.stand_by.send(Sending(order, intent, terms, expires_ns, order.sent_ns))
        return True

    def _note_sent(self, order: Order) -> None:
        """Note when it left, or was handed to the thread in which it will."""
        order.sent_ns = monotonic_ns()
        order.hops[Hop.SIGNED] = order.hops[Hop.SENT] = hop(order.base_ns, order.sent_ns)
        self._books.account.orders_sent += 1
        self._books.orders.save(order)


def _terms_of(order: Order, books: Books, epoch: int) -> OrderTerms:
    spec: SymbolSpec = books.specs[order.symbol]
    is_market = order.order_type == OrderType.MARKET
    return OrderTerms(
        client_id=client_order_id(epoch, order.intent_seq),
        symbol=books.symbols[order.symbol],
        side=order.side,
        order_type=order.order_type,
        tif=order.tif,
        flags=order.flags,
        price="" if is_market else spec.price_text(order.price_ticks),
        qty=spec.qty_text(order.qty_lots),
        venue_ms=order.sent_venue_ms,
    )

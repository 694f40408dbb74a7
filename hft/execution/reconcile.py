"""Comparing the books with the venue, and correcting the books: start, gap and doubt are one path.

While an inquiry is out the user stream's events are held back, so that what REST tells is booked
first and everything once.
"""

from __future__ import annotations

from typing import Any

from hft.binance import endpoints
from hft.binance.order_terms import CONDITIONAL_TYPES
from hft.binance.order_text import ORDER_RECV_WINDOW_MS
from hft.binance.rest import VenueError
from hft.events import Notice, OrderState, OrderType
from hft.execution import picture
from hft.execution.books import Books
from hft.execution.errands import Errands
from hft.execution.order_life import OrderEvent
from hft.execution.orders import Order
from hft.execution.picture import (
    AccountChanged,
    Inquiry,
    OrderAnswer,
    Picture,
    Question,
    Session,
    SymbolPicture,
)
from hft.execution.positions import BookedFills
from hft.execution.reports import Fill
from hft.units import NS_PER_MS, NS_PER_S, trim_e8

RETRY_NS = 400 * NS_PER_MS
RETRY_DOUBLINGS = 4
NOT_FOUND_MARGIN_MS = 1000
"""Beyond an order's receive window, before "not found" means that it never arrived."""

_TERMINAL = {
    "CANCELED": OrderEvent.CANCEL,
    "EXPIRED": OrderEvent.EXPIRE,
    "EXPIRED_IN_MATCH": OrderEvent.EXPIRE,
    "REJECTED": OrderEvent.REJECT,
    "FILLED": OrderEvent.FILL_WHOLE,
    # Of an algo order that fired, and whose ordinary order the venue no longer knows.
    "FINISHED": OrderEvent.CANCEL,
}
_ABOUT_TO_BE = frozenset({"TRIGGERING", "TRIGGERED"})
"""An algo order that has fired and has no order in its place yet."""


class Reconciler:
    """Asks for the venue's picture when something is not certain, and folds it into the books."""

    def __init__(self, books: Books, errands: Errands, session: Session) -> None:
        self._books = books
        self._log = books.log
        self._errands = errands
        self._session = session
        self.is_new = not books.resumed
        """Nothing was read yet, and no earlier life of the session left anything."""
        self._wanted = False
        self._next_ns = 0
        self._deep = False
        self._announced = False
        self._failures = 0
        self._gap = False
        self.agreed = False
        """The books and the venue agree, as far as was asked."""
        self.holding = False
        """An inquiry is out: events of the user stream must wait."""
        self.failure: Exception | None = None

    def want(self, now_ns: int, *, after_ns: int = 0, disagreed: bool = False) -> None:
        """Ask the venue soon; `disagreed`: until then the books are not to be trusted."""
        if not self._wanted or now_ns + after_ns < self._next_ns:
            self._next_ns = now_ns + after_ns
        self._wanted = True
        if disagreed:
            self.agreed = False
            self._gap = True

    @property
    def pending(self) -> bool:
        """Say whether the venue is being asked, or will be."""
        return self._wanted or self.holding

    def tick(self, now_ns: int, *, stream_up: bool) -> None:
        """Send the inquiry when one is wanted; only with the stream up is there no new gap."""
        if not self._wanted or self.holding or not stream_up or now_ns < self._next_ns:
            return
        self._wanted = self._gap = False
        self.holding = True
        inquiry = self._inquiry()
        self._errands.ask("reconcile", lambda rest: picture.fetch(rest, inquiry), self._on_picture)

    def _inquiry(self) -> Inquiry:
        books = self._books
        after_ids: list[int | None] = [
            booked.floor if self._deep else booked.last for booked in books.booked
        ]
        if self.is_new:
            after_ids = [None] * len(books.symbols)
        return Inquiry(
            session=self._session,
            symbols=books.symbols,
            specs=books.specs,
            margin_asset=books.margin_asset.decode(),
            after_ids=after_ids,
            known=frozenset(books.orders.venue_ids()),
            questions=[
                Question(order.intent_seq, order.symbol, order.order_type in CONDITIONAL_TYPES)
                for order in books.orders.open.values()
            ],
        )

    def _on_picture(self, result: Any, now_ns: int) -> None:
        self.holding = False
        if isinstance(result, Exception):
            self._put_off(result, now_ns)
            return
        self.failure = None
        self._failures = 0
        self._fold(result, now_ns)

    def _put_off(self, problem: Exception, now_ns: int) -> None:
        """Ask again later: soon at first, then ever more slowly, never before the venue allows."""
        if isinstance(problem, AccountChanged):
            raise problem
        self.failure = problem
        self._log.warning(f"the venue cannot be asked: {problem}")
        wait_ns = RETRY_NS << min(self._failures, RETRY_DOUBLINGS)
        if isinstance(problem, VenueError):
            wait_ns = max(wait_ns, int(problem.retry_after_s * NS_PER_S))
        self._failures += 1
        self.want(now_ns, after_ns=wait_ns)

    def _fold(self, seen: Picture, now_ns: int) -> None:
        """Fold in the order of certainty: which orders, their fills, their ends, what is held."""
        books = self._books
        certain = [order for order in books.orders.open.values() if not order.in_doubt]
        for answer in seen.answers:
            self._learn_id(answer)
        for index, symbol in enumerate(seen.symbols):
            # Of an order that was asked for, fills that were lost below a newer one are told too.
            asked = [each for each in seen.answers if each.question.symbol == index]
            fills = [*symbol.fills, *(fill for answer in asked for fill in answer.fills)]
            self._book(index, list({fill.trade_id: fill for fill in fills}.values()))
        closed = [self._close(answer) for answer in seen.answers]
        self._tell_ended(certain)
        same = [self._compare(index, symbol, now_ns) for index, symbol in enumerate(seen.symbols)]
        books.account.wallet_e8 = seen.money.wallet_e8
        books.account.available_e8 = seen.money.available_e8
        books.assets.told_all(seen.money.others)
        books.account.checked_ns = seen.asked_ns
        if all(same):
            books.compare_wallet(seen.money.wallet_e8, now_ns, RETRY_NS)
        if self.is_new:
            books.account.initial_wallet_e8 = seen.money.wallet_e8
            self.is_new = False
        if not (all(closed) and all(same)):
            self.want(now_ns, after_ns=RETRY_NS)
        if all(same):
            self._agree()
        books.sum_up()
        if not books.orders.open:
            books.margin.told(seen.money.available_e8)

    def _book(self, symbol: int, fills: list[Fill]) -> None:
        """Book what REST tells; of our own orders' fills say that the stream had not told them."""
        books = self._books
        before = books.positions[symbol].lots
        missed = 0
        for fill in sorted(fills, key=lambda fill: fill.trade_id):
            missed += books.book(fill) and fill.intent_seq != 0
        if missed:
            spec, after = books.specs[symbol], books.positions[symbol].lots
            self._log.warning(
                f"{books.symbols[symbol]}: {missed} fills of ours that the user stream had not "
                f"told are booked: the position was {spec.qty_text(before)} and is "
                f"{spec.qty_text(after)}",
                Notice.POSITION_CORRECTED,
            )

    def _agree(self) -> None:
        self._deep = False
        # Another gap may have opened since this picture was asked for.
        self.agreed = self.agreed or not self._gap
        if not self._announced:
            self._announced = True
            for index, position in enumerate(self._books.positions):
                self._books.reports.tell_position(index, position, 0)

    def _learn_id(self, answer: OrderAnswer) -> None:
        order = self._books.orders.by_seq(answer.question.intent_seq)
        if order is None or not answer.status:
            return
        if order.is_open:
            self._books.acknowledge(order, answer.venue_order_id, answer.asked_ms)
        if order.amend_lots:
            self._resolve_amend(order, answer)
        elif order.order_type == OrderType.LIMIT and answer.price_ticks != order.price_ticks:
            self._books.amend(order, answer.price_ticks, answer.qty_lots, answer.updated_ms)
        else:
            # A reduce-only order may have been cut to what there was to reduce.
            order.qty_lots = answer.qty_lots

    def _resolve_amend(self, order: Order, answer: OrderAnswer) -> None:
        """Find out by the order itself whether it was changed."""
        if answer.status in _TERMINAL or not order.is_open:
            order.end_amend()
            order.qty_lots = answer.qty_lots
        elif (answer.price_ticks, answer.qty_lots) == (order.amend_ticks, order.amend_lots):
            self._books.amend(order, answer.price_ticks, answer.qty_lots, answer.updated_ms)
        elif order.amend_doubted and self._is_past(order, answer.asked_ms):
            # What stands there now is what stays.
            order.price_ticks, order.qty_lots = answer.price_ticks, answer.qty_lots
            self._books.keep_unamended(order, answer.asked_ms)

    @staticmethod
    def _is_past(order: Order, asked_ms: int) -> bool:
        """Say whether the newest request about an order can no longer be carried out."""
        return asked_ms > order.sent_venue_ms + ORDER_RECV_WINDOW_MS + NOT_FOUND_MARGIN_MS

    def _close(self, answer: OrderAnswer) -> bool:
        """Bring one order to the state the venue gives it; False: it must be asked for again."""
        order = self._books.orders.by_seq(answer.question.intent_seq)
        if order is None or not order.is_open:
            return True
        if not answer.status:
            return self._settle_absent(order, answer.asked_ms)
        if order.cum_lots < answer.cum_lots:
            # Its fills are in the books and its row is not: the process died between the two.
            if sum(fill.qty_lots for fill in answer.fills) != answer.cum_lots:
                return False  # The venue's own lists do not agree yet.
            order.cum_lots, order.cum_quote_e8 = answer.cum_lots, answer.cum_quote_e8
            order.fee_e8 = sum(map(self._books.assets.value, answer.fills))
            order.realised_e8 = sum(fill.realised_e8 for fill in answer.fills)
        event = _TERMINAL.get(answer.status)
        if event is not None:
            self._books.move(order, event, answer.asked_ms)
        elif order.cum_lots and order.state is OrderState.ACCEPTED:
            self._books.move(order, OrderEvent.FILL, answer.asked_ms)
        elif order.cancel_acked:
            # The venue let it be cancelled, and it is there: it may be cancelled again.
            order.cancel_acked, order.cancel_sent = False, 0
            self._books.move(order, OrderEvent.CANCEL_REFUSED, answer.asked_ms)
        return not order.in_doubt and answer.status not in _ABOUT_TO_BE

    def _tell_ended(self, certain: list[Order]) -> None:
        """Say which orders have ended without a word; those in doubt are told where they change."""
        for order in certain:
            if not order.is_open:
                self._log.warning(
                    f"{self._books.symbols[order.symbol]}: intent {order.intent_seq} is "
                    f"{order.state.name}: the venue was asked, the user stream had not told",
                    Notice.ORDER_RESOLVED,
                )

    def _settle_absent(self, order: Order, asked_ms: int) -> bool:
        if not self._is_past(order, asked_ms):
            # It may still be on its way, or not yet where it is looked up; only one in doubt keeps
            # us asking.
            return not order.in_doubt
        if order.venue_order_id or order.state >= OrderState.ACCEPTED:
            # It was there once; the venue forgets what ended without a fill.
            self._books.move(order, OrderEvent.CANCEL, asked_ms)
        else:
            order.venue_code = endpoints.ORDER_DOES_NOT_EXIST
            self._books.move(order, OrderEvent.NEVER_THERE, asked_ms)
        return True

    def _compare(self, index: int, seen: SymbolPicture, now_ns: int) -> bool:
        """Compare one position; False when it must be looked at again."""
        books = self._books
        position, view = books.positions[index], books.views[index]
        if self.is_new:
            position.adopt(seen.lots, seen.entry_e8)
            books.booked[index] = BookedFills(seen.newest_id)
            if seen.lots:
                self._tell_correction(index, 0, "it is from before")
        elif seen.settled and not view.rest_told(seen.lots, position.lots, now_ns):
            view.doubt()
            if not self._deep:
                self._deep = True
                return False
            ours = position.lots
            position.adopt(seen.lots, seen.entry_e8)
            self._tell_correction(index, ours, "no fill on the venue's list explains it")
            books.reports.tell_position(index, position, 0)
        if seen.settled:
            view.rest_told(seen.lots, position.lots, now_ns)
        books.publish_position(index)
        return seen.settled

    def _tell_correction(self, index: int, before: int, why: str) -> None:
        books = self._books
        spec, position = books.specs[index], books.positions[index]
        self._log.warning(
            f"{books.symbols[index]}: our position was {spec.qty_text(before)} and is the venue's "
            f"{spec.qty_text(position.lots)} now, entry {trim_e8(position.entry_e8())}: {why}",
            Notice.POSITION_CORRECTED,
        )

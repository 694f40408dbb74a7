"""Orders that wait at the venue for a trigger: what its ALGO_UPDATE says, taken into the books.

Such an order keeps one row and one name for its whole life.  Until the trigger it has an id of
another kind, which nobody here needs; then an ordinary order takes its place under the same name,
and its events are booked like any other's.
"""

from __future__ import annotations

from hft.binance.user_events import AlgoUpdate
from hft.execution.books import Books
from hft.execution.order_life import OrderEvent
from hft.execution.orders import Order

REFUSALS = (
    ("reduce only", -2022),
    ("reduceonly", -2022),
    ("margin is insufficient", -2019),
    ("insufficient margin", -2019),
)
"""How a refusal at the trigger is worded, and the code a new order would have been refused with."""

_OVER = {"CANCELED": OrderEvent.CANCEL, "EXPIRED": OrderEvent.EXPIRE}


def follow_algo(books: Books, order: Order, update: AlgoUpdate, venue_ms: int) -> bool:
    """Move an order by one ALGO_UPDATE; False when the venue must be asked about it."""
    if update.X == "REJECTED":
        _refuse(books, order, update.rm or "", venue_ms)
        return True
    over = _OVER.get(update.X)
    if over is not None:
        if order.is_open:
            books.move(order, over, venue_ms)
        return True
    if update.X == "NEW" or update.child_id:
        was_waiting = order.waits
        books.acknowledge(order, update.child_id, venue_ms)
        if was_waiting and update.child_id:
            books.log.info(f"intent {order.intent_seq}: its trigger was met")
    if update.X != "FINISHED":
        return True
    # The ordinary order's own events say how it ended, and most often they came before this.
    filled = books.specs[order.symbol].lots(update.aq or "0")
    return not order.is_open and order.cum_lots >= filled


def _refuse(books: Books, order: Order, reason: str, venue_ms: int) -> None:
    """Take in that the order was refused when it fired: it never traded, and never will."""
    if not order.is_open:
        return
    order.venue_code = _code_of(reason)
    books.account.rejected += 1
    books.account.last_reject_code = order.venue_code
    books.log.warning(f"the venue rejected intent {order.intent_seq} at its trigger: {reason}")
    books.move(order, OrderEvent.REJECT, venue_ms)


def _code_of(reason: str) -> int:
    words = reason.lower()
    return next((code for said, code in REFUSALS if said in words), 0)

"""What an order may become: one table.  A move that is not in it is an error with both names."""

from __future__ import annotations

from enum import IntEnum

from hft.events import OrderState, Status


class OrderEvent(IntEnum):
    """What can be learnt about an order."""

    ACK = 1
    """The venue has it."""
    FILL = 2
    """A part of it traded and something is left."""
    FILL_WHOLE = 3
    """The last of it traded."""
    CANCEL = 4
    EXPIRE = 5
    REJECT = 6
    DOUBT = 7
    """No answer in time, or the connection ended before one: whether the venue has it, or what was
    asked of it, is not known."""
    NEVER_THERE = 8
    """Asked for by name after its time was over, the venue knows nothing of it."""
    DENY = 9
    """Not one byte of it could be sent."""
    CANCEL_ASKED = 10
    CANCEL_REFUSED = 11
    """Or no answer to the cancel will come: it may be tried again."""
    AMEND_ASKED = 12
    AMENDED = 13
    """It stands at another price or quantity now, whoever asked for it."""
    AMEND_REFUSED = 14


class IllegalMove(Exception):
    """An order was told something that cannot happen in its state."""


_S, _E = OrderState, OrderEvent

_MOVES_OF: dict[OrderState, dict[OrderEvent, OrderState]] = {
    _S.SENT: {
        _E.ACK: _S.ACCEPTED,
        _E.FILL: _S.PARTIALLY_FILLED,
        _E.FILL_WHOLE: _S.FILLED,
        _E.CANCEL: _S.CANCELLED,
        _E.EXPIRE: _S.EXPIRED,
        _E.REJECT: _S.REJECTED,
        _E.DOUBT: _S.UNKNOWN,
        _E.NEVER_THERE: _S.REJECTED,
        _E.DENY: _S.DENIED,
        # A cancel may overtake the answer to the order: that it was asked is kept beside the state.
        _E.CANCEL_ASKED: _S.SENT,
        _E.CANCEL_REFUSED: _S.SENT,
    },
    _S.UNKNOWN: {
        _E.ACK: _S.ACCEPTED,
        _E.FILL: _S.PARTIALLY_FILLED,
        _E.FILL_WHOLE: _S.FILLED,
        _E.CANCEL: _S.CANCELLED,
        _E.EXPIRE: _S.EXPIRED,
        _E.REJECT: _S.REJECTED,
        _E.DOUBT: _S.UNKNOWN,
        _E.NEVER_THERE: _S.REJECTED,
        _E.CANCEL_ASKED: _S.UNKNOWN,
        _E.CANCEL_REFUSED: _S.UNKNOWN,
        # Its row was torn by a death, and an amend was on its way.
        _E.AMENDED: _S.ACCEPTED,
        _E.AMEND_REFUSED: _S.ACCEPTED,
    },
    _S.ACCEPTED: {
        _E.ACK: _S.ACCEPTED,
        _E.FILL: _S.PARTIALLY_FILLED,
        _E.FILL_WHOLE: _S.FILLED,
        _E.CANCEL: _S.CANCELLED,
        _E.EXPIRE: _S.EXPIRED,
        # An order that waited for its trigger is looked at again when it fires.
        _E.REJECT: _S.REJECTED,
        _E.CANCEL_ASKED: _S.CANCEL_PENDING,
        _E.CANCEL_REFUSED: _S.ACCEPTED,
        _E.AMEND_ASKED: _S.AMEND_PENDING,
        _E.AMENDED: _S.ACCEPTED,
        _E.AMEND_REFUSED: _S.ACCEPTED,
    },
    _S.PARTIALLY_FILLED: {
        _E.ACK: _S.PARTIALLY_FILLED,
        _E.FILL: _S.PARTIALLY_FILLED,
        _E.FILL_WHOLE: _S.FILLED,
        _E.CANCEL: _S.CANCELLED,
        _E.EXPIRE: _S.EXPIRED,
        _E.CANCEL_ASKED: _S.CANCEL_PENDING,
        _E.CANCEL_REFUSED: _S.PARTIALLY_FILLED,
        _E.AMEND_ASKED: _S.AMEND_PENDING,
        _E.AMENDED: _S.PARTIALLY_FILLED,
        _E.AMEND_REFUSED: _S.PARTIALLY_FILLED,
    },
    _S.CANCEL_PENDING: {
        _E.ACK: _S.CANCEL_PENDING,
        _E.FILL: _S.CANCEL_PENDING,
        _E.FILL_WHOLE: _S.FILLED,
        _E.CANCEL: _S.CANCELLED,
        _E.EXPIRE: _S.EXPIRED,
        _E.REJECT: _S.REJECTED,
        _E.CANCEL_ASKED: _S.CANCEL_PENDING,
        _E.CANCEL_REFUSED: _S.ACCEPTED,
        _E.AMEND_ASKED: _S.CANCEL_PENDING,
        _E.AMENDED: _S.CANCEL_PENDING,
        _E.AMEND_REFUSED: _S.CANCEL_PENDING,
        _E.DOUBT: _S.CANCEL_PENDING,
    },
    _S.AMEND_PENDING: {
        _E.ACK: _S.AMEND_PENDING,
        _E.FILL: _S.AMEND_PENDING,
        _E.FILL_WHOLE: _S.FILLED,
        _E.CANCEL: _S.CANCELLED,
        _E.EXPIRE: _S.EXPIRED,
        # It rests, at the old terms or the new ones: that it is there is not in doubt.
        _E.DOUBT: _S.AMEND_PENDING,
        _E.CANCEL_ASKED: _S.CANCEL_PENDING,
        _E.CANCEL_REFUSED: _S.AMEND_PENDING,
        _E.AMEND_ASKED: _S.AMEND_PENDING,
        _E.AMENDED: _S.ACCEPTED,
        _E.AMEND_REFUSED: _S.ACCEPTED,
    },
    # The reply to a request and the user stream travel separately: either may come second.
    _S.FILLED: {
        _E.ACK: _S.FILLED,
        _E.CANCEL: _S.FILLED,
        _E.CANCEL_REFUSED: _S.FILLED,
        _E.AMENDED: _S.FILLED,
        _E.AMEND_REFUSED: _S.FILLED,
    },
    # A fill that was missed is booked late; it does not bring the order back to life.
    _S.CANCELLED: {
        _E.ACK: _S.CANCELLED,
        _E.CANCEL: _S.CANCELLED,
        # Absent when it was asked for, it counted as cancelled; the event says how it ended.
        _E.EXPIRE: _S.CANCELLED,
        _E.FILL: _S.CANCELLED,
        _E.FILL_WHOLE: _S.FILLED,
        _E.CANCEL_REFUSED: _S.CANCELLED,
        _E.AMENDED: _S.CANCELLED,
        _E.AMEND_REFUSED: _S.CANCELLED,
    },
    _S.EXPIRED: {
        _E.ACK: _S.EXPIRED,
        _E.CANCEL: _S.EXPIRED,
        _E.EXPIRE: _S.EXPIRED,
        _E.FILL: _S.EXPIRED,
        _E.FILL_WHOLE: _S.FILLED,
        _E.CANCEL_REFUSED: _S.EXPIRED,
        _E.AMENDED: _S.EXPIRED,
        _E.AMEND_REFUSED: _S.EXPIRED,
    },
    _S.REJECTED: {
        _E.REJECT: _S.REJECTED,
        _E.CANCEL_REFUSED: _S.REJECTED,
    },
}

MOVES: dict[tuple[OrderState, OrderEvent], OrderState] = {
    (before, event): after for before, moves in _MOVES_OF.items() for event, after in moves.items()
}

STATUS_OF = {
    _S.UNKNOWN: Status.UNKNOWN,
    _S.ACCEPTED: Status.ACCEPTED,
    _S.PARTIALLY_FILLED: Status.PARTIALLY_FILLED,
    _S.FILLED: Status.FILLED,
    _S.CANCELLED: Status.CANCELLED,
    _S.EXPIRED: Status.EXPIRED,
    _S.REJECTED: Status.REJECTED,
}
PENDING = frozenset((_S.CANCEL_PENDING, _S.AMEND_PENDING))
"""The order rests as before; nobody else need be told."""
_RESTING = frozenset((_S.ACCEPTED, _S.PARTIALLY_FILLED))


def after_event(
    state: OrderState,
    event: OrderEvent,
    cum_lots: int,
    *,
    amending: bool = False,
    cancelling: bool = False,
) -> OrderState:
    """Give the state after `event` of an order of which `cum_lots` are filled.

    `amending` and `cancelling`: whether that was asked and is not answered.

    Raises:
        IllegalMove: the table has no such move.
    """
    after = advance(state, event)
    if after is OrderState.ACCEPTED and cum_lots:
        after = advance(after, OrderEvent.FILL)
    if amending and after in _RESTING:
        after = advance(after, OrderEvent.AMEND_ASKED)
    if cancelling and after in _RESTING | PENDING:
        after = advance(after, OrderEvent.CANCEL_ASKED)
    return after


def is_news(before: OrderState, after: OrderState) -> bool:
    """Say whether a move is worth a report: one between resting and pending changes nothing."""
    if before in PENDING or after in PENDING:
        return not (before in _RESTING | PENDING and after in _RESTING | PENDING)
    return before is not after


def status_of(state: OrderState, cum_lots: int) -> Status:
    """Give the word of a report for an order in that state."""
    if state in PENDING:
        return Status.PARTIALLY_FILLED if cum_lots else Status.ACCEPTED
    return STATUS_OF[state]


def advance(state: OrderState, event: OrderEvent) -> OrderState:
    """Give the state after `event`.

    Raises:
        IllegalMove: the table has no such move.
    """
    after = MOVES.get((state, event))
    if after is None:
        raise IllegalMove(f"an order that is {state.name} was told {event.name}")
    return after

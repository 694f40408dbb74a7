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
    """No answer in time, or the connection ended before one."""
    NEVER_THERE = 8
    """Asked for by name after its time was over, the venue knows nothing of it."""


class IllegalMove(Exception):
    """An order was told something that cannot happen in its state."""


_S, _E = OrderState, OrderEvent

MOVES: dict[tuple[OrderState, OrderEvent], OrderState] = {
    (_S.SENT, _E.ACK): _S.ACCEPTED,
    (_S.SENT, _E.FILL): _S.PARTIALLY_FILLED,
    (_S.SENT, _E.FILL_WHOLE): _S.FILLED,
    (_S.SENT, _E.CANCEL): _S.CANCELLED,
    (_S.SENT, _E.EXPIRE): _S.EXPIRED,
    (_S.SENT, _E.REJECT): _S.REJECTED,
    (_S.SENT, _E.DOUBT): _S.UNKNOWN,
    (_S.SENT, _E.NEVER_THERE): _S.REJECTED,
    (_S.UNKNOWN, _E.ACK): _S.ACCEPTED,
    (_S.UNKNOWN, _E.FILL): _S.PARTIALLY_FILLED,
    (_S.UNKNOWN, _E.FILL_WHOLE): _S.FILLED,
    (_S.UNKNOWN, _E.CANCEL): _S.CANCELLED,
    (_S.UNKNOWN, _E.EXPIRE): _S.EXPIRED,
    (_S.UNKNOWN, _E.REJECT): _S.REJECTED,
    (_S.UNKNOWN, _E.DOUBT): _S.UNKNOWN,
    (_S.UNKNOWN, _E.NEVER_THERE): _S.REJECTED,
    (_S.ACCEPTED, _E.ACK): _S.ACCEPTED,
    (_S.ACCEPTED, _E.FILL): _S.PARTIALLY_FILLED,
    (_S.ACCEPTED, _E.FILL_WHOLE): _S.FILLED,
    (_S.ACCEPTED, _E.CANCEL): _S.CANCELLED,
    (_S.ACCEPTED, _E.EXPIRE): _S.EXPIRED,
    (_S.PARTIALLY_FILLED, _E.ACK): _S.PARTIALLY_FILLED,
    (_S.PARTIALLY_FILLED, _E.FILL): _S.PARTIALLY_FILLED,
    (_S.PARTIALLY_FILLED, _E.FILL_WHOLE): _S.FILLED,
    (_S.PARTIALLY_FILLED, _E.CANCEL): _S.CANCELLED,
    (_S.PARTIALLY_FILLED, _E.EXPIRE): _S.EXPIRED,
    # The reply to the request and the user stream travel separately: either may come second.
    (_S.FILLED, _E.ACK): _S.FILLED,
    (_S.FILLED, _E.CANCEL): _S.FILLED,
    (_S.CANCELLED, _E.ACK): _S.CANCELLED,
    (_S.CANCELLED, _E.CANCEL): _S.CANCELLED,
    (_S.EXPIRED, _E.ACK): _S.EXPIRED,
    (_S.EXPIRED, _E.EXPIRE): _S.EXPIRED,
    (_S.REJECTED, _E.REJECT): _S.REJECTED,
    # A fill that was missed is booked late; it does not bring the order back to life.
    (_S.CANCELLED, _E.FILL): _S.CANCELLED,
    (_S.CANCELLED, _E.FILL_WHOLE): _S.FILLED,
    (_S.EXPIRED, _E.FILL): _S.EXPIRED,
    (_S.EXPIRED, _E.FILL_WHOLE): _S.FILLED,
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


def advance(state: OrderState, event: OrderEvent) -> OrderState:
    """Give the state after `event`.

    Raises:
        IllegalMove: the table has no such move.
    """
    after = MOVES.get((state, event))
    if after is None:
        raise IllegalMove(f"an order that is {state.name} was told {event.name}")
    return after

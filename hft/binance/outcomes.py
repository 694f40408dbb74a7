"""What a reply means for the order it answers: accepted, rejected, or unknown.

Three answers, not two.  Unknown means the venue may have the order; only asking by client order id
decides, and the order is never sent again.
"""

from __future__ import annotations

from enum import IntEnum

UNEXPECTED_REPLY = -1000
BUS_STATUS_UNKNOWN = -1006
BACKEND_TIMEOUT = -1007
DUPLICATE_CLIENT_ID = -4116
"""An open order bears our id already, so this reply says nothing about that order."""

UNKNOWN_CODES = frozenset(
    {UNEXPECTED_REPLY, BUS_STATUS_UNKNOWN, BACKEND_TIMEOUT, DUPLICATE_CLIENT_ID}
)

# A 5xx with one of these did not execute, says the venue: internal error, throttled, closed.
FAILED_CODES = frozenset({-1001, -1008, -1016})


class Outcome(IntEnum):
    """What became of a request."""

    ACCEPTED = 1
    REJECTED = 2
    UNKNOWN = 3


def outcome_of(http_status: int, code: int, message: str) -> Outcome:
    """Judge one reply; `code` and `message` are 0 and empty when the body held none."""
    if 200 <= http_status < 300:
        return Outcome.ACCEPTED
    if code in UNKNOWN_CODES or http_status == 408:
        return Outcome.UNKNOWN
    if http_status < 500 or code in FAILED_CODES:
        return Outcome.REJECTED
    # Of the 503 texts "Service Unavailable." is a plain refusal; "Unknown error ..." may have
    # executed.  A gateway that answers for a silent backend (502, 504) knows nothing either.
    if http_status == 503 and message.startswith("Service Unavailable"):
        return Outcome.REJECTED
    return Outcome.UNKNOWN

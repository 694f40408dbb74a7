"""One request as a handler sees it, whichever door it came through, and the way to register."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from hft.simulator.desk import Desk, Listing
from hft.simulator.order_entry import need, optional_int
from hft.simulator.refusals import TIMESTAMP_AHEAD, refusal
from hft.simulator.venue import Venue

PUBLIC = "public"
KEYED = "keyed"
SIGNED = "signed"

RECV_WINDOW_DEFAULT_MS = 5_000
RECV_WINDOW_MAX_MS = 60_000
TIMESTAMP_AHEAD_MAX_MS = 1_000
LIMIT_DEFAULT = 500
LIMIT_MAX = 1000
SPAN_MAX_MS = 7 * 86_400_000

Row = TypeVar("Row")


class Call(msgspec.Struct, frozen=True):
    """Parameters, time and account of one request; account 0 where nobody is named."""

    venue: Venue
    params: Mapping[str, str]
    now_ms: int
    account_id: int = 0

    @property
    def desk(self) -> Desk:
        """The desk of the account that calls."""
        return self.venue.desk(self.account_id)

    def listing(self) -> Listing:
        """Find the symbol that the request must name.

        Raises:
            Refusal: -1102 not named, -1121 not listed.
        """
        return self.venue.listing(need(self.params, "symbol"))

    def listings(self) -> list[Listing]:
        """Give the named symbol, or all when none is named."""
        if self.params.get("symbol"):
            return [self.listing()]
        return list(self.venue.exchange.listings.values())


Handler = Callable[[Call], object]
Weight = Callable[[Mapping[str, str]], int] | int


class Route(msgspec.Struct, frozen=True):
    """A handler with its security class, its request weight and whether it counts as an order."""

    handler: Handler
    security: str
    weight: Weight = 1
    orders: int = 0

    def weigh(self, params: Mapping[str, str]) -> int:
        """Give the request weight these parameters cost."""
        return self.weight(params) if callable(self.weight) else self.weight


def one_or_all(one: int, everything: int) -> Weight:
    """Weight of a request that costs more without a symbol."""
    return lambda params: one if params.get("symbol") else everything


def window(
    call: Call, rows: Sequence[Row], time_of: Callable[[Row], int], *, from_id: bool = False
) -> Sequence[Row]:
    """Cut rows to startTime, endTime and limit; without a start the newest remain.

    Raises:
        Refusal: -1130 the limit, -1128 the end is before the start, -1127 more than seven days.
    """
    limit = optional_int(call.params, "limit")
    limit = LIMIT_DEFAULT if limit is None else limit
    if not 0 < limit <= LIMIT_MAX:
        raise refusal(-1130, "limit")
    start_ms = optional_int(call.params, "startTime")
    end_ms = optional_int(call.params, "endTime")
    if start_ms is not None and end_ms is not None:
        if end_ms < start_ms:
            raise refusal(-1128)
        if end_ms - start_ms > SPAN_MAX_MS:
            raise refusal(-1127, SPAN_MAX_MS // 3_600_000)
    if start_ms is not None:
        rows = [row for row in rows if time_of(row) >= start_ms]
    if end_ms is not None:
        rows = [row for row in rows if time_of(row) <= end_ms]
    return rows[:limit] if from_id or start_ms is not None else rows[-limit:]


def is_count(text: str) -> bool:
    """Say whether a text is a whole number, not below 0, of 64 bits or little more."""
    return text.isascii() and text.isdigit() and len(text) < 20


def check_time(params: Mapping[str, str], now_ms: int) -> None:
    """Check timestamp and recvWindow of a signed request.

    Raises:
        Refusal: -1102, -1130 or -1021.
    """
    stamp = need(params, "timestamp")
    window = params.get("recvWindow") or str(RECV_WINDOW_DEFAULT_MS)
    if not is_count(stamp):
        raise refusal(-1102, "timestamp")
    if not is_count(window) or int(window) > RECV_WINDOW_MAX_MS:
        raise refusal(-1130, "recvWindow")
    if int(stamp) >= now_ms + TIMESTAMP_AHEAD_MAX_MS:
        raise refusal(-1021, text=TIMESTAMP_AHEAD)
    if now_ms - int(stamp) > int(window):
        raise refusal(-1021)

"""One request as a handler sees it, whichever door it came through, and the way to register."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from hft.simulator.desk import Desk, Listing
from hft.simulator.order_entry import need
from hft.simulator.refusals import TIMESTAMP_AHEAD, refusal
from hft.simulator.venue import Venue

PUBLIC = "public"
KEYED = "keyed"
SIGNED = "signed"

RECV_WINDOW_DEFAULT_MS = 5_000
RECV_WINDOW_MAX_MS = 60_000
TIMESTAMP_AHEAD_MAX_MS = 1_000


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

"""The budget of requests and orders: who may still ask, who must wait, and until when.

Pure: it is told the venue's time, what leaves, and what replies say.  The last slice of every limit
is kept for what takes away: cancels, and flatten, which is another process at the same address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any

import msgspec

from hft.binance import endpoints
from hft.binance.costs import Cost
from hft.binance.window import VenueTime, Window

MINUTE_MS = 60_000
TEN_SECONDS_MS = 10_000
WEIGHT_RESERVE = 0.2
"""Share of the request weight that only cancels and flatten may use."""
ORDERS_RESERVE = 0.1
"""The same of the numbers of orders."""
PERIODIC_RESERVE = 0.5
"""Share of the weight that what can wait leaves to all others."""
FULL_SOON_S = 30.0
TOO_MANY_REQUESTS = 429
BANNED = 418


class Use(IntEnum):
    """What a request is for; the first is served first, the last waits first."""

    CANCEL = 0
    """Takes something away."""
    NEEDED = 1
    """What must be known or done now: recovery, keys, the dead-man switch."""
    PERIODIC = 2
    """What is looked at now and then."""


class Ticket(msgspec.Struct, frozen=True):
    """A request that was let go: its number, what it costs and when it left."""

    number: int
    use: Use
    cost: Cost
    began: VenueTime


class Refused(msgspec.Struct, frozen=True):
    """A reply that turned a request away for its rate; `until_ms` is the venue's time."""

    status: int
    code: int
    until_ms: int
    text: str = ""


class Budget:
    """Counts weight in a minute, orders in ten seconds and in a minute, and obeys refusals."""

    def __init__(self) -> None:
        self.weight = Window(MINUTE_MS)
        self.orders_10s = Window(TEN_SECONDS_MS)
        self.orders_1m = Window(MINUTE_MS)
        self.limited_until_ms = 0
        """Nothing that weighs is asked before then; a cancel may try, once."""
        self.orders_until_ms = 0
        """No new order is sent before then."""
        self.banned_until_ms = 0
        """Nothing at all is sent before then."""
        self.throttled_until_ms = 0
        """Nothing that makes a position larger is sent before then."""
        self._cancels_until_ms = 0
        self._next = 1

    @property
    def windows(self) -> tuple[Window, Window, Window]:
        """All three."""
        return self.weight, self.orders_10s, self.orders_1m

    def learn(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take in `rateLimits` of exchangeInfo; limits of other kinds are left alone."""
        for row in rows:
            window = self._window_of(row["rateLimitType"], row["interval"], row["intervalNum"])
            if window is not None:
                window.limit = int(row["limit"])

    def told_by(self, rows: Iterable[Any]) -> tuple[int | None, int | None, int | None]:
        """Read the counts of all three windows from the rows of a WebSocket API reply."""
        counts: dict[int, int] = {}
        for row in rows:
            window = self._window_of(row.kind, row.interval, row.number)
            if window is not None:
                counts[id(window)] = row.count
        weight, ten_seconds, minute = (counts.get(id(window)) for window in self.windows)
        return weight, ten_seconds, minute

    # Asking.

    def wait_until_ms(self, use: Use, cost: Cost, now: VenueTime) -> int:
        """Say until when a request must wait, in the venue's time; 0: it may leave now."""
        self.turn(now)
        until_ms = self.banned_until_ms
        if cost.weight:
            held_ms = self._cancels_until_ms if use is Use.CANCEL else self.limited_until_ms
            until_ms = max(until_ms, held_ms)
        if until_ms <= now.middle_ms:
            until_ms = 0
        if cost.weight and not self.weight.has_room(cost.weight, self._reserve(use)):
            until_ms = max(until_ms, self.weight.end_ms)
        if cost.orders:
            until_ms = max(until_ms, self.orders_wait_until_ms(now))
        return until_ms

    def orders_wait_until_ms(self, now: VenueTime) -> int:
        """Say until when new orders must wait, in the venue's time; 0: they may leave now."""
        until_ms = max(self.banned_until_ms, self.orders_until_ms)
        if until_ms <= now.middle_ms:
            until_ms = 0
        for window in (self.orders_10s, self.orders_1m):
            if not window.has_room(1, int(window.limit * ORDERS_RESERVE)):
                until_ms = max(until_ms, window.end_ms)
        return until_ms

    def spend(self, use: Use, cost: Cost, now: VenueTime) -> Ticket:
        """Note a request that leaves now."""
        self.turn(now)
        ticket = Ticket(self._next, use, cost, now)
        self._next += 1
        self.weight.spend(ticket.number, cost.weight)
        for window in (self.orders_10s, self.orders_1m):
            window.spend(ticket.number, cost.orders)
        return ticket

    def _reserve(self, use: Use) -> int:
        if use is Use.CANCEL:
            return 0
        share = PERIODIC_RESERVE if use is Use.PERIODIC else WEIGHT_RESERVE
        return int(self.weight.limit * share)

    # Hearing.

    def hear(
        self, ticket: Ticket, told: tuple[int | None, int | None, int | None], now: VenueTime
    ) -> None:
        """Take in a reply with the counts it told: weight, orders in ten seconds, in a minute."""
        self.turn(now)
        for window, count in zip(self.windows, told, strict=True):
            window.hear(ticket.number, count, ticket.began, now)

    def lose(self, ticket: Ticket, now: VenueTime) -> None:
        """Note that a reply will never come."""
        self.turn(now)
        for window in self.windows:
            window.lose(ticket.number, now)

    def unspend(self, ticket: Ticket) -> None:
        """Note that not one byte of a request left."""
        for window in self.windows:
            window.unspend(ticket.number)

    def refuse(self, ticket: Ticket, refused: Refused, now: VenueTime) -> None:
        """Take in a refusal for the rate: 418, 429, or 429 with -1015 for too many orders."""
        self.turn(now)
        if refused.status == BANNED:
            self.banned_until_ms = max(self.banned_until_ms, refused.until_ms)
        elif refused.code == endpoints.TOO_MANY_ORDERS:
            until_ms = refused.until_ms or self._orders_window(refused.text).end_ms
            self.orders_until_ms = max(self.orders_until_ms, until_ms)
        else:
            until_ms = refused.until_ms or self.weight.end_ms
            self.limited_until_ms = max(self.limited_until_ms, until_ms)
            if ticket.use is Use.CANCEL:
                # One that goes on against refusals is banned: the others wait.
                self._cancels_until_ms = max(self._cancels_until_ms, until_ms)

    def turn(self, now: VenueTime) -> None:
        """Begin every window whose time has come."""
        for window in self.windows:
            window.turn(now)

    def _orders_window(self, text: str) -> Window:
        """Which number of orders a -1015 speaks of."""
        return self.orders_10s if "TEN_SECONDS" in text or "SECOND" in text else self.orders_1m

    def _window_of(self, kind: str, interval: str, number: int) -> Window | None:
        return {
            ("REQUEST_WEIGHT", "MINUTE", 1): self.weight,
            ("ORDERS", "SECOND", 10): self.orders_10s,
            ("ORDERS", "MINUTE", 1): self.orders_1m,
        }.get((kind, interval, number))

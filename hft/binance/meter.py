"""The budget of one process, for all its threads and connections, on the venue's clock."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from hft.binance.budget import Budget, Refused, Ticket, Use
from hft.binance.costs import Cost
from hft.binance.venue_clock import VenueClock
from hft.binance.window import VenueTime
from hft.units import NS_PER_MS

Counts = tuple[int | None, int | None, int | None]
_HEADERS = ("X-MBX-USED-WEIGHT-1M", "X-MBX-ORDER-COUNT-10S", "X-MBX-ORDER-COUNT-1M")
NO_COUNTS: Counts = (None, None, None)
ECHO_MS = 500


def counts_of(headers: Mapping[str, str]) -> Counts:
    """Read the counts of a REST reply: weight, orders in ten seconds, orders in a minute."""
    weight, ten_seconds, minute = (_number(headers.get(name, "")) for name in _HEADERS)
    return weight, ten_seconds, minute


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


class Meter:
    """Lets requests leave, or says how long they must wait; local times are CLOCK_MONOTONIC."""

    def __init__(self, clock: VenueClock) -> None:
        self.clock = clock
        self.budget = Budget()
        self.may_order = True
        """New orders may leave now; kept up to date by whatever happens here and by `tick`."""
        self.limited_until_ns = self.banned_until_ns = 0
        """What the venue told this process, and nobody else; 0: nothing yet."""
        self._lock = threading.Lock()

    def learn(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take in `rateLimits` of exchangeInfo."""
        with self._lock:
            self.budget.learn(rows)

    def take(self, use: Use, cost: Cost) -> Ticket | None:
        """Let a request leave, or not: None."""
        with self._lock:
            now = self.clock.now()
            if self.budget.wait_until_ms(use, cost, now):
                return None
            ticket = self.budget.spend(use, cost, now)
            self._look(now)
            return ticket

    def note(self, use: Use, cost: Cost) -> Ticket:
        """Note a request that left already, or leaves whatever the budget says."""
        with self._lock:
            now = self.clock.now()
            ticket = self.budget.spend(use, cost, now)
            self._look(now)
            return ticket

    def wait_s(self, use: Use, cost: Cost) -> float:
        """Say how long a request must wait."""
        with self._lock:
            now = self.clock.now()
            until_ms = self.budget.wait_until_ms(use, cost, now)
        # The turn of a window is waited for until it is certain.
        return max(1, until_ms - now.middle_ms) / 1000 if until_ms else 0.0

    def hear(self, ticket: Ticket, counts: Counts) -> None:
        """Take in a reply."""
        with self._lock:
            now = self.clock.now()
            self.budget.hear(ticket, counts, now)
            self._look(now)

    def hear_rows(self, ticket: Ticket, rows: Iterable[Any]) -> None:
        """Take in a reply of the WebSocket API with its `rateLimits`."""
        self.hear(ticket, self.budget.told_by(rows))

    def lose(self, ticket: Ticket) -> None:
        """Note that a reply will never come."""
        with self._lock:
            self.budget.lose(ticket, self.clock.now())

    def unspend(self, ticket: Ticket) -> None:
        """Note that not one byte of a request left."""
        with self._lock:
            self.budget.unspend(ticket)
            self._look(self.clock.now())

    def refuse(self, ticket: Ticket, refused: Refused) -> None:
        """Take in a refusal for the rate."""
        with self._lock:
            budget = self.budget
            before = budget.limited_until_ms, budget.banned_until_ms
            budget.refuse(ticket, refused, self.clock.now())
            if budget.limited_until_ms > before[0]:
                self.limited_until_ns = self.local_ns(budget.limited_until_ms)
            if budget.banned_until_ms > before[1]:
                self.banned_until_ns = self.local_ns(budget.banned_until_ms)
            self._look(self.clock.now())

    def until_ms(self, wait_s: float) -> int:
        """Give the venue's time in so many seconds; 0 for none."""
        return self.clock.now().middle_ms + int(wait_s * 1000) if wait_s else 0

    def surely_after(self, venue_ms: int) -> int:
        """Give the earliest moment by our clock that lies behind one of the venue's; 0 for none."""
        earliest_ms, latest_ms = self.clock.now()
        return venue_ms + (latest_ms - earliest_ms) // 2 if venue_ms else 0

    def throttle(self, for_ns: int) -> None:
        """Enter nothing for so long: the venue protects itself and takes only what reduces."""
        until_ms = self.clock.now().middle_ms + for_ns // NS_PER_MS
        self.budget.throttled_until_ms = max(self.budget.throttled_until_ms, until_ms)

    def heed(self, limited_until_ns: int, banned_until_ns: int) -> None:
        """Obey what another process at this address was told; local times, 0: nothing."""
        with self._lock:
            less_ns, budget = self.clock.less_local_ns(), self.budget
            limited_ms = (limited_until_ns + less_ns) // NS_PER_MS if limited_until_ns else 0
            banned_ms = (banned_until_ns + less_ns) // NS_PER_MS if banned_until_ns else 0
            # Two processes know the venue's clock a little differently: not each echo counts.
            if limited_ms > budget.limited_until_ms + ECHO_MS:
                budget.limited_until_ms = limited_ms
            if banned_ms > budget.banned_until_ms + ECHO_MS:
                budget.banned_until_ms = banned_ms
            self._look(self.clock.now())

    def tick(self) -> None:
        """Begin the windows whose time has come."""
        with self._lock:
            now = self.clock.now()
            self.budget.turn(now)
            self._look(now)

    def local_ns(self, venue_ms: int) -> int:
        """Turn a venue time into CLOCK_MONOTONIC; 0 stays 0."""
        return venue_ms * NS_PER_MS - self.clock.less_local_ns() if venue_ms else 0

    def is_before(self, until_ms: int) -> bool:
        """Say whether a venue time is still to come."""
        return self.clock.now().middle_ms < until_ms

    def _look(self, now: VenueTime) -> None:
        self.may_order = not self.budget.orders_wait_until_ms(now)

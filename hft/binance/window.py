"""One of the venue's limits, counted by a client: so many within a window of the venue's calendar.

A minute begins when the venue's clock says so.  Where a request is counted we learn from its reply,
and only then; until then it counts in every window it may have fallen into.  So what is said to be
used is never less than what the venue counted of ours, in whatever order replies come.
"""

from __future__ import annotations

from typing import NamedTuple

NOT_DONE = 1 << 62
LOST_AFTER_MS = 10_000
"""A request whose reply is given up may still be counted by the venue for so long."""


class VenueTime(NamedTuple):
    """The venue's clock in milliseconds as well as we know it: not before, and not after."""

    earliest_ms: int
    latest_ms: int

    @property
    def middle_ms(self) -> int:
        """The likeliest moment, by which spans of time are measured."""
        return (self.earliest_ms + self.latest_ms) // 2


class Spending(NamedTuple):
    """One request, and until when it may be counted; `NOT_DONE` while it travels."""

    amount: int
    done_ms: int


class Window:
    """What is used of one limit in the present window; `limit` 0 is one nobody has told yet."""

    def __init__(self, length_ms: int, limit: int = 0) -> None:
        self.length_ms = length_ms
        self.limit = limit
        self.start_ms = 0
        self._told = 0
        self._open: dict[int, Spending] = {}
        self._open_sum = 0
        self._told_late: list[Spending] = []

    @property
    def used(self) -> int:
        """The most of ours that can be counted in this window, and what was told of others'."""
        return self._told + self._open_sum

    @property
    def end_ms(self) -> int:
        """When the window turns, by the venue's clock."""
        return self.start_ms + self.length_ms

    def has_room(self, amount: int, reserve: int) -> bool:
        """Say whether `amount` can be spent and `reserve` be left."""
        return not self.limit or self.used + amount <= self.limit - reserve

    def turn(self, now: VenueTime) -> bool:
        """Begin the window of now, once its beginning is certain; says whether it did."""
        start_ms = now.earliest_ms - now.earliest_ms % self.length_ms
        if start_ms <= self.start_ms:
            return False
        self.start_ms = start_ms
        self._open = {key: each for key, each in self._open.items() if each.done_ms >= start_ms}
        self._open_sum = sum(each.amount for each in self._open.values())
        # Told with a count, but so late that the count may have been this window's.
        self._told = sum(each.amount for each in self._told_late if each.done_ms >= start_ms)
        self._told_late.clear()
        return True

    def spend(self, number: int, amount: int) -> None:
        """Note a request that is about to leave."""
        if amount:
            self._open[number] = Spending(amount, NOT_DONE)
            self._open_sum += amount

    def unspend(self, number: int) -> None:
        """Note that a request did not leave."""
        spending = self._open.pop(number, None)
        if spending is not None:
            self._open_sum -= spending.amount

    def hear(self, number: int, told: int | None, began: VenueTime, now: VenueTime) -> None:
        """Take in a reply, the count it told and when its request left.

        The count is this window's for certain only when the request left after its beginning.
        """
        if told is None or began.earliest_ms < self.start_ms:
            self._end(number, now.latest_ms)
            return
        self._told = max(self._told, told)
        spending = self._open.get(number)
        if spending is not None:
            self.unspend(number)
            if now.latest_ms >= self.end_ms:
                self._told_late.append(spending._replace(done_ms=now.latest_ms))
        # What was over before this request left is in its count, if it is in this window at all.
        for key in [key for key, each in self._open.items() if each.done_ms <= began.earliest_ms]:
            self.unspend(key)

    def lose(self, number: int, now: VenueTime) -> None:
        """Note that a reply will never come; the request may be counted even a little later."""
        self._end(number, now.latest_ms + LOST_AFTER_MS)

    def fill(self) -> None:
        """Take it for used up until it turns, because the venue said so."""
        self._told = max(self._told, self.limit)

    def _end(self, number: int, done_ms: int) -> None:
        spending = self._open.get(number)
        if spending is not None:
            self._open[number] = spending._replace(done_ms=done_ms)


def full_in_s(used: int, limit: int, venue_ms: int, length_ms: int) -> float | None:
    """Say in how many seconds a window is full at its pace so far; None: it turns before that."""
    elapsed_ms = venue_ms % length_ms
    if not limit or not used or elapsed_ms <= 0:
        return None
    wait_ms = (limit - used) * elapsed_ms / used
    return max(0.0, wait_ms / 1000) if elapsed_ms + wait_ms < length_ms else None

"""One price of the recorded book: what is shown there, as orders of the house in a queue.

Users' orders stand between the house's, each behind what was shown when it came.  The rules:

- A recorded trade eats from the front: the house's lots first, then the user behind them.
- Shown lots that left without a trade were cancelled all over the queue: each part of it shrinks
  by its share, so a user moves up by the share that stood ahead of him.
- Shown lots that are new stand behind everybody.
- Where the news of a trade comes after that of the smaller quantity, the cancellation is undone
  and the trade counts instead.
"""

from __future__ import annotations

from hft.simulator.desk import Listing
from hft.simulator.exchange import Exchange
from hft.simulator.matching import Order


class RecordedLevel:
    """The house's lots at one price of one side, front first, and what is known of them."""

    def __init__(self, exchange: Exchange, listing: Listing, side: int, ticks: int) -> None:
        self._exchange = exchange
        self._listing = listing
        self._side = side
        self._ticks = ticks
        self._parts: list[Order] = []
        self._shown = 0
        self._shown_ms = 0
        # Trades that what was shown last does not know of yet: (time, lots).
        self._unseen: list[tuple[int, int]] = []
        # What each part lost by the last cancellation; a late trade may undo it.
        self._cancelled: list[tuple[Order, int]] = []

    def show(self, lots: int, time_ms: int, now_ms: int, *, first: bool = False) -> None:
        """Take over what the recording shows; what users took stays taken if it is the same.

        `first`: what is shown was there before the users who wait at this price.
        """
        seen = sum(traded for at_ms, traded in self._unseen if at_ms <= time_ms)
        if lots == self._shown and not seen:
            return
        cancelled = self._shown - seen - lots
        self._shown, self._shown_ms = lots, time_ms
        self._unseen = [row for row in self._unseen if row[0] > time_ms]
        self._cancelled = []
        cancelled = min(cancelled, self.held())
        if cancelled > 0:
            self._cancel(cancelled)
        missing = lots - sum(traded for _, traded in self._unseen) - self.held()
        if missing > 0:
            self._add(missing, now_ms, first=first)
        self.settle()

    def trade(self, lots: int, time_ms: int) -> int:
        """Let a recorded trade eat the house's lots and tell what it may still fill in between.

        Gives the lots that are left for the queue: a late trade may have been shown already.
        """
        shown_before = 0
        if time_ms <= self._shown_ms and self._cancelled:
            shown_before, absorbed = self._undo(lots)
            lots -= absorbed
            shown_before -= absorbed
        if lots > shown_before:
            self._unseen.append((time_ms, lots - shown_before))
        return lots

    def settle(self) -> None:
        """Let no more stand than is shown: what a user was filled with had left the house."""
        missing = self.held() - max(0, self._shown - sum(lots for _, lots in self._unseen))
        if missing > 0:
            self._trim(missing)

    def held(self) -> int:
        """Count the lots of the house that still stand."""
        return sum(part.left_lots for part in self._parts)

    def clear(self) -> None:
        """Remove everything of the house."""
        for part in self._parts:
            if part.left_lots:
                self._listing.book.cancel(part)
        self._parts = []
        self._cancelled = []

    def _cancel(self, lots: int) -> None:
        """Take lots from every part by its share; what rounding leaves comes from the back."""
        held = self.held()
        for part in self._parts:
            share = part.left_lots * lots // held
            if share:
                self._shrink(part, share)
                self._cancelled.append((part, share))
        left = lots - sum(share for _, share in self._cancelled)
        for part in reversed(self._parts):
            share = min(left, part.left_lots)
            if share:
                self._shrink(part, share)
                self._cancelled.append((part, share))
                left -= share
        self._forget_empty()

    def _undo(self, lots: int) -> tuple[int, int]:
        """Give back what a cancellation took, as far as a late trade of `lots` explains it.

        Gives how many lots it explains, and how many of these belong to parts that are gone: the
        trade ate them there.
        """
        total = sum(share for _, share in self._cancelled)
        explained = min(lots, total)
        absorbed, left = 0, explained
        for part, share in self._cancelled:
            back = min(left, -(-share * explained // total))
            left -= back
            if part.left_lots:
                self._listing.book.resize(part, part.left_lots + back)
            else:
                absorbed += back
        self._cancelled = []
        return explained, absorbed

    def _add(self, lots: int, now_ms: int, *, first: bool) -> None:
        level = self._listing.book.side(self._side).level(self._ticks)
        last = self._parts[-1] if self._parts else None
        if last is not None and level is not None and next(reversed(level.orders)) == last.order_id:
            self._listing.book.resize(last, last.left_lots + lots)
            return
        place = self._exchange.house_order
        order = place(self._listing, self._side, (self._ticks, lots), now_ms)
        if not order.left_lots:
            return
        self._parts.append(order)
        if first and not self._parts[:-1]:
            queue = self._listing.book.side(self._side).level(self._ticks)
            assert queue is not None
            queue.orders.move_to_end(order.order_id, last=False)

    def _trim(self, lots: int) -> None:
        for part in reversed(self._parts):
            share = min(lots, part.left_lots)
            if share:
                self._shrink(part, share)
                lots -= share
        self._forget_empty()

    def _shrink(self, part: Order, lots: int) -> None:
        self._listing.book.take(part, lots)

    def _forget_empty(self) -> None:
        self._parts = [part for part in self._parts if part.left_lots]

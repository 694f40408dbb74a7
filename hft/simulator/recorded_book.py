"""The recorded market as orders of the house, so that users fill only against what stood there.

bookTicker rules the touch: no recorded level better than it is kept.  Depth messages fill in what
stands behind it.  What users took stays taken until the recording shows another quantity.  Resting
users wait in the queue of their price (`recorded_level.py`); a trade through their price fills
them, first come first served, up to its own quantity.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable

from hft.simulator.desk import Listing
from hft.simulator.exchange import Exchange
from hft.simulator.matching import BUY, SELL
from hft.simulator.orders import VenueOrder
from hft.simulator.queues import users_at
from hft.simulator.recorded_level import RecordedLevel
from hft.units import parse_e8

REACH_E4 = 500
KNOWN_MAX = 200_000
EMPTY_MAX = 200_000
Rows = Iterable[tuple[str, str]]


class RecordedBook:
    """Keeps one symbol's book as the recording shows it."""

    def __init__(self, exchange: Exchange, listing: Listing) -> None:
        self._exchange = exchange
        self._listing = listing
        self._standing: dict[int, dict[int, RecordedLevel]] = {BUY: {}, SELL: {}}
        # The standing prices times their side, sorted: the best of either side comes last.
        self._keys: dict[int, list[int]] = {BUY: [], SELL: []}
        # Prices times their side that are known to hold nothing; others just were not shown yet.
        self._empty: dict[int, set[int]] = {BUY: set(), SELL: set()}
        self.ticks = Scale(listing.symbol.tick_e8).steps
        self.lots = Scale(listing.symbol.lot_e8).steps
        self._touch = {BUY: 0, SELL: 0}
        self._ticker_id = 0
        self._depth_id = 0

    def on_ticker(
        self,
        bid: tuple[str, str],
        ask: tuple[str, str],
        update_id: int,
        times_ms: tuple[int, int],
    ) -> None:
        """Take over the best bid and ask; `times_ms` are the recorded time and the venue's."""
        bid_ticks, ask_ticks = self.ticks(bid[0]), self.ticks(ask[0])
        if not 0 < bid_ticks < ask_ticks:
            return
        self._ticker_id = update_id
        before, self._touch = self._touch, {BUY: bid_ticks, SELL: ask_ticks}
        for side, touch in self._touch.items():
            self._clear_beyond(side, touch)
        for side, quote in ((BUY, bid), (SELL, ask)):
            touch = self._touch[side]
            # Where nobody stood before, whoever waits there now was first.
            inside = bool(before[side]) and (touch - before[side]) * side > 0
            self._set(side, touch, self.lots(quote[1]), times_ms, inside=inside)

    def on_depth(self, bids: Rows, asks: Rows, update_id: int, times_ms: tuple[int, int]) -> None:
        """Take over the levels of a diff, behind the touch where a touch is known."""
        self._depth_id = max(self._depth_id, update_id)
        levels = self._levels(bids, asks)
        # What goes away first: a level may only stand where the other side has left.
        levels.sort(key=lambda level: level[2] > 0)
        for side, ticks, lots in levels:
            if self._accepts(side, ticks, update_id):
                self._set(side, ticks, lots, times_ms)

    def on_snapshot(
        self, bids: Rows, asks: Rows, update_id: int, times_ms: tuple[int, int]
    ) -> None:
        """Take over the best levels as a whole; one older than the diffs only fills what it can."""
        levels = self._levels(bids, asks)
        if update_id < self._depth_id:
            for side, ticks, lots in levels:
                known = ticks in self._standing[side] or ticks * side in self._empty[side]
                if not known and self._accepts(side, ticks, update_id):
                    self._set(side, ticks, lots, times_ms)
            return
        for side in (BUY, SELL):
            listed = {ticks * side for level_side, ticks, _ in levels if level_side == side}
            if listed:
                keys = self._keys[side]
                for key in keys[bisect_left(keys, min(listed)) :]:
                    if key not in listed:
                        self._clear(side, key * side)
        self.on_depth(bids, asks, update_id, times_ms)

    def on_trade(
        self, ticks: int, lots: int, times_ms: tuple[int, int], *, buyer_is_maker: bool
    ) -> None:
        """Let a recorded trade fill users it went through, then eat the queue of its price."""
        self._listing.last_ticks = ticks
        side = BUY if buyer_is_maker else SELL
        for price in self._gone_through(side, ticks):
            for order in users_at(self._listing, side, price):
                lots -= self._fill(order, lots, times_ms[1])
        level = self._standing[side].get(ticks)
        if level is not None and lots > 0:
            lots = level.trade(lots, times_ms[0])
        self._eat(side, ticks, lots, times_ms[1])
        if level is not None:
            level.settle()

    def clear(self) -> None:
        """Forget everything: the recording begins anew."""
        for side in (BUY, SELL):
            for level in self._standing[side].values():
                level.clear()
            self._standing[side].clear()
            self._keys[side].clear()
            self._empty[side].clear()
        self._touch = {BUY: 0, SELL: 0}
        self._ticker_id = self._depth_id = 0

    def _eat(self, side: int, ticks: int, lots: int, now_ms: int) -> None:
        """Let a trade go along the queue of a price: first the house's lots, then the user's."""
        queue = self._listing.book.side(side).level(ticks)
        if queue is None or lots <= 0:
            return
        for waiting in list(queue.orders.values()):
            if lots <= 0:
                return
            if isinstance(waiting, VenueOrder):
                lots -= self._fill(waiting, lots, now_ms)
            else:
                eaten = min(lots, waiting.left_lots)
                self._listing.book.take(waiting, eaten)
                lots -= eaten

    def _levels(self, bids: Rows, asks: Rows) -> list[tuple[int, int, int]]:
        return [
            (side, self.ticks(price), self.lots(quantity))
            for side, rows in ((BUY, bids), (SELL, asks))
            for price, quantity in rows
        ]

    def _fill(self, order: VenueOrder, lots: int, now_ms: int) -> int:
        """Fill a resting order as far as `lots` go; gives how many it took."""
        if lots <= 0 or not self._listing.book.holds(order):
            return 0
        before = order.left_lots
        self._exchange.fill_resting(self._listing, order, lots, now_ms)
        return before - order.left_lots

    def _gone_through(self, side: int, ticks: int) -> list[int]:
        """List the prices, best first, where users rest that a trade at `ticks` went through."""
        symbol = self._listing.symbol
        prices = {
            order.price_ticks
            for desk in self._exchange.desks.values()
            if desk.open
            for order in desk.open_of(symbol)
            if order.side == side and (order.price_ticks - ticks) * side > 0
        }
        return sorted(prices, key=lambda price: -price * side)

    def _accepts(self, side: int, ticks: int, update_id: int) -> bool:
        touch = self._touch[side]
        if not touch:
            return True
        behind = (touch - ticks) * side
        if behind <= 0:
            return behind == 0 and update_id > self._ticker_id
        return behind * 10_000 < touch * REACH_E4

    def _set(
        self,
        side: int,
        ticks: int,
        lots: int,
        times_ms: tuple[int, int],
        *,
        inside: bool = False,
    ) -> None:
        level = self._standing[side].get(ticks)
        if not lots:
            self._clear(side, ticks)
            return
        recorded_ms, now_ms = times_ms
        if level is not None:
            level.show(lots, recorded_ms, now_ms)
            return
        self._clear_beyond(-side, ticks + side)
        first = not inside and ticks * side not in self._empty[side]
        self._empty[side].discard(ticks * side)
        level = RecordedLevel(self._exchange, self._listing, side, ticks)
        level.show(lots, recorded_ms, now_ms, first=first)
        self._standing[side][ticks] = level
        insort(self._keys[side], ticks * side)

    def _clear_beyond(self, side: int, ticks: int) -> None:
        """Remove every level of a side that is better than `ticks`."""
        keys = self._keys[side]
        while keys and keys[-1] > ticks * side:
            self._clear(side, keys[-1] * side)

    def _clear(self, side: int, ticks: int) -> None:
        empty = self._empty[side]
        if len(empty) >= EMPTY_MAX:
            empty.clear()
        empty.add(ticks * side)
        level = self._standing[side].pop(ticks, None)
        if level is None:
            return
        keys = self._keys[side]
        del keys[bisect_left(keys, ticks * side)]
        level.clear()


class Scale:
    """Turns decimal texts into whole steps of one size; texts recur, so answers are kept."""

    def __init__(self, step_e8: int) -> None:
        self._step_e8 = step_e8
        self._known: dict[str, int] = {}

    def steps(self, text: str) -> int:
        """Give how many whole steps a text is."""
        known = self._known.get(text)
        return self._learn(text) if known is None else known

    def whole_steps(self, text: str) -> int:
        """Give how many whole steps a text is, 0 when it lies between two."""
        known = self._known.get(text)
        if known is None:
            known = self._learn(text)
            if parse_e8(text) % self._step_e8:
                known = self._known[text] = 0
        return known

    def _learn(self, text: str) -> int:
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        steps = self._known[text] = parse_e8(text) // self._step_e8
        return steps

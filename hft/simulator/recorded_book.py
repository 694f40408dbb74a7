"""The recorded market as orders of the house, so that users fill only against what stood there.

bookTicker rules the touch: no recorded level better than it is kept.  Depth messages fill in what
stands behind it.  What users took stays taken until the recording shows another quantity.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable

from hft.simulator.desk import Desk, Listing
from hft.simulator.exchange import Exchange
from hft.simulator.matching import BUY, SELL, Order
from hft.simulator.orders import VenueOrder
from hft.units import parse_e8

REACH_E4 = 500
KNOWN_MAX = 200_000


class RecordedBook:
    """Keeps one symbol's book as the recording shows it."""

    def __init__(self, exchange: Exchange, listing: Listing) -> None:
        self._exchange = exchange
        self._listing = listing
        self._standing: dict[int, dict[int, tuple[Order, int]]] = {BUY: {}, SELL: {}}
        # The standing prices times their side, sorted: the best of either side comes last.
        self._keys: dict[int, list[int]] = {BUY: [], SELL: []}
        self.ticks = Scale(listing.symbol.tick_e8).steps
        self.lots = Scale(listing.symbol.lot_e8).steps
        self._touch = {BUY: 0, SELL: 0}
        self._ticker_id = 0

    def on_ticker(
        self, bid: tuple[str, str], ask: tuple[str, str], update_id: int, now_ms: int
    ) -> None:
        """Take over the best bid and ask."""
        bid_ticks, ask_ticks = self.ticks(bid[0]), self.ticks(ask[0])
        if not 0 < bid_ticks < ask_ticks:
            return
        self._ticker_id = update_id
        self._touch = {BUY: bid_ticks, SELL: ask_ticks}
        for side, touch in self._touch.items():
            self._clear_beyond(side, touch)
        self._set(BUY, bid_ticks, self.lots(bid[1]), now_ms)
        self._set(SELL, ask_ticks, self.lots(ask[1]), now_ms)

    def on_depth(
        self,
        bids: Iterable[tuple[str, str]],
        asks: Iterable[tuple[str, str]],
        update_id: int,
        now_ms: int,
    ) -> None:
        """Take over the levels of a diff, behind the touch where a touch is known."""
        levels = [
            (side, self.ticks(price), self.lots(quantity))
            for side, rows in ((BUY, bids), (SELL, asks))
            for price, quantity in rows
        ]
        # What goes away first: a level may only stand where the other side has left.
        levels.sort(key=lambda level: level[2] > 0)
        for side, ticks, lots in levels:
            if self._accepts(side, ticks, update_id):
                self._set(side, ticks, lots, now_ms)

    def on_trade(self, ticks: int, lots: int, *, buyer_is_maker: bool, now_ms: int) -> None:
        """Fill resting users' orders that a recorded trade went through."""
        self._listing.last_ticks = ticks
        side = BUY if buyer_is_maker else SELL
        for desk in self._exchange.desks.values():
            for order in self._gone_through(desk, side, ticks):
                if lots <= 0:
                    return
                before = order.left_lots
                self._exchange.fill_resting(self._listing, order, lots, now_ms)
                lots -= before - order.left_lots

    def _gone_through(self, desk: Desk, side: int, ticks: int) -> list[VenueOrder]:
        if not desk.open:
            return []
        orders = [
            order
            for order in desk.open_of(self._listing.symbol)
            if order.side == side and (order.price_ticks - ticks) * side > 0
        ]
        return sorted(orders, key=lambda order: (-order.price_ticks * side, order.order_id))

    def _accepts(self, side: int, ticks: int, update_id: int) -> bool:
        touch = self._touch[side]
        if not touch:
            return True
        behind = (touch - ticks) * side
        if behind <= 0:
            return behind == 0 and update_id > self._ticker_id
        return behind * 10_000 < touch * REACH_E4

    def _set(self, side: int, ticks: int, lots: int, now_ms: int) -> None:
        standing = self._standing[side].get(ticks)
        if standing is not None:
            order, shown = standing
            if shown == lots:
                return
            if lots and order.left_lots:
                self._listing.book.resize(order, lots)
                self._standing[side][ticks] = (order, lots)
                return
            self._clear(side, ticks)
        if not lots:
            return
        self._clear_beyond(-side, ticks + side)
        order = self._exchange.house_order(self._listing, side, (ticks, lots), now_ms)
        self._standing[side][ticks] = (order, lots)
        insort(self._keys[side], ticks * side)

    def _clear_beyond(self, side: int, ticks: int) -> None:
        """Remove every level of a side that is better than `ticks`."""
        keys = self._keys[side]
        while keys and keys[-1] > ticks * side:
            self._clear(side, keys[-1] * side)

    def _clear(self, side: int, ticks: int) -> None:
        standing = self._standing[side].pop(ticks, None)
        if standing is None:
            return
        keys = self._keys[side]
        del keys[bisect_left(keys, ticks * side)]
        if standing[0].left_lots:
            self._listing.book.cancel(standing[0])


class Scale:
    """Turns decimal texts into whole steps of one size; texts recur, so answers are kept."""

    def __init__(self, step_e8: int) -> None:
        self._step_e8 = step_e8
        self._known: dict[str, int] = {}

    def steps(self, text: str) -> int:
        """Give how many whole steps a text is."""
        known = self._known.get(text)
        if known is None:
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            known = self._known[text] = parse_e8(text) // self._step_e8
        return known

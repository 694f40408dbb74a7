"""The house's resting orders of one symbol: a touch, and levels behind it that thin out.

What the price ran over is pulled, the touch is kept, and far levels come and go.  Orders are only
ever emptied from the best one on, so that the ends of two sorted lists are all a step looks at.
"""

from __future__ import annotations

from random import Random

import msgspec

from hft.simulator.desk import Listing
from hft.simulator.exchange import Exchange
from hft.simulator.matching import BUY, SELL, Order

LEVELS_MIN = 90
LEVELS_MAX = 130
GAP_GROWTH = 0.08
"""Gaps widen by this share of the distance from the touch, so that few levels reach far."""
SIZE_GROWTH = 0.03
HOLE_GAPS = 3


class Depth(msgspec.Struct, frozen=True, kw_only=True):
    """How much rests where: typical lots at the touch and behind it, most ticks between levels."""

    touch_lots: int
    level_lots: int
    gap_ticks: int


class Makers:
    """Keeps the house's orders around a touch that somebody else decides."""

    def __init__(self, exchange: Exchange, listing: Listing, depth: Depth, rng: Random) -> None:
        self._exchange = exchange
        self._listing = listing
        self._depth = depth
        self._random = rng.random
        # Keys are price times side, so on both sides the best comes last.
        self._keys: dict[int, list[int]] = {BUY: [], SELL: []}
        self._resting: dict[int, Order] = {}
        self.touch = {BUY: 0, SELL: 0}

    def quote(self, bid: int, ask: int, now_ms: int, *, thin: int = 1) -> None:
        """Move the touch; `thin` divides the size of what is added, as in a panic."""
        self.touch[BUY], self.touch[SELL] = bid, ask
        self._retreat(BUY, bid)
        self._retreat(SELL, -ask)
        self._fill(BUY, bid, now_ms, thin)
        self._fill(SELL, -ask, now_ms, thin)

    def flicker(self, now_ms: int, *, thin: int = 1) -> None:
        """Change the size at one touch, as makers do all the time."""
        side = BUY if self._random() < 0.5 else SELL
        key = self.touch[side] * side
        keys = self._keys[side]
        if keys and keys[-1] == key:
            self._pull(keys.pop())
        keys.append(key)
        self._place(key, side, self._lots(0, thin), now_ms)

    def ensure(self, side: int, lots: int, now_ms: int) -> None:
        """Let at least `lots` of the house rest at the touch of a side."""
        key = self.touch[side] * side
        order = self._resting.get(key)
        missing = lots - (order.left_lots if order is not None else 0)
        if missing <= 0:
            return
        if order is not None and order.left_lots:
            self._listing.book.resize(order, order.left_lots + missing)
            return
        keys = self._keys[side]
        if not keys or keys[-1] != key:
            keys.append(key)
        self._place(key, side, missing, now_ms)

    def repair(self, now_ms: int) -> None:
        """Never leave a side empty, whatever a large order took."""
        for side in (BUY, SELL):
            if not len(self._listing.book.side(side)):
                key = self.touch[side] * side
                self._retreat(side, key)
                self._fill(side, key, now_ms, 1)

    def _retreat(self, side: int, edge: int) -> None:
        """Drop the orders of a side that are better than its touch, and the empty ones."""
        keys = self._keys[side]
        while keys and (keys[-1] > edge or not self._resting[keys[-1]].left_lots):
            self._pull(keys.pop())

    def _fill(self, side: int, edge: int, now_ms: int, thin: int) -> None:
        keys = self._keys[side]
        if not keys or keys[-1] != edge:
            keys.append(edge)
            self._place(edge, side, self._lots(0, thin), now_ms)
        gap = self._depth.gap_ticks
        if len(keys) > 1 and edge - keys[-2] > HOLE_GAPS * gap:
            # The price has moved away from its levels: somebody steps in behind the touch.
            key = edge - 1 - int(gap * self._random())
            keys.insert(-1, key)
            self._place(key, side, self._lots(edge - key, thin), now_ms)
        if len(keys) > LEVELS_MAX:
            self._pull(keys.pop(0))
        symbol = self._listing.symbol
        lowest = symbol.min_ticks if side > 0 else -symbol.max_ticks
        while len(keys) < LEVELS_MIN:
            distance = edge - keys[0]
            room = gap + GAP_GROWTH * distance
            key = keys[0] - 1 - int(room * self._random())
            if key < lowest:
                return
            keys.insert(0, key)
            self._place(key, side, self._lots(distance + 1, thin), now_ms)

    def _lots(self, distance: int, thin: int) -> int:
        chance = self._random()
        typical = self._depth.level_lots if distance else self._depth.touch_lots
        # Three times the square of a chance is one on average.
        wide = 3.0 * typical * chance * chance * (1.0 + SIZE_GROWTH * distance)
        return 1 + int(wide) // thin

    def _place(self, key: int, side: int, lots: int, now_ms: int) -> None:
        lots = min(lots, self._listing.symbol.max_lots)
        place = self._exchange.house_order
        self._resting[key] = place(self._listing, side, (key * side, lots), now_ms)

    def _pull(self, key: int) -> None:
        order = self._resting.pop(key)
        if order.left_lots:
            self._listing.book.cancel(order)

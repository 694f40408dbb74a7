"""A price-time book: whole ticks and lots, first come first served at each price.

Pure: no clock, no float, no account.  Prices of one side are kept sorted so that the best is the
last; every level is an ordered table, so cancelling costs the same anywhere in the queue.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable

BUY = 1
SELL = -1
HOUSE = 0


class Order:
    """One resting or arriving order; `side` is +1 (buy) or -1 (sell), `owner` 0 is the house."""

    __slots__ = ("left_lots", "order_id", "owner", "price_ticks", "side")

    def __init__(self, order_id: int, owner: int, side: int, ticks_lots: tuple[int, int]) -> None:
        self.order_id = order_id
        self.owner = owner
        self.side = side
        self.price_ticks, self.left_lots = ticks_lots


class Level:
    """The queue at one price and the lots waiting in it."""

    __slots__ = ("orders", "total_lots")

    def __init__(self) -> None:
        self.orders: OrderedDict[int, Order] = OrderedDict()
        self.total_lots = 0


class Ladder:
    """One side of the book.  Keys are `side * price`, so on both sides the best comes last."""

    __slots__ = ("_keys", "_levels", "_sign")

    def __init__(self, side: int) -> None:
        self._sign = side
        self._keys: list[int] = []
        self._levels: dict[int, Level] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def best(self) -> int:
        """Best price in ticks, 0 when this side is empty."""
        return self._keys[-1] * self._sign if self._keys else 0

    def front(self) -> Order | None:
        """Give the order that trades next: best price, then earliest."""
        if not self._keys:
            return None
        level = self._levels[self._keys[-1] * self._sign]
        return next(iter(level.orders.values()))

    def level(self, ticks: int) -> Level | None:
        """Give the queue at a price, if any."""
        return self._levels.get(ticks)

    def lots_at(self, ticks: int) -> int:
        """Lots waiting at a price."""
        level = self._levels.get(ticks)
        return level.total_lots if level else 0

    def add(self, order: Order) -> None:
        """Put an order at the end of the queue of its price."""
        ticks = order.price_ticks
        level = self._levels.get(ticks)
        if level is None:
            level = self._levels[ticks] = Level()
            key = ticks * self._sign
            self._keys.insert(bisect_left(self._keys, key), key)
        level.orders[order.order_id] = order
        level.total_lots += order.left_lots

    def take(self, order: Order, lots: int) -> None:
        """Reduce a resting order by `lots`; it leaves the book when nothing is left."""
        level = self._levels[order.price_ticks]
        order.left_lots -= lots
        level.total_lots -= lots
        if order.left_lots == 0:
            self._drop(order, level)

    def remove(self, order: Order) -> None:
        """Take an order out of the book with what is left of it."""
        level = self._levels[order.price_ticks]
        level.total_lots -= order.left_lots
        self._drop(order, level)

    def resize(self, order: Order, lots: int) -> None:
        """Give a resting order another size; it keeps its place in the queue."""
        self._levels[order.price_ticks].total_lots += lots - order.left_lots
        order.left_lots = lots

    def depth(self, limit: int) -> list[tuple[int, int]]:
        """List the best `limit` levels as (ticks, lots), best first."""
        sign = self._sign
        levels = self._levels
        keys = self._keys[: -limit - 1 : -1]
        return [(key * sign, levels[key * sign].total_lots) for key in keys]

    def prices(self) -> list[int]:
        """List every price, best first."""
        return [key * self._sign for key in reversed(self._keys)]

    def _drop(self, order: Order, level: Level) -> None:
        del level.orders[order.order_id]
        if not level.orders:
            del self._levels[order.price_ticks]
            key = order.price_ticks * self._sign
            del self._keys[bisect_left(self._keys, key)]


class Book:
    """Both ladders of one symbol and the set of levels that changed since it was last drained.

    `say_changed` is called at the first change after that: who has many books need not look at
    each.
    """

    def __init__(self) -> None:
        self.bids = Ladder(BUY)
        self.asks = Ladder(SELL)
        self.changed: set[tuple[int, int]] = set()
        self.say_changed: Callable[[], None] = _nothing

    def side(self, side: int) -> Ladder:
        """Give the ladder where orders of `side` rest."""
        return self.bids if side > 0 else self.asks

    def rest(self, order: Order) -> None:
        """Let an order rest; it must not cross."""
        self.side(order.side).add(order)
        self._note(order)

    def take(self, maker: Order, lots: int) -> None:
        """Trade `lots` of a resting order."""
        self.side(maker.side).take(maker, lots)
        self._note(maker)

    def resize(self, order: Order, lots: int) -> None:
        """Give a resting order another size, at least one lot."""
        self.side(order.side).resize(order, lots)
        self._note(order)

    def cancel(self, order: Order) -> None:
        """Remove a resting order."""
        self.side(order.side).remove(order)
        self._note(order)

    def holds(self, order: Order) -> bool:
        """Say whether an order rests in this book."""
        level = self.side(order.side).level(order.price_ticks)
        return level is not None and level.orders.get(order.order_id) is order

    def crossing(self, side: int, limit_ticks: int) -> Order | None:
        """Give the next order that an arriving one of `side` with that limit would trade with."""
        ladder = self.asks if side > 0 else self.bids
        best = ladder.best()
        if not best or (best - limit_ticks) * side > 0:
            return None
        return ladder.front()

    def crossing_lots(self, side: int, limit_ticks: int, enough: int) -> int:
        """Count the lots an arriving order could take within its limit; stops at `enough`."""
        ladder = self.side(-side)
        total = 0
        for ticks in ladder.prices():
            if (ticks - limit_ticks) * side > 0 or total >= enough:
                break
            total += ladder.lots_at(ticks)
        return total

    def top(self) -> tuple[int, int, int, int]:
        """Give (bid ticks, bid lots, ask ticks, ask lots); zeros where a side is empty."""
        bid, ask = self.bids.best(), self.asks.best()
        return bid, self.bids.lots_at(bid), ask, self.asks.lots_at(ask)

    def _note(self, order: Order) -> None:
        if not self.changed:
            self.say_changed()
        self.changed.add((order.side, order.price_ticks))


def _nothing() -> None:
    """Nobody asked to be told."""

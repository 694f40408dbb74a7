"""What a conditional ("algo") order is, what may become of it, and when it fires.

Pure.  An untriggered order waits outside the book and costs no margin; when its condition holds, an
ordinary order with an id of its own is placed in its stead.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

import msgspec

from hft.simulator.orders import OrderRequest, VenueOrder
from hft.simulator.symbols import Symbol

NEW = "NEW"
TRIGGERING = "TRIGGERING"
TRIGGERED = "TRIGGERED"
FINISHED = "FINISHED"
CANCELED = "CANCELED"
REJECTED = "REJECTED"
EXPIRED = "EXPIRED"

TERMINAL = frozenset({FINISHED, CANCELED, REJECTED, EXPIRED})
MOVES: dict[str, frozenset[str]] = {
    NEW: frozenset({TRIGGERING, CANCELED, EXPIRED}),
    TRIGGERING: frozenset({TRIGGERED, REJECTED}),
    TRIGGERED: frozenset({FINISHED}),
}

STOPS = frozenset({"STOP", "STOP_MARKET"})
LIMITS = frozenset({"STOP", "TAKE_PROFIT"})
TRAILING = "TRAILING_STOP_MARKET"
CONTRACT_PRICE = "CONTRACT_PRICE"
MARK_PRICE = "MARK_PRICE"
GTE_GTC = "GTE_GTC"
"""The time in force of an order that lives only as long as the position it protects."""

E4 = 10_000
FIRST_ALGO_ID = 1_000_000_033_000_000
WAITING_MAX = 200
"""Untriggered orders of one account, over all symbols."""
KEPT_MAX = 50_000
"""Orders one desk remembers, finished ones included; the oldest finished go first."""


class Prices(msgspec.Struct, frozen=True):
    """What conditions are judged by, in units of 1e-8; 0 where there is no price yet."""

    last_e8: int
    mark_e8: int

    def of(self, working_type: str) -> int:
        """Give the price that a working type names."""
        return self.mark_e8 if working_type == MARK_PRICE else self.last_e8

    def close_together(self, protect_e4: int) -> bool:
        """Say whether last and mark price differ by no more than `protect_e4` of the mark."""
        if not (self.last_e8 and self.mark_e8):
            return False
        return abs(self.last_e8 - self.mark_e8) * E4 <= protect_e4 * self.mark_e8


class AlgoOrder:
    """One conditional order of a user.

    `request` is the order that will be placed: its kind is MARKET or LIMIT, `orig_kind` the kind
    of the condition, `stop_ticks` the trigger price, `client_id` the id the user gave; its lots
    are 0 where the whole position is closed.  A trailing order keeps the best price it has seen
    (`extreme_e8`, 0 before the first), and its stop price is known once it has fired.
    """

    __slots__ = (
        "account_id",
        "active",
        "algo_id",
        "child",
        "create_ms",
        "extreme_e8",
        "refused",
        "request",
        "status",
        "time_in_force",
        "trigger_ms",
        "update_ms",
    )

    def __init__(
        self, algo_id: int, account_id: int, request: OrderRequest, tif: str, now_ms: int
    ) -> None:
        self.algo_id = algo_id
        self.account_id = account_id
        self.request = request
        self.time_in_force = tif
        self.status = NEW
        self.active = False
        self.extreme_e8 = 0
        self.child: VenueOrder | None = None
        self.refused = ""
        self.create_ms = now_ms
        self.update_ms = now_ms
        self.trigger_ms = 0

    @property
    def symbol(self) -> Symbol:
        """The contract it will trade."""
        return self.request.symbol

    @property
    def trails(self) -> bool:
        """Say whether its trigger follows the price."""
        return self.request.orig_kind == TRAILING

    @property
    def bound(self) -> bool:
        """Say whether it lives only as long as the position it closes."""
        return self.request.close_position or self.time_in_force == GTE_GTC

    @property
    def trigger_e8(self) -> int:
        """Its trigger price in units of 1e-8."""
        return self.request.stop_ticks * self.symbol.tick_e8

    @property
    def direction(self) -> int:
        """Which way the price must go to fire it: +1 up, -1 down."""
        return direction_of(self.request)

    def move(self, status: str, now_ms: int) -> None:
        """Change the status; a move the table does not hold is a bug (KeyError or ValueError)."""
        if status not in MOVES[self.status]:
            raise ValueError(f"algo {self.algo_id} cannot go from {self.status} to {status}")
        self.status = status
        self.update_ms = now_ms

    def follow(self, price_e8: int) -> bool:
        """Let a trailing order see a price; says whether that made it active."""
        side = self.request.side
        # A buy follows the lowest price, a sell the highest.
        if not self.extreme_e8 or (self.extreme_e8 - price_e8) * side > 0:
            self.extreme_e8 = price_e8
        if self.active:
            return False
        wanted_e8 = self.request.activation_ticks * self.symbol.tick_e8
        self.active = not wanted_e8 or (wanted_e8 - self.extreme_e8) * side >= 0
        return self.active

    def holds(self, price_e8: int) -> bool:
        """Say whether the condition holds at a price (0: there is none, and it does not)."""
        if not price_e8:
            return False
        if not self.trails:
            return (price_e8 - self.trigger_e8) * self.direction >= 0
        side = self.request.side
        turned_e12 = price_e8 * E4 - self.extreme_e8 * (E4 + side * self.request.callback_e4)
        return self.active and turned_e12 * side >= 0

    def fired_ticks(self) -> int:
        """Give the stop price: of a trailing order the first whole tick at which it fires."""
        if not self.trails:
            return self.request.stop_ticks
        side = self.request.side
        level_e12 = self.extreme_e8 * (E4 + side * self.request.callback_e4)
        unit = self.symbol.tick_e8 * E4
        return -(-level_e12 // unit) if side > 0 else level_e12 // unit


class AlgoUpdate(msgspec.Struct, frozen=True):
    """A conditional order changed; status and figures are those of that moment."""

    account_id: int
    algo: AlgoOrder
    status: str
    active: bool
    time_ms: int
    filled_lots: int = 0
    average_e8: int = 0


class AlgoShelf:
    """The conditional orders of one desk: all that are remembered, and those that wait."""

    def __init__(self) -> None:
        self.orders: dict[int, AlgoOrder] = {}
        self.waiting: dict[int, AlgoOrder] = {}
        self.by_client: dict[str, AlgoOrder] = {}

    def take_in(self, algo: AlgoOrder) -> None:
        """Keep a new order, waiting."""
        self.orders[algo.algo_id] = algo
        self.waiting[algo.algo_id] = algo
        self.by_client[algo.request.client_id] = algo
        if len(self.orders) > KEPT_MAX:
            self._forget_oldest()

    def waiting_of(self, symbol: Symbol | None) -> list[AlgoOrder]:
        """List the untriggered orders of a symbol (None: of all), oldest first."""
        return [algo for algo in self.waiting.values() if symbol in (None, algo.symbol)]

    def _forget_oldest(self) -> None:
        oldest = next(algo for algo in self.orders.values() if algo.status in TERMINAL)
        del self.orders[oldest.algo_id]
        if self.by_client.get(oldest.request.client_id) is oldest:
            del self.by_client[oldest.request.client_id]


class TriggerBook:
    """The untriggered orders of one symbol, all desks: what fires next costs a look at the heads.

    Orders of a fixed trigger are sorted by it, for each price they watch and each way it may
    come; `direction * trigger` is the key, so that the next to fire comes first.
    """

    def __init__(self) -> None:
        # All of them from the start: which fires first shall not depend on what waited before.
        self._ladders: dict[tuple[str, int], list[tuple[int, int]]] = {
            (working_type, way): []
            for working_type in (CONTRACT_PRICE, MARK_PRICE)
            for way in (1, -1)
        }
        self._orders: dict[int, AlgoOrder] = {}
        self._trailing: dict[int, AlgoOrder] = {}

    def __len__(self) -> int:
        return len(self._orders)

    def put(self, algo: AlgoOrder) -> None:
        """Let an order wait."""
        self._orders[algo.algo_id] = algo
        if algo.trails:
            self._trailing[algo.algo_id] = algo
            return
        insort(self._ladders[_ladder_of(algo)], _key_of(algo))

    def drop(self, algo: AlgoOrder) -> None:
        """Let an order wait no longer."""
        del self._orders[algo.algo_id]
        if algo.trails:
            del self._trailing[algo.algo_id]
            return
        ladder = self._ladders[_ladder_of(algo)]
        del ladder[bisect_left(ladder, _key_of(algo))]

    def follow(self, prices: Prices) -> list[AlgoOrder]:
        """Let the trailing orders see the prices; gives those that became active."""
        activated = []
        for algo in self._trailing.values():
            price_e8 = prices.of(algo.request.working_type)
            if price_e8 and algo.follow(price_e8):
                activated.append(algo)
        return activated

    def due(self, prices: Prices) -> AlgoOrder | None:
        """Give the order that fires next at these prices: nearest trigger first, then earliest."""
        for algo in self._satisfied(prices):
            if not algo.request.price_protect or prices.close_together(
                algo.symbol.trigger_protect_e4
            ):
                return algo
        return None

    def _satisfied(self, prices: Prices) -> Iterator[AlgoOrder]:
        for (working_type, direction), ladder in self._ladders.items():
            price_e8 = prices.of(working_type)
            if price_e8:
                for key, algo_id in ladder:
                    if key > price_e8 * direction:
                        break
                    yield self._orders[algo_id]
        for algo in self._trailing.values():
            if algo.holds(prices.of(algo.request.working_type)):
                yield algo


def direction_of(request: OrderRequest) -> int:
    """Which way the price must go for a request to fire: +1 up, -1 down."""
    if request.orig_kind in STOPS or request.orig_kind == TRAILING:
        return request.side
    return -request.side


def _ladder_of(algo: AlgoOrder) -> tuple[str, int]:
    return algo.request.working_type, algo.direction


def _key_of(algo: AlgoOrder) -> tuple[int, int]:
    return algo.trigger_e8 * algo.direction, algo.algo_id

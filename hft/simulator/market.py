"""A seeded market: makers around a wandering price, clustered takers, and cascades.

Pure: one step is a fixed piece of simulated time; the same seed and number of steps give the same
market (against the same users' orders).  Chance is `random.Random` with sums and products only,
so that no mathematical library's last bit can make two machines differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import msgspec

from hft.simulator.desk import Listing
from hft.simulator.exchange import Exchange
from hft.simulator.matching import BUY, SELL, Order
from hft.simulator.outcomes import ForcedOrder

STEP_MS = 10
STEPS_PER_S = 1_000 // STEP_MS
LEVELS_MIN = 36
LEVELS_MAX = 60


class Character(msgspec.Struct, frozen=True, kw_only=True):
    """How one symbol's market behaves; prices in ticks, sizes in lots, times in seconds."""

    start_ticks: int
    noise_ticks: float
    half_spread_ticks: float
    push_ticks: tuple[float, float]
    level_lots: int
    trade_lots: int
    burst_level_ticks: int


BTC_CHARACTER = Character(
    start_ticks=600_000,
    noise_ticks=1.2,
    half_spread_ticks=0.7,
    push_ticks=(1_500.0, 2_500.0),
    level_lots=900,
    trade_lots=12,
    burst_level_ticks=12,
)
ETH_CHARACTER = Character(
    start_ticks=300_000,
    noise_ticks=1.2,
    half_spread_ticks=0.9,
    push_ticks=(750.0, 1_250.0),
    level_lots=9_000,
    trade_lots=150,
    burst_level_ticks=8,
)

CALM_RATE = 62.0
PUSH_RATE = 115.0
REVERT_RATE = 95.0
REVERSION_PER_S = 1.0 / 240.0
FLICKER_CHANCE = 0.45
CLUSTER_CHANCE = 0.75


class Phase(msgspec.Struct):
    """What the market is doing: calm, pushed one way, or coming back."""

    name: str
    until_step: int
    drift_per_step: float = 0.0
    side: int = 0


class SyntheticMarket:
    """Moves one symbol, step by step, through the house's own orders."""

    def __init__(
        self,
        exchange: Exchange,
        listing: Listing,
        character: Character,
        seed: int,
        *,
        now_ms: int = 0,
    ) -> None:
        """Quote for the first time, at the last price if there is one."""
        self._exchange = exchange
        self._listing = listing
        self._character = character
        self._rng = Random(f"{seed}:{listing.symbol.name}")
        listing.last_ticks = listing.last_ticks or character.start_ticks
        self._fair = float(listing.last_ticks)
        self._steps = 0
        self._volatility = 1.0
        self._taker_side = BUY
        self._resting: dict[int, dict[int, Order]] = {BUY: {}, SELL: {}}
        self._phase = Phase("calm", self._after(2.0, 4.0))
        self._pushed = 0.0
        self._quote(now_ms)
        self._set_prices()

    @property
    def steps(self) -> int:
        """How many steps were made."""
        return self._steps

    def step(self, now_ms: int) -> Iterator[None]:
        """Advance by `STEP_MS`; yields after each transaction so that it can be published."""
        self._steps += 1
        self._move_phase(now_ms)
        self._move_fair()
        self._quote(now_ms)
        yield
        rate = {"calm": CALM_RATE * self._volatility, "push": PUSH_RATE, "revert": REVERT_RATE}
        chance = rate[self._phase.name] / STEPS_PER_S / 2
        for _ in range(2):
            if self._rng.random() < chance:
                self._take(now_ms)
                self._repair(now_ms)
                yield
        if self._steps % STEPS_PER_S == 0:
            self._set_prices()

    def _after(self, low_s: float, high_s: float) -> int:
        seconds = low_s + (high_s - low_s) * self._rng.random()
        return self._steps + int(seconds * STEPS_PER_S)

    def _noise(self) -> float:
        """Bell-shaped chance with variance 1: twelve uniforms, no transcendental function."""
        random = self._rng.random
        return (
            random() + random() + random() + random() + random() + random()
            + random() + random() + random() + random() + random() + random() - 6.0
        )  # fmt: skip

    def _move_phase(self, now_ms: int) -> None:
        if self._steps < self._phase.until_step:
            return
        if self._phase.name == "calm":
            self._start_push(now_ms)
        elif self._phase.name == "push":
            seconds = 0.9 + 0.7 * self._rng.random()
            back = self._pushed * (0.45 + 0.3 * self._rng.random())
            steps = int(seconds * STEPS_PER_S)
            side = SELL if self._pushed > 0 else BUY
            self._phase = Phase("revert", self._steps + steps, -back / steps, side)
        else:
            self._volatility = 0.7 + 0.6 * self._rng.random()
            self._phase = Phase("calm", self._after(5.0, 9.0))

    def _start_push(self, now_ms: int) -> None:
        low, high = self._character.push_ticks
        stretch = (self._fair - self._character.start_ticks) / (8.0 * high)
        side = BUY if self._rng.random() < 0.5 - stretch else SELL
        # The first cascade is a full one: whoever watches a fresh market sees one soon.
        share = self._rng.random() if self._pushed else 1.0
        self._pushed = side * (low + (high - low) * share)
        steps = int((1.0 + 0.7 * self._rng.random()) * STEPS_PER_S)
        self._phase = Phase("push", self._steps + steps, self._pushed / steps, side)

    def _move_fair(self) -> None:
        pull = (self._character.start_ticks - self._fair) * REVERSION_PER_S / STEPS_PER_S
        jitter = self._character.noise_ticks * self._volatility * self._noise()
        self._fair += self._phase.drift_per_step + pull + jitter

    def _quote(self, now_ms: int) -> None:
        """Move the makers: drop what the price ran over, fill in at the touch and far away."""
        bid, ask = self._touch()
        self._drop_beyond(bid, ask)
        for side, touch in ((BUY, bid), (SELL, ask)):
            self._refill(side, touch, now_ms)
        if self._rng.random() < FLICKER_CHANCE:
            self._flicker(now_ms)

    def _touch(self) -> tuple[int, int]:
        half = self._character.half_spread_ticks
        bid = int(self._fair - half)
        return bid, max(bid + 1, int(self._fair + half) + 1)

    def _drop_beyond(self, bid: int, ask: int) -> None:
        for side, touch in ((BUY, bid), (SELL, ask)):
            resting = self._resting[side]
            for ticks in [ticks for ticks in resting if (ticks - touch) * side > 0]:
                self._cancel(resting.pop(ticks))

    def _refill(self, side: int, touch: int, now_ms: int) -> None:
        resting = self._resting[side]
        for ticks in [ticks for ticks, order in resting.items() if not order.left_lots]:
            del resting[ticks]
        if touch not in resting:
            self._add(side, touch, now_ms)
        gap = self._character.burst_level_ticks if self._phase.name != "calm" else 4
        while len(resting) < LEVELS_MIN:
            worst = min(resting) if side > 0 else max(resting)
            self._add(side, worst - side * (1 + int(gap * self._rng.random())), now_ms)
        while len(resting) > LEVELS_MAX:
            worst = min(resting) if side > 0 else max(resting)
            self._cancel(resting.pop(worst))

    def _flicker(self, now_ms: int) -> None:
        """Change the size at one touch, as makers do all the time."""
        side = BUY if self._rng.random() < 0.5 else SELL
        bid, ask = self._touch()
        touch = bid if side > 0 else ask
        order = self._resting[side].pop(touch, None)
        if order is not None:
            self._cancel(order)
        self._add(side, touch, now_ms)

    def _add(self, side: int, ticks: int, now_ms: int) -> None:
        thin = 4 if self._phase.name != "calm" else 1
        lots = 1 + int(self._character.level_lots * self._rng.random() ** 2) // thin
        place = self._exchange.house_order
        self._resting[side][ticks] = place(self._listing, side, (ticks, lots), now_ms)

    def _cancel(self, order: Order) -> None:
        if order.left_lots:
            self._listing.book.cancel(order)

    def _take(self, now_ms: int) -> None:
        """One taker: mostly small and on the side of the last; in a cascade large and one-sided."""
        phase = self._phase
        random = self._rng.random
        if phase.side:
            side = phase.side if random() < 0.9 else -phase.side
        else:
            side = self._taker_side if random() < CLUSTER_CHANCE else -self._taker_side
        self._taker_side = side
        lots = 1 + int(self._character.trade_lots * random() ** 2)
        if random() < 0.06:
            lots *= 8
        if phase.name == "push":
            lots *= 6
        book = self._listing.book
        best = book.side(-side).best()
        limit = best + side * 3 * self._character.burst_level_ticks
        traded = self._exchange.house_take(self._listing, side, (limit, lots), now_ms)
        if phase.name == "push" and traded and random() < 0.05:
            self._force(side, best, traded, now_ms)

    def _force(self, side: int, best: int, lots: int, now_ms: int) -> None:
        price = best + side * int(best * 0.004)
        symbol = self._listing.symbol
        self._exchange.say(ForcedOrder(symbol, side, lots, price, best, now_ms))

    def _repair(self, now_ms: int) -> None:
        """Never leave a side empty, whatever a large user order took."""
        for side in (BUY, SELL):
            if not len(self._listing.book.side(side)):
                self._refill(side, self._touch()[0 if side > 0 else 1], now_ms)

    def _set_prices(self) -> None:
        """Mark price: the middle one of book, index and last trade, once a second."""
        listing = self._listing
        tick_e8 = listing.symbol.tick_e8
        bid, _, ask, _ = listing.book.top()
        listing.index_e8 = int(self._fair * 16) * tick_e8 // 16
        middle_e8 = (bid + ask) * tick_e8 // 2
        last_e8 = listing.last_ticks * tick_e8 or middle_e8
        listing.mark_e8 = sorted((middle_e8, listing.index_e8, last_e8))[1]


def character_of(name: str) -> Character:
    """Give the behaviour of a symbol's market; unknown symbols behave like ETHUSDT."""
    return BTC_CHARACTER if name == "BTCUSDT" else ETH_CHARACTER

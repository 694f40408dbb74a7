"""A seeded market: makers around a wandering price, trades that excite trades, and cascades.

Pure: one step is a fixed piece of simulated time; the same seed and number of steps give the same
market (against the same users' orders).  Chance is `random.Random` with sums, products and
quotients only, so that no mathematical library's last bit can make two machines differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import msgspec

from hft.simulator.characters import BASE_STEP_MS, Character, Regime
from hft.simulator.desk import Listing
from hft.simulator.exchange import Exchange
from hft.simulator.makers import Makers
from hft.simulator.matching import BUY, SELL
from hft.simulator.outcomes import ForcedOrder

STEP_MS = BASE_STEP_MS
STEPS_PER_S = 1_000 // STEP_MS
FLICKER_CHANCE = 0.45
TAKES_MAX = 8
FAST_KEEP = 0.8
SLOW_KEEP = 0.9985
"""What is left after one base step of the excitement a trade left behind."""
FOLLOW_CHANCE = 0.68
HERD_MAX = 300
RUSH_MAX = 3.0


class Phase(msgspec.Struct):
    """What the market is doing: calm, pushed one way, or coming back.

    `left_ticks` is how far a push still has to go, `rush` how much the forced orders of it have
    quickened it.
    """

    name: str
    until_step: int
    drift_per_step: float = 0.0
    side: int = 0
    left_ticks: float = 0.0
    rush: float = 1.0


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
        self.step_ms = character.step_ms
        self._steps_per_s = 1_000 // self.step_ms
        self._regime = 1
        self._regime_until = 0
        self._fast = self._slow = 0.0
        self._fast_keep, self._slow_keep = _kept(self.step_ms // BASE_STEP_MS)
        self._herd_side, self._herd_left = BUY, 0
        self._pull = 1.0 / (character.temper.home_s * self._steps_per_s)
        self._phase = Phase("calm", self._after(*self._first_pause()))
        self._pushed = 0.0
        self._makers = Makers(exchange, listing, character.depth, self._rng)
        self._quote(now_ms)
        self._set_index()

    @property
    def steps(self) -> int:
        """How many steps were made."""
        return self._steps

    @property
    def phase(self) -> str:
        """Say what the market is doing: `calm`, `push` or `revert`."""
        return self._phase.name

    def step(self, now_ms: int) -> Iterator[None]:
        """Advance by `step_ms`; yields after each transaction so that it can be published."""
        self._steps += 1
        if self._steps >= self._phase.until_step:
            self._next_phase()
        regime = self._weather()
        self._move_fair(regime)
        self._quote(now_ms)
        yield
        due = self._due(regime)
        echo = self._character.temper.echo
        takes = 0
        while takes < TAKES_MAX and self._rng.random() < due:
            takes += 1
            due = max(0.0, due - 1.0) + echo
            self._excite()
            self._take(now_ms, regime)
            self._makers.repair(now_ms)
            yield
        if self._steps % self._steps_per_s == 0:
            self._set_index()

    def _first_pause(self) -> tuple[float, float]:
        """The first cascade of a lively market comes soon, for whoever watches a fresh one."""
        pause = self._character.temper.pause_s
        return (2.0, 4.0) if pause[0] < 60.0 else pause

    def _after(self, low_s: float, high_s: float) -> int:
        seconds = low_s + (high_s - low_s) * self._rng.random()
        return self._steps + int(seconds * self._steps_per_s)

    def _noise(self) -> float:
        """Bell-shaped chance with variance 1: twelve uniforms, no transcendental function."""
        random = self._rng.random
        return (
            random() + random() + random() + random() + random() + random()
            + random() + random() + random() + random() + random() + random() - 6.0
        )  # fmt: skip

    # Weather and cascades.

    def _weather(self) -> Regime:
        regimes = self._character.temper.regimes
        if self._steps >= self._regime_until:
            calmer = self._rng.random() < 0.55
            self._regime = 1 if self._regime != 1 else 0 if calmer else 2
            self._regime_until = self._after(*regimes[self._regime].stay_s)
        return regimes[self._regime]

    def _next_phase(self) -> None:
        if self._phase.name == "calm":
            self._start_push()
        elif self._phase.name == "push":
            seconds = 0.9 + 0.7 * self._rng.random()
            back = self._pushed * (0.45 + 0.3 * self._rng.random())
            steps = int(seconds * self._steps_per_s) + 1
            side = SELL if self._pushed > 0 else BUY
            self._phase = Phase("revert", self._steps + steps, -back / steps, side)
        else:
            self._phase = Phase("calm", self._after(*self._character.temper.pause_s))

    def _start_push(self) -> None:
        low, high = self._character.push_ticks
        stretch = (self._fair - self._character.start_ticks) / (8.0 * high)
        side = BUY if self._rng.random() < 0.5 - stretch else SELL
        # The first cascade is a full one: whoever watches a fresh market sees one soon.
        share = self._rng.random() if self._pushed else 1.0
        far = low + (high - low) * share
        self._pushed = side * far
        steps = int((1.4 + 0.7 * self._rng.random()) * self._steps_per_s) + 1
        self._phase = Phase("push", self._steps + steps, self._pushed / steps, side, far)

    def _move_fair(self, regime: Regime) -> None:
        character, phase = self._character, self._phase
        self._fair += (character.start_ticks - self._fair) * self._pull
        if character.noise_ticks:
            self._fair += character.noise_ticks * regime.volatility * self._noise()
        if phase.name == "calm":
            return
        drift = phase.drift_per_step * phase.rush
        self._fair += drift
        phase.rush = 1.0 + (phase.rush - 1.0) * 0.97
        if phase.name == "push":
            phase.left_ticks -= drift * phase.side
            if phase.left_ticks <= 0.0:
                phase.until_step = self._steps

    # Quotes.

    def _quote(self, now_ms: int) -> None:
        """Let the makers follow the fair price once it has left their quotes."""
        bid, ask = self._makers.touch[BUY], self._makers.touch[SELL]
        calm = self._phase.name == "calm"
        spread = self._spread(calm=calm)
        if not bid <= self._fair <= ask or ask - bid != spread:
            symbol = self._listing.symbol
            bid = int(self._fair - (spread - 1) * 0.5)
            bid = min(max(bid, symbol.min_ticks), symbol.max_ticks - spread)
            ask = bid + spread
        thin = 1 if calm else 4
        self._makers.quote(bid, ask, now_ms, thin=thin)
        if self._rng.random() < FLICKER_CHANCE:
            self._makers.flicker(now_ms, thin=thin)

    def _spread(self, *, calm: bool) -> int:
        """One or a few ticks; wider for a moment in bad weather, and in a cascade."""
        spread = self._character.spread_ticks
        wide = self._character.temper.regimes[self._regime].wide if calm else 0.5
        if wide and self._rng.random() < wide:
            return spread + 1 + int(4.0 * spread * self._rng.random())
        return spread

    # Trades.

    def _due(self, regime: Regime) -> float:
        """Expected trades of this step: the base rate and what earlier trades excite."""
        self._fast *= self._fast_keep
        self._slow *= self._slow_keep
        temper, phase = self._character.temper, self._phase
        rate = self._character.rate * regime.activity
        if phase.name != "calm":
            rate = max(rate, temper.push_rate)
        excited = (1.0 - self._fast_keep) * self._fast + (1.0 - self._slow_keep) * self._slow
        return rate / self._steps_per_s + excited

    def _excite(self) -> None:
        """Let a trade be followed by others; the decay spreads its followers over the steps."""
        self._fast += self._character.temper.fast
        self._slow += self._character.temper.slow

    def _take(self, now_ms: int, regime: Regime) -> None:
        """One taker: mostly small and on the side of the herd; in a cascade large, one-sided."""
        phase, character = self._phase, self._character
        side = self._side()
        lots = self._lots()
        if phase.name == "push":
            lots *= 6
        book = self._listing.book
        best = book.side(-side).best()
        limit = best + side * 3 * character.burst_level_ticks
        traded = self._exchange.house_take(self._listing, side, (limit, lots), now_ms)
        if self._rng.random() < character.move_chance:
            far = min(20.0, 1.0 / (1.0 - self._rng.random()))
            self._fair += side * (0.5 + 0.25 * character.move_ticks * regime.volatility * far)
        if phase.name == "push" and traded and self._rng.random() < 0.05 * phase.rush:
            # Each liquidation quickens the fall, which brings the next ones sooner.
            phase.rush = min(RUSH_MAX, phase.rush + 0.25)
            self._force(side, best, traded, now_ms)

    def _side(self) -> int:
        """Side of the next taker: large orders come in many pieces, some very many."""
        random = self._rng.random
        phase = self._phase
        if phase.side:
            return phase.side if random() < 0.9 else -phase.side
        if not self._herd_left:
            self._herd_side = BUY if random() < 0.5 else SELL
            self._herd_left = min(HERD_MAX, 3 + int(4.0 / (1.0 - random())))
        self._herd_left -= 1
        if random() < FOLLOW_CHANCE:
            return self._herd_side
        return BUY if random() < 0.5 else SELL

    def _lots(self) -> int:
        """A size: over four decades, and often a round one."""
        random = self._rng.random
        typical = self._character.trade_lots
        if not self._character.temper.wild_sizes:
            chance = random()
            lots = 1 + int(typical * chance * chance)
            return lots * 8 if random() < 0.06 else lots
        spread = random() * random() / ((1.0 - random()) * (1.0 - random()))
        lots = 1 + int(typical * min(1_000.0, spread))
        if random() < 0.4:
            unit = 1
            while unit * 10 <= lots:
                unit *= 10
            lots -= lots % unit
        return min(lots, self._listing.symbol.market_max_lots)

    def _force(self, side: int, best: int, lots: int, now_ms: int) -> None:
        price = best + side * int(best * 0.004)
        symbol = self._listing.symbol
        self._exchange.say(ForcedOrder(symbol, side, lots, price, best, now_ms))

    def _set_index(self) -> None:
        """Say what the contract is worth, to a sixteenth of a tick, once a second."""
        listing = self._listing
        listing.index_e8 = int(self._fair * 16) * listing.symbol.tick_e8 // 16


def _kept(base_steps: int) -> tuple[float, float]:
    """What is left of the two excitements after so many base steps."""
    fast = slow = 1.0
    for _ in range(base_steps):
        fast, slow = fast * FAST_KEEP, slow * SLOW_KEEP
    return fast, slow

"""How the synthetic market of a contract behaves: from its price and its daily volume.

Two tempers: `lively`, which anybody who watches sees trade and cascade within seconds, and
`natural`, whose figures are those of the recorded real market (docs/markets.md).
"""

from __future__ import annotations

from math import isqrt

import msgspec

from hft.simulator.contract import Symbol
from hft.simulator.makers import Depth
from hft.units import E8

BASE_STEP_MS = 10
SLOW_SIZE = 0.1
SLEEPY_SIZE = 0.05
"""Markets smaller than these, by their `size`, step less often: there may be hundreds of them."""


class Regime(msgspec.Struct, frozen=True):
    """One weather of a market: factors of volatility and activity, chance of a wide spread."""

    volatility: float
    activity: float
    wide: float
    stay_s: tuple[float, float]


class Temper(msgspec.Struct, frozen=True, kw_only=True):
    """What all contracts of a run share; `pause_s` is the time between two cascades,
    `home_s` how long the price takes to lose most of what it strayed.

    A trade excites others: `echo` at once, `fast` within tens of milliseconds, `slow` within
    seconds; the three are expected numbers of followers and add up to less than one.
    """

    name: str
    regimes: tuple[Regime, Regime, Regime]
    pause_s: tuple[float, float]
    home_s: float
    echo: float
    fast: float
    slow: float
    push_rate: float
    wild_sizes: bool


LIVELY = Temper(
    name="lively",
    regimes=(
        Regime(0.8, 0.85, 0.0, (8.0, 20.0)),
        Regime(1.0, 1.0, 0.02, (8.0, 20.0)),
        Regime(1.25, 1.15, 0.1, (4.0, 10.0)),
    ),
    pause_s=(5.0, 9.0),
    home_s=240.0,
    echo=0.1,
    fast=0.2,
    slow=0.2,
    push_rate=65.0,
    wild_sizes=False,
)
NATURAL = Temper(
    name="natural",
    regimes=(
        Regime(0.6, 0.6, 0.0, (40.0, 160.0)),
        Regime(1.0, 1.0, 0.001, (40.0, 160.0)),
        Regime(2.0, 3.0, 0.01, (5.0, 30.0)),
    ),
    pause_s=(3_600.0, 21_600.0),
    home_s=20_000.0,
    echo=0.36,
    fast=0.17,
    slow=0.3,
    push_rate=40.0,
    wild_sizes=True,
)
TEMPERS = {temper.name: temper for temper in (LIVELY, NATURAL)}


class Character(msgspec.Struct, frozen=True, kw_only=True):
    """How one symbol's market behaves; prices in ticks, sizes in lots, rates per second.

    `noise_ticks` moves the fair price at every step; a share `move_chance` of the trades moves it
    by some `move_ticks`.
    """

    temper: Temper
    step_ms: int
    start_ticks: int
    noise_ticks: float
    move_chance: float
    move_ticks: float
    spread_ticks: int
    push_ticks: tuple[float, float]
    depth: Depth
    trade_lots: int
    rate: float
    burst_level_ticks: int


_LIVELY_BTC = Character(
    temper=LIVELY,
    step_ms=BASE_STEP_MS,
    start_ticks=600_000,
    noise_ticks=1.2,
    move_chance=0.02,
    move_ticks=1.5,
    spread_ticks=2,
    push_ticks=(1_500.0, 2_500.0),
    depth=Depth(touch_lots=300, level_lots=300, gap_ticks=4),
    trade_lots=12,
    rate=31.0,
    burst_level_ticks=12,
)
_LIVELY_ETH = msgspec.structs.replace(
    _LIVELY_BTC,
    start_ticks=300_000,
    push_ticks=(750.0, 1_250.0),
    depth=Depth(touch_lots=3_000, level_lots=3_000, gap_ticks=4),
    trade_lots=150,
    burst_level_ticks=8,
)
_LIVELY_TWO = {"BTCUSDT": _LIVELY_BTC, "ETHUSDT": _LIVELY_ETH}
_STRETCH = {10: 1.0, 50: 2.236, 200: 4.472}
"""Square roots of how many base steps a step is: so much further the price moves in one."""


def character_of(symbol: Symbol, temper: Temper = LIVELY) -> Character:
    """Give the behaviour of a symbol's market."""
    if temper is LIVELY and symbol.name in _LIVELY_TWO:
        return _LIVELY_TWO[symbol.name]
    price = symbol.start_ticks or 20_000
    volume = max(1, symbol.day_volume // 1_000_000)
    # Of BTCUSDT it is 1, of a contract with a hundredth of the volume a tenth.
    size = isqrt(volume * 10_000) / 12_247.0
    rate = 1.6 * size
    if temper is LIVELY:
        rate *= 11.0
    step_ms = 10 if size >= SLOW_SIZE else 50 if size >= SLEEPY_SIZE else 200
    small = 2.5 - 1.5 * min(1.0, size)
    move = price * 4e-5 * small
    chance = min(0.3, 0.04 / max(rate, 0.1))
    if move < 1.0:
        chance, move = chance * move, 1.0
    lot_worth = max(1, symbol.notional_e8(price, 1))
    lively = temper is LIVELY
    return Character(
        temper=temper,
        step_ms=step_ms,
        start_ticks=price,
        noise_ticks=min(1.2, price * 2e-6 * small) * _STRETCH[step_ms] if lively else 0.0,
        move_chance=chance,
        move_ticks=move,
        spread_ticks=1 + int(price * 1e-5 * (1.0 - min(1.0, size))) + lively,
        push_ticks=(max(6.0, price * 0.0025), max(12.0, price * 0.0042)),
        depth=Depth(
            touch_lots=1 + int(400_000 * size) * E8 // lot_worth,
            level_lots=1 + int(30_000 * size) * E8 // lot_worth,
            gap_ticks=4,
        ),
        trade_lots=1 + int(150 + 450 * size) * E8 // lot_worth,
        rate=rate,
        burst_level_ticks=max(3, min(12, price // 40_000)),
    )

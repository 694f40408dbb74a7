"""What a contract is: its steps, its limits, its tiers; prices in ticks and quantities in lots."""

from __future__ import annotations

import msgspec

from hft.units import E8, format_e8, trim_e8

FOREVER_MS = 4_133_404_800_000
"""The delivery date the venue gives to a contract that is never delivered."""


class Bracket(msgspec.Struct, frozen=True):
    """One notional tier: most leverage, notional cap and cumulative amount in whole USDT."""

    leverage: int
    cap: int
    mmr_e4: int
    cumulative: int


class Symbol(msgspec.Struct, frozen=True, kw_only=True):
    """One contract: its steps in units of 1e-8, its limits in ticks and lots, shares in 1e-4.

    It is linear: margin, profit and fees are in its quote asset.

    `start_ticks` and `day_volume` (whole units of the quote asset) are no rules of the venue: they
    say what a synthetic market of this contract is like.
    """

    name: str
    base: str
    quote: str
    tick_e8: int
    lot_e8: int
    price_precision: int
    qty_precision: int
    min_ticks: int
    max_ticks: int
    max_lots: int
    market_max_lots: int
    min_notional_e8: int
    brackets: tuple[Bracket, ...]
    onboard_ms: int
    order_id_base: int
    subtypes: tuple[str, ...] = ()
    band_e4: int = 500
    orders_max: int = 200
    min_lots: int = 1
    market_min_lots: int = 1
    trigger_protect_e4: int = 500
    take_bound_e4: int = 500
    liquidation_fee_e6: int = 12_500
    move_max: int = 10_000
    contract_type: str = "PERPETUAL"
    delivery_ms: int = FOREVER_MS
    underlying: str = "COIN"
    permissions: tuple[str, ...] = ("GRID", "COPY", "DCA", "PSB")
    start_ticks: int = 0
    day_volume: int = 0

    @property
    def liquidation_fee(self) -> str:
        """The clearance fee as exchangeInfo writes it: a share with six decimals."""
        return format_e8(self.liquidation_fee_e6 * 100, 6)

    @property
    def unit_e8(self) -> int:
        """Worth of one tick times one lot, in units of 1e-8 of the quote asset."""
        return self.tick_e8 * self.lot_e8 // E8

    def notional_e8(self, ticks: int, lots: int) -> int:
        """Worth of `lots` at `ticks`, exactly, in units of 1e-8."""
        return ticks * lots * self.unit_e8

    def price_text(self, ticks: int) -> str:
        """Write a price with the fixed decimals of this contract."""
        return format_e8(ticks * self.tick_e8, self.price_precision)

    def qty_text(self, lots: int) -> str:
        """Write a quantity with the fixed decimals of this contract."""
        return format_e8(lots * self.lot_e8, self.qty_precision)

    def price_trim(self, ticks: int) -> str:
        """Write a price without trailing zeros."""
        return trim_e8(ticks * self.tick_e8)

    def qty_trim(self, lots: int) -> str:
        """Write a quantity without trailing zeros."""
        return trim_e8(lots * self.lot_e8)


def brackets_of(rows: str) -> tuple[Bracket, ...]:
    """Read tiers written `leverage cap mmr_e4 cumulative`, with commas between them."""
    return tuple(Bracket(*(int(word) for word in row.split())) for row in rows.split(","))


BTC_BRACKETS = brackets_of(
    "150 300000 40 0,100 800000 50 300,75 3000000 65 1500,50 12000000 100 12000,"
    "25 70000000 200 132000,20 100000000 250 482000,10 230000000 500 2982000,"
    "5 480000000 1000 14482000,4 600000000 1250 26482000,3 800000000 1500 41482000,"
    "2 1200000000 2500 121482000,1 1800000000 5000 421482000"
)
ETH_BRACKETS = brackets_of(
    "150 300000 40 0,100 800000 50 300,75 3000000 65 1500,50 12000000 100 12000,"
    "25 50000000 200 132000,20 65000000 250 382000,10 150000000 500 2007000,"
    "5 320000000 1000 9507000,4 400000000 1250 17507000,3 530000000 1500 27507000,"
    "2 800000000 2500 80507000,1 1200000000 5000 280507000"
)

# Caps in USDT of a contract of middling size; the smallest scale (1 %) keeps them whole.
_LADDER = (
    (100, 1_000_000, 50),
    (75, 2_000_000, 65),
    (50, 5_000_000, 100),
    (25, 20_000_000, 200),
    (20, 30_000_000, 250),
    (10, 60_000_000, 500),
    (5, 120_000_000, 1_000),
    (4, 150_000_000, 1_250),
    (3, 200_000_000, 1_500),
    (2, 300_000_000, 2_500),
    (1, 500_000_000, 5_000),
)


def ladder(leverage_max: int, scale_pct: int) -> tuple[Bracket, ...]:
    """Make plausible tiers by the venue's recursion: cum + floor * (mmr - mmr of the last)."""
    brackets: list[Bracket] = []
    for leverage, cap, mmr_e4 in _LADDER:
        if leverage > leverage_max:
            continue
        cumulative = 0
        if brackets:
            last = brackets[-1]
            cumulative = last.cumulative + last.cap * (mmr_e4 - last.mmr_e4) // 10_000
        brackets.append(Bracket(leverage, cap * scale_pct // 100, mmr_e4, cumulative))
    return tuple(brackets)

"""What happened before the venue opened: made up, and the same for the same seed and opening.

Clients ask for hundreds of candles, for trades and for funding rates before they do anything.  A
synthetic market has none, so a past is told that ends exactly at the price the market opens with.
It is walked backwards, only as far as somebody asks, and no row of it ever changes: by minutes
for 8 days, by quarter hours for 64, by hours for 400, by days until the contract was listed.  A
recorded market has the past of its recording and no other.
"""

from __future__ import annotations

from bisect import bisect_right
from random import Random

import msgspec

from hft.simulator.candles import Candle, Past
from hft.simulator.desk import Listing
from hft.simulator.intervals import DAY_MS, HOUR_MS, MINUTE_MS
from hft.simulator.outcomes import Trade
from hft.simulator.symbols import Symbol
from hft.units import E8

QUARTER_MS = 15 * MINUTE_MS
TRADES_PER_MINUTE = 1_800
TYPICAL_TRADE_E8 = 300 * E8
PULL_MS = 60 * DAY_MS
"""How long the price takes to come back to where the market opens, on average."""
MILLION = 1_000_000
NOISE_SPREAD = 591
"""Standard deviation of the sum of four numbers below 1,024."""

PRINTS = 700
PRINT_GAP_MAX_MS = 32


class Tier(msgspec.Struct, frozen=True):
    """A stretch of the past: rows of one length back to a time, and how far a price goes in one."""

    step_ms: int
    from_ms: int
    sigma_e6: int


def tiers_of(end_ms: int, listed_ms: int) -> list[Tier]:
    """Lay out the past before `end_ms`: short rows last, each tier on a bound of the next."""
    first_day_ms = min(listed_ms, end_ms) // DAY_MS * DAY_MS
    rows = (
        (MINUTE_MS, 8, QUARTER_MS, 500),
        (QUARTER_MS, 64, HOUR_MS, 1_900),
        (HOUR_MS, 400, DAY_MS, 3_900),
    )
    tiers = [
        Tier(step_ms, max((end_ms - days * DAY_MS) // bound_ms * bound_ms, first_day_ms), sigma)
        for step_ms, days, bound_ms, sigma in rows
    ]
    return [*tiers, Tier(DAY_MS, first_day_ms, 19_000)]


class MadeUpPast:
    """Candles back from a time and a price, in rows that grow longer the older they are."""

    def __init__(self, symbol: Symbol, seed: int, end: Trade) -> None:
        """End with the minute before the trade `end`, at its price and trade id."""
        self._symbol = symbol
        self._rng = Random(f"past:{seed}:{symbol.name}")
        self._open_ms = end.time_ms - end.time_ms % MINUTE_MS
        self._tiers = tiers_of(self._open_ms, symbol.onboard_ms)
        self._middle = self._price = end.price_ticks
        self._next_id = end.trade_id
        self._typical_lots = max(1, TYPICAL_TRADE_E8 // symbol.notional_e8(end.price_ticks, 1))
        self._rows: list[Candle] = []
        self._tier = 0

    def earliest_ms(self, step_ms: int) -> int:
        """Give from when on there are rows no longer than `step_ms`."""
        return min(tier.from_ms for tier in self._tiers if tier.step_ms <= step_ms)

    def rows(self, start_ms: int, end_ms: int, step_ms: int) -> list[Candle]:
        """Give the rows, none longer than `step_ms`, that begin within [start, end)."""
        start_ms = max(start_ms, self.earliest_ms(step_ms))
        self._extend_to(start_ms)
        newest = bisect_right(self._rows, -end_ms, key=_minus_open_ms)
        oldest = bisect_right(self._rows, -start_ms, key=_minus_open_ms)
        return self._rows[newest:oldest][::-1]

    def close_before(self, time_ms: int) -> int | None:
        """Give the price at a time, None before the first row."""
        self._extend_to(time_ms - DAY_MS)
        newest = bisect_right(self._rows, -time_ms, key=_minus_open_ms)
        return self._rows[newest].close if newest < len(self._rows) else None

    def _extend_to(self, start_ms: int) -> None:
        while self._open_ms > start_ms and self._tier < len(self._tiers):
            tier = self._tiers[self._tier]
            if self._open_ms <= tier.from_ms:
                self._tier += 1
            else:
                self._rows.append(self._row_before(tier))

    def _row_before(self, tier: Tier) -> Candle:
        """Make the row that ends where the oldest one begins."""
        self._open_ms -= tier.step_ms
        bits = self._rng.getrandbits(80)
        noise = sum(bits >> shift & 1_023 for shift in (0, 10, 20, 30)) - 2_046
        up, down, busy, share = (bits >> shift & 255 for shift in (40, 48, 56, 64))
        close = self._price
        spread = close * tier.sigma_e6
        pull = (self._middle - close) * tier.step_ms // PULL_MS
        start = max(1, close - spread * noise // (NOISE_SPREAD * MILLION) + pull)
        count = TRADES_PER_MINUTE * (tier.step_ms // MINUTE_MS) * (128 + busy) // 256
        lots = count * self._typical_lots
        buy_lots = lots * (448 + share // 2) // 1_024
        value = lots * (start + close) // 2
        last_id = self._next_id - 1
        self._next_id = max(1, self._next_id - count)
        self._price = start
        return Candle(
            open_ms=self._open_ms,
            open=start,
            high=max(start, close) + spread * up // (256 * MILLION),
            low=max(1, min(start, close) - spread * down // (256 * MILLION)),
            close=close,
            lots=lots,
            value=value,
            count=count,
            buy_lots=buy_lots,
            buy_value=buy_lots * (start + close) // 2,
            first_id=self._next_id,
            last_id=last_id,
        )


class IndexPast:
    """The past of a mark or index price: that of the trades, in units of 1e-8 and without volume.

    `below_e6` is how far it stood below them, in millionths.
    """

    def __init__(self, trades: Past, tick_e8: int, below_e6: int) -> None:
        self._trades = trades
        self._tick_e8 = tick_e8
        self._share_e6 = MILLION - below_e6

    def earliest_ms(self, step_ms: int) -> int:
        """Give from when on there are rows no longer than `step_ms`."""
        return self._trades.earliest_ms(step_ms)

    def rows(self, start_ms: int, end_ms: int, step_ms: int) -> list[Candle]:
        """Give the rows, none longer than `step_ms`, that begin within [start, end)."""
        return [self._scaled(row) for row in self._trades.rows(start_ms, end_ms, step_ms)]

    def close_before(self, time_ms: int) -> int | None:
        """Give the price at a time, None before the first row."""
        close = self._trades.close_before(time_ms)
        return None if close is None else self._scale(close)

    def _scale(self, ticks: int) -> int:
        return ticks * self._tick_e8 * self._share_e6 // MILLION

    def _scaled(self, row: Candle) -> Candle:
        first, high, low, last = map(self._scale, (row.open, row.high, row.low, row.close))
        return Candle(row.open_ms, first, high, low, last, count=60)


class PremiumPast:
    """The past of a premium index: a little of either sign, told from the moves of the trades."""

    def __init__(self, trades: Past) -> None:
        self._trades = trades

    def earliest_ms(self, step_ms: int) -> int:
        """Give from when on there are rows no longer than `step_ms`."""
        return self._trades.earliest_ms(step_ms)

    def rows(self, start_ms: int, end_ms: int, step_ms: int) -> list[Candle]:
        """Give the rows, none longer than `step_ms`, that begin within [start, end)."""
        found = []
        for row in self._trades.rows(start_ms, end_ms, step_ms):
            first, last = premium_at(row.open), premium_at(row.close)
            highest, lowest = max(first, last) + 2_000, min(first, last) - 2_000
            found.append(Candle(row.open_ms, first, highest, lowest, last, count=12))
        return found

    def close_before(self, time_ms: int) -> int | None:
        """Give the premium at a time, None before the first row."""
        close = self._trades.close_before(time_ms)
        return None if close is None else premium_at(close)


def premium_at(ticks: int) -> int:
    """Make up a premium of at most 0.04 % either way, in units of 1e-8, from a price."""
    return ticks * 7_919 % 80_001 - 40_000


def prints_before(listing: Listing, seed: int, now_ms: int) -> list[list[Trade]]:
    """Make up the last prints before the market opens: each the trades of one aggregate.

    They end with the price and just before the trade id that the listing goes on with.
    """
    rng = Random(f"prints:{seed}:{listing.symbol.name}")
    time_ms, ticks, bought = now_ms - 1, listing.last_ticks, True
    trade_id = listing.next_trade_id
    typical = max(1, TYPICAL_TRADE_E8 // listing.symbol.notional_e8(ticks, 1))
    wander = max(1, ticks // 50_000)
    prints: list[list[Trade]] = []
    while len(prints) < PRINTS:
        bits = rng.getrandbits(32)
        trades = []
        for _ in range((1, 1, 1, 1, 1, 1, 2, 3)[bits & 7]):
            trade_id -= 1
            lots = 1 + typical * (rng.getrandbits(8) + 32) // 160
            trades.append(Trade(listing.symbol, trade_id, ticks, lots, not bought, time_ms))
        prints.append(trades[::-1])
        if not bits >> 3 & 3:
            bought = not bought
        ticks = max(1, ticks - wander + (bits >> 5 & 255) * (2 * wander + 1) // 256)
        time_ms -= 1 + (bits >> 13) % PRINT_GAP_MAX_MS
    return prints[::-1]


def _minus_open_ms(row: Candle) -> int:
    return -row.open_ms

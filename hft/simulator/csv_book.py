"""A plausible book around public trades: the makers of the synthetic market quote where it traded.

Every trade really happens in that book, so users who wait at its price or a better one are filled
in their turn, and what users took is missing from it.
"""

from __future__ import annotations

from random import Random

from hft.simulator.characters import Character
from hft.simulator.csv_trades import Print
from hft.simulator.desk import Listing
from hft.simulator.exchange import Exchange
from hft.simulator.forced_runs import ForcedRuns
from hft.simulator.makers import Makers
from hft.simulator.matching import BUY

INDEX_LAG_MS = 3_000
INDEX_STEP_MS = 10
"""A trade moves the index as if this much time had passed, so that bursts move it as well."""
FLICKER_CHANCE = 0.45
FLICKER_MS = 100
WIDE_SPREADS = 3
PANIC_E4 = 20
"""Moved this far from the index, hundredths of a percent, the makers show little and quote wide."""


class CsvBook:
    """One contract's market: the public trades, with makers around them."""

    def __init__(
        self,
        exchange: Exchange,
        listing: Listing,
        character: Character,
        seed: int,
        *,
        now_ms: int = 0,
    ) -> None:
        self._exchange = exchange
        self._listing = listing
        self._spread = character.spread_ticks
        name = listing.symbol.name
        self._rng = Random(f"{seed}:{name}:trades")
        self._makers = Makers(exchange, listing, character.depth, self._rng)
        self._forced = ForcedRuns(exchange, listing)
        self._index_e8 = character.start_ticks * listing.symbol.tick_e8
        self._index_ms = 0
        self._marked_s = 0
        self._flickered_ms = 0
        self._quote(BUY, character.start_ticks, now_ms)
        listing.index_e8 = self._index_e8

    def trade(self, each: Print, now_ms: int) -> None:
        """Let a print happen: its price becomes the touch, and its lots trade there."""
        self._quote(each.side, each.ticks, now_ms)
        lots = sum(each.parts)
        book, listing = self._listing.book, self._listing
        missing = lots - book.crossing_lots(each.side, each.ticks, lots)
        if missing > 0:
            # It comes last in the queue, and the print takes all of it.
            self._exchange.house_order(listing, -each.side, (each.ticks, missing), now_ms)
        for part in each.parts:
            self._exchange.house_take(listing, each.side, (each.ticks, part), now_ms)
        listing.last_ticks = each.ticks
        self._follow(each)
        self._forced.see(each, now_ms)
        self._makers.repair(now_ms)
        if self._rng.random() < FLICKER_CHANCE:
            self._makers.flicker(now_ms, thin=self._thin(each.ticks))

    def idle(self, now_ms: int) -> None:
        """Change a size now and then where nobody trades: a book is never quite still."""
        if now_ms - self._flickered_ms >= FLICKER_MS:
            self._flickered_ms = now_ms
            self._makers.flicker(now_ms)

    def _quote(self, side: int, ticks: int, now_ms: int) -> None:
        """Put the touch that the taker meets at his price, and leave the other if it is near."""
        thin = self._thin(ticks)
        far = self._spread * WIDE_SPREADS * thin
        other = self._makers.touch[side]
        gap = (ticks - other) * side
        if not self._spread <= gap <= far:
            other = ticks - side * (self._spread + int(self._rng.random() * self._spread * thin))
        bid, ask = (other, ticks) if side == BUY else (ticks, other)
        if bid < 1:
            bid = 1
            ask = max(ask, 2)
        self._makers.quote(bid, ask, now_ms, thin=thin)

    def _thin(self, ticks: int) -> int:
        """Say by how much sizes are divided: a panic is a price far from its index."""
        price_e8 = ticks * self._listing.symbol.tick_e8
        moved_e8 = abs(price_e8 - self._index_e8)
        return 4 if moved_e8 * 10_000 > self._index_e8 * PANIC_E4 else 1

    def _follow(self, each: Print) -> None:
        """Let the index follow the trades within some seconds."""
        passed_ms = max(0, each.time_ms - self._index_ms) + INDEX_STEP_MS
        self._index_ms = each.time_ms
        price_e8 = each.ticks * self._listing.symbol.tick_e8
        share = min(passed_ms, INDEX_LAG_MS)
        self._index_e8 += (price_e8 - self._index_e8) * share // INDEX_LAG_MS
        second = each.time_ms // 1_000
        if second != self._marked_s:
            self._marked_s = second
            self._listing.index_e8 = self._index_e8

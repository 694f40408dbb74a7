"""Mark price, premium and funding rate, as the venue makes them of a book and an index.

All in whole units of 1e-8.  The index comes from the market, as what it thinks the contract is
worth; one that has no opinion is taken for the middle of its own book.  Every second the mark
price is the middle one of three: the index moved by what funding will cost until it is settled,
the index moved by the average distance of the book in the last 30 seconds, and the last price.
Every five seconds a sample of the premium is taken; the funding rate follows from their average,
in which the n-th sample counts n times.  A settlement falls on the end of its interval.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from hft.simulator.depth_streams import SymbolFeed
from hft.simulator.desk import Listing
from hft.simulator.exchange import Exchange
from hft.simulator.funding import FundingHistory, FundingRow, interval_of, rate_of
from hft.simulator.matching import Ladder
from hft.simulator.symbols import Symbol
from hft.units import E8

BASIS_SAMPLES = 30
PREMIUM_EVERY_S = 5
IMPACT_MARGIN_E8 = 200 * E8
"""Worth of the order that measures a book, before the highest leverage multiplies it."""
IMPACT_LEVELS_MAX = 200
MISSED_MAX = 100
"""Settlements made up for after a clock has leapt; older ones are left out."""


def mark_price_e8(prices_e8: tuple[int, int, int]) -> int:
    """Give the middle one of three prices."""
    return sorted(prices_e8)[1]


def impact_price_e8(symbol: Symbol, side: Ladder) -> int:
    """Give the average price of an order of the impact notional on one side of a book.

    It is 0 where the side has less than that.
    """
    wanted_e8 = left_e8 = IMPACT_MARGIN_E8 * symbol.brackets[0].leverage
    lots_e8 = 0
    for ticks, lots in side.depth(IMPACT_LEVELS_MAX):
        worth_e8 = symbol.notional_e8(ticks, lots)
        if worth_e8 >= left_e8:
            lots_e8 += left_e8 * E8 // symbol.notional_e8(ticks, 1)
            return wanted_e8 * symbol.tick_e8 * E8 // (symbol.unit_e8 * lots_e8)
        left_e8 -= worth_e8
        lots_e8 += lots * E8
    return 0


def premium_e8(listing: Listing) -> int | None:
    """Give how far the book stands from the index, as a share of it; None without either."""
    index_e8 = listing.index_e8
    bid_e8, ask_e8 = (
        impact_price_e8(listing.symbol, side) for side in (listing.book.bids, listing.book.asks)
    )
    if not (index_e8 and bid_e8 and ask_e8):
        return None
    return (max(0, bid_e8 - index_e8) - max(0, index_e8 - ask_e8)) * E8 // index_e8


class PremiumAverage:
    """The average of an interval's premiums; the n-th counts n times."""

    def __init__(self) -> None:
        self._weighted_e8 = 0
        self._samples = 0

    def add(self, sample_e8: int) -> None:
        """Take the next sample."""
        self._samples += 1
        self._weighted_e8 += self._samples * sample_e8

    def value_e8(self) -> int:
        """Give the average, 0 without a sample."""
        weights = self._samples * (self._samples + 1) // 2
        return self._weighted_e8 // weights if weights else 0


class Prices:
    """One contract's prices: samples of its basis and premium, and its funding."""

    def __init__(self, feed: SymbolFeed, interval_ms: int) -> None:
        self.listing = feed.listing
        self.interval_ms = interval_ms or interval_of(self.listing.symbol.name)
        self.funding = FundingHistory(self.listing.symbol.name, feed.history)
        self._feed = feed
        self._basis_e8: deque[int] = deque(maxlen=BASIS_SAMPLES)
        self._premiums = PremiumAverage()
        self._own_index_e8 = 0

    def every_second(self, now_ms: int) -> None:
        """Price the contract anew, unless a recording does."""
        listing = self.listing
        if self._feed.lower + "@markPrice" not in self._feed.recorded_streams:
            self._price(now_ms)
            if now_ms // 1_000 % PREMIUM_EVERY_S == 0:
                self._sample_premium(now_ms)
        if listing.mark_e8:
            index_e8 = listing.index_e8 or listing.mark_e8
            self._feed.history.add_prices(listing.mark_e8, index_e8, now_ms)

    def open(self, now_ms: int) -> None:
        """Begin the first funding interval, in its midst."""
        self.listing.next_funding_ms = now_ms - now_ms % self.interval_ms + self.interval_ms
        self.funding.open(now_ms)

    def settle(self, exchange: Exchange, now_ms: int) -> None:
        """Let funding be paid for every interval that has ended, and begin the next."""
        listing, interval_ms = self.listing, self.interval_ms
        oldest_ms = now_ms - MISSED_MAX * interval_ms
        if listing.next_funding_ms < oldest_ms:
            listing.next_funding_ms = oldest_ms - oldest_ms % interval_ms + interval_ms
        while listing.next_funding_ms <= now_ms:
            rate_e8, ended_ms = listing.funding_rate_e8, listing.next_funding_ms
            listing.next_funding_ms += interval_ms
            self._premiums = PremiumAverage()
            exchange.settle_funding(listing, rate_e8, now_ms)
            self.funding.add(FundingRow(ended_ms, rate_e8, listing.mark_or_mid_e8()))

    def _price(self, now_ms: int) -> None:
        listing = self.listing
        bid, _, ask, _ = listing.book.top()
        tick_e8 = listing.symbol.tick_e8
        middle_e8 = (bid + ask) * tick_e8 // 2 if bid and ask else 0
        if listing.index_e8 == self._own_index_e8 and middle_e8:
            listing.index_e8 = self._own_index_e8 = middle_e8
        index_e8 = listing.index_e8
        if not index_e8:
            return
        if middle_e8:
            self._basis_e8.append(middle_e8 - index_e8)
        basis_e8 = sum(self._basis_e8) // len(self._basis_e8) if self._basis_e8 else 0
        by_book_e8 = index_e8 + basis_e8
        last_e8 = listing.last_ticks * tick_e8 or by_book_e8
        listing.mark_e8 = mark_price_e8((self._by_funding_e8(now_ms), by_book_e8, last_e8))

    def _by_funding_e8(self, now_ms: int) -> int:
        listing = self.listing
        left_ms = max(0, listing.next_funding_ms - now_ms)
        cost_e8 = listing.index_e8 * listing.funding_rate_e8 * left_ms
        return listing.index_e8 + cost_e8 // (E8 * self.interval_ms)

    def _sample_premium(self, now_ms: int) -> None:
        listing = self.listing
        sample_e8 = premium_e8(listing)
        if sample_e8 is None:
            return
        self._premiums.add(sample_e8)
        self._feed.history.premiums.sample(now_ms, sample_e8)
        average_e8 = self._premiums.value_e8()
        listing.funding_rate_e8 = rate_of(listing.symbol.name, average_e8, self.interval_ms)


class Pricing:
    """Prices every contract of a venue, by the venue's clock."""

    def __init__(
        self,
        exchange: Exchange,
        feeds: Mapping[str, SymbolFeed],
        now_ms: int,
        *,
        funding_interval_ms: int = 0,
    ) -> None:
        """Settle funding every `funding_interval_ms`; 0: as often as the contracts say."""
        self._exchange = exchange
        self._second = 0
        self.prices = {name: Prices(feed, funding_interval_ms) for name, feed in feeds.items()}
        self.open(now_ms)

    def open(self, now_ms: int) -> None:
        """Begin the funding interval of every contract that `now_ms` lies in."""
        for prices in self.prices.values():
            prices.open(now_ms)

    def on_time(self, now_ms: int) -> None:
        """In each new second settle what is due, then price everything."""
        second = now_ms // 1_000
        if second == self._second:
            return
        self._second = second
        for prices in self.prices.values():
            # Funding intervals are of whole seconds, so this is not late.
            if now_ms >= prices.listing.next_funding_ms:
                prices.settle(self._exchange, now_ms)
        for prices in self.prices.values():
            prices.every_second(now_ms)

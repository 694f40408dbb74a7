"""What one symbol's market did: its latest trades, its candles, its last 24 hours.

Bounded in memory.  A trade costs it about a microsecond: a place in a ring and sums of a minute;
everything else is made when somebody asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque

import msgspec

from hft.simulator.candles import Candle, CandleStore, flat
from hft.simulator.desk import Listing
from hft.simulator.intervals import DAY_MS, MINUTE_MS
from hft.simulator.outcomes import Trade
from hft.simulator.past import IndexPast, MadeUpPast, PremiumPast, prints_before
from hft.simulator.symbols import Symbol

TRADES_KEPT = 10_000
ALL_TRADES_KEPT, LEAST_KEPT = 1_000_000, 1_000
"""What all contracts together keep, and each of very many: as many as one may ask for."""
INDEX_BELOW_E6 = 300
"""How far a made-up index stands below the trades, in millionths."""
FIRST_AGGREGATE_ID = 3_478_018_500
MARK_SAMPLES = 30
"""Seconds of mark prices whose average is told beside the latest."""


class Aggregate(msgspec.Struct, frozen=True, gc=False):
    """Trades of one taker at one price, as one print."""

    aggregate_id: int
    price_ticks: int
    lots: int
    first_id: int
    last_id: int
    time_ms: int
    buyer_is_maker: bool


class Day(msgspec.Struct, frozen=True):
    """The last 24 hours: their candle, and when they began and ended in ms."""

    candle: Candle
    last_lots: int
    open_ms: int
    close_ms: int


def quiet_day(last_ticks: int, now_ms: int) -> Day:
    """Give 24 hours in which nothing traded."""
    open_ms = now_ms - DAY_MS
    candle = flat(open_ms, last_ticks)
    candle.first_id = candle.last_id = 0
    return Day(candle, 0, open_ms - open_ms % MINUTE_MS, now_ms)


def trades_kept(contracts: int) -> int:
    """Give how many trades each of so many contracts remembers."""
    return min(TRADES_KEPT, max(LEAST_KEPT, ALL_TRADES_KEPT // max(1, contracts)))


class History:
    """The past of one symbol; `prints` counts its trades, so that a change can be seen."""

    def __init__(self, symbol: Symbol, kept: int = TRADES_KEPT) -> None:
        self.symbol = symbol
        self.trades: deque[Trade] = deque(maxlen=kept)
        self.aggregates: deque[Aggregate] = deque(maxlen=kept)
        self.candles = CandleStore()
        self.marks = CandleStore()
        self.indexes = CandleStore()
        self.premiums = CandleStore()
        self._latest_marks: deque[int] = deque(maxlen=MARK_SAMPLES)
        self.prints = 0
        self.next_aggregate_id = FIRST_AGGREGATE_ID

    def add(self, trade: Trade) -> None:
        """Remember one trade."""
        self.prints += 1
        self.trades.append(trade)
        self.candles.trade(
            trade.time_ms,
            trade.price_ticks,
            trade.lots,
            trade.trade_id,
            buyer_is_maker=trade.buyer_is_maker,
        )

    def add_group(self, trades: list[Trade]) -> Aggregate:
        """Remember an aggregate of trades that are remembered already; gives it."""
        first = trades[0]
        aggregate = Aggregate(
            self.next_aggregate_id,
            first.price_ticks,
            first.lots if len(trades) == 1 else sum([trade.lots for trade in trades]),
            first.trade_id,
            trades[-1].trade_id,
            first.time_ms,
            first.buyer_is_maker,
        )
        self.next_aggregate_id += 1
        self.aggregates.append(aggregate)
        return aggregate

    def add_prices(self, mark_e8: int, index_e8: int, now_ms: int) -> None:
        """Remember the mark and index price of a second."""
        self.marks.sample(now_ms, mark_e8)
        self.indexes.sample(now_ms, index_e8)
        self._latest_marks.append(mark_e8)

    def mark_average_e8(self) -> int:
        """Give the moving average of the mark price, 0 before there is one."""
        marks = self._latest_marks
        return sum(marks) // len(marks) if marks else 0

    def make_up_past(self, listing: Listing, seed: int, now_ms: int) -> None:
        """Tell a past that ends now with the last price of the listing; only where none is."""
        if self.trades or not listing.last_ticks:
            return
        prints = prints_before(listing, seed, now_ms)
        self.next_aggregate_id -= len(prints)
        for trades in prints:
            for trade in trades:
                self.add(trade)
            self.add_group(trades)
        past = MadeUpPast(listing.symbol, seed, prints[0][0])
        tick_e8 = listing.symbol.tick_e8
        self.candles.past = past
        self.marks.past = IndexPast(past, tick_e8, 0)
        self.indexes.past = IndexPast(past, tick_e8, INDEX_BELOW_E6)
        self.premiums.past = PremiumPast(past)

    def latest_trades(self, limit: int, from_id: int | None = None) -> list[Trade]:
        """Give the latest trades, or those from an id on, oldest first."""
        trades = list(self.trades)
        if from_id is None:
            return trades[-limit:]
        first = bisect_left(trades, from_id, key=_trade_id)
        return trades[first : first + limit]

    def latest_aggregates(self, limit: int, from_id: int | None = None) -> list[Aggregate]:
        """Give the latest aggregates, or those from an id on, oldest first."""
        aggregates = list(self.aggregates)
        if from_id is None:
            return aggregates[-limit:]
        first = bisect_left(aggregates, from_id, key=_aggregate_id)
        return aggregates[first : first + limit]

    def aggregates_within(
        self, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[Aggregate]:
        """Give the aggregates of a span: its first ones, or its last ones where it has no start."""
        aggregates = list(self.aggregates)
        last = len(aggregates)
        if end_ms is not None:
            last = bisect_left(aggregates, end_ms + 1, key=_time_ms)
        if start_ms is None:
            return aggregates[max(0, last - limit) : last]
        first = bisect_left(aggregates, start_ms, key=_time_ms)
        return aggregates[first : min(last, first + limit)]

    def day(self, now_ms: int) -> Day | None:
        """Give the last 24 hours, from the begin of a minute on; None without a trade in them."""
        open_ms = now_ms - DAY_MS
        open_ms -= open_ms % MINUTE_MS
        candle = self.candles.since("day", open_ms)
        if candle is None:
            return None
        latest = self.trades[-1]
        return Day(candle, latest.lots, open_ms, max(latest.time_ms, open_ms))


def _trade_id(trade: Trade) -> int:
    return trade.trade_id


def _aggregate_id(aggregate: Aggregate) -> int:
    return aggregate.aggregate_id


def _time_ms(aggregate: Aggregate) -> int:
    return aggregate.time_ms

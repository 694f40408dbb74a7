"""Depth messages: what changed in a book since the last one, per stream, and the best levels."""

from __future__ import annotations

import orjson

from hft.simulator.desk import Listing
from hft.simulator.history import TRADES_KEPT, History
from hft.simulator.hub import Hub
from hft.simulator.messages import Json
from hft.simulator.outcomes import ForcedOrder

FIRST_UPDATE_ID = 9_160_059_840_000
DEPTH_INTERVALS_MS = {"@depth@100ms": 100, "@depth": 250, "@depth@500ms": 500}
RPI_SUFFIX, RPI_INTERVAL_MS = "@rpiDepth@500ms", 500
QUIET_MAX_MS = 2_000
"""How long a book may stand still before its diff streams say so with an empty message."""
PARTIAL_DEPTHS = (5, 10, 20)


class UpdateIds:
    """The one counter of book updates; symbols share it, so one symbol's ids have gaps."""

    def __init__(self, first: int = FIRST_UPDATE_ID) -> None:
        self.last = first

    def next(self) -> int:
        """Give the next id."""
        self.last += 1
        return self.last

    def raise_to(self, update_id: int) -> None:
        """Continue after `update_id` if that is ahead: a recording brings its own ids."""
        self.last = max(self.last, update_id)


class DepthChain:
    """One depth stream: what changed since its last message, and that message's last id.

    `partial` are the streams of best levels that share its pace, with how many levels each has.
    """

    def __init__(self, name: str, interval_ms: int, partial: dict[str, int]) -> None:
        self.name = name
        self.interval_ms = interval_ms
        self.partial = partial
        self.names = (name, *partial)
        self.changed: set[tuple[int, int]] = set()
        self.first_id = 0
        self.last_id = 0
        self.previous_id = 0


class Paces:
    """Says which intervals of depth streams end; all symbols share them."""

    def __init__(self) -> None:
        self._due_ms = dict.fromkeys((*DEPTH_INTERVALS_MS.values(), RPI_INTERVAL_MS), 0)

    def ended(self, now_ms: int) -> set[int]:
        """Give the lengths of the intervals that have ended since the last look."""
        ended = set()
        for interval_ms, due_ms in self._due_ms.items():
            if now_ms >= due_ms:
                self._due_ms[interval_ms] = now_ms - now_ms % interval_ms + interval_ms
                # The first message, too, comes on a whole interval.
                if due_ms or not now_ms % interval_ms:
                    ended.add(interval_ms)
        return ended


class SymbolFeed:
    """What the public streams of one symbol remember between messages."""

    def __init__(self, listing: Listing, ids: UpdateIds, trades: int = TRADES_KEPT) -> None:
        self.listing = listing
        self.lower = listing.symbol.name.lower()
        self.ids = ids
        self.update_id = 0
        self.top = (0, 0, 0, 0)
        self.top_ms = 0
        self.stamp_ms = 0
        self.history = History(listing.symbol, trades)
        self.trade_stream = self.lower + "@trade"
        self.aggregate_stream = self.lower + "@aggTrade"
        self.ticker_stream = self.lower + "@bookTicker"
        self.chains = [
            DepthChain(self.lower + suffix, interval, self._partial(suffix))
            for suffix, interval in DEPTH_INTERVALS_MS.items()
        ]
        # No hidden orders of retail users are here, so this book is the same one.
        self.chains.append(DepthChain(self.lower + RPI_SUFFIX, RPI_INTERVAL_MS, {}))
        self.recorded_streams: frozenset[str] = frozenset()
        self.forced: ForcedOrder | None = None
        self.forced_due_ms = 0
        self.begin()

    def begin(self) -> None:
        """Take a first update id; the first message of every depth stream follows it."""
        self.update_id = self.ids.next()
        for chain in self.chains:
            chain.previous_id = chain.last_id = self.update_id

    def _partial(self, suffix: str) -> dict[str, int]:
        return {
            self.lower + suffix.replace("@depth", f"@depth{levels}"): levels
            for levels in PARTIAL_DEPTHS
        }

    def stamp(self, now_ms: int) -> int:
        """Give the book a new update id and let every depth stream know of it."""
        self.stamp_ms = now_ms
        self.update_id = self.ids.next()
        for chain in self.chains:
            chain.first_id = chain.first_id or self.update_id
            chain.last_id = self.update_id
        return self.update_id


def depth_texts(listing: Listing, limit: int) -> tuple[list[list[str]], list[list[str]]]:
    """Write the best levels of a book as the wire has them: bids, asks, best first."""
    symbol = listing.symbol
    bids, asks = (
        [[symbol.price_text(ticks), symbol.qty_text(lots)] for ticks, lots in side.depth(limit)]
        for side in (listing.book.bids, listing.book.asks)
    )
    return bids, asks


def send_depth(hub: Hub, feed: SymbolFeed, chain: DepthChain, now_ms: int) -> None:
    """Send what a chain gathered, and the partial depths that share its pace."""
    if hub.wanted(*chain.names):
        _send_wanted(hub, feed, chain, now_ms)
    chain.previous_id = chain.last_id
    chain.first_id = 0
    chain.changed = set()


def _send_wanted(hub: Hub, feed: SymbolFeed, chain: DepthChain, now_ms: int) -> None:
    message = _head(feed, chain, now_ms)
    if hub.wanted(chain.name) and chain.name not in feed.recorded_streams:
        bids, asks = _changed_levels(feed, chain)
        payload = orjson.dumps({**message, "b": bids, "a": asks, "st": 1})
        hub.publish(chain.name, payload)
    for stream, levels in chain.partial.items():
        if hub.wanted(stream) and stream not in feed.recorded_streams:
            bids, asks = depth_texts(feed.listing, levels)
            payload = orjson.dumps({**message, "b": bids, "a": asks, "st": 1})
            hub.publish(stream, payload)


def _head(feed: SymbolFeed, chain: DepthChain, now_ms: int) -> Json:
    return {
        "e": "depthUpdate",
        "E": now_ms,
        "T": max(feed.top_ms, now_ms - chain.interval_ms),
        "s": feed.listing.symbol.name,
        "ps": feed.listing.symbol.name,
        "U": chain.first_id,
        "u": chain.last_id,
        "pu": chain.previous_id,
    }


def _changed_levels(feed: SymbolFeed, chain: DepthChain) -> tuple[list[list[str]], list[list[str]]]:
    symbol, book = feed.listing.symbol, feed.listing.book
    sides: tuple[list[list[str]], list[list[str]]] = ([], [])
    for side, ticks in sorted(chain.changed):
        lots = book.side(side).lots_at(ticks)
        row = [symbol.price_text(ticks), symbol.qty_text(lots)]
        sides[0 if side > 0 else 1].append(row)
    return sides

"""Turns outcomes and book changes into stream messages."""

from __future__ import annotations

import orjson

from hft.simulator.desk import Listing
from hft.simulator.exchange import Exchange
from hft.simulator.hub import Hub
from hft.simulator.messages import (
    Json,
    account_update,
    force_order,
    leverage_update,
    mark_price,
    order_trade_update,
    trade_lite,
)
from hft.simulator.outcomes import (
    BalanceUpdate,
    ForcedOrder,
    LeverageChanged,
    OrderUpdate,
    Trade,
    TradeLite,
)
from hft.simulator.user_streams import UserStreams

FIRST_UPDATE_ID = 9_160_059_840_000
FIRST_AGGREGATE_ID = 3_478_018_500
DEPTH_INTERVALS_MS = {"@depth@100ms": 100, "@depth": 250, "@depth@500ms": 500}
FORCE_ORDER_INTERVAL_MS = 1_000
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
    """One depth stream: what changed since its last message, and that message's last id."""

    def __init__(self, name: str, interval_ms: int) -> None:
        self.name = name
        self.interval_ms = interval_ms
        self.due_ms = 0
        self.changed: set[tuple[int, int]] = set()
        self.first_id = 0
        self.last_id = 0
        self.previous_id = 0


class SymbolFeed:
    """What the public streams of one symbol remember between messages."""

    def __init__(self, listing: Listing, ids: UpdateIds) -> None:
        self.listing = listing
        self.lower = listing.symbol.name.lower()
        self.ids = ids
        self.update_id = ids.next()
        self.top = (0, 0, 0, 0)
        self.top_ms = 0
        self.next_aggregate_id = FIRST_AGGREGATE_ID
        self.chains = [
            DepthChain(self.lower + suffix, interval)
            for suffix, interval in DEPTH_INTERVALS_MS.items()
        ]
        for chain in self.chains:
            chain.previous_id = chain.last_id = self.update_id
        self.forced: ForcedOrder | None = None
        self.forced_due_ms = 0

    def stamp(self) -> int:
        """Give the book a new update id and let every depth stream know of it."""
        self.update_id = self.ids.next()
        for chain in self.chains:
            chain.first_id = chain.first_id or self.update_id
            chain.last_id = self.update_id
        return self.update_id


class Publisher:
    """Everything that leaves through streams.

    `recorded` says that trades, bookTicker and mark prices come from a recording and not from here.
    """

    def __init__(
        self, exchange: Exchange, hub: Hub, users: UserStreams, *, recorded: bool = False
    ) -> None:
        self._exchange = exchange
        self._hub = hub
        self._users = users
        self.recorded = recorded
        self.recorded_streams: frozenset[str] = frozenset()
        ids = UpdateIds(1 if recorded else FIRST_UPDATE_ID)
        self.feeds = {name: SymbolFeed(listing, ids) for name, listing in exchange.listings.items()}

    def flush(self, now_ms: int, event_ms: int) -> None:
        """Send what happened since the last flush: trades, books, then the users' events."""
        outcomes = self._exchange.drain()
        trades = [outcome for outcome in outcomes if isinstance(outcome, Trade)]
        if trades and not self.recorded:
            self._send_trades(trades, event_ms)
        for feed in self.feeds.values():
            if feed.listing.book.changed:
                self._note_book(feed, now_ms, event_ms)
        for outcome in outcomes:
            if isinstance(outcome, ForcedOrder):
                self._keep_forced(outcome)
            elif not isinstance(outcome, Trade):
                self._users.send(outcome.account_id, self._user_event(outcome, event_ms))

    def on_time(self, now_ms: int) -> None:
        """Send the depth messages and forced orders that are due."""
        for feed in self.feeds.values():
            for chain in feed.chains:
                if now_ms >= chain.due_ms:
                    chain.due_ms = now_ms - now_ms % chain.interval_ms + chain.interval_ms
                    self._send_depth(feed, chain, now_ms)
            if feed.forced is not None and now_ms >= feed.forced_due_ms:
                self._send_forced(feed, now_ms)

    def send_mark_prices(self, now_ms: int, *, slow: bool) -> None:
        """Send the mark price of every symbol; `slow` also on the three-second streams."""
        rows: list[Json] = []
        for feed in self.feeds.values():
            listing = feed.listing
            row = mark_price(listing.symbol, listing.mark_e8, listing.index_e8, now_ms)
            rows.append(row)
            payload = orjson.dumps(row)
            self._hub.publish(feed.lower + "@markPrice@1s", payload)
            if slow:
                self._hub.publish(feed.lower + "@markPrice", payload)
        payload = orjson.dumps(rows)
        self._hub.publish("!markPrice@arr@1s", payload)
        if slow:
            self._hub.publish("!markPrice@arr", payload)

    def snapshot_id(self, symbol: str) -> int:
        """Give the id of a book snapshot; it lies inside the next message of every chain.

        Where a recording brings the depth messages, the id is the latest recorded one.
        """
        feed = self.feeds[symbol]
        if any(chain.name in self.recorded_streams for chain in feed.chains):
            return feed.update_id
        return feed.stamp()

    def book_ticker(self, feed: SymbolFeed, now_ms: int, event_ms: int) -> Json:
        """One bookTicker message of the current book."""
        symbol = feed.listing.symbol
        bid, bid_lots, ask, ask_lots = feed.listing.book.top()
        return {
            "e": "bookTicker",
            "u": feed.update_id,
            "s": symbol.name,
            "ps": symbol.name,
            "b": symbol.price_text(bid),
            "B": symbol.qty_text(bid_lots),
            "a": symbol.price_text(ask),
            "A": symbol.qty_text(ask_lots),
            "T": now_ms,
            "E": event_ms,
            "st": 1,
        }

    def _user_event(
        self, outcome: TradeLite | OrderUpdate | BalanceUpdate | LeverageChanged, event_ms: int
    ) -> Json:
        if isinstance(outcome, TradeLite):
            return trade_lite(outcome, event_ms)
        if isinstance(outcome, BalanceUpdate):
            return account_update(outcome, event_ms)
        if isinstance(outcome, LeverageChanged):
            return leverage_update(outcome, event_ms)
        bids = asks = 0
        symbol = outcome.order.symbol
        for order in self._exchange.desks[outcome.account_id].open_of(symbol):
            worth = symbol.notional_e8(order.price_ticks, order.left_lots)
            bids, asks = (bids + worth, asks) if order.side > 0 else (bids, asks + worth)
        return order_trade_update(outcome, event_ms, (bids, asks))

    def _send_trades(self, trades: list[Trade], event_ms: int) -> None:
        group: list[Trade] = []
        for trade in trades:
            self._send_trade(trade, event_ms)
            if group and not _same_print(group[0], trade):
                self._send_aggregate(group, event_ms)
                group = []
            group.append(trade)
        self._send_aggregate(group, event_ms)

    def _send_trade(self, trade: Trade, event_ms: int) -> None:
        symbol = trade.symbol
        stream = symbol.name.lower() + "@trade"
        if not self._hub.wanted(stream):
            return
        message: Json = {
            "e": "trade",
            "E": event_ms,
            "T": trade.time_ms,
            "s": symbol.name,
            "t": trade.trade_id,
            "p": symbol.price_text(trade.price_ticks),
            "q": symbol.qty_text(trade.lots),
            "X": "MARKET",
            "m": trade.buyer_is_maker,
            "st": 1,
        }
        self._hub.publish(stream, orjson.dumps(message))

    def _send_aggregate(self, group: list[Trade], event_ms: int) -> None:
        first, last = group[0], group[-1]
        symbol = first.symbol
        feed = self.feeds[symbol.name]
        aggregate_id = feed.next_aggregate_id
        feed.next_aggregate_id += 1
        stream = feed.lower + "@aggTrade"
        if not self._hub.wanted(stream):
            return
        quantity = symbol.qty_text(sum(trade.lots for trade in group))
        message: Json = {
            "e": "aggTrade",
            "E": event_ms,
            "a": aggregate_id,
            "s": symbol.name,
            "p": symbol.price_text(first.price_ticks),
            "q": quantity,
            "nq": quantity,
            "f": first.trade_id,
            "l": last.trade_id,
            "T": first.time_ms,
            "m": first.buyer_is_maker,
            "st": 1,
        }
        self._hub.publish(stream, orjson.dumps(message))

    def _note_book(self, feed: SymbolFeed, now_ms: int, event_ms: int) -> None:
        book = feed.listing.book
        feed.stamp()
        for chain in feed.chains:
            chain.changed |= book.changed
        book.changed = set()
        top = book.top()
        if top == feed.top or not (top[0] and top[2]):
            return
        feed.top = top
        feed.top_ms = now_ms
        stream = feed.lower + "@bookTicker"
        if not self.recorded and self._hub.wanted(stream, "!bookTicker"):
            payload = orjson.dumps(self.book_ticker(feed, now_ms, event_ms))
            self._hub.publish(stream, payload)

    def _send_depth(self, feed: SymbolFeed, chain: DepthChain, now_ms: int) -> None:
        if not chain.first_id:
            return
        message = self._depth_head(feed, chain, now_ms)
        if self._hub.wanted(chain.name) and chain.name not in self.recorded_streams:
            bids, asks = self._changed_levels(feed, chain)
            payload = orjson.dumps({**message, "b": bids, "a": asks, "st": 1})
            self._hub.publish(chain.name, payload)
        for levels in PARTIAL_DEPTHS:
            stream = chain.name.replace("@depth", f"@depth{levels}")
            if self._hub.wanted(stream) and stream not in self.recorded_streams:
                bids, asks = depth_texts(feed.listing, levels)
                payload = orjson.dumps({**message, "b": bids, "a": asks, "st": 1})
                self._hub.publish(stream, payload)
        chain.previous_id = chain.last_id
        chain.first_id = 0
        chain.changed = set()

    def _depth_head(self, feed: SymbolFeed, chain: DepthChain, now_ms: int) -> Json:
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

    def _changed_levels(
        self, feed: SymbolFeed, chain: DepthChain
    ) -> tuple[list[list[str]], list[list[str]]]:
        symbol, book = feed.listing.symbol, feed.listing.book
        sides: tuple[list[list[str]], list[list[str]]] = ([], [])
        for side, ticks in sorted(chain.changed):
            lots = book.side(side).lots_at(ticks)
            row = [symbol.price_text(ticks), symbol.qty_text(lots)]
            sides[0 if side > 0 else 1].append(row)
        return sides

    def _keep_forced(self, outcome: ForcedOrder) -> None:
        feed = self.feeds[outcome.symbol.name]
        if feed.forced is None or outcome.lots > feed.forced.lots:
            feed.forced = outcome

    def _send_forced(self, feed: SymbolFeed, now_ms: int) -> None:
        assert feed.forced is not None
        payload = orjson.dumps(force_order(feed.forced, now_ms))
        self._hub.publish(feed.lower + "@forceOrder", payload)
        self._hub.publish("!forceOrder@arr", payload)
        feed.forced = None
        feed.forced_due_ms = now_ms + FORCE_ORDER_INTERVAL_MS


def depth_texts(listing: Listing, limit: int) -> tuple[list[list[str]], list[list[str]]]:
    """Write the best levels of a book as the wire has them: bids, asks, best first."""
    symbol = listing.symbol
    bids, asks = (
        [[symbol.price_text(ticks), symbol.qty_text(lots)] for ticks, lots in side.depth(limit)]
        for side in (listing.book.bids, listing.book.asks)
    )
    return bids, asks


def _same_print(first: Trade, other: Trade) -> bool:
    return (
        first.symbol is other.symbol
        and first.price_ticks == other.price_ticks
        and first.buyer_is_maker == other.buyer_is_maker
        and first.time_ms == other.time_ms
    )

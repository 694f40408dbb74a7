"""Turns outcomes and book changes into stream messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from hft.simulator.depth_streams import FIRST_UPDATE_ID, SymbolFeed, UpdateIds, send_depth
from hft.simulator.exchange import Exchange
from hft.simulator.hub import Hub
from hft.simulator.messages import Json, force_order, mark_price, user_event
from hft.simulator.outcomes import ForcedOrder, Outcome, Trade
from hft.simulator.user_streams import UserStreams

if TYPE_CHECKING:
    from hft.simulator.keeper import Keeper

FORCE_ORDER_INTERVAL_MS = 1_000


class Publisher:
    """Everything that leaves through streams.

    `recorded` says that trades and bookTicker come from a recording and not from here;
    `marking` whether mark prices are sent, for the symbols whose recording holds none.
    """

    def __init__(
        self, exchange: Exchange, hub: Hub, users: UserStreams, *, recorded: bool = False
    ) -> None:
        self._exchange = exchange
        self._hub = hub
        self._users = users
        self.recorded = recorded
        self.marking = not recorded
        self.ids = ids = UpdateIds(1 if recorded else FIRST_UPDATE_ID)
        self.feeds = {name: SymbolFeed(listing, ids) for name, listing in exchange.listings.items()}
        self.keeper: Keeper | None = None
        self._kept: list[Outcome] = []

    def keep(self, now_ms: int, *, every: bool = False) -> None:
        """Write down what happened since the last call, before anybody hears of it."""
        if self.keeper is not None:
            outcomes = self._exchange.drain()
            self.keeper.note(outcomes, now_ms, every=every)
            self._kept += outcomes

    def flush(self, now_ms: int, event_ms: int) -> None:
        """Send what happened since the last flush: trades, books, then the users' events."""
        outcomes = self._exchange.drain()
        if self.keeper is not None:
            self.keeper.note(outcomes, now_ms)
            outcomes = self._kept + outcomes
            self._kept = []
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
                self._users.send(outcome.account_id, user_event(outcome, event_ms))

    def on_time(self, now_ms: int) -> None:
        """Send the depth messages and forced orders that are due."""
        for feed in self.feeds.values():
            for chain in feed.chains:
                if now_ms >= chain.due_ms:
                    chain.due_ms = now_ms - now_ms % chain.interval_ms + chain.interval_ms
                    send_depth(self._hub, feed, chain, now_ms)
            if feed.forced is not None and now_ms >= feed.forced_due_ms:
                self._send_forced(feed, now_ms)

    def send_mark_prices(self, now_ms: int, *, slow: bool) -> None:
        """Send the mark price of every symbol; `slow` also on the three-second streams."""
        rows: list[Json] = []
        for feed in self.feeds.values():
            listing = feed.listing
            mark_e8 = listing.mark_or_mid_e8()
            if not mark_e8 or feed.lower + "@markPrice" in feed.recorded_streams:
                continue
            row = mark_price(listing.symbol, mark_e8, listing.index_e8 or mark_e8, now_ms)
            rows.append(row)
            payload = orjson.dumps(row)
            self._hub.publish(feed.lower + "@markPrice@1s", payload)
            if slow:
                self._hub.publish(feed.lower + "@markPrice", payload)
        payload = orjson.dumps(rows)
        self._hub.publish("!markPrice@arr@1s", payload)
        if slow:
            self._hub.publish("!markPrice@arr", payload)

    def leave_to_recording(self, streams: frozenset[str]) -> None:
        """Send nothing of one's own on streams that a recording brings."""
        for feed in self.feeds.values():
            own = {stream for stream in streams if stream.startswith(feed.lower + "@")}
            if any("@markPrice" in stream for stream in own):
                own.add(feed.lower + "@markPrice")
            feed.recorded_streams = frozenset(own)

    def snapshot_id(self, symbol: str) -> int:
        """Give the id of a book snapshot; it lies inside the next message of every chain.

        Where a recording brings the depth messages, the id is the latest recorded one.
        """
        feed = self.feeds[symbol]
        if any(chain.name in feed.recorded_streams for chain in feed.chains):
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


def _same_print(first: Trade, other: Trade) -> bool:
    return (
        first.symbol is other.symbol
        and first.price_ticks == other.price_ticks
        and first.buyer_is_maker == other.buyer_is_maker
        and first.time_ms == other.time_ms
    )

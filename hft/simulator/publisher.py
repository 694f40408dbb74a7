"""Turns outcomes and book changes into stream messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from hft.simulator.candle_streams import CandleStreams
from hft.simulator.depth_streams import (
    FIRST_UPDATE_ID,
    QUIET_MAX_MS,
    Paces,
    SymbolFeed,
    UpdateIds,
    send_depth,
)
from hft.simulator.desk import Listing
from hft.simulator.exchange import Exchange
from hft.simulator.history import trades_kept
from hft.simulator.hub import Hub
from hft.simulator.market_messages import book_ticker_event, contract_info_event
from hft.simulator.messages import force_order
from hft.simulator.outcomes import ForcedOrder, Outcome, Trade
from hft.simulator.price_streams import PriceStreams
from hft.simulator.prints import Prints
from hft.simulator.ticker_streams import TickerStreams
from hft.simulator.user_events import user_event
from hft.simulator.user_streams import UserStreams
from hft.units import parse_e8

if TYPE_CHECKING:
    from hft.simulator.keeper import Keeper

FORCE_ORDER_INTERVAL_MS = 1_000
ALL_FORCED = "!forceOrder@arr"
CONTRACTS = "!contractInfo"


class Publisher:
    """Everything that leaves through streams.

    `recorded` says that trades come from a recording and not from here; `marking` whether mark
    prices are sent, for the symbols whose recording holds none.
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
        kept = trades_kept(len(exchange.listings))
        self.feeds = {
            name: SymbolFeed(listing, ids, kept) for name, listing in exchange.listings.items()
        }
        self._forcing: list[SymbolFeed] = []
        self._paces = Paces()
        self.prints = Prints(hub, self.feeds)
        self._candles = CandleStreams(hub, self.feeds)
        self._tickers = TickerStreams(hub, self.feeds)
        self._prices = PriceStreams(hub, self.feeds)
        self.keeper: Keeper | None = None
        self._kept: list[Outcome] = []

    def make_up_past(self, seed: int, now_ms: int) -> None:
        """Give every symbol a past that ends now; a recorded market has its own."""
        for feed in self.feeds.values():
            feed.history.make_up_past(feed.listing, seed, now_ms)

    def keep(self, now_ms: int, *, every: bool = False) -> None:
        """Write down what happened since the last call, before anybody hears of it."""
        if self.keeper is not None:
            outcomes = self._exchange.drain()
            self.keeper.note(outcomes, now_ms, every=every)
            self._kept += outcomes

    def flush(self, now_ms: int, event_ms: int) -> None:
        """Send what happened since the last flush: trades, books, then the users' events."""
        self._exchange.algos.on_prices(now_ms)
        outcomes = self._exchange.drain()
        if self.keeper is not None:
            self.keeper.note(outcomes, now_ms)
            outcomes = self._kept + outcomes
            self._kept = []
        trades = [outcome for outcome in outcomes if isinstance(outcome, Trade)]
        if trades and not self.recorded:
            self.prints.send(trades, event_ms)
        for listing in self._exchange.drain_moved():
            self._note_book(self.feeds[listing.symbol.name], now_ms, event_ms)
        for outcome in outcomes:
            if isinstance(outcome, ForcedOrder):
                self._keep_forced(outcome, now_ms)
            elif not isinstance(outcome, Trade) and self._users.followed(outcome.account_id):
                self._users.send(outcome.account_id, user_event(outcome, event_ms))

    def on_time(self, now_ms: int) -> None:
        """Send the depth messages, candles and forced orders that are due."""
        ended = self._paces.ended(now_ms)
        if ended:
            self._send_depth(ended, now_ms)
        for feed in [feed for feed in self._forcing if now_ms >= feed.forced_due_ms]:
            self._send_forced(feed, now_ms)
        self._candles.on_time(now_ms)

    def every_second(self, now_ms: int, *, slow: bool) -> None:
        """Send tickers, asset indexes and mark prices; `slow` also the three-second ones."""
        self._tickers.every_second(now_ms)
        self._prices.send_assets(now_ms)
        if self.marking:
            self._prices.send_marks(now_ms, slow=slow)

    def send_contract_info(
        self, listing: Listing, now_ms: int, *, status: str = "TRADING", brackets: bool = False
    ) -> None:
        """Say that the status of a contract has changed, or (`brackets`) its leverage tiers."""
        if self._hub.wanted(CONTRACTS):
            event = contract_info_event(listing.symbol, status, now_ms, brackets=brackets)
            self._hub.publish(CONTRACTS, orjson.dumps(event))

    def leave_to_recording(self, streams: frozenset[str]) -> None:
        """Send nothing of one's own on streams that a recording brings."""
        for feed in self.feeds.values():
            own = {stream for stream in streams if stream.startswith(feed.lower + "@")}
            if any("@markPrice" in stream for stream in own):
                own.add(feed.lower + "@markPrice")
            feed.recorded_streams = frozenset(own)

    def note_recorded(self, kind: str, data: Mapping[str, Any], now_ms: int) -> None:
        """Remember what a recorded message says, which the recording's player sends."""
        if kind in ("trade", "aggTrade"):
            self.prints.remember_recorded(kind, data, now_ms)
        elif kind == "markPriceUpdate" and data.get("r") and data.get("s") in self.feeds:
            self.feeds[data["s"]].listing.funding_rate_e8 = parse_e8(data["r"])

    def snapshot_id(self, symbol: str, now_ms: int) -> int:
        """Give the id of a book snapshot; it lies inside the next message of every chain.

        Where a recording brings the depth messages, the id is the latest recorded one.
        """
        feed = self.feeds[symbol]
        if any(chain.name in feed.recorded_streams for chain in feed.chains):
            return feed.update_id
        return feed.stamp(now_ms)

    def _send_depth(self, ended: set[int], now_ms: int) -> None:
        for feed in self.feeds.values():
            if now_ms - feed.stamp_ms >= QUIET_MAX_MS and not self.recorded:
                feed.stamp(now_ms)
            for chain in feed.chains:
                if chain.first_id and chain.interval_ms in ended:
                    send_depth(self._hub, feed, chain, now_ms)

    def _note_book(self, feed: SymbolFeed, now_ms: int, event_ms: int) -> None:
        book = feed.listing.book
        feed.stamp(now_ms)
        for chain in feed.chains:
            chain.changed |= book.changed
        book.changed = set()
        top = book.top()
        if top == feed.top or not (top[0] and top[2]):
            return
        feed.top = top
        feed.top_ms = now_ms
        stream = feed.ticker_stream
        if self._hub.wanted(stream) and stream not in feed.recorded_streams:
            event = book_ticker_event(feed.listing, feed.update_id, now_ms, event_ms)
            self._hub.publish(stream, orjson.dumps(event))

    def _keep_forced(self, outcome: ForcedOrder, now_ms: int) -> None:
        feed = self.feeds[outcome.symbol.name]
        if feed.forced is None:
            feed.forced_due_ms = now_ms + FORCE_ORDER_INTERVAL_MS
            self._forcing.append(feed)
        if feed.forced is None or outcome.lots > feed.forced.lots:
            feed.forced = outcome

    def _send_forced(self, feed: SymbolFeed, now_ms: int) -> None:
        assert feed.forced is not None
        stream = feed.lower + "@forceOrder"
        if self._hub.wanted(stream, ALL_FORCED):
            payload = orjson.dumps(force_order(feed.forced, now_ms))
            self._hub.publish(stream, payload)
            self._hub.publish(ALL_FORCED, payload)
        feed.forced = None
        self._forcing.remove(feed)

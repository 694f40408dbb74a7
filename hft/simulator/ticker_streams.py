"""Streams of the last 24 hours, and the bookTicker of all symbols, at the venue's pace."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import orjson

from hft.simulator.candle_messages import mini_ticker_event, ticker_event
from hft.simulator.depth_streams import SymbolFeed
from hft.simulator.history import Day
from hft.simulator.hub import Hub
from hft.simulator.market_messages import book_ticker_event
from hft.simulator.messages import Json
from hft.simulator.symbols import Symbol

SYMBOL_EVERY_S = 2
BOOKS_EVERY_S = 5
ALL_BOOKS = "!bookTicker"

Event = Callable[[Symbol, Day, int], Json]


class _Kind:
    """One sort of ticker, and how many prints each symbol had when its array was last sent."""

    def __init__(self, suffix: str, event: Event) -> None:
        self.suffix = suffix
        self.array = f"!{suffix}@arr"
        self.event = event
        self.told: dict[str, int] = {}


class TickerStreams:
    """A symbol's own ticker every two seconds; arrays every second, of what has changed."""

    def __init__(self, hub: Hub, feeds: Mapping[str, SymbolFeed]) -> None:
        self._hub = hub
        self._feeds = feeds
        self._kinds = (_Kind("ticker", ticker_event), _Kind("miniTicker", mini_ticker_event))

    def every_second(self, now_ms: int) -> None:
        """Send what is due in this second."""
        second = now_ms // 1_000
        for kind in self._kinds:
            if second % SYMBOL_EVERY_S == 0:
                self._send_each(kind, now_ms)
            if self._hub.wanted(kind.array):
                self._send_array(kind, now_ms)
        if second % BOOKS_EVERY_S == 0 and self._hub.wanted(ALL_BOOKS):
            self._send_books(now_ms)

    def _send_each(self, kind: _Kind, now_ms: int) -> None:
        for feed in self._feeds.values():
            stream = f"{feed.lower}@{kind.suffix}"
            day = feed.history.day(now_ms) if self._hub.wanted(stream) else None
            if day is not None:
                event = kind.event(feed.listing.symbol, day, now_ms)
                self._hub.publish(stream, orjson.dumps(event))

    def _send_array(self, kind: _Kind, now_ms: int) -> None:
        events = []
        for name, feed in self._feeds.items():
            prints = feed.history.prints
            day = feed.history.day(now_ms) if prints != kind.told.get(name) else None
            if day is not None:
                kind.told[name] = prints
                events.append(kind.event(feed.listing.symbol, day, now_ms))
        if events:
            self._hub.publish(kind.array, orjson.dumps(events))

    def _send_books(self, now_ms: int) -> None:
        for feed in self._feeds.values():
            if feed.top[0] and feed.top[2]:
                event = book_ticker_event(feed.listing, feed.update_id, feed.top_ms, now_ms)
                self._hub.publish(ALL_BOOKS, orjson.dumps(event))

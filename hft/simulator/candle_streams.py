"""Kline streams: every 250 ms while a candle changes, and once more when it has closed."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from hft.simulator.candle_messages import continuous_kline_event, kline_event
from hft.simulator.candles import Candle, flat
from hft.simulator.depth_streams import SymbolFeed
from hft.simulator.hub import Hub
from hft.simulator.intervals import INTERVALS, open_of

PACE_MS = 250
UNTOLD = -1


class _Line:
    """One symbol and interval: the candle that is told now, and what was told of it."""

    def __init__(self, feed: SymbolFeed, interval: str) -> None:
        self.feed = feed
        self.interval = interval
        self.plain = f"{feed.lower}@kline_{interval}"
        self.continuous = f"{feed.lower}_perpetual@continuousKline_{interval}"
        self.open_ms = 0
        self.prints = UNTOLD


class CandleStreams:
    """All kline streams of a venue.  A line nobody listens to forgets where it was."""

    def __init__(self, hub: Hub, feeds: Mapping[str, SymbolFeed]) -> None:
        self._hub = hub
        lines = [_Line(feed, name) for feed in feeds.values() for name in INTERVALS]
        self._by_stream = {line.plain: line for line in lines}
        self._by_stream |= {line.continuous: line for line in lines}
        self._followed: dict[_Line, None] = {}
        self._changes = 0
        self._due_ms = 0

    def on_time(self, now_ms: int) -> None:
        """Send what is due."""
        if now_ms < self._due_ms:
            return
        self._due_ms = now_ms - now_ms % PACE_MS + PACE_MS
        if self._changes != self._hub.changes:
            self._changes = self._hub.changes
            self._choose_lines()
        for line in self._followed:
            self._follow(line, now_ms)

    def _choose_lines(self) -> None:
        """Find the lines that are listened to: of very many, few are."""
        known = self._by_stream
        followed = {known[name]: None for name in self._hub.streams() if name in known}
        for line in self._followed:
            if line not in followed:
                line.open_ms = 0
        self._followed = followed

    def _follow(self, line: _Line, now_ms: int) -> None:
        candles = line.feed.history.candles
        open_ms = open_of(line.interval, now_ms)
        if open_ms != line.open_ms:
            closed = candles.candle(line.interval, line.open_ms) if line.open_ms else None
            if closed is not None:
                self._send(line, closed, now_ms, closed=True)
            line.open_ms = open_ms
            line.prints = UNTOLD
        if line.prints == line.feed.history.prints:
            return
        candle = candles.since(line.interval, open_ms)
        if candle is None:
            close = candles.close_before(open_ms)
            if close is None:
                return
            candle = flat(open_ms, close)
        line.prints = line.feed.history.prints
        self._send(line, candle, now_ms, closed=False)

    def _send(self, line: _Line, candle: Candle, now_ms: int, *, closed: bool) -> None:
        symbol, hub = line.feed.listing.symbol, self._hub
        if hub.wanted(line.plain):
            event = kline_event(symbol, line.interval, candle, now_ms, closed=closed)
            hub.publish(line.plain, orjson.dumps(event))
        if hub.wanted(line.continuous):
            event = continuous_kline_event(symbol, line.interval, candle, now_ms, closed=closed)
            hub.publish(line.continuous, orjson.dumps(event))

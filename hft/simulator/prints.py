"""Prints of the tape: what traded goes into the history and out on `trade` and `aggTrade`.

The live venue collects aggTrades for 100 ms.  Here the trades of one transaction at one price make
one aggregate, sent at once: whoever measures how fast a client answers a print needs it now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from hft.simulator.depth_streams import SymbolFeed
from hft.simulator.history import Aggregate
from hft.simulator.hub import Hub
from hft.simulator.market_messages import aggregate_event, trade_event
from hft.simulator.outcomes import Trade
from hft.units import parse_e8

ORDINARY = "MARKET"


class Prints:
    """Remembers trades and tells them to whoever listens."""

    def __init__(self, hub: Hub, feeds: Mapping[str, SymbolFeed]) -> None:
        self._hub = hub
        self._feeds = feeds

    def send(self, trades: Iterable[Trade], event_ms: int) -> None:
        """Tell trades of the venue's own, in order."""
        group: list[Trade] = []
        for trade in trades:
            feed = self._feeds[trade.symbol.name]
            feed.history.add(trade)
            if self._hub.wanted(feed.trade_stream):
                self._hub.publish(feed.trade_stream, orjson.dumps(trade_event(trade, event_ms)))
            if group and not _same_print(group[0], trade):
                self._send_group(group, event_ms)
                group = []
            group.append(trade)
        if group:
            self._send_group(group, event_ms)

    def remember_recorded(self, kind: str, data: Mapping[str, Any], now_ms: int) -> None:
        """Remember a recorded trade or aggregate, which somebody else sends, as of now.

        Prints of the insurance fund and of deleveraging are in no statistic.  Where a recording
        has no trades, its aggregates stand for them.
        """
        feed = self._feeds.get(str(data.get("s", "")))
        if feed is None:
            return
        symbol, history = feed.listing.symbol, feed.history
        ticks = parse_e8(data["p"]) // symbol.tick_e8
        lots = parse_e8(data["q"]) // symbol.lot_e8
        trades_told = feed.trade_stream in feed.recorded_streams
        if kind == "trade":
            if data.get("X", ORDINARY) == ORDINARY:
                history.add(Trade(symbol, data["t"], ticks, lots, data["m"], now_ms))
            return
        number = data.get("a", history.next_aggregate_id)
        history.next_aggregate_id = number + 1
        first, last = data.get("f", number), data.get("l", number)
        if not trades_told:
            history.add(Trade(symbol, last, ticks, lots, data["m"], now_ms))
        history.aggregates.append(
            Aggregate(number, ticks, lots, first, last, now_ms, bool(data["m"]))
        )

    def _send_group(self, group: list[Trade], event_ms: int) -> None:
        symbol = group[0].symbol
        feed = self._feeds[symbol.name]
        aggregate = feed.history.add_group(group)
        stream = feed.aggregate_stream
        if self._hub.wanted(stream):
            self._hub.publish(stream, orjson.dumps(aggregate_event(symbol, aggregate, event_ms)))


def _same_print(first: Trade, other: Trade) -> bool:
    return (
        first.symbol is other.symbol
        and first.price_ticks == other.price_ticks
        and first.buyer_is_maker == other.buyer_is_maker
        and first.time_ms == other.time_ms
    )

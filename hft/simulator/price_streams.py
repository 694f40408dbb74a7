"""Mark prices and asset indexes, once a second."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import orjson

from hft.simulator.depth_streams import SymbolFeed
from hft.simulator.hub import Hub
from hft.simulator.market_messages import asset_index_event, mark_price_event
from hft.simulator.messages import Json
from hft.units import E8

ALL_MARKS = "!markPrice@arr"
ALL_ASSETS = "!assetIndex@arr"
QUOTE_ASSET = "USDT"


def asset_indexes(feeds: Mapping[str, SymbolFeed]) -> Iterator[tuple[str, int]]:
    """Give the worth of each asset in dollars, in units of 1e-8: `BTCUSD` and the like."""
    yield f"{QUOTE_ASSET}USD", E8
    for feed in feeds.values():
        index_e8 = feed.listing.index_e8 or feed.listing.mark_or_mid_e8()
        if index_e8:
            yield f"{feed.listing.symbol.base}USD", index_e8


class PriceStreams:
    """Streams of what is priced and not traded."""

    def __init__(self, hub: Hub, feeds: Mapping[str, SymbolFeed]) -> None:
        self._hub = hub
        self._feeds = feeds

    def send_marks(self, now_ms: int, *, slow: bool) -> None:
        """Send the mark price of every symbol; `slow` also on the three-second streams.

        A symbol whose recording brings its own is only in the arrays.
        """
        hub = self._hub
        in_arrays = hub.wanted(ALL_MARKS, ALL_MARKS + "@1s")
        events: list[Json] = []
        for feed in self._feeds.values():
            stream = feed.lower + "@markPrice"
            listing = feed.listing
            mark_e8 = listing.mark_or_mid_e8()
            if not mark_e8 or not (in_arrays or hub.wanted(stream, stream + "@1s")):
                continue
            event = mark_price_event(listing, mark_e8, feed.history.mark_average_e8(), now_ms)
            events.append(event)
            if stream in feed.recorded_streams:
                continue
            payload = orjson.dumps(event)
            hub.publish(stream + "@1s", payload)
            if slow:
                hub.publish(stream, payload)
        if in_arrays and events:
            payload = orjson.dumps(events)
            hub.publish(ALL_MARKS + "@1s", payload)
            if slow:
                hub.publish(ALL_MARKS, payload)

    def send_assets(self, now_ms: int) -> None:
        """Send the asset indexes to whoever listens."""
        in_array = self._hub.wanted(ALL_ASSETS)
        events: list[Json] = []
        for name, index_e8 in asset_indexes(self._feeds):
            stream = name.lower() + "@assetIndex"
            if in_array or self._hub.wanted(stream):
                events.append(asset_index_event(name, index_e8, now_ms))
                self._hub.publish(stream, orjson.dumps(events[-1]))
        if in_array and events:
            self._hub.publish(ALL_ASSETS, orjson.dumps(events))

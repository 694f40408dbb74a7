"""A venue without sockets whose clock a test moves; subscribers are real, their frames decoded."""

from __future__ import annotations

from typing import Any

import orjson

from hft.simulator.clockwork import Clockwork
from hft.simulator.desk import Listing
from hft.simulator.matching import BUY, SELL
from hft.simulator.server import Connections
from hft.simulator.symbols import KNOWN
from hft.simulator.venue import Credentials, Venue
from hft.simulator.ws_streams import StreamClient

from .clocked import START_MS, _Asleep
from .wire import API_KEY, API_SECRET

TOUCH_TICKS = 600_000


class Lone:
    """One symbol, BTCUSDT unless told otherwise, with a quiet book around 60,000."""

    def __init__(self, *names: str, start_ms: int = START_MS, **options: Any) -> None:
        self.now_ms = start_ms
        self.venue = Venue(
            [KNOWN[name] for name in names or ("BTCUSDT",)],
            Credentials(API_KEY, API_SECRET),
            clock=lambda: self.now_ms,
            **options,
        )
        self.clockwork = Clockwork(self.venue, _Asleep(), Connections())
        for listing in self.venue.exchange.listings.values():
            listing.last_ticks = TOUCH_TICKS
            self.quote(listing)
        self._clients: list[StreamClient] = []
        self.clockwork.tick()

    @property
    def listing(self) -> Listing:
        return next(iter(self.venue.exchange.listings.values()))

    @property
    def history(self) -> Any:
        return self.venue.publisher.feeds[self.listing.symbol.name].history

    def quote(self, listing: Listing, lots: int = 1_000_000) -> None:
        for step in range(1, 4):
            for side in (BUY, SELL):
                at = (TOUCH_TICKS - side * step, lots)
                self.venue.exchange.house_order(listing, side, at, self.now_ms)
        self.flush()

    def trade(self, lots: int, side: int = BUY, listing: Listing | None = None) -> None:
        limit = TOUCH_TICKS + side * 3
        listing = listing or self.listing
        self.venue.exchange.house_take(listing, side, (limit, lots), self.now_ms)
        self.flush()

    def flush(self) -> None:
        self.venue.flush(self.now_ms)

    def pass_ms(self, duration_ms: int, step_ms: int = 10) -> None:
        """Let time pass, ticking as the venue does."""
        end_ms = self.now_ms + duration_ms
        while self.now_ms < end_ms:
            self.now_ms = min(end_ms, self.now_ms + step_ms)
            self.clockwork.tick()

    def listen(self, names: str, prefix: str = "") -> list[Any]:
        """Follow streams; gives the list that fills with what they say."""
        heard: list[Any] = []
        client = StreamClient(
            self.venue.hub,
            self.venue.users,
            lambda frame: heard.append(_decoded(frame)),
            prefix=prefix,
        )
        client.open(names, "", combined=False)
        self._clients.append(client)
        return heard

    def deafen(self) -> None:
        """Let everybody go who listens."""
        for client in self._clients:
            client.close()


def _decoded(frame: bytes) -> Any:
    head = {126: 4, 127: 10}.get(frame[1], 2)
    return orjson.loads(frame[head:])

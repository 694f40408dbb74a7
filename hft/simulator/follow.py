"""Follows a living venue's public streams, so that orders here fill against the real book.

Nothing is sent to that venue but the request for streams.  While a stream is away the books are
empty: nothing fills against a market that nobody sees.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence

from hft.clock import wall_ns
from hft.simulator.queues import queues_of
from hft.simulator.recorded_world import RecordedWorld
from hft.simulator.recording import Recorded, parse_line
from hft.simulator.venue import Venue
from hft.units import NS_PER_S
from hft.wire.connection import Backoff, Connection, ConnectionClosed, Dialler

ROUTES = {"public": ("bookTicker", "depth20@100ms"), "market": ("aggTrade", "markPrice@1s")}
"""Streams by the prefix that delivers them: the touch, what stands behind it, trades, marks."""

TICK_S = 0.001
SILENT_AFTER_NS = 60 * NS_PER_S
"""A route without a word for so long is dialled anew; a mark price comes every second."""


class FollowMarket:
    """Two connections to a living venue, and the books they fill; a `Market` of the clockwork."""

    def __init__(self, venue: Venue, ws_url: str, ca_file: str) -> None:
        self._venue = venue
        self._world = RecordedWorld(venue)
        self._routes = [
            _Route(_address(ws_url, route, list(venue.exchange.listings)), ca_file)
            for route in ROUTES
        ]
        self._url = ws_url
        self._messages = self._skipped = 0
        self.tick_s = TICK_S

    def advance(self, now_ns: int) -> None:
        """Dial what is down, take in what has come."""
        for route in self._routes:
            was_up = route.up
            lines = route.receive(now_ns)
            if was_up and not route.up:
                self._world.clear()
            for line in lines:
                self._take(line)

    def close(self) -> None:
        """Close the connections."""
        for route in self._routes:
            route.close()

    def describe(self) -> dict[str, object]:
        """Describe the state of the following, and where the users' open orders wait."""
        exchange = self._venue.exchange
        return {
            "kind": "follow",
            "of": self._url,
            "connected": all(route.up for route in self._routes),
            "problem": next((route.problem for route in self._routes if route.problem), ""),
            "finished": False,
            "recorded_time_ms": None,
            "events": self._messages,
            "skipped": self._skipped + self._world.nonsense,
            "queues": queues_of(exchange, exchange.listings.values()),
        }

    def _take(self, line: bytes) -> None:
        message = parse_line(b"%d %b" % (wall_ns(), line))
        if message is None:
            self._skipped += 1
            return
        self._messages += 1
        now_ms = self._venue.now_ms()
        if not self._world.apply(message, now_ms):
            return
        self._venue.publisher.note_recorded(message.kind, message.data, now_ms)
        if message.kind == "markPriceUpdate":
            self._learn_funding_time(message, now_ms)

    def _learn_funding_time(self, message: Recorded, now_ms: int) -> None:
        """Settle when the living venue does: some contracts every four hours, or every hour."""
        next_ms = message.data.get("T", 0)
        listing = self._venue.exchange.listings.get(message.symbol)
        if listing is not None and now_ms < next_ms < listing.next_funding_ms:
            listing.next_funding_ms = next_ms


class _Route:
    """One connection: being dialled, up, or waiting to be dialled again."""

    def __init__(self, url: str, ca_file: str) -> None:
        self._url = url
        self._ca_file = ca_file
        self._backoff = Backoff()
        self._retry_ns = self._heard_ns = 0
        self._dialler: Dialler | None = None
        self._connection: Connection | None = None
        self.problem = ""

    @property
    def up(self) -> bool:
        return self._connection is not None

    def receive(self, now_ns: int) -> list[bytes]:
        if self._connection is None:
            self._dial(now_ns)
            return []
        try:
            messages = self._connection.receive()
        except ConnectionClosed as problem:
            self._drop(now_ns, str(problem))
            return []
        if messages:
            self._heard_ns = now_ns
        elif now_ns - self._heard_ns > SILENT_AFTER_NS:
            self._drop(now_ns, "nothing came for a minute")
        return messages

    def _dial(self, now_ns: int) -> None:
        if self._dialler is None:
            if now_ns >= self._retry_ns:
                self._dialler = Dialler(self._url, lambda: None, self._ca_file)
                self._dialler.start()
            return
        result = self._dialler.result()
        if result is None:
            return
        self._dialler = None
        if isinstance(result, socket.socket):
            self._connection, self._heard_ns, self.problem = Connection(result), now_ns, ""
            self._backoff.reset()
        else:
            self._drop(now_ns, f"{type(result).__name__}: {result}")

    def _drop(self, now_ns: int, problem: str) -> None:
        self.problem = problem
        self.close()
        self._retry_ns = now_ns + int(self._backoff.next_s() * NS_PER_S)

    def close(self) -> None:
        if self._dialler is not None:
            self._dialler.abandon()
            self._dialler = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _address(ws_url: str, route: str, symbols: Sequence[str]) -> str:
    names = [f"{symbol.lower()}@{stream}" for symbol in symbols for stream in ROUTES[route]]
    return f"{ws_url.rstrip('/')}/{route}/stream?streams={'/'.join(names)}"

"""What a WebSocket connection leads to: streams, or the WebSocket API."""

from __future__ import annotations

from typing import Protocol

from hft.simulator.lifetimes import Pace
from hft.simulator.venue import Venue
from hft.simulator.ws_api import SessionDoor
from hft.simulator.ws_streams import StreamClient

STREAM_MESSAGES_MAX = 10
SESSION_PINGS_MAX = 5
STREAMS_MAX = 1024


class WebSocketDoor(Protocol):
    """What a WebSocket connection leads to."""

    must_echo: bool

    def answer(self, message: str) -> bytes:
        """Answer one text message."""

    def keeps_pace(self, now_ms: int, *, text: bool) -> bool:
        """Count a message, or a ping or pong; says whether the connection may go on."""

    def overfull(self) -> bool:
        """Say whether it asks for more than one connection may have."""

    def close(self) -> None:
        """Let go of what the connection held."""


class SessionSide:
    """The WebSocket API behind a connection."""

    must_echo = True

    def __init__(self, venue: Venue, query: str, address: str) -> None:
        """Open.

        Raises:
            Refusal: -1130, the query's `returnRateLimits` is no boolean.
        """
        self._venue = venue
        self._door = SessionDoor(venue, query=query, address=address)
        self._pace = Pace(SESSION_PINGS_MAX)
        venue.counts.session_connections += 1

    def answer(self, message: str) -> bytes:
        """Answer one request."""
        return self._door.answer(message)

    def keeps_pace(self, now_ms: int, *, text: bool) -> bool:
        """Count pings and pongs: requests are limited by their weight."""
        return text or self._pace.keeps(now_ms)

    def overfull(self) -> bool:
        """Say no: it has no streams."""
        return False

    def close(self) -> None:
        """Count the connection out."""
        self._venue.counts.session_connections -= 1


class StreamSide:
    """Streams behind a connection."""

    must_echo = False

    def __init__(self, venue: Venue, client: StreamClient) -> None:
        self._venue = venue
        self.client = client
        self._pace = Pace(STREAM_MESSAGES_MAX)
        venue.counts.stream_connections += 1

    def answer(self, message: str) -> bytes:
        """Answer one control message."""
        return self.client.answer(message)

    def keeps_pace(self, now_ms: int, *, text: bool) -> bool:
        """Count everything the client sends, whatever its kind."""
        return self._pace.keeps(now_ms)

    def overfull(self) -> bool:
        """Say whether it follows more streams than a connection may."""
        return self.client.stream_count > STREAMS_MAX

    def close(self) -> None:
        """Drop the subscriptions and count the connection out."""
        self.client.close()
        self._venue.counts.stream_connections -= 1

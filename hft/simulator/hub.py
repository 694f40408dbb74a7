"""Who listens to which stream.  A frame is encoded once and written to every subscriber.

Server frames are unmasked, so the same bytes serve all; a subscriber whose buffer grows past the
limit is cut off, as the live venue does with slow consumers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import orjson

SEND_BUFFER_MAX_BYTES = 16 << 20
PUBLIC_SUFFIXES = ("bookTicker", "depth", "rpiDepth", "trade")


class Subscriber(Protocol):
    """A connection that can be written whole frames."""

    combined: bool

    def write_frame(self, frame: bytes) -> None:
        """Write one encoded frame."""

    def end(self) -> None:
        """Close the connection once what was written has left."""


Sender = Callable[[Iterable[Subscriber], str, bytes], int]
"""Writes a payload of a stream to subscribers; gives to how many."""


def text_frame(payload: bytes) -> bytes:
    """Frame a text message of a server (RFC 6455: final, unmasked)."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def prefix_of(stream: str) -> str:
    """Name the route a market stream belongs to: `public` or `market`."""
    suffix = stream.rpartition("@")[2] if "@" in stream else stream[1:]
    if stream.startswith("!"):
        suffix = stream[1:]
    elif "@depth" in stream or "@rpiDepth" in stream:
        return "public"
    return "public" if suffix in PUBLIC_SUFFIXES else "market"


class Hub:
    """Subscriptions by stream name; publishing to nobody costs one look-up."""

    def __init__(self) -> None:
        self._by_stream: dict[str, dict[Subscriber, None]] = {}
        self.frames_sent = 0
        self.changes = 0
        """How often a stream got its first listener or lost its last one."""
        self.send_to: Sender = send_to

    def subscribe(self, stream: str, subscriber: Subscriber) -> None:
        """Start writing a stream to a subscriber."""
        subscribers = self._by_stream.get(stream)
        if subscribers is None:
            subscribers = self._by_stream[stream] = {}
            self.changes += 1
        subscribers[subscriber] = None

    def unsubscribe(self, stream: str, subscriber: Subscriber) -> None:
        """Stop writing a stream to a subscriber; unknown pairs are ignored."""
        subscribers = self._by_stream.get(stream)
        if subscribers is None:
            return
        subscribers.pop(subscriber, None)
        if not subscribers:
            del self._by_stream[stream]
            self.changes += 1

    def wanted(self, *streams: str) -> bool:
        """Say whether anybody listens to one of the streams."""
        return not self._by_stream.keys().isdisjoint(streams)

    def streams(self) -> Iterable[str]:
        """Name the streams somebody listens to."""
        return self._by_stream.keys()

    def has_market_listeners(self) -> bool:
        """Say whether anybody listens to market data at all."""
        return bool(self._by_stream)

    def publish(self, stream: str, payload: bytes) -> None:
        """Send one payload to everybody who listens to a stream."""
        subscribers = self._by_stream.get(stream)
        if subscribers:
            self.frames_sent += self.send_to(subscribers, stream, payload)


def send_to(subscribers: Iterable[Subscriber], stream: str, payload: bytes) -> int:
    """Write a payload to subscribers, plain or in the combined envelope; gives how many."""
    raw = combined = b""
    count = 0
    # A write may cut off a slow subscriber and so change the table: walk over a copy.
    for subscriber in list(subscribers):
        if subscriber.combined:
            combined = combined or text_frame(enveloped(stream, payload))
            subscriber.write_frame(combined)
        else:
            raw = raw or text_frame(payload)
            subscriber.write_frame(raw)
        count += 1
    return count


def enveloped(stream: str, payload: bytes) -> bytes:
    """Wrap a payload as combined connections get it."""
    return b'{"stream":' + orjson.dumps(stream) + b',"data":' + payload + b"}"

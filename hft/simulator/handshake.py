"""The WebSocket handshake: which upgrades are taken, and where they lead."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Protocol
from urllib.parse import unquote

from hft.simulator.refusals import Refusal
from hft.simulator.replies import Reply, error_reply
from hft.simulator.rest import RestDoor
from hft.simulator.sides import SessionSide, StreamSide, WebSocketDoor
from hft.simulator.venue import Venue
from hft.simulator.ws_streams import StreamClient

WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
VERSION = b"13"
KEY_BYTES = 16
PREFIXES = ("public", "market", "private")
SESSION_PATH = "/ws-fapi/v1"

Start = Callable[[], None]


class Link(Protocol):
    """The connection under a stream."""

    def write_frame(self, frame: bytes) -> None:
        """Write one frame."""

    def end(self) -> None:
        """Close it once what was written has left."""


class NoUpgrade(Exception):
    """The handshake is refused; carries the reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def accept_line(method: str, headers: Mapping[bytes, bytes]) -> bytes:
    """Check a handshake and give the bytes that accept it.

    Extensions and subprotocols that are offered are left unanswered, which declines them.

    Raises:
        NoUpgrade: 405, 426 or 400, it is not a handshake of RFC 6455.
    """
    if method != "GET":
        raise _refused(HTTPStatus.METHOD_NOT_ALLOWED, "A WebSocket begins with GET.")
    if headers.get(b"sec-websocket-version") != VERSION:
        raise NoUpgrade(
            error_reply(
                HTTPStatus.UPGRADE_REQUIRED,
                -1000,
                "Sec-WebSocket-Version must be 13.",
                (("Sec-WebSocket-Version", VERSION.decode()), ("Upgrade", "websocket")),
            )
        )
    key = headers.get(b"sec-websocket-key", b"")
    try:
        size = len(base64.b64decode(key, validate=True))
    except binascii.Error:
        size = 0
    if size != KEY_BYTES:
        raise _refused(HTTPStatus.BAD_REQUEST, "Sec-WebSocket-Key must be 16 bytes in base64.")
    accept = base64.b64encode(hashlib.sha1(key + WEBSOCKET_GUID).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def open_door(
    venue: Venue, rest: RestDoor, link: Link, target: tuple[str, str], address: str
) -> tuple[WebSocketDoor, Start]:
    """Find what a target, (path, query), leads to; the second result opens its first streams.

    Raises:
        NoUpgrade: 404, it leads nowhere; 400, its words are wrong; 429 or 418, too many came.
    """
    path, query = target
    session = path == SESSION_PATH
    words = _stream_words(unquote(path))
    if not session and words is None:
        raise NoUpgrade(error_reply(HTTPStatus.NOT_FOUND, -5000, "No such stream."))
    refused = rest.admit_socket(address, session=session)
    if refused is not None:
        raise NoUpgrade(refused)
    if words is None:
        try:
            return SessionSide(venue, query, address), _nothing
        except Refusal as wrong:
            raise NoUpgrade(error_reply(wrong.status, wrong.code, wrong.text)) from None
    prefix, mode, names = words
    client = StreamClient(venue.hub, venue.users, link.write_frame, prefix=prefix)
    client.end = link.end

    def start() -> None:
        client.open(names, query, combined=mode == "stream")

    return StreamSide(venue, client), start


def _stream_words(path: str) -> tuple[str, str, str] | None:
    """Take a path apart: its prefix if it has one, `ws` or `stream`, and names behind it."""
    first, _, rest = path.removeprefix("/").partition("/")
    prefix = first if first in PREFIXES else ""
    if prefix:
        first, _, rest = rest.partition("/")
    return (prefix, first, rest) if first in ("ws", "stream") else None


def _refused(status: HTTPStatus, text: str) -> NoUpgrade:
    return NoUpgrade(error_reply(status, -1000, text))


def _nothing() -> None:
    """Open no streams: the WebSocket API has none."""

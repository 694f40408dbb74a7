"""The bytes: HTTP/1.1 and WebSocket on one port, on raw transports.

httptools parses requests; wsproto frames what comes in after an upgrade; what goes out is framed
once by the hub.  Every request is answered in the call that completes it, so answers to pipelined
requests leave in order.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from typing import cast
from urllib.parse import unquote

import httptools
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Event, Ping, Pong, TextMessage
from wsproto.utilities import RemoteProtocolError

from hft.simulator.hub import SEND_BUFFER_MAX_BYTES, text_frame
from hft.simulator.lifetimes import GOING_AWAY, TOO_FAST, TOO_MANY_STREAMS, Lifetime
from hft.simulator.rest import Reply, Request, RestDoor, http_bytes
from hft.simulator.sides import SessionSide, StreamSide, WebSocketDoor
from hft.simulator.venue import Venue
from hft.simulator.ws_streams import StreamClient

WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BODY_MAX_BYTES = 1 << 20
CUT_GRACE_S = 1.0
PREFIXES = ("public", "market", "private")
SESSION_PATH = "/ws-fapi/v1"


class Connections(set["ClientProtocol"]):
    """Every open connection, for pings and for the end."""

    def waiting_bytes(self) -> int:
        """Give how much waits for the client that reads slowest."""
        return max((each.waiting_bytes() for each in self), default=0)


class ClientProtocol(asyncio.Protocol):
    """One client connection, HTTP until it upgrades."""

    def __init__(self, venue: Venue, everyone: Connections) -> None:
        self._venue = venue
        self._everyone = everyone
        self._rest = RestDoor(venue)
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._frames: Connection | None = None
        self._door: WebSocketDoor | None = None
        self._life: Lifetime | None = None
        self._address = ""
        self._text = ""
        self._reset()

    def _reset(self) -> None:
        self._url = b""
        self._body = b""
        self._headers: dict[bytes, bytes] = {}

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; TCP_NODELAY is the event loop's default."""
        # uvloop's transport has every method of asyncio.Transport without being its subclass.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=SEND_BUFFER_MAX_BYTES)
        self._address = str((transport.get_extra_info("peername") or ("",))[0])
        self._venue.counts.connections += 1
        self._everyone.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._venue.counts.connections -= 1
        self._everyone.discard(self)
        if self._door is not None:
            self._door.close()
            self._door = None
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Feed what came to the parser of the present protocol."""
        if self._frames is not None:
            self._receive_frames(data)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self.write_reply(Reply(400, b'{"code":-1000,"msg":"Malformed request."}'), close=True)

    # httptools callbacks

    def on_url(self, url: bytes) -> None:
        """Collect the request target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect one header."""
        self._headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        """Collect the body; one past the limit ends the connection."""
        self._body += body
        if len(self._body) > BODY_MAX_BYTES:
            self.write_reply(Reply(413, b'{"code":-1000,"msg":"Body too large."}'), close=True)
            self._reset()

    def on_message_complete(self) -> None:
        """Answer the request, unless it asks for an upgrade."""
        if self._parser.should_upgrade() or self._transport is None or not self._url:
            return
        path, _, query = self._url.partition(b"?")
        request = Request(
            method=self._parser.get_method().decode(),
            path=unquote(path.decode("latin-1")),
            query=query,
            body=self._body,
            api_key=self._headers.get(b"x-mbx-apikey", b"").decode("latin-1"),
            address=self._address,
        )
        self.respond(request, close=not self._parser.should_keep_alive())
        self._reset()

    def respond(self, request: Request, *, close: bool) -> None:
        """Answer one REST request."""
        self.write_reply(self.answer(request), close=close)

    def answer(self, request: Request) -> Reply:
        """Carry out one REST request."""
        return self._rest.answer(request)

    # WebSocket

    def _upgrade(self, early: bytes) -> None:
        key = self._headers.get(b"sec-websocket-key", b"")
        path, _, query = self._url.decode("latin-1").partition("?")
        refused = self._rest.admit_socket(self._address, session=path == SESSION_PATH)
        if refused is not None:
            self.write_reply(refused, close=True)
            return
        door = self._open_door(path, query) if key else None
        if door is None or self._transport is None:
            self.write_reply(Reply(404, b'{"code":-5000,"msg":"No such stream."}'), close=True)
            return
        accept = base64.b64encode(hashlib.sha1(key + WEBSOCKET_GUID).digest())
        self._frames = Connection(ConnectionType.SERVER)
        self._life = Lifetime(self._venue.sockets_ms(), must_echo=door[0].must_echo)
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        self._door = door[0]
        if door[1] is not None:
            client, names, combined = door[1]
            client.open(names, query, combined=combined)
            if self._is_overfull():
                return
        if early:
            self._receive_frames(early)

    def _open_door(
        self, path: str, query: str
    ) -> tuple[WebSocketDoor, tuple[StreamClient, str, bool] | None] | None:
        if path == SESSION_PATH:
            return SessionSide(self._venue, query, self._address), None
        words = unquote(path).lstrip("/").split("/", 1)
        prefix = ""
        if words[0] in PREFIXES:
            prefix = words[0]
            words = (words[1] if len(words) > 1 else "").split("/", 1)
        if words[0] not in ("ws", "stream"):
            return None
        names = words[1] if len(words) > 1 else ""
        client = StreamClient(self._venue.hub, self._venue.users, self.write_frame, prefix=prefix)
        client.end = self.end
        return StreamSide(self._venue, client), (client, names, words[0] == "stream")

    def _receive_frames(self, data: bytes) -> None:
        assert self._frames is not None
        try:
            self._frames.receive_data(data)
            for event in self._frames.events():
                if self._door is None or not self._keeps_pace(event):
                    if isinstance(event, CloseConnection):
                        self.end()
                    continue
                if isinstance(event, TextMessage):
                    self._receive_text(event)
                elif isinstance(event, Ping):
                    self._write(self._frames.send(event.response()))
                elif isinstance(event, Pong) and self._life is not None:
                    self._life.on_pong(bytes(event.payload))
                elif isinstance(event, CloseConnection):
                    self._write(self._frames.send(event.response()))
                    self.end()
                    return
        except RemoteProtocolError:
            self.end()

    def _receive_text(self, event: TextMessage) -> None:
        self._text += event.data
        if len(self._text) > BODY_MAX_BYTES:
            self.end()
        if not event.message_finished:
            return
        message, self._text = self._text, ""
        if self._door is None:
            return
        self.respond_text(self._door, message)

    def respond_text(self, door: WebSocketDoor, message: str) -> None:
        """Answer one text message, unless it asks for more than a connection may have."""
        payload = door.answer(message)
        if not self._is_overfull():
            self.write_text(payload)
        self._venue.flush(self._venue.now_ms())

    def write_text(self, payload: bytes) -> None:
        """Write one text message."""
        self.write_frame(text_frame(payload))

    def write_frame(self, frame: bytes) -> None:
        """Write one frame; a client that does not read is cut off."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > SEND_BUFFER_MAX_BYTES:
            self._venue.counts.cut_off += 1
            transport.abort()
            return
        transport.write(frame)

    def waiting_bytes(self) -> int:
        """Give how much was written and has not left."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    def _keeps_pace(self, event: Event) -> bool:
        """Cut off a client that says too much in a second; unfinished messages do not count."""
        if isinstance(event, TextMessage):
            counts = event.message_finished
        else:
            counts = isinstance(event, Ping | Pong)
        venue = self._venue
        if not counts or self._door is None or not venue.limits.enforced:
            return True
        if self._door.keeps_pace(venue.sockets_ms(), text=isinstance(event, TextMessage)):
            return True
        venue.counts.throttled += 1
        venue.limits.strike_streams(self._address, venue.now_ms())
        self._cut(TOO_FAST)
        return False

    def _is_overfull(self) -> bool:
        """Cut off a connection that follows too many streams; says whether it did."""
        if self._door is None or not self._venue.limits.enforced or not self._door.overfull():
            return False
        self._cut(TOO_MANY_STREAMS)
        return True

    def look_after(self, now_ms: int) -> None:
        """Ping a WebSocket, or end one whose time is over."""
        if self._life is None:
            return
        ending = self._life.ending(now_ms)
        if ending:
            self._cut(ending)
            return
        ping = self._life.ping(now_ms)
        if ping:
            self.write_frame(ping)

    def go_away(self) -> None:
        """Close politely: the venue is shutting down."""
        if self._frames is not None:
            self._write(GOING_AWAY)
        self.end()

    def _cut(self, close_frame: bytes) -> None:
        """Say why, and listen until the client has heard: closing at once might lose the word."""
        self._write(close_frame)
        if self._door is not None:
            self._door.close()
        self._door = self._life = None
        asyncio.get_running_loop().call_later(CUT_GRACE_S, self.end)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def end(self) -> None:
        """Close the connection once what was written has left."""
        if self._transport is not None:
            self._transport.close()

    def write_reply(self, reply: Reply, *, close: bool) -> None:
        """Write one REST reply, and end the connection where it is the last."""
        self._write(http_bytes(reply, close=close))
        if close:
            self.end()

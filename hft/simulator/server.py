"""The bytes: HTTP/1.1 and WebSocket on one port, on raw transports.

`http_reader` takes requests apart and `frames` what comes after an upgrade; what goes out is framed
once by the hub.  Every request is answered in the call that completes it, so answers to pipelined
requests leave in order.
"""

from __future__ import annotations

import asyncio
from typing import cast
from urllib.parse import unquote

from hft.clock import monotonic_ns
from hft.simulator.doorstep import LINGERING_MAX, Connections
from hft.simulator.handshake import NoUpgrade, accept_line, open_door
from hft.simulator.http_reader import BadRequest, HttpReader
from hft.simulator.hub import SEND_BUFFER_MAX_BYTES, text_frame
from hft.simulator.refusals import refusal
from hft.simulator.replies import Reply, Request, error_reply, http_bytes
from hft.simulator.rest import RestDoor
from hft.simulator.sides import WebSocketDoor
from hft.simulator.socket_side import SocketSide
from hft.simulator.venue import Venue

__all__ = ["ClientProtocol", "Connections"]

CUT_GRACE_S = 1.0
HELD_MAX_BYTES = 1 << 18
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class ClientProtocol(asyncio.Protocol):
    """One client connection, HTTP until it upgrades."""

    def __init__(self, venue: Venue, everyone: Connections) -> None:
        self._venue = venue
        self._everyone = everyone
        self._rest = RestDoor(venue)
        self._transport: asyncio.Transport | None = None
        self._http = HttpReader(self._take_request, self._go_on)
        self._socket: SocketSide | None = None
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._receiving = False
        self._deaf = False
        self._lingers = False
        self._began = False
        self._heard_ns = 0
        self.address = ""

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, unless there are too many; TCP_NODELAY is the loop's default."""
        # uvloop's transport has every method of asyncio.Transport without being its subclass.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=SEND_BUFFER_MAX_BYTES)
        self.address = str((transport.get_extra_info("peername") or ("",))[0])
        self._heard_ns = monotonic_ns()
        if len(self._everyone) >= self._everyone.most:
            self._venue.counts.turned_away += 1
            crowded = refusal(-1008)
            text = f"At most {self._everyone.most} connections may be open. {crowded.text}"
            self._turn_away(error_reply(crowded.status, crowded.code, text))
            return
        self._venue.counts.connections += 1
        self._everyone.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self in self._everyone:
            self._venue.counts.connections -= 1
            self._everyone.discard(self)
        if self._lingers:
            self._everyone.lingering -= 1
        if self._socket is not None:
            self._socket.close()
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Feed what came to the reader of the present protocol, and send what it caused."""
        if self._deaf:
            return
        self._receiving = True
        if self._socket is not None:
            self._socket.receive(data)
        else:
            self._receive_http(data)
        self._receiving = False
        self.send_held()

    # HTTP

    def _receive_http(self, data: bytes) -> None:
        http = self._http
        if not http.reading and self._began:
            self._heard_ns = monotonic_ns()
        try:
            rest = http.feed(data)
            if http.wants_socket:
                self._upgrade(rest)
        except BadRequest as wrong:
            self._turn_away(error_reply(wrong.status, -1000, wrong.text))

    def _take_request(self) -> None:
        """Answer the request that is whole, unless an earlier one was the last."""
        if self._deaf:
            return
        http = self._http
        path, query = _split(http.target)
        request = Request(
            method=http.method,
            path=unquote(path) if "%" in path else path,
            query=query,
            body=http.body,
            api_key=http.headers.get(b"x-mbx-apikey", b"").decode("latin-1"),
            address=self.address,
        )
        self._began = True
        close = not http.keeps_alive
        self.respond(request, close=close)
        self._deaf = self._deaf or close

    def respond(self, request: Request, *, close: bool) -> None:
        """Answer one REST request."""
        self.write_reply(self.answer(request), close=close)

    def answer(self, request: Request) -> Reply:
        """Carry out one REST request."""
        return self._rest.answer(request)

    def write_reply(self, reply: Reply, *, close: bool) -> None:
        """Write one REST reply, and end the connection where it is the last."""
        self._write(http_bytes(reply, close=close, head_only=self._http.method == "HEAD"))
        if close:
            self.end()

    def _go_on(self) -> None:
        """Tell a client that waits for it to send its body."""
        self._write(CONTINUE)
        self.send_held()

    def _turn_away(self, reply: Reply) -> None:
        """Refuse and close; a client that is still sending is listened to until it has heard."""
        self._write(http_bytes(reply, close=True))
        self._deaf = True
        transport, everyone = self._transport, self._everyone
        if transport is None or everyone.lingering >= LINGERING_MAX:
            self.end()
            return
        everyone.lingering += 1
        self._lingers = True
        self.send_held()
        if transport.can_write_eof() and not transport.is_closing():
            transport.write_eof()
        asyncio.get_running_loop().call_later(everyone.patience.linger_s, self.end)

    # WebSocket

    def _upgrade(self, early: bytes) -> None:
        http = self._http
        path, query = _split(http.target)
        try:
            accept = accept_line(http.method, http.headers)
            target = (path, query.decode("latin-1"))
            door, start = open_door(self._venue, self._rest, self, target, self.address)
        except NoUpgrade as refused:
            self._turn_away(refused.reply)
            return
        self._write(accept)
        self._socket = SocketSide(self._venue, self, door)
        start()
        if not self._socket.is_overfull() and early:
            self._socket.receive(early)

    def respond_text(self, door: WebSocketDoor, message: str) -> None:
        """Answer one text message, unless it asks for more than a connection may have."""
        payload = door.answer(message)
        if self._socket is None or not self._socket.is_overfull():
            self.write_text(payload)
        self._venue.flush(self._venue.now_ms())

    def write_text(self, payload: bytes) -> None:
        """Write one text message."""
        self._write(text_frame(payload))

    def write_frame(self, frame: bytes) -> None:
        """Write one frame."""
        self._write(frame)

    def look_after(self, now_ms: int) -> None:
        """Ping a WebSocket, or end a connection whose time is over."""
        if self._socket is not None:
            self._socket.look_after(now_ms)
            return
        owes = self._http.reading or not self._began
        if self._everyone.patience.is_over(monotonic_ns() - self._heard_ns, reading=owes):
            self.end()

    # Sending and ending.

    def _write(self, data: bytes) -> None:
        """Hold bytes until they are sent with what else is under way."""
        held = self._held
        if not held and not self._receiving:
            self._everyone.send_soon(self)
        held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes > HELD_MAX_BYTES:
            self.send_held()

    def send_held(self) -> None:
        """Send what is held; a client that does not read is cut off."""
        held, transport = self._held, self._transport
        if not held:
            return
        data = held[0] if len(held) == 1 else b"".join(held)
        held.clear()
        self._held_bytes = 0
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > SEND_BUFFER_MAX_BYTES:
            self._venue.counts.cut_off += 1
            transport.abort()
            return
        transport.write(data)

    def waiting_bytes(self) -> int:
        """Give how much was written and has not left."""
        transport = self._transport
        return transport.get_write_buffer_size() if transport is not None else 0

    def go_away(self) -> None:
        """Close politely: the venue is shutting down."""
        if self._socket is not None:
            self._socket.go_away()
        self.end()

    def end_later(self) -> None:
        """Close soon, whether the client has heard why or not."""
        asyncio.get_running_loop().call_later(CUT_GRACE_S, self.end)

    def end(self) -> None:
        """Close the connection once what was written has left."""
        self.send_held()
        if self._transport is not None:
            self._transport.close()


def _split(target: bytes) -> tuple[str, bytes]:
    """Give path and query of a request target; an absolute one loses its host."""
    path, _, query = target.partition(b"#")[0].partition(b"?")
    if not path.startswith(b"/"):
        _, found, behind = path.partition(b"://")
        path = b"/" + behind.partition(b"/")[2] if found else path
    return path.decode("latin-1"), query

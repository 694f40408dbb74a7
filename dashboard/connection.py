"""One connection to the page: how long it may dawdle, and how much may wait for it.

What waits for a reader is bounded twice: by the kernel's send buffer (`SEND_BUFFER_BYTES`) and by
the server's own high-water mark above it.  Both are of fixed size, and whoever takes nothing for
`STUCK_S` is cut off, so a frozen browser costs a known amount of memory for a known time.

What a stranger sends before anybody has looked at it is bounded, too: the parser would collect the
lines of a head, or of the trailer behind a body, for as long as they come.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS_WAIT_S = 10.0
STUCK_S = 30.0
SEND_BUFFER_BYTES = 128 * 1024
"""The kernel doubles it for its own bookkeeping."""
CONNECTIONS_MAX = 256
HEAD_BYTES_MAX = 64 * 1024
"""Of one request, all that is not its body; it is looked at once a read."""


class Connection(HttpToolsProtocol):
    """An HTTP connection that is cut when what is due does not come or its answer is not taken."""

    stuck_s: ClassVar[float] = STUCK_S
    headers_wait_s: ClassVar[float] = HEADERS_WAIT_S

    # One for what must come and one for what must be taken: neither may end the other.
    _due: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None
    _waiting = 0
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection unless there are too many, and wait a while for its first headers."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX:
            transport.abort()
            return
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Read on, unless it is a head or a trailer without an end."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > HEAD_BYTES_MAX:
            self.transport.abort()

    def on_message_begin(self) -> None:
        """Give the headers of each further request as long as those of the first."""
        super().on_message_begin()
        self._head_bytes = 0
        if self._due is None:
            self._expect()

    def on_headers_complete(self) -> None:
        """Stop waiting for headers."""
        self._has_come()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body; how much of it may wait is the server's and the guard's word."""
        self._head_bytes -= len(body)
        super().on_body(body)

    def on_response_complete(self) -> None:
        """Wait a while for the rest of a body that was answered before it had come."""
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body and self._due is None:
            self._expect()

    def on_message_complete(self) -> None:
        """Stop waiting for the rest of a body."""
        self._has_come()
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Begin to look whether the reader takes anything at all."""
        super().pause_writing()
        self._waiting = self.transport.get_write_buffer_size()
        self._look_later()

    def resume_writing(self) -> None:
        """Stop looking: the reader has taken enough."""
        super().resume_writing()
        self._look_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._has_come()
        self._look_no_more()

    def _expect(self) -> None:
        self._due = self.loop.call_later(self.headers_wait_s, self.transport.abort)

    def _has_come(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _look(self) -> None:
        waiting = self.transport.get_write_buffer_size()
        if waiting >= self._waiting:
            self.transport.abort()
            return
        self._waiting = waiting
        self._look_later()

    def _look_later(self) -> None:
        self._look_no_more()
        self._stuck = self.loop.call_later(self.stuck_s, self._look)

    def _look_no_more(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

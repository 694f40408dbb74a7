"""One connection to the page: how long it may dawdle, and how much may wait for it.

What waits for a reader is bounded twice: by the kernel's send buffer (`SEND_BUFFER_BYTES`) and by
the server's own high-water mark above it.  Both are of fixed size, and whoever takes nothing for
`STUCK_S` is cut off, so a frozen browser costs a known amount of memory for a known time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS_WAIT_S = 10.0
STUCK_S = 30.0
SEND_BUFFER_BYTES = 128 * 1024
"""The kernel doubles it for its own bookkeeping."""
CONNECTIONS_MAX = 256


class Connection(HttpToolsProtocol):
    """An HTTP connection that is cut when its headers do not come or its answer is not taken."""

    stuck_s: ClassVar[float] = STUCK_S
    headers_wait_s: ClassVar[float] = HEADERS_WAIT_S

    _watchdog: asyncio.TimerHandle | None = None
    _waiting = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection unless there are too many, and wait a while for its first headers."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX:
            transport.abort()
            return
        self._watch(self.headers_wait_s, transport.abort)

    def on_message_begin(self) -> None:
        """Give the headers of each further request as long as those of the first."""
        super().on_message_begin()
        if self._watchdog is None:
            self._watch(self.headers_wait_s, self.transport.abort)

    def on_headers_complete(self) -> None:
        """Stop waiting for headers."""
        self._rest()
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """Begin to look whether the reader takes anything at all."""
        super().pause_writing()
        self._rest()
        self._waiting = self.transport.get_write_buffer_size()
        self._watch(self.stuck_s, self._look)

    def resume_writing(self) -> None:
        """Stop looking: the reader has taken enough."""
        super().resume_writing()
        self._rest()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._rest()

    def _look(self) -> None:
        waiting = self.transport.get_write_buffer_size()
        if waiting >= self._waiting:
            self.transport.abort()
            return
        self._waiting = waiting
        self._watch(self.stuck_s, self._look)

    def _watch(self, seconds: float, then: Callable[[], None]) -> None:
        self._watchdog = self.loop.call_later(seconds, then)

    def _rest(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None

"""One watcher of the pulse: a response that goes on until its reader leaves.

A watcher waits only for its own connection.  While that takes nothing, its next piece is not even
made: what waits for a slow reader is one connection's buffer (`dashboard.connection`), never a
queue, and what it missed is made up for when it reads again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from dashboard.refusal import Refusal
from dashboard.stream import RETRY_MS, Pulse

WATCHERS_MAX = 64
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class EventStream(Response):
    """What `/docs` says a stream is."""

    media_type = "text/event-stream"


class Watching(EventStream):
    """Server-sent events: the whole state first, or what was missed since `last_event_id`.

    `may_look` is asked with every beat: a session that ends takes its streams with it.
    """

    def __init__(
        self, pulse: Pulse, last_event_id: str = "", may_look: Callable[[], bool] = lambda: True
    ) -> None:
        super().__init__(headers=_HEADERS)
        # A stream has no length; the server would hold us to it.
        del self.headers["content-length"]
        self._pulse = pulse
        self._last_event_id = last_event_id
        self._may_look = may_look

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the reader has left, may look no more, or the pulse is closed."""
        pulse = self._pulse
        if pulse.watchers >= WATCHERS_MAX:
            full = f"{WATCHERS_MAX} pages are open already: close one."
            await Refusal(503, "TOO_MANY_WATCHERS", full).response()(scope, receive, send)
            return
        pulse.watchers += 1
        left = asyncio.create_task(_until_left(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            first, number, line = self._first(), pulse.number, pulse.line
            await send(_piece(b"retry: %d\n\n%b" % (RETRY_MS, first)))
            while True:
                await pulse.next_beat()
                if left.done() or pulse.closed or not self._may_look():
                    break
                if number != pulse.number:
                    missed, number, line = pulse.since(number, line), pulse.number, pulse.line
                    await send(_piece(missed))
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            pulse.watchers -= 1
            left.cancel()

    def _first(self) -> bytes:
        number = self._pulse.resumes(self._last_event_id)
        return self._pulse.whole() if number is None else self._pulse.since(number, 0)


async def _until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _piece(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": True}

"""The pulse of the page: one look at the house twice a second, shared by everyone who watches.

However many pages are open, the segment is read once per beat; a page that reads slowly misses
beats and never delays another.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import orjson

from dashboard.history import PnlHistory, Rate
from dashboard.view import View
from hft.clock import monotonic_ns, wall_ms

BEAT_S = 0.5
WATCHERS_MAX = 32
RETRY_MS = 500


class Pulse:
    """Beats while the page is served, samples what must be remembered, and wakes the watchers."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.history = PnlHistory()
        self.watchers = 0
        self._rate = Rate()
        self._beat = 0
        self._payload = b""
        self._next = asyncio.Event()
        self.closing = asyncio.Event()
        """Set once, when the streams must end."""

    @property
    def closed(self) -> bool:
        """Whether the streams have been told to end."""
        return self.closing.is_set()

    @property
    def ticks_per_second(self) -> float:
        """Market events per second over the last few seconds."""
        return self._rate.per_s()

    async def run(self) -> None:
        """Beat until closed."""
        while not self.closed:
            self.beat()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.closing.wait(), BEAT_S)

    def beat(self) -> None:
        """Look once, remember, and hand the look to whoever watches."""
        self._rate.add(monotonic_ns(), self.view.reader.market_events())
        self.view.watch.sample(monotonic_ns())
        pnl = self.view.pnl_now()
        if pnl is not None:
            self.history.add(wall_ms(), *pnl)
        self._beat += 1
        if self.watchers:
            self._payload = status_event(self._beat, self.view, self.ticks_per_second)
        self._wake()

    def close(self) -> None:
        """End every stream, so that the server can stop at once."""
        self.closing.set()
        self._wake()

    def _wake(self) -> None:
        self._next.set()
        self._next = asyncio.Event()

    async def watch(self) -> AsyncIterator[bytes]:
        """Yield server-sent events: one at once, then one per beat, until closed."""
        self.watchers += 1
        try:
            yield f"retry: {RETRY_MS}\n\n".encode()
            yield status_event(self._beat, self.view, self.ticks_per_second)
            while not self.closed:
                beat = self._next
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(beat.wait(), 4 * BEAT_S)
                if beat.is_set() and not self.closed:
                    yield self._payload
        finally:
            self.watchers -= 1


def status_event(beat: int, view: View, ticks_per_second: float) -> bytes:
    """Write one status as a server-sent event."""
    return b"id: %d\nevent: status\ndata: %b\n\n" % (
        beat,
        orjson.dumps(view.status(ticks_per_second)),
    )

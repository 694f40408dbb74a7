"""The user data stream: its listen key, its connection, and its events in order."""

from __future__ import annotations

from typing import Any

import msgspec

from hft.agent.contract import Context
from hft.binance import endpoints
from hft.binance.rest import Rest, VenueError
from hft.binance.user_events import LISTEN_KEY_EXPIRED, UserEvent, decode_event
from hft.execution.errands import Errands
from hft.execution.link import Link
from hft.units import NS_PER_S

KEEP_KEY_EVERY_NS = 20 * 60 * NS_PER_S


class UserStream:
    """Keeps the stream up.  After every time it came up, what was missed must be asked for."""

    def __init__(self, ctx: Context, ws_url: str, ca_file: str, errands: Errands) -> None:
        self._link = Link(ctx, "user stream", ca_file)
        self._log = ctx.log
        self._ws_url = ws_url
        self._errands = errands
        self._kept_ns = 0
        self.came_up = 0
        self.failure: Exception | None = None

    @property
    def up(self) -> bool:
        """Say whether it is connected."""
        return self._link.up

    @property
    def problem(self) -> str:
        """Why the last attempt or connection ended."""
        return self._link.problem

    def tick(self, now_ns: int) -> None:
        """Keep it connected and its key alive."""
        if self._link.may_dial(now_ns):
            self._errands.ask("listen key", Rest.listen_key, self._on_key)
        if self._link.poll(now_ns):
            self.came_up += 1
            self._kept_ns = now_ns
        if self.up and now_ns - self._kept_ns > KEEP_KEY_EVERY_NS:
            self._kept_ns = now_ns
            self._errands.ask("keep listen key", Rest.keep_listen_key, self._on_kept)

    def receive(self, now_ns: int) -> list[UserEvent]:
        """Read the events that are there, in order."""
        events = []
        for message in self._link.receive(now_ns):
            try:
                event = decode_event(message)
            except msgspec.DecodeError as problem:
                self._log.error(f"user stream: an event that cannot be read: {problem}")
                continue
            if event.e == LISTEN_KEY_EXPIRED:
                self.drop(now_ns, "the listen key has expired")
                break
            events.append(event)
        return events

    def drop(self, now_ns: int, why: str) -> None:
        """End the connection; a new key and a new connection follow."""
        self._link.drop(now_ns, why)

    def close(self) -> None:
        """Close it for good."""
        self._link.close()

    def _on_key(self, result: Any, now_ns: int) -> None:
        if isinstance(result, Exception):
            self.failure = result
            self._link.drop(now_ns, f"no listen key: {result}")
        elif self._link.may_dial(now_ns):
            self._link.dial(endpoints.user_stream_url(self._ws_url, result))

    def _on_kept(self, result: Any, now_ns: int) -> None:
        if isinstance(result, VenueError) and result.code == endpoints.LISTEN_KEY_UNKNOWN:
            self.drop(now_ns, "the venue forgot the listen key")
        elif isinstance(result, Exception):
            self._log.warning(f"the listen key was not prolonged: {result}")

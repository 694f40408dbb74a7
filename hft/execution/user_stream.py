"""The user data stream: its listen key, its connections, and its events in order, each once."""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

from hft.agent.contract import Context
from hft.binance import endpoints
from hft.binance.rest import Rest, VenueError
from hft.binance.user_events import LISTEN_KEY_EXPIRED, NOTHING, UserEvent, decode_event
from hft.events import Notice
from hft.execution.ear import Ear
from hft.execution.errands import Errands
from hft.execution.stream_address import StreamAddress
from hft.execution.times import Times
from hft.units import NS_PER_S

REMEMBERED_EVENTS = 1024
ROTATE_AGAIN_NS = 60 * NS_PER_S


class UserStream:
    """Keeps the stream up.  After every time it came up, what was missed must be asked for.

    Before the venue ends a connection for its age a second one is opened beside it.  Both are heard
    for a while, so that nothing falls between them; then the old one is closed.
    """

    def __init__(
        self,
        ctx: Context,
        ws_url: str,
        ca_file: str,
        errands: Errands,
        times: Times,
    ) -> None:
        self._ctx = ctx
        self._log = ctx.log
        self._ca_file = ca_file
        self._errands = errands
        self._times = times
        self.address = StreamAddress(ctx.log, ws_url)
        self._ear = Ear(ctx, "user stream", ca_file)
        self._next: Ear | None = None
        self._keep_due_ns = self._rotate_due_ns = 0
        self._told = _Told()
        self.came_up = 0
        self.failure: Exception | None = None

    @property
    def up(self) -> bool:
        """Say whether it is connected."""
        return self._ear.up

    @property
    def problem(self) -> str:
        """Why the last attempt or connection ended."""
        return self._ear.link.problem

    def tick(self, now_ns: int) -> None:
        """Keep it connected, its key alive, and its connection young."""
        ear = self._ear
        if ear.link.may_dial(now_ns):
            self._errands.ask("listen key", Rest.listen_key, self._on_key)
        dialling = ear.link.dialling
        if ear.poll(now_ns):
            self.came_up += 1
            self._keep_due_ns = now_ns + self._times.keep_key_ns
            self._rotate_due_ns = now_ns + self._times.rotate_ns
        elif dialling and not ear.link.dialling and ear.was_turned_away():
            self.address.failed("is refused")
        if not ear.up:
            return
        if now_ns >= self._keep_due_ns:
            self._keep_due_ns = now_ns + self._times.keep_key_again_ns
            self._errands.ask("keep listen key", Rest.keep_listen_key, self._on_kept)
        if ear.silent_for_ns(now_ns) > self._times.silent_ns:
            self.drop(now_ns, "not a byte came for too long, not even of a ping")
        else:
            self._rotate(now_ns)

    def receive(self, now_ns: int) -> list[UserEvent]:
        """Read the events that are there, in order; what both connections tell is given once."""
        events: list[UserEvent] = []
        for ear in (self._ear, self._next):
            for message in ear.receive(now_ns) if ear is not None else ():
                event = self._read(message)
                if event is None or self._told.before(event, message):
                    continue
                if event.e == LISTEN_KEY_EXPIRED:
                    self._key_died(now_ns, "the listen key has expired")
                    return events
                self.address.delivered()
                events.append(event)
        if self._next is not None and not self._ear.up:
            self._succeed(now_ns)
        return events

    def drop(self, now_ns: int, why: str) -> None:
        """End the connection; a key and a new connection follow."""
        self._forget_next()
        self._ear.link.drop(now_ns, why)

    def drop_mute(self, now_ns: int, why: str) -> None:
        """End the connection because the venue did something and it did not tell."""
        self._log.warning(f"the user stream is mute: {why}", Notice.STREAM_MUTE)
        self.address.failed("stayed mute")
        self.drop(now_ns, why)

    def close(self) -> None:
        """Close it for good."""
        self._forget_next()
        self._ear.link.close()

    # The key.

    def _on_key(self, result: Any, now_ns: int) -> None:
        if isinstance(result, Exception):
            self.failure = result
            self._ear.link.drop(now_ns, f"no listen key: {result}")
        elif self._ear.link.may_dial(now_ns):
            self._ear.dial(result, self.address.url(result))

    def _on_kept(self, result: Any, now_ns: int) -> None:
        if isinstance(result, VenueError) and result.code == endpoints.LISTEN_KEY_UNKNOWN:
            self._key_died(now_ns, "the venue forgot the listen key")
        elif isinstance(result, Exception):
            self._log.warning(f"the listen key was not prolonged: {result}")
        else:
            self._keep_due_ns = now_ns + self._times.keep_key_ns

    def _key_died(self, now_ns: int, why: str) -> None:
        # Whoever follows a dead key hears nothing more: there is nothing to overlap with.
        self._log.warning(f"{why}: a new key and a new connection", Notice.STREAM_ROTATED)
        self.drop(now_ns, why)

    def _read(self, message: bytes) -> UserEvent | None:
        try:
            return decode_event(message)
        except msgspec.DecodeError as problem:
            self._log.error(f"user stream: an event that cannot be read: {problem}")
            return None

    # One connection after the other.

    def _rotate(self, now_ns: int) -> None:
        if self._next is None:
            if now_ns >= self._rotate_due_ns:
                self._rotate_due_ns = now_ns + ROTATE_AGAIN_NS
                self._errands.ask("next listen key", Rest.listen_key, self._on_next_key)
            return
        if self._next.poll(now_ns):
            self._ear.heard = 0
        if self._next.up:
            if now_ns - self._next.up_ns > self._times.overlap_ns:
                self._end_overlap(now_ns)
        elif not self._next.link.dialling:
            if self._next.was_turned_away():
                self.address.failed("is refused")
            self._put_off(self._next.link.problem)

    def _on_next_key(self, result: Any, _now_ns: int) -> None:
        if isinstance(result, Exception):
            self._put_off(f"no listen key: {result}")
        elif self._ear.up and self._next is None:
            self._next = Ear(self._ctx, "next user stream", self._ca_file)
            self._next.dial(result, self.address.url(result))

    def _end_overlap(self, now_ns: int) -> None:
        assert self._next is not None
        if self._ear.heard and not self._next.heard:
            self.address.failed("stayed mute")
            self._put_off("it heard nothing of what the old connection told")
            return
        # A new key means that the old one had died, and who knows since when.
        without_hole = self._next.key == self._ear.key
        self._ear.link.close()
        self._take_over(now_ns)
        if not without_hole:
            self.came_up += 1
        self._log.info("the user stream goes on over a new connection", Notice.STREAM_ROTATED)

    def _succeed(self, now_ns: int) -> None:
        """Go on with the next connection because the current one has ended."""
        assert self._next is not None
        if not self._next.up:
            self._forget_next()
            return
        self._take_over(now_ns)
        self.came_up += 1

    def _take_over(self, now_ns: int) -> None:
        assert self._next is not None
        self._ear, self._next = self._next, None
        self._keep_due_ns = now_ns + self._times.keep_key_ns
        self._rotate_due_ns = self._ear.up_ns + self._times.rotate_ns

    def _put_off(self, why: str) -> None:
        self._log.warning(f"the user stream keeps its old connection for now: {why}")
        self._forget_next()

    def _forget_next(self) -> None:
        if self._next is not None:
            self._next.link.close()
            self._next = None


class _Told:
    """The newest events, to know one that comes again: over the other connection, or twice."""

    def __init__(self) -> None:
        self._order: deque[int] = deque()
        self._known: set[int] = set()

    def before(self, event: UserEvent, message: bytes) -> bool:
        """Say whether an event was here before; it is remembered from now on."""
        order, account = bytes(event.o), bytes(event.a)
        # The time of sending may differ between two connections, what happened does not.
        happened = order != NOTHING or account != NOTHING
        mark = hash((event.e, event.T, order, account) if happened else message)
        if mark in self._known:
            return True
        self._known.add(mark)
        self._order.append(mark)
        if len(self._order) > REMEMBERED_EVENTS:
            self._known.discard(self._order.popleft())
        return False

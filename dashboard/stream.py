"""The pulse of the page: one look at the house ten times a second, shared by everyone who watches.

However many pages are open, the segment is read, compared and encoded once per beat.  What changed
goes out as a merge patch and is kept for ten seconds, so a page that was away for a moment, or that
reads slowly, takes up where it was; one that fell further behind gets the whole state anew.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from typing import Any

import msgspec
import orjson

from dashboard.history import PnlHistory, Rate
from dashboard.look import Machinery
from dashboard.patch import State, Told
from dashboard.view import View
from hft.clock import monotonic_ns, wall_ms
from hft.state.log_tail import log_lines
from hft.units import NS_PER_MS

BEAT_S = 0.1
SLOW_BEATS = 5
"""How many beats apart the machinery is looked at, and rate and P&L are remembered."""
HEARTBEAT_NS = 500 * NS_PER_MS
KEPT_S = 10
LINES_FIRST = 200
RETRY_MS = 500
_NAME_OF_ROW = {"symbols": "symbol", "processes": "role", "rings": "name"}


class Kept(msgspec.Struct, frozen=True):
    """What one look found, as it goes over the wire, and the newest log line after it."""

    number: int
    events: bytes
    line: int


class Pulse:
    """Beats while the page is served, samples what must be remembered, and wakes the watchers.

    Looks are numbered from 1; `epoch` tells those of this pulse from an earlier one's.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self.history = PnlHistory()
        self.watchers = 0
        self.epoch = wall_ms()
        self.number = 0
        self.line = 0
        """Number of the newest log line that was looked at."""
        self.closing = asyncio.Event()
        """Set once, when the streams must end."""
        self._told = Told()
        self._beats = 0
        self._rate = Rate()
        self._machinery: Machinery | None = None
        self._kept: deque[Kept] = deque(maxlen=round(KEPT_S / BEAT_S))
        self._lines: deque[State] = deque(maxlen=LINES_FIRST)
        self._whole = b""
        self._looked_ns = self._told_ns = 0
        self._next = asyncio.Event()

    @property
    def closed(self) -> bool:
        """Whether the streams have been told to end."""
        return self.closing.is_set()

    @property
    def ticks_per_second(self) -> float:
        """Market events per second over the last few seconds."""
        return self._rate.per_s()

    @property
    def state(self) -> State:
        """The newest state, without what is unknown."""
        return self._told.state

    async def run(self) -> None:
        """Beat until closed, ten times a second; a beat that is missed is not made up for."""
        clock = asyncio.get_running_loop().time
        due_s = clock()
        while not self.closed:
            self.beat()
            due_s = max(due_s + BEAT_S, clock())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.closing.wait(), due_s - clock())

    def beat(self) -> None:
        """Remember what must be, and look when anybody watches."""
        self.view.watch.sample(monotonic_ns())
        if self._beats % SLOW_BEATS == 0:
            self._remember()
        self._beats += 1
        if self.watchers:
            self.look()
        self._wake()

    def _remember(self) -> None:
        self._rate.add(monotonic_ns(), self.view.reader.market_events())
        pnl = self.view.pnl_now()
        if pnl is not None:
            self.history.add(wall_ms(), *pnl)
        self._machinery = None

    def look(self) -> None:
        """Compare the house with the last look, and keep what is new for whoever watches."""
        now_ns = self._looked_ns = monotonic_ns()
        lines = log_lines(self.view.house, LINES_FIRST, self.line)
        patch = self._told.take(self._state_now())
        if not patch and not lines and now_ns - self._told_ns >= HEARTBEAT_NS:
            patch = self._told.take({"beat": self.number + 1})
        if not patch and not lines:
            return
        self.number, self._told_ns, self._whole = self.number + 1, now_ns, b""
        told: list[tuple[str, Any]] = []
        if lines:
            self._lines.extend(lines)
            self.line = lines[-1]["number"]
            told.append(("logs", {"lines": lines}))
        if patch:
            told.append(("patch", patch))
        self._kept.append(Kept(self.number, self._written(told), self.line))

    def _state_now(self) -> State:
        if self._machinery is None:
            self._machinery = self.view.machinery()
        status = self.view.status(self.ticks_per_second, self._machinery, logs_max=0)
        del status["logs"]
        for name, key in _NAME_OF_ROW.items():
            status[name] = _by_name(status[name], key)
        feed, explain = status["feed"], status["explain"]
        status["feed"] = {**feed, "links": _by_name(feed["links"], "route")}
        status["explain"] = {**explain, "gates": _in_order(explain["gates"])}
        return status

    def whole(self, after_line: int = 0) -> bytes:
        """Write the newest state as a `status` event, then the log lines after `after_line`."""
        if monotonic_ns() - self._looked_ns > BEAT_S * 1e9 or not self.number:
            self.look()
        if not self._whole:
            self._whole = orjson.dumps(self.state)
        lines = [line for line in self._lines if line["number"] > after_line]
        return self._written([("status", orjson.Fragment(self._whole)), ("logs", {"lines": lines})])

    def since(self, number: int, after_line: int) -> bytes:
        """Write what a watcher that has look `number` misses; the whole state when no longer kept.

        `after_line` is the newest log line that watcher has.
        """
        missing = self.number - number
        if 0 <= missing <= len(self._kept):
            return b"".join(kept.events for kept in self._newest(missing))
        return self.whole(after_line)

    def resumes(self, last_event_id: str) -> int | None:
        """Give the number of the look behind an id we sent; None when it is no longer kept."""
        epoch, _, number = last_event_id.partition("-")
        if epoch != str(self.epoch) or not number.isdecimal() or len(number) > 18:
            return None
        return int(number) if 0 <= self.number - int(number) <= len(self._kept) else None

    def _newest(self, count: int) -> Sequence[Kept]:
        return [self._kept[index] for index in range(len(self._kept) - count, len(self._kept))]

    def _written(self, told: Sequence[tuple[str, Any]]) -> bytes:
        """Write events; only the last carries the id, so that half of them is never resumed."""
        parts = [b"event: %b\ndata: %b\n" % (name.encode(), orjson.dumps(of)) for name, of in told]
        parts[-1] = b"id: %d-%d\n" % (self.epoch, self.number) + parts[-1]
        return b"".join(part + b"\n" for part in parts)

    async def next_beat(self) -> None:
        """Wait for the next beat, or for the end."""
        await self._next.wait()

    def close(self) -> None:
        """End every stream, so that the server can stop at once."""
        self.closing.set()
        self._wake()

    def _wake(self) -> None:
        self._next.set()
        self._next = asyncio.Event()


def _in_order(gates: Sequence[State]) -> State:
    """Turn gates into an object by their names; each keeps its place, since their order counts."""
    return {
        f"{gate['group']}.{gate['name']}": {"place": place, **gate}
        for place, gate in enumerate(gates)
    }


def _by_name(rows: Sequence[State], key: str) -> State:
    """Turn rows into an object by their name, so that a patch holds only the rows that changed."""
    return {str(row[key]): row for row in rows}

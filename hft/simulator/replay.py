"""Plays a recording through the venue's streams at its own pace, or X times faster.

A thread reads ahead in bounded batches; the event loop plays what is due.  Times are shifted onto
the real clock, every other byte of a message stays as it was recorded.
"""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from hft.clock import monotonic_ns
from hft.errors import HftError
from hft.simulator.aggregate import AggregateDeriver, is_ordinary
from hft.simulator.recorded_book import RecordedBook
from hft.simulator.recording import Head, Recorded, lines_of, parse_line
from hft.simulator.venue import Venue
from hft.units import NS_PER_MS, NS_PER_S, parse_e8

BATCH_MESSAGES = 256
BATCHES_AHEAD = 32
PLAY_MAX_MESSAGES = 500
START_WAIT_NS = 30 * NS_PER_S
# A client opens one connection per route; the others may follow the first.
START_GRACE_NS = NS_PER_S
SLOW_MARK_SECONDS = 3
_TIMES = re.compile(rb'"([ET])":\s*(\d+)')


class Reader:
    """Reads a recording in a thread, a bounded number of batches ahead of the player."""

    def __init__(self, path: Path, head: Head) -> None:
        self._path = path
        self._deriver = AggregateDeriver(head.with_aggregates)
        self._batches: queue.Queue[list[Recorded] | None] = queue.Queue(BATCHES_AHEAD)
        self._stopping = threading.Event()
        self.skipped = 0
        self.failure: HftError | None = None
        self._thread = threading.Thread(target=self._run, name="recording", daemon=True)
        self._thread.start()

    def take(self) -> list[Recorded] | None:
        """Give the next batch, an empty one when it is not read yet, None at the end."""
        try:
            return self._batches.get_nowait()
        except queue.Empty:
            return []

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        batch: list[Recorded] = []
        try:
            for message in self._deriver.feed(self._messages()):
                batch.append(message)
                if len(batch) >= BATCH_MESSAGES:
                    self._hand_over(batch)
                    batch = []
        except HftError as error:
            self.failure = error
        self._hand_over(batch)
        self._hand_over(None)

    def _messages(self) -> Iterator[Recorded]:
        for line in lines_of(self._path):
            if self._stopping.is_set():
                return
            message = parse_line(line)
            if message is None:
                self.skipped += 1
            else:
                yield message

    def _hand_over(self, batch: list[Recorded] | None) -> None:
        while not self._stopping.is_set():
            try:
                self._batches.put(batch, timeout=0.1)
            except queue.Full:
                continue
            return


class ReplayMarket:
    """Plays messages when they are due; also what `/sim/state` says about them."""

    tick_s = 0.002

    def __init__(self, venue: Venue, path: Path, head: Head, speed: float) -> None:
        self._venue = venue
        self._path = path
        self._head = head
        self._speed = speed
        self._reader = Reader(path, head)
        self._pending: list[Recorded] = []
        self._next = 0
        self._books = {
            name: RecordedBook(venue.exchange, listing)
            for name, listing in venue.exchange.listings.items()
        }
        venue.publisher.leave_to_recording(head.streams)
        self._born_ns = monotonic_ns()
        self._heard_ns = 0
        self._start: tuple[int, int, int, int] | None = None
        self._played = 0
        self._latest_event_ms = 0
        self._finished = False
        self.on_end: Callable[[], None] = _nothing

    def describe(self) -> dict[str, object]:
        """Describe the state of the replay."""
        failure = self._reader.failure
        return {
            "kind": "replay",
            "file": self._path.name,
            "speed": self._speed,
            "started": self._start is not None,
            "finished": self._finished,
            "recorded_time_ms": self._latest_event_ms or None,
            "events": self._played,
            "skipped": self._reader.skipped,
            "error": str(failure) if failure else None,
        }

    def close(self) -> None:
        """End the reading thread."""
        self._reader.stop()

    def advance(self, now_ns: int) -> None:
        """Play what is due."""
        if self._finished or not self._may_play(now_ns):
            return
        for _ in range(PLAY_MAX_MESSAGES):
            message = self._peek()
            if message is None:
                return
            if self._start is None:
                first_ms = message.data.get("E", message.stamp_ns // NS_PER_MS)
                self._start = (now_ns, message.stamp_ns, self._venue.now_ms(), first_ms)
                self._venue.publisher.marking = True
            start_ns, first_stamp_ns, _, _ = self._start
            if (message.stamp_ns - first_stamp_ns) / self._speed > now_ns - start_ns:
                return
            self._next += 1
            self._played += 1
            self._play(message)

    def _may_play(self, now_ns: int) -> bool:
        if self._start is not None or now_ns - self._born_ns > START_WAIT_NS:
            return True
        if not self._heard_ns and self._venue.hub.has_market_listeners():
            self._heard_ns = now_ns
        return bool(self._heard_ns) and now_ns - self._heard_ns > START_GRACE_NS

    def _peek(self) -> Recorded | None:
        if self._next >= len(self._pending):
            batch = self._reader.take()
            self._pending, self._next = batch or [], 0
            if batch is None:
                self._finished = True
                self._venue.publisher.marking = False
                self.on_end()
            if not self._pending:
                return None
        return self._pending[self._next]

    def _play(self, message: Recorded) -> None:
        now_ms = self._venue.now_ms()
        self._latest_event_ms = message.data.get("E", self._latest_event_ms)
        self._apply(message, now_ms)
        self._venue.publisher.note_recorded(message.kind, message.data, now_ms)
        self._venue.flush(now_ms)
        payload = self._shifted(message, now_ms)
        hub = self._venue.hub
        if message.kind == "markPriceUpdate":
            lower = message.symbol.lower()
            hub.publish(lower + "@markPrice@1s", payload)
            if message.data["E"] // 1_000 % SLOW_MARK_SECONDS == 0:
                hub.publish(lower + "@markPrice", payload)
            return
        hub.publish(message.stream, payload)
        if message.kind == "forceOrder":
            for stream in (message.symbol.lower() + "@forceOrder", "!forceOrder@arr"):
                if stream not in self._head.streams:
                    hub.publish(stream, payload)

    def _apply(self, message: Recorded, now_ms: int) -> None:
        data = message.data
        book = self._books.get(message.symbol)
        if book is None:
            return
        listing = self._venue.exchange.listings[message.symbol]
        kind = message.kind
        if kind == "bookTicker":
            self._raise_update_id(message)
            book.on_ticker((data["b"], data["B"]), (data["a"], data["A"]), data["u"], now_ms)
        elif kind == "depthUpdate" and _is_diff(message.stream):
            self._raise_update_id(message)
            book.on_depth(data["b"], data["a"], data["u"], now_ms)
        elif kind == "markPriceUpdate":
            listing.mark_e8 = parse_e8(data["p"])
            listing.index_e8 = parse_e8(data["i"]) if "i" in data else listing.mark_e8
        elif (kind == "trade" and is_ordinary(data)) or (
            kind == "aggTrade" and not message.derived
        ):
            book.on_trade(
                book.ticks(data["p"]),
                book.lots(data["q"]),
                buyer_is_maker=data["m"],
                now_ms=now_ms,
            )

    def _raise_update_id(self, message: Recorded) -> None:
        self._venue.publisher.feeds[message.symbol].ids.raise_to(message.data["u"] - 1)

    def _shifted(self, message: Recorded, now_ms: int) -> bytes:
        """Rewrite E and T onto the real clock; nothing but a funding time lies in the future."""
        assert self._start is not None
        _, _, start_ms, first_ms = self._start
        latest_ms = None if message.kind == "markPriceUpdate" else now_ms

        def shift(found: re.Match[bytes]) -> bytes:
            recorded_ms = int(found.group(2))
            if latest_ms is None and found.group(1) == b"T":
                shifted = recorded_ms + start_ms - first_ms
            else:
                shifted = min(start_ms + int((recorded_ms - first_ms) / self._speed), now_ms)
            return b'"%b":%d' % (found.group(1), shifted)

        return _TIMES.sub(shift, message.payload)


def _nothing() -> None:
    """Nobody wants to know of the end."""


def _is_diff(stream: str) -> bool:
    """Say whether a depth stream carries changes and not whole best levels."""
    suffix = stream.partition("@depth")[2]
    return not suffix or suffix.startswith("@")

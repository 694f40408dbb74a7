"""Plays a recording through the venue's streams, and its book under the users' orders.

With the real clock, times are shifted onto it; with a simulated one they stay as recorded.  Every
other byte of a message stays as it was, but for the ids of a recording that is played again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from hft.simulator.aggregate import AggregateDeriver
from hft.simulator.player import Player, Playing
from hft.simulator.queues import queues_of
from hft.simulator.recorded_world import RecordedWorld
from hft.simulator.recording import Head, Recorded, lines_of, parse_line, parse_snapshot
from hft.simulator.venue import Venue

SLOW_MARK_SECONDS = 3
ID_GAP = 1_000
_TIMES = re.compile(rb'"([ET])":\s*(\d+)')
_IDS = re.compile(rb'"(u|U|pu|t|f|l|a)":\s*(\d+)')
_UPDATES = frozenset(("u", "U", "pu"))


class ReplayMarket(Player[Recorded]):
    """Plays messages when they are due; also what `/sim/state` says about them."""

    def __init__(self, venue: Venue, path: Path, head: Head, playing: Playing) -> None:
        self._path = path
        self._head = head
        self._skipped = self._nonsense = 0
        self._deriver = AggregateDeriver(head.with_aggregates)
        self._world = RecordedWorld(venue, head.with_trades)
        venue.publisher.leave_to_recording(head.streams)
        self._ids = _Ids()
        super().__init__(venue, playing, self._messages)

    def describe(self) -> dict[str, object]:
        """Describe the state of the replay, and where the users' open orders wait."""
        exchange = self._venue.exchange
        return {
            "kind": "replay",
            "file": self._path.name,
            **super().describe(),
            "skipped": self._skipped + self._nonsense + self._world.nonsense,
            "queues": queues_of(exchange, exchange.listings.values()),
        }

    def _messages(self) -> Iterator[Recorded]:
        """Read the recording once; what cannot be played is counted (in the reading thread)."""
        self._skipped = 0
        yield from self._deriver.feed(self._lines())

    def _lines(self) -> Iterator[Recorded]:
        alone = self._head.symbols[0].name if len(self._head.symbols) == 1 else ""
        for line in lines_of(self._path):
            message = parse_line(line) or parse_snapshot(line, alone)
            if message is None:
                self._skipped += 1
            else:
                yield message

    def begin_round(self) -> None:
        """Empty the books; ids go on where the last round ended."""
        self._world.clear()
        self._ids.begin_round()

    def skip(self, item: Recorded, now_ms: int) -> None:
        """Keep the books right without telling anybody."""
        self._apply(item, now_ms)

    def play(self, item: Recorded, now_ms: int) -> None:
        """Change the book, fill whom it fills, and publish the message."""
        if not self._apply(item, now_ms) or item.kind == "snapshot":
            return
        self._venue.publisher.note_recorded(item.kind, item.data, now_ms)
        payload = self._shifted(item)
        hub = self._venue.hub
        if item.kind == "markPriceUpdate":
            lower = item.symbol.lower()
            hub.publish(lower + "@markPrice@1s", payload)
            if item.data["E"] // 1_000 % SLOW_MARK_SECONDS == 0:
                hub.publish(lower + "@markPrice", payload)
            return
        hub.publish(item.stream, payload)
        if item.kind == "forceOrder":
            for stream in (item.symbol.lower() + "@forceOrder", "!forceOrder@arr"):
                if stream not in self._head.streams:
                    hub.publish(stream, payload)

    def _apply(self, message: Recorded, now_ms: int) -> bool:
        """Change the market by a message; one that holds nonsense is counted and left out."""
        try:
            self._ids.see(message)
        except (ValueError, TypeError, KeyError):
            self._nonsense += 1
            return False
        return self._world.apply(message, now_ms, self._ids.update_offset)

    def _shifted(self, message: Recorded) -> bytes:
        """Rewrite E and T onto the venue's clock; nothing but a funding time lies in the future."""
        payload = self._ids.shifted(message)
        if self._playing.clock is not None and not self.shift_ms():
            return payload
        marks = message.kind == "markPriceUpdate"

        def shift(found: re.Match[bytes]) -> bytes:
            recorded_ms = int(found.group(2))
            if marks and found.group(1) == b"T":
                return b'"T":%d' % (recorded_ms + self.shift_ms())
            return b'"%b":%d' % (found.group(1), self.shifted_ms(recorded_ms))

        return _TIMES.sub(shift, payload)


class _Ids:
    """Keeps ids growing when a recording is played again: each round's lie behind the last."""

    def __init__(self) -> None:
        self.update_offset = 0
        self._trade_offset: dict[str, int] = {}
        self._spans: dict[str, list[int]] = {}

    def see(self, message: Recorded) -> None:
        """Note the ids of a message."""
        data = message.data
        if message.kind == "trade":
            self._note(message.symbol, data["t"])
        elif message.kind in ("bookTicker", "depthUpdate"):
            self._note("", data["u"])

    def begin_round(self) -> None:
        """Move all ids behind those of the round that ended."""
        for name, (low, high) in self._spans.items():
            span = high - low + ID_GAP
            if name:
                self._trade_offset[name] = self._trade_offset.get(name, 0) + span
            else:
                self.update_offset += span
        self._spans.clear()

    def shifted(self, message: Recorded) -> bytes:
        """Give the message with the ids of this round."""
        trades = self._trade_offset.get(message.symbol, 0)
        if not trades and not self.update_offset:
            return message.payload

        def shift(found: re.Match[bytes]) -> bytes:
            name = found.group(1).decode()
            offset = self.update_offset if name in _UPDATES else trades
            # Derived aggregates are numbered on and on; only their trades' ids begin anew.
            if name == "a" and message.derived:
                offset = 0
            return b'"%b":%d' % (found.group(1), int(found.group(2)) + offset)

        return _IDS.sub(shift, message.payload)

    def _note(self, name: str, number: int) -> None:
        span = self._spans.setdefault(name, [number, number])
        span[0] = min(span[0], number)
        span[1] = max(span[1], number)

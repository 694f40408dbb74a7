"""Derives aggTrade from trade, for recordings that hold only the latter.

Consecutive ordinary trades of one symbol with the same price, side and time become one message,
placed where the last of them was.  Everything stays in order; messages wait only while the group
before them may still grow, and never longer than the look-ahead.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from hft.simulator.history import FIRST_AGGREGATE_ID
from hft.simulator.recording import Recorded
from hft.units import format_e8, parse_e8

LOOK_AHEAD_MESSAGES = 20_000
LOOK_AHEAD_NS = 10_000_000_000
ORDINARY = "MARKET"


class _Slot:
    """A message on its way out; `group` is the open group whose last trade it is."""

    __slots__ = ("group", "message")

    def __init__(self, message: Recorded) -> None:
        self.message = message
        self.group: list[Recorded] | None = None


class AggregateDeriver:
    """Adds derived aggTrade messages to a stream of recorded ones."""

    def __init__(self, with_aggregates: frozenset[str]) -> None:
        self._with_aggregates = with_aggregates
        self._waiting: deque[_Slot] = deque()
        self._open: dict[str, _Slot] = {}
        self._next_id = FIRST_AGGREGATE_ID

    def feed(self, messages: Iterable[Recorded]) -> Iterator[Recorded]:
        """Pass messages through, with what is derived from them."""
        for message in messages:
            derives = message.symbol not in self._with_aggregates
            if message.kind == "aggTrade" and derives:
                continue
            slot = _Slot(message)
            if derives and message.kind == "trade" and is_ordinary(message.data):
                self._extend(slot)
            self._waiting.append(slot)
            if len(self._waiting) > LOOK_AHEAD_MESSAGES or (
                message.stamp_ns - self._waiting[0].message.stamp_ns > LOOK_AHEAD_NS
            ):
                self._open.pop(self._waiting[0].message.symbol, None)
            yield from self._settled()
        self._open.clear()
        yield from self._settled()

    def _extend(self, slot: _Slot) -> None:
        symbol = slot.message.symbol
        last = self._open.get(symbol)
        if last is not None and last.group and _same_print(last.message.data, slot.message.data):
            slot.group = [*last.group, slot.message]
            last.group = None
        else:
            slot.group = [slot.message]
        self._open[symbol] = slot

    def _settled(self) -> Iterator[Recorded]:
        while self._waiting:
            slot = self._waiting[0]
            if slot.group and self._open.get(slot.message.symbol) is slot:
                return
            self._waiting.popleft()
            yield slot.message
            if slot.group:
                yield self._aggregate(slot.group)

    def _aggregate(self, group: list[Recorded]) -> Recorded:
        first, last = group[0].data, group[-1].data
        quantity = sum_texts([message.data["q"] for message in group])
        data: dict[str, Any] = {
            "e": "aggTrade",
            "E": last["E"],
            "a": self._next_id,
            "s": last["s"],
            "p": last["p"],
            "q": quantity,
            "nq": quantity,
            "f": first["t"],
            "l": last["t"],
            "T": last["T"],
            "m": last["m"],
            "st": 1,
        }
        self._next_id += 1
        stream = group[-1].stream.replace("@trade", "@aggTrade")
        stamp_ns = group[-1].stamp_ns
        return Recorded(stamp_ns, stream, orjson.dumps(data), data, derived=True)


def is_ordinary(data: dict[str, Any]) -> bool:
    """Say whether a trade came from the book, and not from the insurance fund or an ADL."""
    return bool(data.get("X", ORDINARY) == ORDINARY)


def sum_texts(texts: list[str]) -> str:
    """Add quantities exactly, keeping the decimals; one text alone stays as it is."""
    if len(texts) == 1:
        return texts[0]
    decimals = max(len(text.partition(".")[2]) for text in texts)
    return format_e8(sum(parse_e8(text) for text in texts), decimals)


def _same_print(first: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(first[key] == other[key] for key in ("p", "m", "T"))

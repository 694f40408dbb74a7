"""Faults of stream messages: what is sent instead of a message, and when."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, MutableMapping
from math import inf
from typing import Any

import msgspec
import orjson

from hft.simulator.fault_kinds import (
    BookGap,
    Cut,
    Delay,
    Drop,
    Duplicate,
    Garbage,
    GarbageFrame,
    LostFill,
    Reorder,
    Stall,
    StreamFault,
    matches,
)
from hft.simulator.faults import Armed, Faults
from hft.simulator.hub import Subscriber, enveloped, send_to, text_frame

FILLS_REMEMBERED = 256
LATE_MAX_MESSAGES = 10_000
STREAMS_REMEMBERED = 10_000
"""Streams whose silence or losses are remembered: listen keys come and go, and are many."""


class Message(msgspec.Struct, frozen=True):
    """One payload on its way to its subscribers; `label` is the name that patterns match."""

    subscribers: tuple[Subscriber, ...]
    stream: str
    payload: bytes
    label: str
    symbol: str
    fill_id: int

    def send(self) -> int:
        """Write it as if nothing were wrong; gives to how many."""
        return send_to(self.subscribers, self.stream, self.payload)


class StreamFaults:
    """Stands between the streams and their subscribers while faults are switched on.

    What lasts (silence, lateness, order) belongs to a whole stream: a market stream's name, or a
    listen key.
    """

    def __init__(self, faults: Faults, now_ms: Callable[[], int]) -> None:
        self._faults = faults
        self._now_ms = now_ms
        self._stalled_until: dict[str, float] = {}
        self._losing: dict[str, int] = {}
        self._late: dict[str, deque[tuple[int, Message]]] = {}
        self._overtaken: dict[str, tuple[int, Message]] = {}
        self._fill_is_lost: dict[tuple[str, int], bool] = {}

    def send(self, subscribers: Iterable[Subscriber], stream: str, payload: bytes) -> int:
        """Send one payload, or what the faults make of it; gives to how many it went now."""
        message = message_of(tuple(subscribers), stream, payload)
        if self._is_swallowed(message) or not (message.subscribers or message.fill_id):
            return 0
        if stream in self._late:
            # Behind a message that is late the stream keeps its order.
            self._put_late(message, 0)
            return 0
        struck = self._strike(message)
        sent = message.send() if struck is None else self._commit(struck, message)
        held = self._overtaken.get(stream)
        if held is not None and held[1] is not message:
            sent += self._overtaken.pop(stream)[1].send()
        return sent

    def on_time(self, now_ms: int) -> None:
        """Send what is late and due."""
        for stream, queue in list(self._late.items()):
            while queue and queue[0][0] <= now_ms:
                queue.popleft()[1].send()
            if not queue:
                del self._late[stream]
        for stream, (due_ms, message) in list(self._overtaken.items()):
            if due_ms <= now_ms:
                del self._overtaken[stream]
                message.send()

    def clear(self) -> None:
        """End what lasts, and send what was held back."""
        self._stalled_until.clear()
        self._losing.clear()
        for queue in self._late.values():
            for _, message in queue:
                message.send()
        for _, message in self._overtaken.values():
            message.send()
        self._late.clear()
        self._overtaken.clear()

    def stalled(self) -> list[str]:
        """Name the streams that are silent now; a user data stream is `user`."""
        now_ms = self._now_ms()
        silent = [name for name, until_ms in self._stalled_until.items() if until_ms > now_ms]
        return [name if _is_market(name) else "user" for name in silent]

    def _is_swallowed(self, message: Message) -> bool:
        stream = message.stream
        if self._fill_is_lost.get((stream, message.fill_id), False):
            return True
        until_ms = self._stalled_until.get(stream)
        if until_ms is not None:
            if self._now_ms() < until_ms:
                return True
            del self._stalled_until[stream]
        left = self._losing.pop(stream, 0)
        if left > 1:
            self._losing[stream] = left - 1
        return left > 0

    def _strike(self, message: Message) -> Armed | None:
        for armed, fault in self._faults.of(StreamFault):
            if fault.symbol not in (None, message.symbol):
                continue
            if not matches(fault.streams, message.label):
                continue
            if isinstance(fault, LostFill) and not self._judge_fill(message):
                continue
            if armed.strikes():
                return armed
        return None

    def _judge_fill(self, message: Message) -> bool:
        """Say whether this is the first message of a fill; what befalls it befalls the others."""
        key = (message.stream, message.fill_id)
        if not message.fill_id or key in self._fill_is_lost:
            return False
        self._fill_is_lost[key] = False
        if len(self._fill_is_lost) > FILLS_REMEMBERED:
            del self._fill_is_lost[next(iter(self._fill_is_lost))]
        return True

    def _commit(self, armed: Armed, message: Message) -> int:
        fault, stream = armed.fault, message.stream
        if isinstance(fault, Stall):
            self._stalled_until[stream] = self._now_ms() + (fault.duration_ms or inf)
            _drop_oldest(self._stalled_until)
        elif isinstance(fault, Drop | BookGap):
            self._losing[stream] = fault.burst - 1
            _drop_oldest(self._losing)
        elif isinstance(fault, LostFill):
            self._fill_is_lost[stream, message.fill_id] = True
        elif isinstance(fault, Delay):
            self._put_late(message, self._now_ms() + fault.delay_ms)
        elif isinstance(fault, Reorder):
            if stream in self._overtaken:
                # One is held already, so this one is what it waited for.
                return message.send()
            self._overtaken[stream] = (self._now_ms() + fault.delay_ms, message)
        elif isinstance(fault, Cut):
            _cut(message)
        elif isinstance(fault, Duplicate):
            return sum(message.send() for _ in range(1 + fault.copies))
        elif isinstance(fault, GarbageFrame):
            frame = garbage_frame(armed.chance.choice(fault.forms), message.payload)
            for subscriber in message.subscribers:
                subscriber.write_frame(frame)
            return message.send()
        return 0

    def _put_late(self, message: Message, due_ms: int) -> None:
        queue = self._late.setdefault(message.stream, deque())
        queue.append((max(due_ms, queue[-1][0] if queue else 0), message))
        if len(queue) > LATE_MAX_MESSAGES:
            queue.popleft()[1].send()


def _drop_oldest(streams: MutableMapping[str, Any]) -> None:
    if len(streams) > STREAMS_REMEMBERED:
        del streams[next(iter(streams))]


def _is_market(stream: str) -> bool:
    return "@" in stream or stream.startswith("!")


def message_of(subscribers: tuple[Subscriber, ...], stream: str, payload: bytes) -> Message:
    """Name a message as patterns see it; a stream that is a listen key carries user events."""
    if _is_market(stream):
        symbol = stream.partition("@")[0].upper()
        return Message(subscribers, stream, payload, stream, symbol, 0)
    event = orjson.loads(payload)
    inner = event["o"] if isinstance(event.get("o"), dict) else event
    fill_id = int(inner.get("t") or 0) if event["e"] in ("TRADE_LITE", "ORDER_TRADE_UPDATE") else 0
    symbol = str(inner.get("s", ""))
    return Message(subscribers, stream, payload, "user:" + event["e"], symbol, fill_id)


def garbage_frame(form: Garbage, payload: bytes) -> bytes:
    """Make a frame that is no message; `binary` is a frame of bytes that are not text."""
    if form == "binary":
        return b"\x82\x04\x00\xff\xfe\x01"
    texts: dict[str, bytes] = {
        "html": b"<html><head><title>502 Bad Gateway</title></head></html>",
        "half": payload[: len(payload) // 2],
        "unknown": b'{"e":"somethingNew","E":1,"x":[null,{}]}',
        "list": b"[]",
        "empty": b"",
    }
    return text_frame(texts[form])


def _cut(message: Message) -> None:
    for subscriber in message.subscribers:
        payload = message.payload
        if subscriber.combined:
            payload = enveloped(message.stream, payload)
        frame = text_frame(payload)
        subscriber.write_frame(frame[: len(frame) // 2])
        subscriber.end()

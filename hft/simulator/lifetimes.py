"""How long a WebSocket connection lives: its age, pings and pongs, its client's pace."""

from __future__ import annotations

from collections import deque

from hft.simulator.limits import SECOND_MS

PING_INTERVAL_MS = 180_000
PONG_MAX_MS = 600_000
LIFE_MAX_MS = 24 * 3_600_000
PING_FRAME_HEAD = 0x89
PONG_FRAME_HEAD = 0x8A
CLOSE_FRAME_HEAD = 0x88


def close_frame(code: int, reason: str = "") -> bytes:
    """Frame a close of the server; the reason is short."""
    payload = code.to_bytes(2, "big") + reason.encode()
    return bytes((CLOSE_FRAME_HEAD, len(payload))) + payload


def pong_frame(payload: bytes) -> bytes:
    """Frame the answer to a ping, which repeats its payload."""
    return bytes((PONG_FRAME_HEAD, len(payload))) + payload


GOING_AWAY = close_frame(1001)
PONG_TIMEOUT = close_frame(1008, "Pong timeout")
TOO_FAST = close_frame(1008, "Too many requests")
TOO_MANY_STREAMS = close_frame(1008, "Too many streams")


class Lifetime:
    """Says when a connection is due for a ping, and when it is over."""

    def __init__(self, opened_ms: int, *, must_echo: bool, life_ms: int = LIFE_MAX_MS) -> None:
        """Begin now; `must_echo`: a pong that does not repeat a ping's payload is none."""
        self._must_echo = must_echo
        self._over_ms = opened_ms + life_ms
        self._ping_ms = opened_ms + PING_INTERVAL_MS
        self._unanswered: dict[bytes, int] = {}

    def on_pong(self, payload: bytes) -> None:
        """Take an answer: it also answers the pings before the one it repeats."""
        if payload not in self._unanswered:
            if not self._must_echo:
                self._unanswered.clear()
            return
        sent_ms = self._unanswered[payload]
        self._unanswered = {later: ms for later, ms in self._unanswered.items() if ms > sent_ms}

    def ending(self, now_ms: int) -> bytes:
        """Give the close frame that ends the connection now; empty while it may live."""
        if now_ms >= self._over_ms:
            return GOING_AWAY
        oldest_ms = next(iter(self._unanswered.values()), now_ms)
        return PONG_TIMEOUT if now_ms - oldest_ms >= PONG_MAX_MS else b""

    def ping(self, now_ms: int) -> bytes:
        """Give the ping frame that is due now, or nothing."""
        if now_ms < self._ping_ms:
            return b""
        self._ping_ms = now_ms + PING_INTERVAL_MS
        payload = str(now_ms).encode()
        self._unanswered[payload] = now_ms
        return bytes((PING_FRAME_HEAD, len(payload))) + payload


class Pace:
    """At most so many messages within any second."""

    def __init__(self, most: int) -> None:
        self._times: deque[int] = deque(maxlen=most)

    def keeps(self, now_ms: int) -> bool:
        """Count one message; says whether it was not one too many."""
        times = self._times
        too_many = len(times) == times.maxlen and now_ms - times[0] < SECOND_MS
        times.append(now_ms)
        return not too_many

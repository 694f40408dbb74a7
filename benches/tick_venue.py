"""A venue that stamps ticks on the wire and takes orders back, in one loop without threads.

Load is open: tick number n is due at the start plus n periods, whatever became of those before it,
and a latency counts from the moment the tick was *due*.  So time in which this process itself was
kept waiting is in the figures, never left out of them.
"""

from __future__ import annotations

import ctypes
import select
import socket
import ssl
import sys
from collections.abc import Callable

import msgspec
import numpy as np
import numpy.typing as npt
import orjson

from benches.report import WrongAnswer
from benches.trades import BOOK_TOP, FIRST_TRADE, MARK, trade
from benches.venue import Listener, Unmasker, text_frame
from hft.clock import Deadline, monotonic_ns, wall_ms
from hft.units import NS_PER_S

PRICES = 4096
"""So many ticks in a row have prices of their own: an order is told by its price."""
QTY, MARKED_QTY = "0.016", "0.017"
SPIN_NS = 30_000
ANSWERS_WITHIN_S = 2.0
_FIRST_CENTS = 6_000_000
_PR_SET_TIMERSLACK = 29

Samples = npt.NDArray[np.int64]


class Slice(msgspec.Struct, frozen=True):
    """One stretch of ticks: from due to answered, and how late the ticks left, in ns.

    What was never answered is among `took_ns`, with the time it was waited for.
    """

    took_ns: Samples
    late_ns: Samples
    missing: int


def exact_timers() -> None:
    """Let this process sleep to the microsecond; by default Linux adds fifty."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1)


class Ticks:
    """Frames of trades, no two alike; a marked one is what the strategy answers."""

    def __init__(self) -> None:
        self._number = 0
        parts = [self._split(f"{(_FIRST_CENTS + 10 * at) / 100:.2f}") for at in range(PRICES)]
        self._parts = parts

    def _split(self, price: str) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
        plain, marked = (text_frame(trade(0, price, qty)) for qty in (QTY, MARKED_QTY))
        return _around_id(plain), _around_id(marked)

    def next(self, *, marked: bool) -> tuple[int, bytes]:
        """The next frame, and which price it has."""
        at = self._number % PRICES
        head, tail = self._parts[at][marked]
        self._number += 1
        return at, head + b"%010d" % (FIRST_TRADE + self._number) + tail


def _around_id(frame: bytes) -> tuple[bytes, bytes]:
    head, _, tail = frame.partition(b"0000000000")
    return head, tail


def price_index(price: str) -> int:
    """Which of the prices an order carries."""
    return (round(float(price) * 100) - _FIRST_CENTS) // 10


class Exchange:
    """The venue's streams and its WebSocket API, on one listener."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self.listener = Listener(context)
        self.ticks = Ticks()
        self._ends: dict[str, socket.socket] = {}
        self._unmask = Unmasker()
        self._order_id = 0
        self._due: dict[int, int] = {}
        self._took: list[int] = []

    def serve_until(self, done: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
        """Take in whoever connects and answer requests until `done`.

        Raises:
            WrongAnswer: not in time.
        """
        deadline = Deadline(seconds)
        while not done():
            if deadline.passed():
                raise WrongAnswer(f"not within {seconds:g} s: {what}")
            ready, _, _ = select.select(self._watched(), [], [], 0.02)
            if self.listener.listener in ready:
                path, end = self.listener.accept()
                self._take_in(path.split("/")[1].split("?")[0], end)
            if self._ends.get("ws-fapi") in ready:
                self._hear()

    def connected(self) -> bool:
        """Say whether every connection of an engine is there."""
        return {"public", "market", "private", "ws-fapi"} <= self._ends.keys()

    def drive(self, rate: int, seconds: float, every: int) -> Slice:
        """Send ticks at `rate`, each `every`-th of them marked, and take the orders back.

        Raises:
            WrongAnswer: an order came that nobody asked for.
        """
        self._ends["public"].sendall(text_frame(BOOK_TOP))
        self._ends["market"].sendall(text_frame(MARK))
        total, period_ns = int(rate * seconds), NS_PER_S / rate
        self._took, late = [], np.zeros(total, np.int64)
        market, session = self._ends["market"], self._ends["ws-fapi"]
        watched, begin_ns = [session], monotonic_ns() + NS_PER_S // 100
        for number in range(total):
            due_ns = begin_ns + int(number * period_ns)
            marked = number % every == 0
            index, frame = self.ticks.next(marked=marked)
            self._hear_until(due_ns, watched)
            if marked:
                self._due[index] = due_ns
            market.sendall(frame)
            late[number] = monotonic_ns() - due_ns
            if number % rate == rate // 2 + 1:
                # Once a second: the engine takes a silent stream for dead.
                self._ends["public"].sendall(text_frame(BOOK_TOP))
        deadline = Deadline(ANSWERS_WITHIN_S)
        while self._due and not deadline.passed():
            self._hear_until(monotonic_ns() + SPIN_NS, watched)
        now_ns, missing = monotonic_ns(), len(self._due)
        self._took += [now_ns - due_ns for due_ns in self._due.values()]
        self._due.clear()
        return Slice(np.array(self._took, np.int64), late, missing)

    def close(self) -> None:
        """Close everything."""
        self.listener.close()

    def _watched(self) -> list[socket.socket]:
        session = self._ends.get("ws-fapi")
        return [self.listener.listener] + ([session] if session else [])

    def _take_in(self, route: str, end: socket.socket) -> None:
        self._ends[route] = end
        if route == "public":
            end.sendall(text_frame(BOOK_TOP))
        elif route == "market":
            end.sendall(text_frame(MARK) + self.ticks.next(marked=False)[1])
        elif route == "ws-fapi":
            self._unmask = Unmasker()

    def _hear_until(self, due_ns: int, watched: list[socket.socket]) -> None:
        while True:
            left_ns = due_ns - monotonic_ns()
            wait_s = max(0, left_ns - SPIN_NS) / NS_PER_S
            if select.select(watched, [], [], wait_s)[0]:
                self._hear()
            if left_ns <= 0:
                return

    def _hear(self) -> None:
        session = self._ends["ws-fapi"]
        data = session.recv(1 << 16)
        came_ns = monotonic_ns()
        if not data:
            raise WrongAnswer("the engine closed its order session")
        for opcode, payload in self._unmask.read(data):
            if opcode == 1:
                self._answer(orjson.loads(payload), came_ns, session)

    def _answer(self, request: dict[str, object], came_ns: int, session: socket.socket) -> None:
        reply: dict[str, object] = {"id": request["id"], "status": 200}
        now_ms = wall_ms()
        if request["method"] == "order.place":
            params = request["params"]
            assert isinstance(params, dict)
            due_ns = self._due.pop(price_index(params["price"]), None)
            if due_ns is None:
                raise WrongAnswer(f"an order at {params['price']} that no tick asked for")
            self._took.append(came_ns - due_ns)
            self._order_id += 1
            names = {"orderId": self._order_id, "clientOrderId": params["newClientOrderId"]}
            reply["result"] = {**names, "status": "NEW", "updateTime": now_ms}
            session.sendall(text_frame(orjson.dumps(reply)))
            self._ends["private"].sendall(text_frame(_expired(params, self._order_id, now_ms)))
            return
        reply["result"] = {"serverTime": now_ms}
        session.sendall(text_frame(orjson.dumps(reply)))


def _expired(params: dict[str, str], order_id: int, now_ms: int) -> bytes:
    """What the user stream says of an immediate order that found nobody."""
    words = {"s": params["symbol"], "c": params["newClientOrderId"], "S": params["side"]}
    words |= {"o": "LIMIT", "f": "IOC", "q": params["quantity"], "p": params["price"]}
    words |= {"x": "EXPIRED", "X": "EXPIRED", "l": "0", "z": "0", "L": "0", "N": "USDT", "n": "0"}
    body = {**words, "i": order_id, "T": now_ms, "t": 0, "m": False, "R": False, "rp": "0"}
    return orjson.dumps({"e": "ORDER_TRADE_UPDATE", "T": now_ms, "E": now_ms, "o": body})

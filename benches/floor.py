"""The floor under tick to order: the same sockets, wake-ups and process switches, doing no work.

Three processes sleep as the engine's do, on the cores it would give them.  The first reads the
tick and wakes the second; a marked tick makes that one wake the third, which sends an order written
beforehand.  No decoding, no strategy, no risk gate, no signature.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
from collections.abc import Iterator

import orjson

from benches.pair import FORK
from benches.tick_venue import MARKED_QTY, Exchange
from hft.pinning import pin_here, plan_cores, quota_cores, usable_cores
from hft.seats import Seat
from hft.wire.frames import Opcode, client_frame

_ORDER = {
    "id": 1,
    "method": "order.place",
    "params": {
        "apiKey": "k" * 64,
        "newClientOrderId": "hft-abcdefgh-1000",
        "price": "60000.00",
        "quantity": "0.010",
        "recvWindow": 2000,
        "side": "BUY",
        "symbol": "BTCUSDT",
        "timeInForce": "IOC",
        "timestamp": 1791391082024,
        "type": "LIMIT",
        "signature": "0" * 64,
    },
}
_MARKED = MARKED_QTY.encode()
_MARK_UNIT = 1 << 32
"""What a marked tick adds to the bell's counter; a plain one adds 1."""
_RECEIVE_BYTES = 1 << 16


class Floor(Exchange):
    """The exchange's end of the floor; any order answers the oldest tick that waits."""

    def __init__(self) -> None:
        super().__init__(None)
        self.bells = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(2)]
        self._port = self.listener.port

    def connect(self) -> tuple[socket.socket, socket.socket]:
        """Make the two connections; gives the processes' ends."""
        theirs = []
        for route in ("market", "ws-fapi"):
            end = socket.create_connection(("127.0.0.1", self._port))
            ours, _ = self.listener.listener.accept()
            for each in (end, ours):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._ends[route] = ours
            theirs.append(end)
        self._ends["public"] = self._ends["market"]
        return theirs[0], theirs[1]

    def close(self) -> None:
        """Close everything."""
        super().close()
        for end in {self._ends["market"], self._ends["ws-fapi"]}:
            end.close()
        for bell in self.bells:
            os.close(bell)

    def _answer(self, request: dict[str, object], came_ns: int, session: socket.socket) -> None:
        self._took.append(came_ns - self._due.pop(next(iter(self._due))))


@contextlib.contextmanager
def floor() -> Iterator[Floor]:
    """Run the three processes; they sleep whenever no tick comes."""
    made = Floor()
    market, session = made.connect()
    first, second = made.bells
    cores = plan_cores(usable_cores(), quota_cores(), "auto", pin=True).cores
    processes = [
        FORK.Process(target=_feed, args=(cores[Seat.FEED], market, first)),
        FORK.Process(target=_strategy, args=(cores[Seat.STRATEGY], first, second)),
        FORK.Process(target=_execution, args=(cores[Seat.EXECUTION], second, session)),
    ]
    for process in processes:
        process.start()
    market.close()
    session.close()
    try:
        yield made
    finally:
        for process in processes:
            process.kill()
            process.join()
            process.close()
        made.close()


def _poller(descriptor: int) -> select.poll:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return poll


def _feed(core: int, market: socket.socket, bell: int) -> None:
    pin_here(core)
    poll, view = _poller(market.fileno()), bytearray(_RECEIVE_BYTES)
    while True:
        poll.poll()
        got = market.recv_into(view)
        if not got:
            return
        os.eventfd_write(bell, _MARK_UNIT if _MARKED in view[:got] else 1)


def _strategy(core: int, bell: int, next_bell: int) -> None:
    pin_here(core)
    poll = _poller(bell)
    while True:
        poll.poll()
        marked = os.eventfd_read(bell) // _MARK_UNIT
        if marked:
            os.eventfd_write(next_bell, marked)


def _execution(core: int, bell: int, session: socket.socket) -> None:
    pin_here(core)
    frame = client_frame(Opcode.TEXT, orjson.dumps(_ORDER))
    poll = _poller(bell)
    while True:
        poll.poll()
        for _ in range(os.eventfd_read(bell)):
            session.send(frame)

"""Receive loops over a local socket: ours with decoding, and the libraries' without."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import mmap
import select
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benches.naive import messages, pour
from benches.pair import beside
from benches.report import WrongAnswer, expect
from benches.trades import SYMBOL
from benches.venue import Listener
from hft.clock import Deadline, monotonic_ns
from hft.events import MARKET
from hft.feed.inbox import Inbox
from hft.feed.rows import Tables
from hft.state.blocks import FEED_LINK
from hft.wire.connection import Dialler, receive_into
from ringbuf.layout import RingLayout
from ringbuf.memory import Segment
from ringbuf.spsc import Ring, jump_to_tail

_DIAL_MAX_S = 10.0
_RING_SLOTS = 16384


@contextlib.contextmanager
def sender(count: int) -> Iterator[str]:
    """Write `count` trades from another process to whoever connects first; gives the address."""
    listener = Listener()
    try:
        with beside(pour, listener, count):
            yield listener.url
    finally:
        listener.close()


def per_s(count: int, started_ns: int) -> float:
    """Messages per second since `started_ns`."""
    return count * 1e9 / (monotonic_ns() - started_ns)


def by_us(count: int) -> float:
    """Receive, take apart, decode and publish as the feed does."""
    shape = RingLayout(MARKET, _RING_SLOTS)
    ring = Ring.create(Segment("bench", mmap.mmap(-1, shape.nbytes)), 0, shape, 0)
    inbox = Inbox(Tables(ring, [SYMBOL]), np.zeros(1, FEED_LINK), lambda _text: None)
    with sender(count) as url:
        dialler, deadline = Dialler(url, lambda: None), Deadline(_DIAL_MAX_S)
        dialler.start()
        while (sock := dialler.result()) is None and not deadline.passed():
            select.select([], [], [], 0.001)
        if sock is None or isinstance(sock, Exception):
            raise WrongAnswer(f"no connection: {sock}")
        poll, seen, started_ns = select.poll(), 0, monotonic_ns()
        poll.register(sock, select.POLLIN)
        with sock:
            while seen < count:
                poll.poll()
                seen += inbox.take(receive_into(sock, inbox.room()), 0, 0).published
                jump_to_tail(ring.words)
            rate = per_s(count, started_ns)
    expect("trades", seen, count)
    return rate


def by_websocket_client(count: int) -> float:
    """Receive with websocket-client."""
    with sender(count) as url:
        source = messages(url, count)
        seen, started_ns = len(next(source)) > 0, monotonic_ns()
        total = seen + sum(1 for _ in source)
        rate = per_s(count - 1, started_ns)
    expect("messages", total, count)
    return rate


def by_websockets(count: int) -> float:
    """Receive with websockets on asyncio."""
    connect: Any = importlib.import_module("websockets.asyncio.client").connect

    async def receive(url: str) -> float:
        async with connect(url, compression=None) as client:
            await client.recv()
            started_ns = monotonic_ns()
            for _ in range(count - 1):
                await client.recv()
            return per_s(count - 1, started_ns)

    with sender(count) as url:
        return asyncio.run(receive(url))


def by_picows(count: int) -> float:
    """Receive with picows on asyncio, through its callback."""
    picows: Any = importlib.import_module("picows")

    async def receive(url: str) -> float:
        done: asyncio.Future[float] = asyncio.get_running_loop().create_future()

        class Client(picows.WSListener):  # type: ignore[misc]
            seen, started_ns = 0, 0

            def on_ws_frame(self, _transport: Any, _frame: Any) -> None:
                self.started_ns = self.started_ns or monotonic_ns()
                self.seen += 1
                if self.seen == count:
                    done.set_result(per_s(count - 1, self.started_ns))

        transport, _ = await picows.ws_connect(Client, url)
        rate = await done
        transport.disconnect()
        return rate

    with sender(count) as url:
        return asyncio.run(receive(url))


LIBRARIES: dict[str, tuple[str, Callable[[int], float]]] = {
    "websocket_client": ("websocket", by_websocket_client),
    "websockets": ("websockets", by_websockets),
    "picows": ("picows", by_picows),
}
"""By metric: the module that must be there, and the loop."""


def is_installed(module: str) -> bool:
    """Say whether a baseline can be measured here."""
    return importlib.util.find_spec(module) is not None

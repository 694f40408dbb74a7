"""The exchange as a process of its own, and the same sockets without an exchange behind them."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import cast

import httptools
import orjson
import psutil
import uvloop

from benches.exchange_load import API_KEY, API_SECRET
from benches.pair import FORK, core_pair
from benches.report import WrongAnswer
from benches.venue import Unmasker
from hft.pinning import usable_cores
from hft.simulator.clockwork import Clockwork
from hft.simulator.handshake import accept_line
from hft.simulator.hub import text_frame
from hft.simulator.matching import BUY, SELL
from hft.simulator.server import ClientProtocol, Connections
from hft.simulator.symbols import KNOWN
from hft.simulator.venue import Credentials, Venue

BURST = 16
"""Trades of one step of the busy market, and messages of one write of the baseline."""
TICK_S = 0.0
_PRICE_TICKS = 600_000
_LOTS_MAX = 10**12
_REPLY_BYTES = 420
_LOOK_S = 0.001
_END_MAX_S = 10.0
STREAM = "btcusdt@trade"
_FIRST_NUMBER = 10**9

Factory = Callable[[], asyncio.Protocol]
Serve = Callable[[asyncio.AbstractEventLoop], Factory]
"""Begins what happens by itself on a loop, and gives the protocol of its connections."""
_running: set[asyncio.Task[None]] = set()
"""A loop alone does not keep its tasks from being forgotten."""


@contextlib.contextmanager
def exchange() -> Iterator[int]:
    """The simulator as anybody starts it, on the other core; gives its port."""
    command = [sys.executable, "-m", "hft.simulator", "--port", "0", "--limits", "off"]
    command += ["--symbols", "BTCUSDT", "--api-key", API_KEY, "--api-secret", API_SECRET]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise WrongAnswer("the exchange did not start")
        with apart(process.pid):
            yield int(orjson.loads(line)["port"])
    finally:
        process.terminate()
        process.wait(_END_MAX_S)
        process.stdout.close()


@contextlib.contextmanager
def forked(serve: Serve) -> Iterator[int]:
    """Serve the protocols that `serve` makes from a forked process; gives the port."""
    ours, theirs = FORK.Pipe()

    def work() -> None:
        async def main() -> None:
            loop = asyncio.get_running_loop()
            server = await loop.create_server(serve(loop), "127.0.0.1", 0)
            theirs.send(server.sockets[0].getsockname()[1])
            await asyncio.Event().wait()

        uvloop.run(main())

    process = FORK.Process(target=work)
    process.start()
    try:
        if not ours.poll(_END_MAX_S) or process.pid is None:
            raise WrongAnswer("the other process did not start")
        with apart(process.pid):
            yield int(ours.recv())
    finally:
        process.kill()
        process.join()
        process.close()


@contextlib.contextmanager
def apart(other_pid: int) -> Iterator[None]:
    """Keep the other process on one core and this one on another."""
    pair, before = core_pair(), usable_cores()
    if pair is None:
        yield
        return
    psutil.Process(other_pid).cpu_affinity([pair[1]])
    psutil.Process().cpu_affinity([pair[0]])
    try:
        yield
    finally:
        psutil.Process().cpu_affinity(before)


class BusyMarket:
    """A house that trades with itself as soon as `hearers` listen: so many trades a step."""

    tick_s = TICK_S

    def __init__(self, venue: Venue, hearers: int, total: int) -> None:
        self._venue = venue
        self._hearers = hearers
        self._left = total
        self._listing = venue.exchange.listings["BTCUSDT"]
        listing = self._listing
        venue.exchange.house_order(listing, SELL, (_PRICE_TICKS, _LOTS_MAX), venue.now_ms())
        venue.exchange.house_order(listing, BUY, (_PRICE_TICKS - 1, _LOTS_MAX), venue.now_ms())

    def advance(self, now_ns: int) -> None:
        """Make the trades of one step, each a transaction of its own."""
        venue = self._venue
        if venue.counts.stream_connections < self._hearers:
            return
        for _ in range(min(BURST, self._left)):
            now_ms = venue.now_ms()
            venue.exchange.house_take(self._listing, BUY, (_PRICE_TICKS, 7), now_ms)
            venue.flush(now_ms)
        self._left -= min(BURST, self._left)

    def close(self) -> None:
        """Nothing to let go of."""


def busy_streams(hearers: int, total: int) -> Serve:
    """Serve an exchange whose market makes `total` trades as fast as it can."""

    def serve(loop: asyncio.AbstractEventLoop) -> Factory:
        venue = Venue([KNOWN["BTCUSDT"]], Credentials(API_KEY, API_SECRET))
        everyone = Connections()
        market = BusyMarket(venue, hearers, total)
        _running.add(loop.create_task(Clockwork(venue, market, everyone).run()))
        return lambda: ClientProtocol(venue, everyone)

    return serve


class Echo(asyncio.Protocol):
    """HTTP and WebSocket on the same stack, with an answer written beforehand and no work."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._frames: Unmasker | None = None
        self._headers: dict[bytes, bytes] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer each whole request or frame with the same bytes."""
        if self._frames is not None:
            self._write(_FRAME * len(self._frames.read(data)))
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._frames = Unmasker()
            self._write(accept_line("GET", self._headers))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep what a handshake needs."""
        self._headers[name.lower()] = value

    def on_message_complete(self) -> None:
        """Answer."""
        if not self._parser.should_upgrade():
            self._write(_REPLY)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


_BODY = orjson.dumps({"filler": "x" * _REPLY_BYTES})
_REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
_FRAME = text_frame(_BODY)


class Poured(Echo):
    """A client of a stream whose messages were written beforehand."""

    def __init__(self, everyone: list[asyncio.Transport]) -> None:
        super().__init__()
        self._everyone = everyone

    def data_received(self, data: bytes) -> None:
        """Take the handshake; the messages begin when all are there."""
        super().data_received(data)
        if self._transport is not None and self._frames is not None:
            self._everyone.append(self._transport)


def poured_streams(hearers: int, total: int, payload: bytes) -> Serve:
    """Serve `total` messages like `payload` by plain writes; their numbers count up."""
    head, tail = payload.split(b"%d")
    everyone: list[asyncio.Transport] = []

    async def pour() -> None:
        while len(everyone) < hearers:
            await asyncio.sleep(_LOOK_S)
        for first in range(0, total, BURST):
            for number in range(first, min(first + BURST, total)):
                frame = text_frame(b"%b%d%b" % (head, _FIRST_NUMBER + number, tail))
                for transport in everyone:
                    transport.write(frame)
            await asyncio.sleep(0)

    def serve(loop: asyncio.AbstractEventLoop) -> Factory:
        _running.add(loop.create_task(pour()))
        return lambda: Poured(everyone)

    return serve

"""A simulator behind real sockets whose clock a test moves: in a thread, its market asleep."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import urlencode

import requests
import websocket

from hft.simulator.clockwork import Clockwork, Market
from hft.simulator.doorstep import Connections, Patience
from hft.simulator.fault_door import FaultyProtocol
from hft.simulator.fault_kinds import Scenario
from hft.simulator.fault_venue import FaultyVenue
from hft.simulator.limits import Limits
from hft.simulator.server import ClientProtocol
from hft.simulator.symbols import KNOWN
from hft.simulator.venue import Credentials, Venue
from hft.units import E8

from .wire import API_KEY, API_SECRET, WAIT_S, sign

START_MS = 1_790_000_040_000
"""The beginning of a minute."""


class _Asleep:
    tick_s = 0.002

    def advance(self, now_ns: int) -> None:
        """No market."""

    def close(self) -> None:
        """Nothing to let go of."""


class Clocked:
    """Requests and sockets to it, at the time that `now_ms` says."""

    def __init__(self, port: int, venue: Venue) -> None:
        self.port = port
        self.venue = venue
        self.now_ms = START_MS
        self.session = requests.Session()

    def raw(self, method: str, path: str, query: str = "") -> requests.Response:
        address = f"http://127.0.0.1:{self.port}{path}?{query}"
        key = {"X-MBX-APIKEY": API_KEY}
        return self.session.request(method, address, timeout=WAIT_S, headers=key)

    def signed(self, method: str, path: str, **params: Any) -> requests.Response:
        query = urlencode({**params, "timestamp": self.now_ms})
        return self.raw(method, path, query + "&signature=" + sign(query))

    @contextlib.contextmanager
    def socket(self, path: str, **more: Any) -> Iterator[websocket.WebSocket]:
        url = f"ws://127.0.0.1:{self.port}{path}"
        link = websocket.create_connection(url, timeout=WAIT_S, **more)
        raw = link.sock
        try:
            yield link
        finally:
            link.close()
            raw.close()


@contextlib.contextmanager
def clocked(
    open_market: Callable[[Venue], Market] = lambda _: _Asleep(),
    clock: Callable[[], int] | None = None,
    faults: Scenario | None = None,
    **patience: float,
) -> Iterator[Clocked]:
    """Serve with the limits of the venue until the block ends; `patience` in real seconds.

    With `faults` more of them may be posted, and no limits are enforced.
    """
    moment: list[Clocked] = []
    venue = Venue(
        [KNOWN["BTCUSDT"]],
        Credentials(API_KEY, API_SECRET),
        limits=Limits(enforced=faults is None),
        clock=clock or (lambda: moment[0].now_ms if moment else START_MS),
    )
    venue.exchange.listings["BTCUSDT"].mark_e8 = 60_000 * E8
    market = open_market(venue)
    faulty = None if faults is None else FaultyVenue(venue, faults, 1)
    ready = threading.Event()
    told: list[Any] = []

    async def serve() -> None:
        everyone = Connections(patience=Patience(**patience))
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        door = partial(ClientProtocol, venue, everyone)
        if faulty is not None:
            door = partial(FaultyProtocol, faulty, everyone)
        server = await loop.create_server(door, "127.0.0.1", 0)
        ticking = asyncio.create_task(Clockwork(venue, market, everyone).run())
        told.extend((server.sockets[0].getsockname()[1], loop, over))
        ready.set()
        await over.wait()
        ticking.cancel()
        server.close()
        for connection in list(everyone):
            connection.go_away()
        await server.wait_closed()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(WAIT_S)
    port, loop, over = told
    moment.append(Clocked(port, venue))
    try:
        yield moment[0]
    finally:
        moment[0].session.close()
        loop.call_soon_threadsafe(over.set)
        thread.join(WAIT_S)
    assert not thread.is_alive()

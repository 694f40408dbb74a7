from __future__ import annotations

import contextlib
import resource
import selectors
import socket
from collections import Counter
from collections.abc import Iterator

import psutil
import pytest

from hft.clock import Deadline
from hft.simulator.doorstep import CONNECTIONS_MAX, FILES_RESERVED, connections_allowed
from hft.simulator.limits import STREAM_CONNECTIONS_MAX

from .clocked import START_MS, clocked
from .raw import PING, Wire, handshake, wire_to
from .wire import Simulator, eventually, running

ATTEMPTS = 10_000


@contextlib.contextmanager
def crowd(port: int, size: int) -> Iterator[list[socket.socket]]:
    links: list[socket.socket] = []
    try:
        links.extend(_link(port) for _ in range(size))
        yield links
    finally:
        for link in links:
            link.close()


def _link(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def told(links: list[socket.socket]) -> Counter[str]:
    """What every client of a crowd hears when each asks once."""
    heard: Counter[str] = Counter()
    watched = selectors.DefaultSelector()
    for link in links:
        with contextlib.suppress(ConnectionError):
            link.sendall(PING)
        watched.register(link, selectors.EVENT_READ)
    deadline = Deadline(30)
    while watched.get_map() and not deadline.passed():
        for key, _ in watched.select(1):
            assert isinstance(key.fileobj, socket.socket)
            watched.unregister(key.fileobj)
            try:
                data = key.fileobj.recv(4_096)
            except ConnectionError:
                data = b"reset"
            heard[data.split(b"\r\n")[0].decode()] += 1
    heard["nothing"] += len(watched.get_map())
    watched.close()
    return +heard


def test_one_connection_too_many_hears_why_and_the_next_free_place_is_taken() -> None:
    with running("--connections-max", "3") as simulator:
        port = simulator.line["port"]
        with crowd(port, 3) as links:
            assert told(links) == {"HTTP/1.1 200 OK": 3}
            with wire_to(port) as fourth:
                refused = fourth.answer()
                assert refused.status == 503
                assert refused.json()["code"] == -1008
                why = str(refused.json()["msg"])
                assert "At most 3 connections" in why
                assert "Request throttled by system-level protection." in why
                assert fourth.is_over()
            links.pop().close()
            eventually(lambda: _is_served(port))
            asked = b"GET /sim/state HTTP/1.1\r\nHost: x\r\n\r\n"
            state = Wire(links[0]).ask(asked).json()
            counts = state["counts"]
            assert isinstance(counts, dict)
            assert counts["turned_away"] >= 1


def _is_served(port: int) -> bool:
    with wire_to(port) as late:
        return late.ask(PING).status == 200


def test_ten_thousand_connections_are_served_or_refused_with_a_reason() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = ATTEMPTS + 200
    if hard != resource.RLIM_INFINITY and hard < needed:
        pytest.skip(f"only {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    with running() as simulator:
        process = psutil.Process(simulator.process.pid)
        before = process.memory_info().rss
        with crowd(simulator.line["port"], ATTEMPTS) as links:
            heard = told(links)
        served = heard.pop("HTTP/1.1 200 OK")
        most = CONNECTIONS_MAX if hard == resource.RLIM_INFINITY else hard - FILES_RESERVED
        assert served == min(CONNECTIONS_MAX, most)
        # Where very many come at once, some are reset before they could read the reason.
        assert heard["HTTP/1.1 503 Service Unavailable"] > 0
        assert sum(heard.values()) == ATTEMPTS - served
        assert heard["nothing"] == heard[""] == 0
        _is_quiet_again(simulator)
        assert process.memory_info().rss - before < 200 << 20


def _is_quiet_again(simulator: Simulator) -> None:
    eventually(lambda: simulator.get("/sim/state")["counts"]["connections"] == 1)


def test_as_many_connections_as_files_may_be_open_are_allowed() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
        assert connections_allowed(10) == 10
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 300
        assert connections_allowed(100) == 100
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 100 + FILES_RESERVED
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_an_address_opens_300_streams_in_five_minutes() -> None:
    with clocked() as venue:
        for _ in range(STREAM_CONNECTIONS_MAX):
            with wire_to(venue.port) as link:
                assert link.ask(handshake()).status == 101
        with wire_to(venue.port) as link:
            refused = link.ask(handshake())
            assert (refused.status, refused.json()["code"]) == (429, -1003)
            left_s = (300_000 - START_MS % 300_000) // 1_000
            assert refused.headers["retry-after"] == str(left_s)
        with wire_to(venue.port) as link:
            assert link.ask(handshake(target="/ws-fapi/v1")).status == 101
        venue.now_ms += 300_000
        with wire_to(venue.port) as link:
            assert link.ask(handshake()).status == 101

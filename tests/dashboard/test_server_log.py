"""What the web server complains of is told, and a flood of complaints is a line or two."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator

import pytest

from dashboard.server_log import LINES_EACH, LINES_SPAN_S, LOGGERS, ToHouseLog
from hft.agent.log import Log
from hft.events import Role
from hft.topology import House
from hft.units import NS_PER_S
from ringbuf.doorbell import Doorbell
from ringbuf.spsc import Consumer
from tests.dashboard.furniture import Served


class Listening:
    """The house's log with a handler on the loggers of the page, and a clock of its own."""

    def __init__(self, house: House) -> None:
        self.now_ns = NS_PER_S
        self._bell = Doorbell(house.parked_words(Role.LEDGER))
        ring = house.log_ring(Role.DASHBOARD)
        self._consumer = Consumer(ring)
        self.handler = ToHouseLog(Log(Role.DASHBOARD, ring, self._bell), lambda: self.now_ns)
        for name in LOGGERS:
            logging.getLogger(name).addHandler(self.handler)

    def lines(self) -> list[str]:
        """What was said since the last look."""
        count = self._consumer.waiting()
        records = self._consumer.copy(count)
        self._consumer.release(count)
        return [bytes(each["text"])[: int(each["size"])].decode() for each in records]

    def close(self) -> None:
        for name in LOGGERS:
            logging.getLogger(name).removeHandler(self.handler)
        self._bell.close()


@pytest.fixture
def listening(house: House) -> Iterator[Listening]:
    """Hear what the loggers of the page say, as the house's log has it."""
    one = Listening(house)
    yield one
    one.close()


def test_a_flood_of_one_kind_is_counted_and_hides_no_other(listening: Listening) -> None:
    door, server = logging.getLogger("dashboard"), logging.getLogger("uvicorn.error")
    for number in range(1000):
        door.warning("a wrong token was shown to the page from %s", f"10.0.0.{number}")
    server.error("Exception in ASGI application\n", exc_info=ValueError("too deep"))
    told = listening.lines()
    assert told[0] == "a wrong token was shown to the page from 10.0.0.0"
    assert told[LINES_EACH:] == [
        "web server: Exception in ASGI application: ValueError('too deep')"
    ]
    listening.now_ns += round(LINES_SPAN_S / LINES_EACH * NS_PER_S)
    door.warning("a wrong token was shown to the page from %s", "10.0.0.9")
    assert listening.lines() == [
        "a wrong token was shown to the page from 10.0.0.9 (and 995 more that were not told)"
    ]


def test_a_stranger_cannot_fill_the_log_with_nonsense(listening: Listening, served: Served) -> None:
    upgrade = (
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    )
    for nonsense in (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", upgrade):
        for _ in range(LINES_EACH * 3):
            with socket.create_connection(("127.0.0.1", served.port), timeout=5) as line:
                line.sendall(nonsense)
                assert line.recv(100).startswith(b"HTTP/1.1 ")
    told = listening.lines()
    assert "web server: Invalid HTTP request received." in told
    assert len(told) == LINES_EACH * len(set(told))

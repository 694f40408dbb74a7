"""A simulator as its own process, and the ways to talk to it over real sockets."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import IO, Any
from urllib.parse import urlencode

import requests
import websocket

from hft.clock import Deadline, sleep_s, wall_ms

API_KEY = "k" * 64
API_SECRET = "s" * 64
WAIT_S = 10.0


class Simulator:
    """Where a running simulator listens, and requests to it."""

    def __init__(self, process: subprocess.Popen[str], line: dict[str, Any]) -> None:
        self.process = process
        self.line = line
        self.url = str(line["listening"])
        self.session = requests.Session()

    def get(self, path: str) -> Any:
        return self.session.get(self.url + path, timeout=WAIT_S).json()

    def raw(self, method: str, path: str, query: str = "", **more: Any) -> requests.Response:
        more.setdefault("headers", {"X-MBX-APIKEY": API_KEY})
        address = self.url + path + ("?" + query if query else "")
        return self.session.request(method, address, timeout=WAIT_S, **more)

    def signed(self, method: str, path: str, **params: Any) -> requests.Response:
        params.setdefault("timestamp", wall_ms())
        query = urlencode(params)
        return self.raw(method, path, query + "&signature=" + sign(query))

    def ok(self, method: str, path: str, **params: Any) -> Any:
        reply = self.signed(method, path, **params)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def refused(self, method: str, path: str, **params: Any) -> tuple[int, int]:
        reply = self.signed(method, path, **params)
        return reply.status_code, reply.json()["code"]

    def order(self, **params: Any) -> Any:
        return self.ok("POST", "/fapi/v1/order", **{"symbol": "BTCUSDT", **params})

    def touch(self) -> tuple[float, float]:
        book = self.get("/fapi/v1/ticker/bookTicker?symbol=BTCUSDT")
        return float(book["bidPrice"]), float(book["askPrice"])

    def flatten(self) -> None:
        """Leave no order and no position behind for the next test."""
        self.ok("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")
        row = self.ok("GET", "/fapi/v2/positionRisk", symbol="BTCUSDT")[0]
        held = row["positionAmt"]
        if float(held):
            side = "SELL" if float(held) > 0 else "BUY"
            self.order(side=side, type="MARKET", quantity=held.lstrip("-"), reduceOnly="true")

    @contextlib.contextmanager
    def socket(self, path: str) -> Iterator[websocket.WebSocket]:
        link = websocket.create_connection(self.url.replace("http", "ws") + path, timeout=WAIT_S)
        raw = link.sock
        try:
            yield link
        finally:
            link.close()
            raw.close()

    @contextlib.contextmanager
    def user_stream(self) -> Iterator[websocket.WebSocket]:
        key = self.raw("POST", "/fapi/v1/listenKey").json()["listenKey"]
        with self.socket(f"/private/ws?listenKey={key}") as link:
            yield link


def sign(text: str) -> str:
    return hmac.new(API_SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()


@contextlib.contextmanager
def running(*arguments: str, stderr: IO[str] | None = None) -> Iterator[Simulator]:
    """Run one that refuses nobody for haste: the tests are all one address."""
    command = [sys.executable, "-m", "hft.simulator", "--port", "0", "--limits", "off"]
    command += ["--api-key", API_KEY, "--api-secret", API_SECRET, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True)
    assert process.stdout is not None
    simulator = Simulator(process, json.loads(process.stdout.readline()))
    try:
        yield simulator
    finally:
        simulator.session.close()
        process.terminate()
        code = process.wait(WAIT_S)
        process.stdout.close()
    assert code == 0


def receive(link: websocket.WebSocket) -> Any:
    return json.loads(link.recv())


def until(link: websocket.WebSocket, wanted: Callable[[Any], bool]) -> Any:
    """Receive until a message is wanted; gives it."""
    deadline = Deadline(WAIT_S)
    while not deadline.passed():
        message = receive(link)
        if wanted(message):
            return message
    raise AssertionError("the wanted message did not come")


def eventually(condition: Callable[[], bool]) -> None:
    deadline = Deadline(WAIT_S)
    while not condition():
        assert not deadline.passed(), "the condition did not come true"
        sleep_s(0.01)

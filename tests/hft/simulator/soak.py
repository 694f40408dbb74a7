"""The scripted crowd of the long run: clients that come, listen, err and die, each in a thread."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import websocket

from hft.clock import monotonic_ns, wall_ms

from .raw import handshake
from .wire import API_KEY, WAIT_S, Simulator, sign

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
KINDS = """
trade aggTrade bookTicker depth depth@100ms depth@500ms depth5 depth20@100ms rpiDepth@500ms
kline_1m kline_1h markPrice markPrice@1s ticker miniTicker forceOrder
"""
WHOLE = """
!ticker@arr !miniTicker@arr !bookTicker !markPrice@arr !markPrice@arr@1s !forceOrder@arr
!contractInfo !assetIndex@arr btcusdt_perpetual@continuousKline_1m
"""
STREAMS = [f"{symbol.lower()}@{kind}" for symbol in SYMBOLS for kind in KINDS.split()]
STREAMS += WHOLE.split()
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Script(ABC):
    """One client: does its piece again and again until the run ends; what fails is kept."""

    def __init__(self, simulator: Simulator, seed: int) -> None:
        self.simulator = simulator
        self.port = int(simulator.line["port"])
        self.random = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.failures: list[BaseException] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._http: http.client.HTTPConnection | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()

    def join(self) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive()
        if self._http is not None:
            self._http.close()

    @property
    def over(self) -> bool:
        return self._over.is_set()

    @abstractmethod
    def piece(self) -> None:
        """Do a little, again and again."""

    def _run(self) -> None:
        try:
            while not self.over:
                self.piece()
        except BaseException as error:  # noqa: BLE001  The test raises it where it can be seen.
            self.failures.append(error)

    def request(
        self, method: str, path: str, text: str = "", key: str = API_KEY
    ) -> tuple[int, Any]:
        """Send one request over a connection that is kept; gives status and body."""
        if self._http is None:
            self._http = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)
        self._http.request(method, f"{path}?{text}", headers={"X-MBX-APIKEY": key} if key else {})
        reply = self._http.getresponse()
        body = reply.read()
        if reply.will_close:
            self._http.close()
        self.counts[f"status {reply.status}"] += 1
        return reply.status, json.loads(body) if body else None

    def signed(self, method: str, path: str, **params: Any) -> tuple[int, Any]:
        """Send one signed request; a refusal must be one of the venue's."""
        text = urlencode({**params, "timestamp": wall_ms()})
        status, body = self.request(method, path, f"{text}&signature={sign(text)}")
        assert status == 200 or (400 <= status < 500 and body["code"] < 0), (path, params, body)
        if status != 200:
            self.counts[f"code {body['code']}"] += 1
        return status, body

    @contextlib.contextmanager
    def socket(self, path: str, timeout: float = 0.3) -> Iterator[websocket.WebSocket]:
        """A WebSocket that ends in one of four ways, most of them without a close."""
        url = f"ws://127.0.0.1:{self.port}{path}"
        link = websocket.create_connection(url, timeout=WAIT_S)
        link.settimeout(timeout)
        raw = link.sock
        try:
            yield link
        finally:
            ending = self.random.choice(("close", "drop", "reset", "half"))
            if ending == "close":
                link.close()
            elif ending == "reset":
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            elif ending == "half":
                with contextlib.suppress(OSError):
                    raw.sendall(b"\x81\xfe\x00")
            raw.close()

    def listen(self, link: websocket.WebSocket, span_s: float) -> Iterator[Any]:
        """Give the messages of a span; silence is none."""
        end_ns = monotonic_ns() + int(span_s * 1e9)
        while monotonic_ns() < end_ns and not self.over:
            with contextlib.suppress(websocket.WebSocketTimeoutException):
                yield json.loads(link.recv())


class Watcher(Script):
    """Follows streams of all kinds for a moment, on every route, and is gone."""

    def piece(self) -> None:
        names = self.random.sample(STREAMS, self.random.randint(1, 12))
        route = self.random.choice(("", "/public", "/market"))
        combined = self.random.random() < 0.5
        path = f"{route}/stream?streams=" if combined else f"{route}/ws/"
        with self.socket(path + "/".join(names)) as link:
            for message in self.listen(link, self.random.uniform(0.05, 2.0)):
                self.counts["messages"] += 1
                if self.random.random() < 0.02:
                    self._change(link)
                assert "code" not in (message if isinstance(message, dict) else {}), message

    def _change(self, link: websocket.WebSocket) -> None:
        method = self.random.choice(("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS"))
        params = self.random.sample(STREAMS, 3)
        link.send(json.dumps({"method": method, "params": params, "id": 1}))


class Follower(Script):
    """Opens listen keys, follows them and lets go, sometimes of the key first."""

    def piece(self) -> None:
        status, told = self.request("POST", "/fapi/v1/listenKey")
        assert status == 200
        key = told["listenKey"]
        path = self.random.choice((f"/ws/{key}", f"/private/ws?listenKey={key}"))
        with self.socket(path) as link:
            for event in self.listen(link, self.random.uniform(0.1, 3.0)):
                self.counts[event["e"]] += 1
            self.request("PUT", "/fapi/v1/listenKey")
            if self.random.random() < 0.7:
                self.request("DELETE", "/fapi/v1/listenKey")


class Caller(Script):
    """Talks to the WebSocket API, and mostly dies without a close, some replies unread."""

    def piece(self) -> None:
        with self.socket("/ws-fapi/v1", timeout=WAIT_S) as link:
            asked = self.random.randint(1, 12)
            for number in range(asked):
                link.send(json.dumps({"id": number, **self._call()}))
            for _ in range(self.random.randint(0, asked)):
                reply = json.loads(link.recv())
                assert reply["status"] == 200 or reply["error"]["code"] < 0, reply
                self.counts[f"status {reply['status']}"] += 1

    def _call(self) -> dict[str, Any]:
        method = self.random.choice(("time", "order.place", "v2/account.status", "nonsense"))
        params: dict[str, Any] = {"apiKey": API_KEY, "timestamp": wall_ms()}
        if method == "order.place":
            params |= {"symbol": "BTCUSDT", "type": "MARKET", "quantity": "0.002"}
            params["side"] = self.random.choice(("BUY", "SELL"))
        text = "&".join(f"{name}={params[name]}" for name in sorted(params))
        params["signature"] = sign(text)
        return {"method": method, "params": params if method != "time" else {}}


class Bungler(Script):
    """Sends what must be refused: wrong keys, wrong bytes, wrong words, half of anything."""

    def piece(self) -> None:
        number = self.random.random()
        if number < 0.3:
            self._raw()
            return
        path = self.random.choice(
            ("/fapi/v1/order", "/fapi/v3/account", "/fapi/v1/nothing", "/fapi/v1/klines")
        )
        text = self.random.choice(
            (
                "",
                "symbol=NONESUCH",
                "symbol=BTCUSDT&symbol=BTCUSDT",
                "timestamp=1&signature=00",
                "%ff=%00",
            )
        )
        key = self.random.choice((API_KEY, "wrong" * 12, "no key!", ""))
        method = self.random.choice(("GET", "POST", "DELETE", "PUT"))
        status, body = self.request(method, path, text, key)
        assert 400 <= status < 500, (method, path, text, key, status, body)

    def _raw(self) -> None:
        random_bytes = self.random.randbytes(self.random.randint(1, 300))
        data = self.random.choice(
            (
                random_bytes,
                b"GET /fapi/v1/ping HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                b"POST /fapi/v1/order HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nhalf",
                b"GET /" + b"x" * 20_000,
                handshake(target="/nowhere"),
                handshake("Sec-WebSocket-Version: 7"),
                handshake() + random_bytes,
                handshake(target="/ws-fapi/v1") + b"\x81\x85aaaa" + random_bytes[:5],
            )
        )
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port), timeout=0.2) as link,
        ):
            link.sendall(data)
            while link.recv(4096):
                pass
        self.counts["raw"] += 1

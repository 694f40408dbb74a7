"""A venue's public streams with the prices a test wants, for an exchange that follows them."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socket
import threading
from typing import Any

from hft.clock import wall_ms

DEPTH = "100000"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Feeder:
    """Tells everybody who follows one touch and one mark price, again whenever they change."""

    def __init__(self, symbol: str, price: float) -> None:
        self._symbol = symbol
        self._price = price
        self._update_id = 1
        self._lock = threading.Lock()
        self._followers: dict[socket.socket, str] = {}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def move(self, price: float) -> None:
        """Let mark price and book be elsewhere, from one moment to the next."""
        with self._lock:
            self._price = price
            for follower, path in self._followers.items():
                self._tell(follower, path)

    def close(self) -> None:
        # A thread that waits in accept is not woken by a close alone.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        for follower in self._followers:
            follower.close()

    def _accept(self) -> None:
        while True:
            try:
                follower, _ = self._listener.accept()
            except OSError:
                return
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                request += follower.recv(4096)
            lines = request.split(b"\r\n")
            key = next(line for line in lines if line.lower().startswith(b"sec-websocket-key"))
            digest = hashlib.sha1(key.partition(b": ")[2].strip() + _GUID).digest()
            follower.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
            )
            with self._lock:
                self._followers[follower] = lines[0].split(b" ")[1].decode()
                self._tell(follower, self._followers[follower])

    def _tell(self, follower: socket.socket, path: str) -> None:
        for event in self._book() if path.startswith("/public") else self._mark():
            text = json.dumps(event).encode()
            # One final text frame, its length in two bytes.
            follower.sendall(b"\x81\x7e" + len(text).to_bytes(2, "big") + text)

    def _book(self) -> list[dict[str, Any]]:
        self._update_id += 1
        bid, ask, now = f"{self._price - 0.5:.1f}", f"{self._price + 0.5:.1f}", wall_ms()
        common = {"E": now, "T": now, "s": self._symbol, "u": self._update_id}
        sides = {"b": [[bid, DEPTH]], "a": [[ask, DEPTH]]}
        ticker = {"b": bid, "B": DEPTH, "a": ask, "A": DEPTH}
        name = self._symbol.lower()
        return [
            {"stream": f"{name}@depth20@100ms", "data": {"e": "depthUpdate", **common, **sides}},
            {"stream": f"{name}@bookTicker", "data": {"e": "bookTicker", **common, **ticker}},
        ]

    def _mark(self) -> list[dict[str, Any]]:
        price, now = f"{self._price:.2f}", wall_ms()
        data = {"e": "markPriceUpdate", "E": now, "s": self._symbol, "p": price, "i": price}
        later = {"P": price, "r": "0.0001", "T": now + 8 * 3_600_000}
        return [{"stream": f"{self._symbol.lower()}@markPrice@1s", "data": {**data, **later}}]

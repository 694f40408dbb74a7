"""A wire between execution and the venue that can be cut after any byte."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from urllib.parse import urlsplit


class Scissors:
    """Forwards one address to another; `cut` ends the connection after so many more bytes."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._there = (str(parts.hostname), int(parts.port or 80))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._lock = threading.Lock()
        self._left: dict[str, int] = {}
        self._open: set[socket.socket] = set()
        self.carried = {"out": 0, "back": 0}
        self.cuts = 0
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def cut(self, way: str, after_bytes: int) -> None:
        """Cut after so many more bytes that go there ("out") or come from there ("back")."""
        with self._lock:
            self._left = {way: after_bytes}

    def leave(self) -> None:
        """Cut no more."""
        with self._lock:
            self._left = {}

    def armed(self) -> bool:
        with self._lock:
            return bool(self._left)

    def close(self) -> None:
        # A thread that waits in accept is not woken by a close alone.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in list(self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with near, socket.create_connection(self._there) as far:
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._open.add(end)
            with contextlib.suppress(OSError):
                while self._step(near, far):
                    pass
            self._open -= {near, far}

    def _step(self, near: socket.socket, far: socket.socket) -> bool:
        ready, _, _ = select.select([near, far], [], [])
        for end in ready:
            way, other = ("out", far) if end is near else ("back", near)
            data = end.recv(65536)
            if not data:
                return False
            with self._lock:
                self.carried[way] += len(data)
                left = self._left.get(way)
                if left is not None and left <= len(data):
                    self._left = {}
                    self.cuts += 1
                    if left:
                        other.sendall(data[:left])
                    return False
                if left is not None:
                    self._left[way] = left - len(data)
            other.sendall(data)
        return True

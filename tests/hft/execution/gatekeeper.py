"""A door before the venue that lets some addresses through, refuses others, or keeps them mute."""

from __future__ import annotations

import contextlib
import socket
import threading
from urllib.parse import urlsplit

REFUSE, MUTE = "refuse", "mute"
_PIECE = 65536


class Gatekeeper:
    """Forwards WebSockets; an address that contains one of `rules` is dealt with by its rule."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._there = (str(parts.hostname), int(parts.port or 80))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self._listener.getsockname()[1]}"
        self.rules: dict[str, str] = {}
        self.paths: list[str] = []
        self._ends: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        # A thread that waits in accept is not woken by a close alone.
        for end in (self._listener, *self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._admit, args=(near,), daemon=True).start()

    def _admit(self, near: socket.socket) -> None:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += near.recv(_PIECE)
        path = request.split(b" ")[1].decode()
        self.paths.append(path)
        rule = next((rule for words, rule in self.rules.items() if words in path), "")
        if rule == REFUSE:
            near.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            near.close()
            return
        far = socket.create_connection(self._there)
        self._ends += [near, far]
        far.sendall(request)
        threading.Thread(target=self._carry, args=(near, far), daemon=True).start()
        if rule == MUTE:
            # The handshake alone comes back.
            answer = b""
            while not answer.endswith(b"\r\n\r\n"):
                answer += far.recv(1)
            near.sendall(answer)
        else:
            self._carry(far, near)

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(_PIECE):
                target.sendall(piece)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

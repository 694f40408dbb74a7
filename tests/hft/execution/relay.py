"""A door in front of a venue that a test can shut: it passes bytes on, or turns everybody away."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

PART = 65_536


class Relay:
    """Listens on a port of its own in front of an address."""

    def __init__(self, url: str) -> None:
        there = urlsplit(url)
        assert there.hostname is not None
        assert there.port is not None
        self._there = (there.hostname, there.port)
        self._peers: dict[socket.socket, socket.socket] = {}
        self._over = False
        self._selector = selectors.DefaultSelector()
        self._listener = self._listen(0)
        port = self._listener.getsockname()[1]
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._shut = threading.Event()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def shut(self) -> None:
        """End every connection, and refuse new ones from now on."""
        self._done.clear()
        self._shut.set()
        assert self._done.wait(5)

    def open(self) -> None:
        """Pass connections on again."""
        self._done.clear()
        self._shut.clear()
        assert self._done.wait(5)

    def close(self) -> None:
        self._over = True
        self._thread.join(5)
        self._selector.close()

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port), reuse_port=False)
        self._selector.register(listener, selectors.EVENT_READ)
        return listener

    def _run(self) -> None:
        is_shut = False
        while not self._over:
            if self._shut.is_set() != is_shut:
                is_shut = self._shut.is_set()
                self._turn(is_shut=is_shut)
            self._done.set()
            for key, _ in self._selector.select(0.005):
                assert isinstance(key.fileobj, socket.socket)
                self._serve(key.fileobj)
        self._turn(is_shut=True)

    def _turn(self, *, is_shut: bool) -> None:
        if not is_shut:
            self._listener = self._listen(self.port)
            return
        if self._listener.fileno() >= 0:
            self._selector.unregister(self._listener)
            self._listener.close()
        for sock in list(self._peers):
            self._end(sock)

    def _serve(self, sock: socket.socket) -> None:
        if sock is self._listener:
            near, _ = sock.accept()
            far = socket.create_connection(self._there)
            self._peers[near], self._peers[far] = far, near
            for each in (near, far):
                self._selector.register(each, selectors.EVENT_READ)
            return
        if not self._pass_on(sock):
            self._end(sock)

    def _pass_on(self, sock: socket.socket) -> bool:
        """Pass on what came; False when either side is gone."""
        try:
            part = sock.recv(PART)
            if part:
                self._peers[sock].sendall(part)
        except (OSError, KeyError):
            return False
        return bool(part)

    def _end(self, sock: socket.socket) -> None:
        for each in (sock, self._peers.get(sock)):
            if each is not None and self._peers.pop(each, None) is not None:
                self._selector.unregister(each)
                each.close()


@contextlib.contextmanager
def relay_to(url: str) -> Iterator[Relay]:
    relay = Relay(url)
    try:
        yield relay
    finally:
        relay.close()

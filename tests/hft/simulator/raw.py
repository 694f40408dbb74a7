"""HTTP by hand: the bytes a test wants sent, and the reply taken apart."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator

HOST = b"Host: x\r\n"
PING = b"GET /fapi/v1/ping HTTP/1.1\r\n" + HOST + b"\r\n"


class Answer:
    """One HTTP reply as its bytes say."""

    def __init__(self, head: bytes, body: bytes) -> None:
        first, *lines = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {line.partition(": ")[0].lower(): line.partition(": ")[2] for line in lines}
        self.body = body

    def json(self) -> dict[str, object]:
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found

    def json_or_rows(self) -> object:
        """The body, which may be empty where there is none to be."""
        return json.loads(self.body) if self.body else None


class Wire:
    """A socket that reads whole replies."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.held = b""

    def send(self, data: bytes) -> None:
        self.link.sendall(data)

    def answer(self, *, head_only: bool = False) -> Answer:
        while b"\r\n\r\n" not in self.held:
            self.more()
        head, _, self.held = self.held.partition(b"\r\n\r\n")
        found = Answer(head, b"")
        size = 0 if head_only else int(found.headers.get("content-length", 0))
        while len(self.held) < size:
            self.more()
        found.body, self.held = self.held[:size], self.held[size:]
        return found

    def ask(self, data: bytes) -> Answer:
        self.send(data)
        return self.answer()

    def more(self) -> None:
        received = self.link.recv(1 << 16)
        assert received, "closed too early"
        self.held += received

    def is_over(self) -> bool:
        return self.held == b"" and self.link.recv(1) == b""


@contextlib.contextmanager
def wire_to(port: int) -> Iterator[Wire]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as link:
        yield Wire(link)


def handshake(*lines: str, target: str = "/ws", method: str = "GET") -> bytes:
    given = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    for line in lines:
        name, _, value = line.partition(": ")
        given[name] = value
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value)
    return f"{method} {target} HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode()

"""A WebSocket server one can hold in the hand: the test accepts, then writes raw bytes."""

from __future__ import annotations

import base64
import hashlib
import socket
import ssl
from types import TracebackType

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class LocalServer:
    """Listens on a free local port; `accept` shakes hands and returns the server's end."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(30)
        self._context = context
        self._ends: list[socket.socket] = []
        self.port = self._listener.getsockname()[1]
        self.url = f"{'wss' if context else 'ws'}://localhost:{self.port}"
        self.paths: list[str] = []

    def accept(self, first_bytes: bytes = b"") -> socket.socket:
        """Accept one client; `first_bytes` leave in the same packet as the handshake's answer."""
        end = self.accept_silent()
        request = self.read_request(end)
        key = next(
            line.split(b":")[1].strip()
            for line in request.split(b"\r\n")
            if line.lower().startswith(b"sec-websocket-key")
        )
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
        end.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + first_bytes
        )
        return end

    def accept_silent(self) -> socket.socket:
        """Accept one client and say nothing."""
        end, _ = self._listener.accept()
        self._ends.append(end)
        end.settimeout(30)
        if self._context:
            end = self._context.wrap_socket(end, server_side=True)
            self._ends.append(end)
        return end

    def read_request(self, end: socket.socket) -> bytes:
        """Read the client's request; its path is appended to `paths`."""
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += end.recv(4096)
        self.paths.append(request.split()[1].decode())
        return request

    def __enter__(self) -> LocalServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()
        for end in self._ends:
            end.close()


def server_frame(payload: bytes, opcode: int = 1, *, final: bool = True) -> bytes:
    """Build one unmasked frame, as a server sends it."""
    head = bytes(((0x80 if final else 0) | opcode,))
    if len(payload) < 126:
        return head + bytes((len(payload),)) + payload
    if len(payload) < 1 << 16:
        return head + b"\x7e" + len(payload).to_bytes(2, "big") + payload
    return head + b"\x7f" + len(payload).to_bytes(8, "big") + payload

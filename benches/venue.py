"""The venue's end of the wire, no larger than a bench needs: listen, shake hands, frame, unmask."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import shutil
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_PATIENCE_S = 30.0
_TEXT = 0x81


class Listener:
    """Accepts WebSocket clients on a free local port, over TLS where a context is given."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(_PATIENCE_S)
        self._context = context
        self._ends: list[socket.socket] = []
        self.port = int(self.listener.getsockname()[1])
        self.url = f"{'wss' if context else 'ws'}://127.0.0.1:{self.port}"

    def accept(self) -> tuple[str, socket.socket]:
        """Take the next client in; returns the path it asked for and our end, blocking."""
        end, _ = self.listener.accept()
        end.settimeout(_PATIENCE_S)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context:
            end = self._context.wrap_socket(end, server_side=True)
        self._ends.append(end)
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            part = end.recv(4096)
            if not part:
                raise ConnectionError("a client hung up during the handshake")
            request += part
        end.sendall(_welcome(request))
        return request.split()[1].decode(), end

    def close(self) -> None:
        """Close the listener and every connection."""
        self.listener.close()
        for end in self._ends:
            end.close()


def _welcome(request: bytes) -> bytes:
    key = next(
        line.partition(b":")[2].strip()
        for line in request.split(b"\r\n")
        if line.lower().startswith(b"sec-websocket-key")
    )
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return head + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"


def text_frame(payload: bytes) -> bytes:
    """Wrap a message as a server does: one unmasked text frame of less than 64 KiB."""
    size = len(payload)
    head = bytes((_TEXT, size)) if size < 126 else b"\x81\x7e" + size.to_bytes(2, "big")
    return head + payload


class Unmasker:
    """Takes a client's frames apart; every message of a client is masked."""

    def __init__(self) -> None:
        self._held = b""

    def read(self, data: bytes) -> list[tuple[int, bytes]]:
        """Give (opcode, payload) of every frame that is whole now."""
        held, found = self._held + data, []
        while len(held) >= 2:
            size, at = held[1] & 0x7F, 2
            if size == 126:
                size, at = int.from_bytes(held[2:4], "big"), 4
            last = at + 4 + size
            if len(held) < last:
                break
            found.append((held[0] & 0x0F, _unmasked(held[at + 4 : last], held[at : at + 4])))
            held = held[last:]
        self._held = held
        return found


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    number = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
    return number.to_bytes(size, "big")


@contextlib.contextmanager
def certificate() -> Iterator[tuple[str, ssl.SSLContext] | None]:
    """A fresh certificate for this machine: its file, and a server's context; None: no openssl."""
    if shutil.which("openssl") is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        made, key = Path(folder, "certificate.pem"), Path(folder, "key.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(made)],
            check=True,
            capture_output=True,
        )  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made, key)
        yield str(made), context

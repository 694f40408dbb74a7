"""The one way in: one JSON line asked of ``D/control.sock``, one JSON line answered.

The socket is mode 0600, and the peer's user is checked by the kernel's word, which every request
carries on as `user`.  `ask` is the client
for the dashboard and the command line; `ControlSocket` is the supervisor's end, which never
blocks.
"""

from __future__ import annotations

import os
import pwd
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from hft.errors import BootError, HftError

REQUEST_BYTES_MAX = 65536
CONNECTIONS_MAX = 64
"""Open connections that have not asked yet; for one more the oldest is closed."""
_PEERCRED = struct.Struct("3i")

Reply = Callable[[dict[str, Any]], None]
"""Sends the one answer of a request and closes its connection."""


class ControlUnreachable(HftError):
    """Nobody answers at the control socket: the engine is not running."""


def ask(path: Path, request: dict[str, Any], timeout_s: float = 10.0) -> dict[str, Any]:
    """Send one request and wait for its answer.

    Raises:
        ControlUnreachable: no engine behind `path`, or no whole answer within `timeout_s`.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(timeout_s)
        try:
            line.connect(str(path))
            line.sendall(orjson.dumps(request) + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                part = line.recv(65536)
                if not part:
                    raise ControlUnreachable("the engine ended before it answered")
                answer += part
        except (FileNotFoundError, ConnectionRefusedError):
            raise ControlUnreachable(f"no engine answers in {path.parent}: none runs") from None
        except OSError as problem:
            raise ControlUnreachable(f"no engine answers at {path}: {problem}") from problem
    reply: dict[str, Any] = orjson.loads(answer)
    return reply


def refusal(code: str, message: str) -> dict[str, Any]:
    """Build the answer that says no, with a code for programs and a sentence for people."""
    return {"ok": False, "code": code, "message": message}


class ControlSocket:
    """The supervisor's end; `poll` handles whatever has arrived and returns at once."""

    def __init__(self, path: Path, handle: Callable[[dict[str, Any], Reply], None]) -> None:
        self._path = path
        self._handle = handle
        self._asking: dict[socket.socket, bytes] = {}
        self._users: dict[socket.socket, str] = {}
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        mask = os.umask(0o177)
        try:
            self._listener.bind(str(path))
        except OSError as problem:
            raise BootError(f"cannot open the control socket {path}: {problem}") from problem
        finally:
            os.umask(mask)
        self._listener.listen(16)
        self._listener.setblocking(False)

    def descriptors(self) -> list[int]:
        """What to wait on."""
        return [self._listener.fileno(), *(line.fileno() for line in self._asking)]

    def poll(self) -> None:
        """Accept, read and answer what is there."""
        self._accept()
        for line in list(self._asking):
            self._read(line)

    def close(self) -> None:
        """Close every connection and remove the socket's name."""
        self.forget()
        self._path.unlink(missing_ok=True)

    def forget(self) -> None:
        """Close the descriptors only; a forked child does this with its inherited copies."""
        for line in self._asking:
            line.close()
        self._asking.clear()
        self._users.clear()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                # Nobody is there, or there is no descriptor for who is: the next look tries again.
                return
            line.setblocking(False)
            uid = _peer(line)
            if uid in (os.getuid(), 0):
                self._asking[line] = b""
                self._users[line] = user_name(uid)
            else:
                line.close()
            if len(self._asking) > CONNECTIONS_MAX:
                self._hear_out(next(iter(self._asking)))

    def _hear_out(self, line: socket.socket) -> None:
        """Read once more, for it may have asked by now, and close it if it has not."""
        self._read(line)
        if line in self._asking:
            self._drop(line)

    def _drop(self, line: socket.socket) -> None:
        del self._asking[line], self._users[line]
        line.close()

    def _read(self, line: socket.socket) -> None:
        try:
            part = line.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        self._asking[line] += part
        text = self._asking[line]
        if text.endswith(b"\n"):
            del self._asking[line]
            self._answer(line, text, self._users.pop(line))
        elif not part or len(text) > REQUEST_BYTES_MAX:
            self._drop(line)

    def _answer(self, line: socket.socket, text: bytes, user: str) -> None:
        def reply(answer: dict[str, Any]) -> None:
            line.settimeout(1.0)
            try:
                line.sendall(orjson.dumps(answer) + b"\n")
            except OSError:
                # Whoever asked has gone; the deed itself is done or refused all the same.
                return
            finally:
                line.close()

        try:
            request = orjson.loads(text)
        except orjson.JSONDecodeError as problem:
            reply(refusal("BAD_REQUEST", f"not a JSON line: {problem}"))
            return
        if not isinstance(request, dict) or not isinstance(request.get("command"), str):
            reply(refusal("BAD_REQUEST", 'expected an object with a "command"'))
            return
        # Whatever the request says of it: only the kernel knows whose process asks.
        self._handle({**request, "user": user}, reply)


def user_name(uid: int) -> str:
    """Name a user as people know it, or by its number where the machine has no name for it."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _peer(line: socket.socket) -> int:
    """Ask the kernel whose process is at the other end."""
    if not hasattr(socket, "SO_PEERCRED"):
        return os.getuid()  # The file's mode already keeps other users out.
    raw = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEERCRED.size)
    return int(_PEERCRED.unpack(raw)[1])

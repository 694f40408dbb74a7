"""Who has shown the token: random secrets handed out as cookies, of which only digests are kept.

The digests lie in a file of their owner's alone, so a restart of the dashboard logs nobody out and
brings back no session that was ended.  They are made with the token as their key, so no session
outlives the token that opened it.
"""

from __future__ import annotations

import contextlib
import hmac
import logging
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec
import orjson

from hft.clock import wall_ms

_COOKIE = "hft"
LIFE_MS = 14 * 24 * 3_600_000
SESSIONS_MAX = 64
_LOGGER = logging.getLogger("dashboard")


class Sessions:
    """The sessions that are open; the oldest ends when there would be too many."""

    def __init__(
        self,
        path: Path | None = None,
        now_ms: Callable[[], int] = wall_ms,
        *,
        token: str = "",
    ) -> None:
        self._path = path
        self._key = token.encode()
        self._now_ms = now_ms
        self._ends_ms: dict[str, int] = _read(path) if path else {}

    def begin(self) -> str:
        """Open a session; returns its secret, which is told once and never kept."""
        secret = secrets.token_urlsafe(32)
        self._ends_ms[self._digest(secret)] = self._now_ms() + LIFE_MS
        self._keep()
        return secret

    def knows(self, secret: str) -> bool:
        """Say whether a secret opens a session now.

        Digests are looked up, not compared: how long that takes tells nothing of a secret.
        """
        return self._ends_ms.get(self._digest(secret), 0) > self._now_ms()

    def end(self, secret: str) -> None:
        """End a session, for good; one that is not open is left alone."""
        if self._ends_ms.pop(self._digest(secret), None) is not None:
            self._keep()

    def _keep(self) -> None:
        now_ms = self._now_ms()
        alive = sorted((ends, digest) for digest, ends in self._ends_ms.items() if ends > now_ms)
        self._ends_ms = {digest: ends for ends, digest in alive[-SESSIONS_MAX:]}
        if self._path:
            self._write(self._path)

    def _write(self, path: Path) -> None:
        try:
            write_private(path, orjson.dumps(self._ends_ms))
        except OSError as problem:
            # A full disk must not keep anybody from logging in and stopping the house.  An old file
            # would bring back what was ended, so there is none: then a restart logs everyone out.
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            _LOGGER.warning("sessions last until the next restart only: %s", problem)

    def _digest(self, secret: str) -> str:
        return hmac.digest(self._key, secret.encode(errors="replace"), "sha256").hex()


def cookie_name(host: str) -> str:
    """Name the cookie of the dashboard behind a Host.

    A browser keeps the cookies of all ports of a machine together: under one name, logging in to
    one engine would log out of the other.
    """
    port = host.rpartition(":")[2]
    return f"{_COOKIE}-{port}" if port.isdecimal() else _COOKIE


def _read(path: Path) -> dict[str, int]:
    """Read the kept digests; what cannot be read means that everyone logs in again."""
    if not path.is_file():
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, int])
    except msgspec.DecodeError:
        return {}


def write_private(path: Path, content: bytes) -> None:
    """Put a whole new file (mode 0600) in the place of another."""
    half = path.with_name(f"{path.name}.new")
    half.unlink(missing_ok=True)
    handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    half.replace(path)

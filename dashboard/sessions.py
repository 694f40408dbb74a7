"""Who has shown the token: random secrets handed out as cookies, of which only digests are kept.

The digests lie in a file of their owner's alone, so a restart of the dashboard logs nobody out and
brings back no session that was ended.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec
import orjson

from hft.clock import wall_ms

COOKIE = "hft"
LIFE_MS = 14 * 24 * 3_600_000
SESSIONS_MAX = 64


class Sessions:
    """The sessions that are open; the oldest ends when there would be too many."""

    def __init__(self, path: Path | None = None, now_ms: Callable[[], int] = wall_ms) -> None:
        self._path = path
        self._now_ms = now_ms
        self._ends_ms: dict[str, int] = _read(path) if path else {}

    def begin(self) -> str:
        """Open a session; returns its secret, which is told once and never kept."""
        secret = secrets.token_urlsafe(32)
        self._ends_ms[_digest(secret)] = self._now_ms() + LIFE_MS
        self._keep()
        return secret

    def knows(self, secret: str) -> bool:
        """Say whether a secret opens a session now.

        Digests are looked up, not compared: how long that takes tells nothing of a secret.
        """
        return self._ends_ms.get(_digest(secret), 0) > self._now_ms()

    def end(self, secret: str) -> None:
        """End a session, for good; one that is not open is left alone."""
        if self._ends_ms.pop(_digest(secret), None) is not None:
            self._keep()

    def _keep(self) -> None:
        now_ms = self._now_ms()
        alive = sorted((ends, digest) for digest, ends in self._ends_ms.items() if ends > now_ms)
        self._ends_ms = {digest: ends for ends, digest in alive[-SESSIONS_MAX:]}
        if self._path:
            write_private(self._path, orjson.dumps(self._ends_ms))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


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

"""Logging a session on: with an Ed25519 key once a connection, with an HMAC key never."""

from __future__ import annotations

from collections.abc import Callable

from hft.binance import endpoints
from hft.binance.order_frames import OrderWriter, Reply
from hft.errors import AuthError
from hft.units import NS_PER_S

RETRY_NS = 5 * NS_PER_S
"""A refused logon is asked again no sooner: haste ends with a ban."""


class Logon:
    """Says whether the present connection may carry orders yet."""

    def __init__(self, writer: OrderWriter, venue_ms: Callable[[], int]) -> None:
        self._writer = writer
        self._venue_ms = venue_ms
        self.done = False
        self.failure: AuthError | None = None
        """The venue turned the key away; it will do so again."""

    def begin(self) -> bool:
        """Begin with a fresh connection; say whether it must be logged on first."""
        self.done = not self._writer.logs_on
        return not self.done

    def write(self, request_id: int) -> bytes:
        """Write the request."""
        return self._writer.logon(request_id, self._venue_ms())

    def hear(self, reply: Reply) -> str:
        """Take in the venue's answer; returns why the connection is of no use, or nothing."""
        self.done = reply.status == 200
        if self.done:
            self.failure = None
            return ""
        error = reply.error
        refused = f"the venue refused the logon ({error.code}: {error.msg})"
        if error.code in endpoints.LOGON_REFUSED_CODES:
            self.failure = AuthError(f"AUTH_ERROR: {refused}")
        return refused

"""A WebSocket API connection that is logged on, or not."""

from __future__ import annotations

from hft.simulator.keys import ED25519, Credentials
from hft.simulator.refusals import refusal

SESSION_WEIGHTS = {"session.logon": 2, "session.status": 2, "session.logout": 2}


class Session:
    """Who is logged on, since when, and whether replies tell of rate limits."""

    def __init__(self, now_ms: int, *, rate_limits: bool) -> None:
        self.rate_limits = rate_limits
        self.known: Credentials | None = None
        self._connected_ms = now_ms
        self._since_ms = 0

    def check_kind(self, known: Credentials) -> None:
        """Let only Ed25519 keys log on.

        Raises:
            Refusal: -4056, the key is of another kind.
        """
        if known.kind != ED25519:
            raise refusal(-4056, known.kind)

    def log_on(self, known: Credentials, now_ms: int) -> None:
        """Let requests go without key and signature from now on; another key takes over."""
        self.known = known
        self._since_ms = now_ms

    def log_out(self) -> None:
        """Ask every request for its key again."""
        self.known = None

    def describe(self, now_ms: int) -> dict[str, object]:
        """Give what the three `session` methods answer."""
        known = self.known
        return {
            "apiKey": known.api_key if known else None,
            "authorizedSince": self._since_ms if known else None,
            "connectedSince": self._connected_ms,
            "returnRateLimits": self.rate_limits,
            "serverTime": now_ms,
        }

"""Who may ask what: the names the page answers to, the token, and the sessions it opens."""

from __future__ import annotations

import hmac
import ipaddress
import logging
import secrets
from pathlib import Path

import msgspec

from dashboard.floods import Flood
from dashboard.refusal import Refusal
from dashboard.sessions import Sessions, write_private
from hft.errors import BootError

WRONG_EACH, WRONG_ALL, WRONG_SPAN_S = 5, 30, 60.0
"""Wrong tokens a minute, of one address and of all together."""
CHANGES_EACH, CHANGES_ALL, CHANGES_SPAN_S = 10, 30, 5.0
"""Requests that change something; STOP and FLATTEN do not count."""
_LOGGER = logging.getLogger("dashboard")


class Access(msgspec.Struct, frozen=True):
    """What a request is held against.

    `host` is the address the page is bound to; `token` is what must be shown, empty in a demo on
    the loopback, where paper money needs no secret; `names` are those under which a proxy with TLS
    serves the page to others.

    Raises:
        ValueError: others can reach the page, and there is no token.
    """

    host: str = "127.0.0.1"
    token: str = ""
    names: tuple[str, ...] = ()
    sessions: Sessions = msgspec.field(default_factory=Sessions)
    wrong: Flood = msgspec.field(default_factory=lambda: Flood(WRONG_EACH, WRONG_ALL, WRONG_SPAN_S))
    changes: Flood = msgspec.field(
        default_factory=lambda: Flood(CHANGES_EACH, CHANGES_ALL, CHANGES_SPAN_S)
    )

    def __post_init__(self) -> None:
        if self.locked and not self.token:
            raise ValueError(f"a page that others can reach at {self.host} needs a token")

    @property
    def locked(self) -> bool:
        """Whether even looking needs the token: others than this machine can reach the page."""
        return reaches_others(self.host, self.names)

    def knows_host(self, header: str) -> bool:
        """Say whether a Host header names this machine, not a name somebody rebound to it."""
        name = host_name(header)
        if name in ("localhost", self.host.lower(), *self.names):
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or self._bound_everywhere()

    def _bound_everywhere(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_unspecified
        except ValueError:
            return False

    def check_token(self, shown: str, address: str) -> None:
        """Let the right token pass; any wrong one takes as long.

        Raises:
            Refusal: it is wrong, or `address` was wrong too often to be listened to just now.
        """
        if not self.wrong.allows(address):
            raise Refusal(429, "TOO_MANY_TRIES", "Too many wrong tokens: wait a minute.")
        if not self.token or not hmac.compare_digest(shown.encode(), self.token.encode()):
            self.wrong.spend(address)
            _LOGGER.warning("a wrong token was shown to the page from %s", address)
            raise Refusal(401, "WRONG_TOKEN", "This is not the token in dashboard.token.")

    def is_known(self, authorization: str, cookie: str, address: str) -> bool:
        """Say whether a request shows a session's cookie or, as Bearer, the token.

        Raises:
            Refusal: it shows a wrong token.
        """
        if cookie and self.sessions.knows(cookie):
            return True
        scheme, _, shown = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return False
        self.check_token(shown.strip(), address)
        return True


def reaches_others(host: str, names: tuple[str, ...]) -> bool:
    """Say whether a page bound to `host`, or served under `names`, can be reached from elsewhere.

    A name that is no address counts as reachable, `localhost` apart.
    """
    try:
        return bool(names) or not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() != "localhost"


def host_name(header: str) -> str:
    """Take the port, and the brackets of an IPv6 address, off a Host header."""
    text = header.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


def token_at(path: Path) -> str:
    """Read the control token, making a new one (mode 0600) where there is none.

    Raises:
        OSError: it cannot be read, or not be kept.
        BootError: what is there cannot be shown as a token.
    """
    if path.is_file():
        token = path.read_bytes().decode("ascii", errors="replace").strip()
        if not all(0x21 <= ord(each) <= 0x7E for each in token):
            raise BootError(
                f"{path} holds no token: expected one word of ASCII letters, digits and signs; "
                "without the file a new one is made"
            )
        if token:
            path.chmod(0o600)
            return token
    token = secrets.token_urlsafe(32)
    write_private(path, token.encode() + b"\n")
    return token

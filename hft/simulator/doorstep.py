"""Every open connection, how many there may be, and how long a silent one is waited for."""

from __future__ import annotations

import asyncio
import resource
from typing import TYPE_CHECKING

import msgspec

from hft.units import NS_PER_S

if TYPE_CHECKING:
    from hft.simulator.server import ClientProtocol

CONNECTIONS_MAX = 8_000
FILES_RESERVED = 256
"""Files of the process that are no connections, and refused connections on their way out."""
LINGERING_MAX = 128
BACKLOG = 4_096
"""Connections that the system may keep ready for us; a crowd is to hear no, not silence."""


class Patience(msgspec.Struct, frozen=True):
    """How long an HTTP client may take, in seconds: for a whole request, and between two."""

    request_s: float = 30.0
    idle_s: float = 75.0
    linger_s: float = 2.0
    """How long a client that was refused is listened to, so that it hears why."""

    def is_over(self, silent_ns: int, *, reading: bool) -> bool:
        """Say whether a client took too long; `reading`: it owes a request, or the rest of one."""
        return silent_ns > (self.request_s if reading else self.idle_s) * NS_PER_S


class Connections(set["ClientProtocol"]):
    """Every open connection, for pings and for the end."""

    def __init__(self, most: int = CONNECTIONS_MAX, patience: Patience | None = None) -> None:
        """Begin empty; `most` may be open at once."""
        super().__init__()
        self.most = most
        self.patience = patience or Patience()
        self.lingering = 0
        self._unsent: list[ClientProtocol] = []

    def waiting_bytes(self) -> int:
        """Give how much waits for the client that reads slowest."""
        return max((each.waiting_bytes() for each in self), default=0)

    def send_soon(self, connection: ClientProtocol) -> None:
        """Let a connection send what it holds, once all that is under way has been written to it.

        What one step of the market causes is thus one write to each client.
        """
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._send)
        self._unsent.append(connection)

    def _send(self) -> None:
        unsent, self._unsent = self._unsent, []
        for connection in unsent:
            connection.send_held()


def connections_allowed(wished: int) -> int:
    """Raise this process's limit of open files as far as it goes; gives how many connections fit.

    At least one does, however small the limit.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = wished + FILES_RESERVED
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return wished
    return max(1, min(wished, soft - FILES_RESERVED))

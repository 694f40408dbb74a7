"""One connection of the user stream, and what has come over it."""

from __future__ import annotations

from hft.agent.contract import Context
from hft.execution.link import Link

NO_SUCH_DOOR = frozenset({400, 401, 403, 404})
"""HTTP statuses by which a venue says that an address is not for us."""


class Ear:
    """A link that knows which listen key it follows, since when, and whether it heard anything."""

    def __init__(self, ctx: Context, name: str, ca_file: str) -> None:
        self.link = Link(ctx, name, ca_file)
        self.key = ""
        self.up_ns = 0
        self.heard = 0
        """Messages since it came up."""
        self._bytes_in = 0
        self._newest_ns = 0

    @property
    def up(self) -> bool:
        """Say whether it is connected."""
        return self.link.up

    def dial(self, key: str, url: str) -> None:
        """Begin to connect, to follow a key."""
        self.key = key
        self.link.dial(url)

    def poll(self, now_ns: int) -> bool:
        """Look after an attempt under way; True once, when it has come up."""
        if not self.link.poll(now_ns):
            return False
        self.up_ns = self._newest_ns = now_ns
        self.heard = self._bytes_in = 0
        return True

    def was_turned_away(self) -> bool:
        """Say whether the last attempt failed because the venue knows no such address."""
        return self.link.refusal.status in NO_SUCH_DOOR

    def receive(self, now_ns: int) -> list[bytes]:
        """Read what is there."""
        messages = self.link.receive(now_ns)
        self.heard += len(messages)
        connection = self.link.connection
        if connection is not None and connection.bytes_in != self._bytes_in:
            self._bytes_in, self._newest_ns = connection.bytes_in, now_ns
        return messages

    def silent_for_ns(self, now_ns: int) -> int:
        """How long not a byte has come, not even of a ping."""
        return now_ns - self._newest_ns

"""Under which of its two addresses the user stream delivers: only trying tells."""

from __future__ import annotations

from enum import Enum

from hft.agent.log import Log
from hft.binance import endpoints
from hft.events import Notice

FAILURES_MAX = 2
"""In a row, before an address that has delivered is given up."""


class Form(Enum):
    """A form of the address."""

    QUERY = "listenKey=KEY&events=..."
    PATH = "/KEY"

    @property
    def other(self) -> Form:
        """The form to try instead."""
        return Form.PATH if self is Form.QUERY else Form.QUERY


class StreamAddress:
    """Begins with the form that names every event; what stays mute or is refused is given up."""

    def __init__(self, log: Log, ws_url: str) -> None:
        self._log = log
        self._ws_url = ws_url
        self._failures = 0
        self.form = Form.QUERY
        self.proven = False
        """An event came over a connection to this form."""

    def url(self, listen_key: str) -> str:
        """Give the address to dial."""
        if self.form is Form.PATH:
            return endpoints.user_stream_path_url(self._ws_url, listen_key)
        return endpoints.user_stream_url(self._ws_url, listen_key)

    def delivered(self) -> None:
        """Take note that an event came."""
        self._failures = 0
        if not self.proven:
            self.proven = True
            self._log.info(f"the user stream delivers by {self.form.value}")

    def failed(self, how: str) -> None:
        """Take note that it was refused, or stayed mute."""
        self._failures += 1
        if self.proven and self._failures < FAILURES_MAX:
            return
        self._log.warning(
            f"the user stream by {self.form.value} {how}: {self.form.other.value} is tried",
            Notice.STREAM_MUTE,
        )
        self.form, self.proven, self._failures = self.form.other, False, 0

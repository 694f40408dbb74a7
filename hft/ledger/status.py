"""What the ledger tells the rest of the house about itself: the LEDGER_STATUS block."""

from __future__ import annotations

from hft.ledger.store import Stored
from hft.state.blocks import LEDGER_STATUS
from ringbuf.snapshot import Snapshot
from ringbuf.spsc import packer_of

_PACKER = packer_of(LEDGER_STATUS)


class Status:
    """The ledger's figures of this run; a restarted ledger goes on where the last one stood."""

    def __init__(self, block: Snapshot) -> None:
        self._block = block
        last = block.read()
        values = {name: int(last[0][name]) if last is not None else 0 for name in _NAMES}
        self.committed = values["committed"]
        self.trades = values["trades"]
        self.gap_filled = values["gap_filled"]
        self.last_commit_ns = values["last_commit_ns"]
        self.errors = values["errors"]
        self.limited_until_ns = values["limited_until_ns"]
        self.banned_until_ns = values["banned_until_ns"]
        self.markouts = values["markouts"]
        self.no_markouts = values["no_markouts"]
        self._written: tuple[int, ...] = ()

    def count_reports(self, committed: int, stored: Stored, now_ns: int) -> None:
        """Take note of a commit; `committed` counts every report of the run so far."""
        self.committed = committed
        self.trades += stored.inserted
        # A report that came after the venue's list had told its fill takes the row over.
        self.gap_filled -= stored.replaced
        self.last_commit_ns = now_ns

    def count_found(self, stored: Stored, now_ns: int) -> None:
        """Take note of fills that came from the venue's list."""
        self.trades += stored.inserted
        self.gap_filled += stored.inserted
        self.last_commit_ns = now_ns

    def write(self) -> None:
        """Publish the figures if they changed."""
        values = tuple(getattr(self, name) for name in _NAMES)
        if values != self._written:
            self._block.write_values(_PACKER, values)
            self._written = values


_NAMES = LEDGER_STATUS.names or ()

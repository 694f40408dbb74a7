"""Saying something: a record into the process's log ring, never a write to a file.

The ledger turns the records into lines for people; a full ring drops and counts, and says how
many once there is room.
"""

from __future__ import annotations

from hft.clock import monotonic_ns
from hft.events import LOG, LOG_TEXT_MAX, Level, Notice
from hft.seats import Seat
from ringbuf.doorbell import Doorbell
from ringbuf.spsc import Producer, Ring, packer_of

_PACKER = packer_of(LOG)


class Log:
    """The log of one process, for use from its main thread only."""

    def __init__(self, seat: Seat, ring: Ring, reader: Doorbell) -> None:
        self._seat = seat
        self._producer = Producer(ring)
        self._reader = reader
        self._missed = 0
        self.dropped = 0
        self.level = Level.INFO

    def debug(self, text: str) -> None:
        """Tell a developer."""
        self._write(Level.DEBUG, text)

    def info(self, text: str, notice: Notice = Notice.NONE) -> None:
        """Tell what happened; with a `notice` the ledger keeps it as an event in the database."""
        self._write(Level.INFO, text, notice)

    def warning(self, text: str, notice: Notice = Notice.NONE) -> None:
        """Tell what somebody should look at."""
        self._write(Level.WARNING, text, notice)

    def error(self, text: str, notice: Notice = Notice.NONE) -> None:
        """Tell what went wrong."""
        self._write(Level.ERROR, text, notice)

    def _write(self, level: Level, text: str, notice: Notice = Notice.NONE) -> None:
        if level < self.level and notice is Notice.NONE:
            return
        raw = text.encode()
        if len(raw) > LOG_TEXT_MAX:
            raw = raw[: LOG_TEXT_MAX - 3].decode(errors="ignore").encode() + b"..."
        record = (monotonic_ns(), self._missed, level, self._seat, len(raw), notice, raw)
        if not self._producer.offer(_PACKER, record):
            self._missed += 1
            self.dropped += 1
            return
        self._missed = 0
        self._reader.ring_if_parked()

"""From every process's log ring to the daily file, and to the tail the page shows.

Records with a notice are events: once they are in the file they are handed on to the database.
Their slots do not wait for it, since the file keeps what a database that is away has to catch up
with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from hft.events import Notice
from hft.ledger.courier import Courier
from hft.ledger.log_file import LogFile
from hft.state.blocks import LOG_LINES_MAX
from hft.topology import House
from ringbuf.spsc import Consumer

BATCH_MAX = 256

Records = npt.NDArray[np.void]


class LogDesk:
    """Moves log records, one batch at a time, through a courier into the file.

    The tail in shared memory is written at once, so the page shows what happens even while the disk
    is full.
    """

    def __init__(
        self,
        house: House,
        file: LogFile,
        courier: Courier,
        tell_events: Callable[[Records], None],
    ) -> None:
        self._consumers = [Consumer(house.log_ring(seat)) for seat in house.seats]
        self._taken = [0] * len(self._consumers)
        self._tail: Any = house.log_tail
        self._tail_head: Any = house.log_tail_head
        self._file = file
        self._courier = courier
        self._tell_events = tell_events

    def waiting(self) -> int:
        """Records published and not yet handed to the courier; 0 while a batch is under way."""
        return 0 if any(self._taken) else sum(consumer.waiting() for consumer in self._consumers)

    def empty(self) -> bool:
        """Say whether every published record is in the file."""
        return not any(consumer.waiting() for consumer in self._consumers)

    def work(self) -> int:
        """Hand the next batch over when none is under way; returns its size."""
        if not self.waiting():
            return 0
        records = self._take()
        self._courier.send(_LogBatch(self, records))
        return len(records)

    def write(self, records: Records) -> None:
        """Courier's thread: append to the file."""
        self._file.append(records)

    def written(self, records: Records) -> None:
        """Duty cycle: give the slots of the batch back, hand its events on."""
        events = records[records["notice"] != Notice.NONE]
        if len(events):
            self._tell_events(events)
        for at, consumer in enumerate(self._consumers):
            if self._taken[at]:
                consumer.release(self._taken[at])
                self._taken[at] = 0

    def write_rest(self) -> None:
        """Write what is left by hand, last of all, when the courier has stopped.

        A batch the courier had to leave undone is taken again.

        Raises:
            OSError: the file cannot be written.
        """
        self._taken = [0] * len(self._consumers)
        while self.waiting():
            records = self._take()
            self._file.append(records)
            self.written(records)

    def _take(self) -> Records:
        parts = []
        for at, consumer in enumerate(self._consumers):
            count = min(consumer.waiting(), BATCH_MAX)
            self._taken[at] = count
            parts.append(consumer.copy(count))
        records = np.concatenate(parts)
        records = records[np.argsort(records["ns"], kind="stable")]
        self._show(records)
        return records

    def _show(self, records: Records) -> None:
        written = int(self._tail_head[0]["written"])
        for record in records:
            self._tail[written % LOG_LINES_MAX] = record
            written += 1
            self._tail_head[0]["written"] = written


class _LogBatch:
    def __init__(self, desk: LogDesk, records: Records) -> None:
        self._desk = desk
        self._records = records

    def run(self) -> None:
        self._desk.write(self._records)

    def finish(self) -> None:
        self._desk.written(self._records)

"""From the ring of reports to the database: slots are given back only after the commit.

Killed at any moment, the next process reads again from the first report that was not committed; a
fill that was already stored is recognised by its key, and an order never goes back.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sqlalchemy import Engine

from hft.clock import monotonic_ns
from hft.ledger import store
from hft.ledger.courier import Courier
from hft.ledger.database import writing
from hft.ledger.order_rows import rows_of_order_reports
from hft.ledger.order_store import put_orders
from hft.ledger.rows import names_of, rows_of_reports
from hft.ledger.status import Status
from hft.ledger.store import Stored
from hft.topology import House
from ringbuf.layout import HEAD
from ringbuf.spsc import Consumer

BATCH_MAX = 1024


class ReportDesk:
    """Moves reports, one batch at a time, through the courier into `trades` and `orders`."""

    def __init__(
        self,
        house: House,
        strategies: Sequence[str],
        engine: Engine,
        courier: Courier,
        status: Status,
    ) -> None:
        self.consumer = Consumer(house.reports_ledger)
        self._house = house
        self._strategies = strategies
        self._engine = engine
        self._courier = courier
        self._status = status
        self._taken = 0
        self.unsound = 0
        """Fills that made no sense; the venue's own list must tell them."""

    def waiting(self) -> int:
        """Reports published and not yet handed to the courier; 0 while a batch is under way."""
        return 0 if self._taken else self.consumer.waiting()

    def empty(self) -> bool:
        """Say whether every published report is committed."""
        return self.consumer.waiting() == 0

    def work(self) -> int:
        """Hand the next batch over when none is under way; returns its size."""
        count = min(self.waiting(), BATCH_MAX)
        if count:
            self._taken = count
            self._courier.send(_ReportBatch(self, self.consumer.copy(count)))
        return count

    def write(self, reports: npt.NDArray[np.void]) -> tuple[Stored, int]:
        """Courier's thread: commit orders and fills of `reports`; also counts fills left out."""
        names = names_of(self._house, self._strategies)
        fills, orders = rows_of_reports(reports, names), rows_of_order_reports(reports, names)
        told = int(np.count_nonzero(reports["trade_id"]))
        with writing(self._engine) as connection:
            stored = store.put_reports(connection, fills)
            put_orders(connection, orders)
        return stored, told - len(fills)

    def committed(self, stored: Stored, unsound: int, committed_ns: int) -> None:
        """Duty cycle: give the slots of the batch back."""
        self.unsound += unsound
        self.consumer.release(self._taken)
        self._taken = 0
        released = int(self._house.reports_ledger.words[HEAD])
        self._status.count_reports(released, stored, committed_ns)


class _ReportBatch:
    def __init__(self, desk: ReportDesk, reports: npt.NDArray[np.void]) -> None:
        self._desk = desk
        self._reports = reports
        self._stored, self._unsound = Stored(), 0
        self._committed_ns = 0

    def run(self) -> None:
        self._stored, self._unsound = self._desk.write(self._reports)
        self._committed_ns = monotonic_ns()

    def finish(self) -> None:
        self._desk.committed(self._stored, self._unsound, self._committed_ns)

"""The ledger's reading of the income ledger: at the start, every few minutes, and at the end."""

from __future__ import annotations

from collections.abc import Callable

from hft.ledger.courier import Courier
from hft.ledger.incomes import (
    EVERY_NS,
    IncomeBatch,
    IncomeRound,
    IncomeSource,
    read_round,
)
from hft.ledger.manners import Manners
from hft.ledger.periodic import Periodic
from hft.ledger.rows import Names
from ringbuf.snapshot import Snapshot


class IncomeDesk:
    """Starts readings and sends what they found through the courier of the database."""

    def __init__(
        self,
        source: IncomeSource,
        courier: Courier,
        account: Snapshot,
        manners: Manners,
        wake: Callable[[], None],
    ) -> None:
        self._engine = source.engine
        self._account = account
        self._courier = courier
        self._manners = manners
        self._readings: Periodic[IncomeRound] = Periodic(
            "income",
            EVERY_NS,
            lambda names: read_round(source, names),
            lambda trouble: IncomeRound(trouble=trouble),
            wake,
        )
        self._storing = self._funding_e8 = 0
        self._last_asked = False
        self.entries = 0
        """Stored by this process."""
        self.trouble = ""
        self.failures = 0

    def work(self, now_ns: int, names: Callable[[], Names]) -> int:
        """Take in what was read, and read again when it is time; returns the work count."""
        work = self._take()
        self._look_for_funding()
        return work + (self._start(now_ns, names()) if self._readings.is_due(now_ns) else 0)

    def busy(self) -> bool:
        """Say whether a reading is under way or being stored."""
        return self._readings.busy() or self._storing > 0

    def read_last(self, now_ns: int, names: Names) -> bool:
        """Read once more, so that nothing listed since the last time is missing; says when done."""
        self._take()
        if not self._last_asked and not self._readings.busy():
            self._last_asked = True
            self._start(now_ns, names)
        return self._last_asked and not self.busy()

    def close(self) -> None:
        """Wait a moment for a reading that is under way."""
        self._readings.close()

    def _look_for_funding(self) -> None:
        """Read at once when execution has heard of funding."""
        account = self._account.read()
        funding_e8 = 0 if account is None else int(account[0]["funding_e8"])
        if funding_e8 != self._funding_e8:
            self._funding_e8 = funding_e8
            self._readings.ask_now()

    def _start(self, now_ns: int, names: Names) -> bool:
        wait_ns = self._manners.wait_ns(now_ns)
        if wait_ns:
            self._readings.put_off(now_ns + wait_ns)
            return False
        return self._readings.start(now_ns, names)

    def _take(self) -> int:
        outcome = self._readings.take()
        if outcome is None:
            return 0
        self.trouble = outcome.trouble
        if outcome.trouble:
            self.failures += 1
        else:
            self._storing += 1
            self._courier.send(IncomeBatch(self._engine, outcome, self._on_stored))
        return 1

    def _on_stored(self, inserted: int) -> None:
        self._storing -= 1
        self.entries += inserted

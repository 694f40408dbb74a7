"""The ledger's duty cycle: carry records from rings to threads, and give slots back once they are
safe.

::

    reports ring ──▶ report desk ──▶ courier ──▶ database
    userTrades, allOrders ──▶ reconciler (thread) ──┤
    income ──▶ income desk (thread) ──┘
    market rings (observed) ──▶ tape desk ──▶ candle desk ──▶ the segment, and the courier
    klines ──▶ candle filler (thread) ──▶ courier     the tape ──▶ markout desk ──▶ courier
    log rings ──▶ log desk ──▶ courier ──▶ daily file, and the tail the page shows
                                  └─▶ house desk: events, sessions, equity ──▶ the first courier
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from hft.agent.contract import Context
from hft.binance.budget import Use
from hft.binance.rest import Rest
from hft.clock import Deadline
from hft.errors import BootError
from hft.events import Notice
from hft.ledger.candle_desk import CandleDesk
from hft.ledger.candle_source import CandleFiller, CandleSource
from hft.ledger.courier import Courier
from hft.ledger.database import open_database, shown_place, sync_to_disk, why_unusable
from hft.ledger.house_desk import HouseDesk
from hft.ledger.income_desk import IncomeDesk
from hft.ledger.incomes import IncomeSource
from hft.ledger.log_desk import LogDesk
from hft.ledger.log_file import LogFile
from hft.ledger.manners import Manners
from hft.ledger.markout_desk import MarkoutDesk
from hft.ledger.reconcile import Found, FoundBatch, Reconciler, Source
from hft.ledger.report_desk import ReportDesk
from hft.ledger.rows import Names, names_of
from hft.ledger.status import Status
from hft.ledger.store import Stored
from hft.ledger.tape_desk import TapeDesk
from hft.ledger.venues import venue_of
from hft.units import NS_PER_MS
from ringbuf.parking import Duty
from ringbuf.spsc import Ring

if TYPE_CHECKING:
    from hft.config import KeySource, Settings

BEFORE_START_MS = 60_000
"""A fresh database takes the venue's fills from this long before the run began: clocks differ."""

REST_TIMEOUT_S = 5.0
LAST_COMPARISON_S = 2.0
_DOINGS = (
    "writing to the trade database",
    "writing the log file",
    "comparing fills with the venue",
    "reading the venue's income ledger",
    "reading the venue's candles",
)


class LedgerAgent:
    """Keeps every fill and every log line of the house.

    `strategies` are the names in the order of their index; `data_dir` holds `trades.db` (unless the
    settings name a database) and the folder `logs`.
    """

    def __init__(
        self,
        ctx: Context,
        settings: Settings,
        key_source: KeySource,
        data_dir: Path,
        strategies: Sequence[str],
    ) -> None:
        self._ctx = ctx
        self._settings = settings
        self._key_source = key_source
        self._data_dir = data_dir
        self._strategies = strategies
        self._open_things = ExitStack()
        self._found_waiting = 0
        self._gaps_seen = 0
        self.troubles = [""] * len(_DOINGS)
        self._compare_failures = 0
        self._patience: Deadline | None = None
        self._last_asked = False
        self._sync: _SyncJob | None = None

    def on_start(self) -> None:
        """Open the database and the log folder, start the threads.

        Raises:
            BootError: the database or the folder cannot be opened.
        """
        house, opened = self._ctx.house, self._open_things
        self._engine = self._open_database()
        log_file = self._open_log_file()
        self.status = Status(house.ledger)
        self._errors_before = self.status.errors
        wake = self._ctx.wake_self
        self._commits = Courier("commits", (SQLAlchemyError, OSError), wake)
        self._lines = Courier("log file", (OSError,), wake)
        self.reports = ReportDesk(house, self._strategies, self._engine, self._commits, self.status)
        self.house = HouseDesk(house, self._strategies, self._engine, self._commits)
        self.logs = LogDesk(house, log_file, self._lines, self.house.tell_events)
        self._begin()
        started_ms = int(house.run[0]["started_wall_ns"]) // NS_PER_MS
        source = Source(self._engine, self._connect, house.orders, started_ms - BEFORE_START_MS)
        self.reconciler = Reconciler(source, wake)
        self._manners = Manners(house.account)
        incomes = IncomeSource(self._engine, self._connect, started_ms - BEFORE_START_MS)
        self.incomes = IncomeDesk(incomes, self._commits, house.account, self._manners, wake)
        rest_url = self._settings.network.rest_url
        self.candles = CandleDesk(house, self._engine, self._commits, rest_url)
        self.tape = TapeDesk(house, self.candles.take)
        self.markouts = MarkoutDesk(house, self._engine, self._commits, self.status)
        listed = CandleSource(self._engine, self._connect, lambda: venue_of(house, rest_url))
        self.filler = CandleFiller(listed, self._commits, self._manners, wake)
        # Closed in the opposite order: threads before what they write to.
        opened.callback(self._write_last_lines)
        opened.callback(self._lines.close)
        opened.callback(self._commits.close)
        opened.callback(self.reconciler.close)
        opened.callback(self.incomes.close)
        opened.callback(self.filler.close)
        self._gaps_seen = self.reports.consumer.gaps()
        self.status.write()

    def do_work(self, now_ns: int) -> int:
        """Collect what the threads have done, hand over what is new."""
        work = self._carry()
        self._follow_market(now_ns)
        self._look_for_gaps()
        self.house.work(now_ns)
        if self.reconciler.is_due(now_ns):
            work += self._compare(now_ns)
        work += self.filler.work(now_ns, self._names)
        return work + self.incomes.work(now_ns, self._names)

    def inlets(self) -> Sequence[Ring]:
        """The reports and every process's log; a thread that has finished rings the bell."""
        house = self._ctx.house
        return (house.reports_ledger, *(house.log_ring(seat) for seat in house.seats))

    def duty(self) -> Duty | None:
        """Nothing is done before the interpreter is back."""
        return None

    def drain(self, now_ns: int) -> bool:
        """Empty the rings, compare with the venue a last time, bring everything to the disk."""
        self._carry()
        if not self.reports.empty() or self._found_waiting:
            return False
        self._follow_market(now_ns)
        if not (self._compared_last(now_ns) and self.logs.empty() and self.house.end()):
            return False
        if not (self.candles.end() and self.markouts.end()):
            return False
        if self._sync is None:
            self._sync = _SyncJob(self._engine)
            self._commits.send(self._sync)
        return self._sync.done and self.logs.empty()

    def on_close(self) -> None:
        """Stop the threads and close what is open."""
        self._open_things.close()

    def _follow_market(self, now_ns: int) -> None:
        """Copy what is new of the market; no work that would keep the ledger from parking."""
        if self.candles.ready():
            self.tape.work(now_ns)
            self.candles.work(now_ns)
            self.markouts.work(now_ns)

    def _open_database(self) -> Engine:
        place = self._settings.storage.database_url or self._data_dir / "trades.db"
        try:
            engine = open_database(place)
        except (SQLAlchemyError, ImportError) as problem:
            what = f"The trade database {shown_place(place)} cannot be opened"
            raise BootError(f"{what}: {why_unusable(problem)}.") from problem
        self._open_things.callback(engine.dispose)
        return engine

    def _begin(self) -> None:
        try:
            self.house.begin(self._data_dir / "logs")
        except (SQLAlchemyError, OSError) as problem:
            what = "The trade database does not take the beginning of this run"
            raise BootError(f"{what}: {why_unusable(problem)}.") from problem

    def _open_log_file(self) -> LogFile:
        folder = self._data_dir / "logs"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise BootError(f"The log folder cannot be made: {problem}.") from problem
        house = self._ctx.house
        file = LogFile(folder, house.anchor, int(house.run[0]["session_epoch"]))
        self._open_things.callback(file.close)
        return file

    def _connect(self) -> Rest:
        network = self._settings.network
        rest = Rest(
            network.rest_url,
            self._key_source.read(),
            REST_TIMEOUT_S,
            network.ca_file,
            meter=self._manners.meter,
        )
        rest.use = Use.PERIODIC
        return rest

    def _look_for_gaps(self) -> None:
        gaps, unsound = self.reports.consumer.gaps(), self.reports.unsound
        if gaps + unsound != self._gaps_seen:
            self._gaps_seen = gaps + unsound
            self._ctx.log.warning(
                f"{gaps} reports did not fit into the ring and {unsound} made no sense; "
                "asking the venue for its lists of fills and orders",
                Notice.LEDGER_GAP,
            )
            self.reconciler.ask_now()

    def _carry(self) -> int:
        finished = sum(courier.finish_jobs() for courier in (self._commits, self._lines))
        finished += self._take_found()
        taken = self.reports.work() + self.logs.work()
        self._tell_troubles()
        self._manners.tell(self.status)
        if taken:
            self._ctx.vitals["events_in"] += taken
        self.status.write()
        return finished + taken

    def _take_found(self) -> int:
        outcome = self.reconciler.take()
        if outcome is None:
            return 0
        if outcome.trouble:
            self._compare_failures += 1
        self._note(2, outcome.trouble)
        for found in outcome.found:
            self._found_waiting += 1
            self._commits.send(FoundBatch(self._engine, found, self._on_stored))
        return 1

    def _on_stored(self, found: Found, stored: Stored, now_ns: int) -> None:
        self._found_waiting -= 1
        self.status.count_found(stored, now_ns)
        if stored.inserted:
            self._ctx.log.info(
                f"{stored.inserted} fills of {found.symbol} came from the venue's list"
            )
        if stored.corrected:
            self._ctx.log.warning(
                f"{stored.corrected} fills of {found.symbol} were corrected after the venue's list"
            )

    def _compared_last(self, now_ns: int) -> bool:
        """Compare once more, so that nothing told after the last time is missing; not for long."""
        if self._patience is None:
            self._patience = Deadline(LAST_COMPARISON_S)
        if self._patience.passed():
            return True
        if not self.reconciler.busy() and not self._last_asked:
            self._last_asked = True
            self._compare(now_ns)
        read = self.incomes.read_last(now_ns, self._names())
        return read and self._last_asked and not self.reconciler.busy()

    def _compare(self, now_ns: int) -> bool:
        wait_ns = self._manners.wait_ns(now_ns)
        if wait_ns:
            self.reconciler.put_off(now_ns + wait_ns)
            return False
        return self.reconciler.start(now_ns, self._names())

    def _names(self) -> Names:
        return names_of(self._ctx.house, self._strategies)

    def _tell_troubles(self) -> None:
        self._note(0, self._commits.trouble())
        self._note(1, self._lines.trouble())
        self._note(3, self.incomes.trouble)
        self._note(4, self.filler.trouble)
        failures = (
            sum(courier.failures for courier in (self._commits, self._lines))
            + self._compare_failures
            + self.incomes.failures
            + self.filler.failures
        )
        self.status.errors = self._errors_before + failures

    def _note(self, which: int, trouble: str) -> None:
        """Say once that something began to fail, and once that it works again."""
        what = _DOINGS[which]
        if bool(trouble) != bool(self.troubles[which]):
            if trouble:
                self._ctx.log.error(f"{what} fails, trying again: {trouble}")
            else:
                self._ctx.log.info(f"{what} works again")
        self.troubles[which] = trouble

    def _write_last_lines(self) -> None:
        try:
            self.logs.write_rest()
            self.house.store_last_events()
        except (SQLAlchemyError, OSError) as problem:
            self._ctx.log.error(f"the last log lines and events could not be written: {problem}")


class _SyncJob:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.done = False

    def run(self) -> None:
        sync_to_disk(self._engine)

    def finish(self) -> None:
        self.done = True

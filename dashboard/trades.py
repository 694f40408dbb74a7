"""The trades as the page shows them, from the ledger's database.

The database belongs to the ledger and may not be there yet; until it is, there are no trades.
Every method blocks, so the routes call them in worker threads.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from dashboard import trade_rows
from dashboard.shared import Shared
from hft.clock import wall_ms
from hft.errors import HftError
from hft.ledger.books import BookKeeper, Books, read_books
from hft.ledger.database import open_database
from hft.ledger.days import list_days, midnight_before
from hft.ledger.event_queries import EventRow, list_events
from hft.ledger.markout_queries import Markouts, read_markouts
from hft.ledger.order_marks import list_marks
from hft.ledger.pnl import POINTS_MAX, Sums, pnl_series, read_totals, shares
from hft.ledger.queries import clear_history, list_trades
from hft.ledger.statistics import Statistics, read_statistics

NO_SUMS = Sums(0, 0, 0, 0, {})
UTC_ZONE = ZoneInfo("UTC")


class TradesUnavailable(HftError):
    """The database is there and cannot be read or written."""


class TradeBook:
    """Reads the trades; opens the database when it is first there.

    `database` is a file path or an SQLAlchemy URL, which is never told to anybody: it may hold a
    password.  Everything that reads raises TradesUnavailable when the database cannot be read.
    """

    def __init__(self, database: str) -> None:
        self._database = database
        self._engine: Engine | None = None
        self._keeper: BookKeeper | None = None
        self._opening = threading.Lock()
        self._statistics: Shared[Statistics] = Shared()

    @contextmanager
    def reading(self) -> Iterator[Engine | None]:
        """Lend the database to whoever asks it something else; None while it is not there.

        Raises:
            TradesUnavailable: it cannot be read.
        """
        engine = self._open()
        with _refusing("the trade database cannot be read"):
            yield engine

    @contextmanager
    def _books(self) -> Iterator[tuple[Engine, Books] | None]:
        with self.reading() as engine:
            keeper = self._keeper
            yield None if engine is None or keeper is None else (engine, keeper.look())

    def read_ahead(self) -> None:
        """Read what there is now, so that the first page need not wait for a long history."""
        # What cannot be read is told to whoever asks for it.
        with suppress(TradesUnavailable), self._books():
            pass

    def page(
        self,
        limit: int,
        offset: int = 0,
        before_id: int | None = None,
        from_ms: int | None = None,
        to_ms: int | None = None,
        *,
        zone: ZoneInfo = UTC_ZONE,
    ) -> dict[str, Any]:
        """List trades since the last clearing, newest first, with the sums of all of them and of
        the zone's today.

        `next_before_id` asks for the page behind this one; None: there is nothing behind it.
        """
        with self._books() as found:
            if found is None:
                sums = trade_rows.sums_row(NO_SUMS)
                totals = {"all_time": sums, "today": sums}
                return {"trades": [], "count": 0, "next_before_id": None, "totals": totals}
            engine, books = found
            # One more than wanted tells whether there is a page behind.
            rows = list_trades(engine, limit + 1, offset, from_ms, to_ms, before_id)
        sums_of = read_totals(books, midnight_before(wall_ms(), zone))
        shown = rows[:limit]
        return {
            # The driver's column names are a kind of str that the JSON writer does not take for
            # keys.
            "trades": [{str(name): value for name, value in row.items()} for row in shown],
            "count": sums_of.all_time.count,
            "next_before_id": shown[-1]["id"] if len(rows) > limit else None,
            "totals": {
                "all_time": trade_rows.sums_row(sums_of.all_time),
                "today": trade_rows.sums_row(sums_of.today),
            },
        }

    def series(
        self, from_ms: int | None = None, to_ms: int | None = None, points: int = POINTS_MAX
    ) -> list[dict[str, Any]]:
        """Tell cumulative P&L net of fees since the last clearing, or of a range from 0 on."""
        with self._books() as found:
            if found is None:
                return []
            curve = pnl_series(found[1], from_ms, to_ms, points)
        return [{"ts_ms": point.ts_ms, "pnl": point.pnl} for point in curve]

    def session(self, started_ms: int) -> list[tuple[int, float]]:
        """Tell cumulative P&L of the running session, for a dashboard that was restarted in it."""
        with self.reading() as engine:
            if engine is None:
                return []
            curve = pnl_series(read_books(engine, started_ms))
        return [(point.ts_ms, point.pnl) for point in curve]

    def shares(self, started_ms: int) -> dict[str, list[dict[str, Any]]]:
        """Tell what each strategy made with each symbol: in this session, and since the
        clearing.
        """
        with self._books() as found:
            if found is None:
                return {"session": [], "all_time": []}
            _, books = found
        return {
            "session": [trade_rows.share_row(each) for each in shares(books, started_ms)],
            "all_time": [trade_rows.share_row(each) for each in shares(books)],
        }

    def days(self, zone: ZoneInfo) -> list[dict[str, Any]]:
        """List the days of a zone with trades since the last clearing, newest first."""
        with self._books() as found:
            return [] if found is None else [*map(trade_rows.day_row, list_days(found[1], zone))]

    def statistics(
        self, zone: ZoneInfo, from_ms: int | None = None, to_ms: int | None = None
    ) -> Statistics | None:
        """Work out the statistics of a range; None while there is no database."""
        with self._books() as found:
            if found is None:
                return None
            _, books = found
            work = partial(read_statistics, books, zone, wall_ms(), from_ms, to_ms)
            return self._statistics.ask((zone.key, from_ms, to_ms), books, work)

    def markouts(self, from_ms: int | None = None, to_ms: int | None = None) -> Markouts:
        """Sum up where the price went after the fills of a range."""
        with self._books() as found:
            if found is None:
                return Markouts([], {}, {}, {}, {})
            return read_markouts(*found, from_ms, to_ms)

    def marks(
        self, symbol: str, from_ms: int, to_ms: int, account_epoch: str = ""
    ) -> dict[str, Any]:
        """List own orders and fills of a symbol for its chart; `account_epoch` is traded now."""
        with self.reading() as engine:
            if engine is None:
                return {"fills": [], "orders": [], "cut": False}
            marks = list_marks(engine, symbol, from_ms, to_ms, account_epoch=account_epoch)
        return {
            "fills": [trade_rows.fill_mark(row) for row in marks.fills],
            "orders": [trade_rows.order_mark(row) for row in marks.orders],
            "cut": marks.cut,
        }

    def events(self, kinds: Collection[str], limit: int) -> list[EventRow]:
        """List events of some kinds, newest first.

        Raises:
            TradesUnavailable: the database cannot be read.
        """
        engine = self._open()
        if engine is None:
            return []
        with _refusing("the events in the database cannot be read"):
            return list_events(engine, kinds, limit)

    def clear(self) -> None:
        """Start the history anew; deletes nothing.

        Raises:
            TradesUnavailable: the marker could not be written.
        """
        engine = self._open()
        if engine is None:
            return
        with _refusing("the history cannot be cleared now"):
            clear_history(engine, wall_ms())
        self._statistics.forget()

    def close(self) -> None:
        """Give the database's connections back."""
        with self._opening:
            if self._keeper is not None:
                # What is read at this moment gives its connections back first.
                self._keeper.wait()
            if self._engine is not None:
                self._engine.dispose()
                self._engine = self._keeper = None

    def engine(self) -> Engine | None:
        """Give the database for other readers; None until it is there.

        Raises:
            TradesUnavailable: it cannot be opened.
        """
        return self._open()

    def _open(self) -> Engine | None:
        with self._opening:
            if self._engine is None and ("://" in self._database or Path(self._database).is_file()):
                with _refusing("the trade database cannot be opened"):
                    self._engine = open_database(self._database)
                self._keeper = BookKeeper(self._engine)
            return self._engine


@contextmanager
def _refusing(sentence: str) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as problem:
        raise TradesUnavailable(sentence) from problem

"""The trades as the page shows them, from the ledger's database.

The database belongs to the ledger and may not be there yet; until it is, there are no trades.
Every method blocks, so the routes call them in worker threads.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from hft.clock import wall_ms
from hft.errors import HftError
from hft.ledger.database import open_database
from hft.ledger.event_queries import EventRow, list_events
from hft.ledger.queries import (
    Share,
    Sums,
    clear_history,
    list_trades,
    pnl_series,
    read_totals,
    shares,
)
from hft.units import E8

NO_SUMS = Sums(0, 0, 0, 0, {})


class TradesUnavailable(HftError):
    """The database is there and cannot be read or written."""


class TradeBook:
    """Reads the trades; opens the database when it is first there.

    `database` is a file path or an SQLAlchemy URL, which is never told to anybody: it may hold a
    password.
    """

    def __init__(self, database: str) -> None:
        self._database = database
        self._engine: Engine | None = None
        self._opening = threading.Lock()

    def page(self, limit: int, offset: int) -> dict[str, Any]:
        """List trades since the last clearing, newest first, with the sums of all of them.

        Raises:
            TradesUnavailable: the database cannot be read.
        """
        engine = self._open()
        if engine is None:
            sums = sums_row(NO_SUMS)
            return {"trades": [], "count": 0, "totals": {"all_time": sums, "today": sums}}
        with _refusing("the trade database cannot be read"):
            rows = list_trades(engine, limit, offset)
            totals = read_totals(engine, wall_ms())
        return {
            # The driver's column names are a kind of str that the JSON writer does not take for
            # keys.
            "trades": [{str(name): value for name, value in row.items()} for row in rows],
            "count": totals.all_time.count,
            "totals": {
                "all_time": sums_row(totals.all_time),
                "today": sums_row(totals.today),
            },
        }

    def series(self) -> list[dict[str, Any]]:
        """Tell cumulative P&L net of fees after each trade since the last clearing.

        Raises:
            TradesUnavailable: the database cannot be read.
        """
        engine = self._open()
        if engine is None:
            return []
        with _refusing("the trade database cannot be read"):
            points = pnl_series(engine, "historical", 0)
        return [{"ts_ms": point.ts_ms, "pnl": point.pnl} for point in points]

    def session(self, started_ms: int) -> list[tuple[int, float]]:
        """Tell cumulative P&L of the running session, for a dashboard that was restarted in it.

        Raises:
            TradesUnavailable: the database cannot be read.
        """
        engine = self._open()
        if engine is None:
            return []
        with _refusing("the trade database cannot be read"):
            points = pnl_series(engine, "session", started_ms)
        return [(point.ts_ms, point.pnl) for point in points]

    def shares(self, started_ms: int) -> dict[str, list[dict[str, Any]]]:
        """Tell what each strategy made with each symbol: in this session, and since the clearing.

        Raises:
            TradesUnavailable: the database cannot be read.
        """
        engine = self._open()
        if engine is None:
            return {"session": [], "all_time": []}
        with _refusing("the trade database cannot be read"):
            return {
                "session": [share_row(each) for each in shares(engine, started_ms)],
                "all_time": [share_row(each) for each in shares(engine)],
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

    @contextmanager
    def reading(self) -> Iterator[Engine | None]:
        """Lend the database to whoever asks it something else; None while it is not there.

        Raises:
            TradesUnavailable: it cannot be read.
        """
        engine = self._open()
        with _refusing("the trade database cannot be read"):
            yield engine

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

    def close(self) -> None:
        """Give the database's connections back."""
        with self._opening:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

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
            return self._engine


@contextmanager
def _refusing(sentence: str) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as problem:
        raise TradesUnavailable(sentence) from problem


def sums_row(sums: Sums) -> dict[str, Any]:
    """Tell sums as numbers for people."""
    return {
        "count": sums.count,
        "pnl": sums.pnl_e8 / E8,
        "fees": sums.fees_e8 / E8,
        "funding": sums.funding_e8 / E8,
        "net": sums.net_e8 / E8,
        "other_fees": {asset: fees / E8 for asset, fees in sums.other_fees_e8.items()},
    }


def share_row(share: Share) -> dict[str, Any]:
    """Tell what a strategy made with a symbol as numbers for people."""
    return {
        "strategy": share.strategy,
        "symbol": share.symbol,
        "count": share.count,
        "pnl": share.pnl_e8 / E8,
        "fees": share.fees_e8 / E8,
        "funding": share.funding_e8 / E8,
        "net": share.net_e8 / E8,
    }

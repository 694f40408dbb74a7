"""What the ledger keeps about the house itself: its runs, its events, and what the account is
worth every minute.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Engine

from hft.clock import monotonic_ns
from hft.ledger import account_store, house_store
from hft.ledger.courier import Call, Courier
from hft.ledger.event_rows import rows_of_files, rows_of_records
from hft.ledger.inserting import Row
from hft.state.blocks import Mode
from hft.topology import House
from hft.units import NS_PER_MS, NS_PER_S

EQUITY_EVERY_NS = 60 * NS_PER_S
_SAMPLED = (
    "wallet_e8",
    "unrealised_e8",
    "equity_e8",
    "realised_e8",
    "fees_e8",
    "funding_e8",
)


class HouseDesk:
    """Writes `sessions`, `events` and `equity` through the courier of the database."""

    def __init__(
        self, house: House, strategies: Sequence[str], engine: Engine, courier: Courier
    ) -> None:
        self._house = house
        self._strategies = strategies
        self._engine = engine
        self._courier = courier
        self._session_epoch = int(house.run[0]["session_epoch"])
        self._equity_due_ns = 0
        self._account_noted = False
        self._events: list[Row] = []
        self._telling: Call | None = None
        self._ending: Call | None = None

    def begin(self, log_folder: Path) -> None:
        """Note that this run began, and the events of the log files that are not noted yet.

        Raises:
            sqlalchemy.exc.SQLAlchemyError, OSError: the database or a file refuses.
        """
        house_store.store_session(self._engine, self._session())
        house_store.store_events(self._engine, rows_of_files(log_folder))

    def work(self, now_ns: int) -> None:
        """Take a sample of the equity when it is time, once the account is known."""
        account_epoch = self._meet_account()
        if account_epoch and now_ns >= self._equity_due_ns and self._sample(account_epoch):
            self._equity_due_ns = now_ns + EQUITY_EVERY_NS

    def tell_events(self, records: npt.NDArray[np.void]) -> None:
        """Store log records with a notice, those of one moment in one transaction."""
        self._events += rows_of_records(records, self._house.anchor, self._session_epoch)
        if self._telling is None:
            self._tell()

    def _tell(self) -> None:
        rows = list(self._events)
        self._telling = self._send(
            lambda: house_store.store_events(self._engine, rows), lambda: self._told(len(rows))
        )

    def _told(self, count: int) -> None:
        del self._events[:count]
        self._telling = None
        if self._events:
            self._tell()

    def store_last_events(self) -> None:
        """Store the events that are left at once, when the courier has stopped.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database refuses; the log file has them.
        """
        house_store.store_events(self._engine, self._events)

    def end(self) -> bool:
        """Take the last sample and note that this run was asked to end; says when it is noted."""
        if self._events:
            return False
        if self._ending is None:
            account_epoch = self._meet_account()
            if account_epoch:
                self._sample(account_epoch)
            ended_ms = self._house.anchor.to_wall_ns(monotonic_ns()) // NS_PER_MS
            self._ending = self._send(
                lambda: house_store.end_session(self._engine, self._session_epoch, ended_ms)
            )
        return self._ending.done

    def _meet_account(self) -> str:
        account_epoch = bytes(self._house.identity[0]["account_epoch"]).decode()
        if account_epoch and not self._account_noted:
            self._account_noted = True
            self._send(
                lambda: house_store.meet_account(self._engine, self._session_epoch, account_epoch)
            )
        return account_epoch

    def _sample(self, account_epoch: str) -> bool:
        account = self._house.account.read()
        if account is None or not account[0]["reconciled"]:
            return False
        told = account[0]
        ts_ms = self._house.anchor.to_wall_ns(int(told["updated_ns"])) // NS_PER_MS
        row: Row = {"ts_ms": ts_ms, "account_epoch": account_epoch}
        row |= {"session_epoch": self._session_epoch}
        row |= {name: int(told[name]) for name in _SAMPLED}
        self._send(lambda: account_store.store_equity(self._engine, row))
        return True

    def _send(self, what: Callable[[], object], then: Callable[[], None] | None = None) -> Call:
        job = Call(what, then)
        self._courier.send(job)
        return job

    def _session(self) -> Row:
        run: Any = self._house.run[0]
        strategy = int(run["strategy_index"])
        return {
            "session_epoch": self._session_epoch,
            "started_ms": int(run["started_wall_ns"]) // NS_PER_MS,
            "mode": Mode(int(run["mode"])).name,
            "strategy": self._strategies[strategy] if strategy < len(self._strategies) else "",
        }

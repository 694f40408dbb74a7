"""The trades of a database kept in memory, and brought up to date by what changed.

A look asks the database for its newest rows only.  Rows that were changed or deleted (a fee that
got its value, an amount the venue corrected) raise a counter in the table `revisions` by trigger;
then, and only then, everything is read again.  About 110 bytes a trade are kept.
"""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, Engine, Select, func, select

from hft.ledger.fills import Fills, Payments, Words, read_all_columns, read_columns, read_payments
from hft.ledger.opening import Opening, read_opening
from hft.ledger.schema import checked, funding, markers, revisions, trades

TAIL_ROWS = 1000
"""Of the newest rows it is asked whether all of them are known: two writers of one server commit
in another order than their row numbers say."""


class Books(NamedTuple):
    """What the database held at one look; `fills` and `payments` are whole, by time.

    Rows up to `hidden_id` and payments up to `cleared_ms` were hidden by the newest clearing.
    """

    fills: Fills
    payments: Payments
    hidden_id: int
    cleared_ms: int
    texts: list[str]
    """What the numbers of `account`, `symbol`, `strategy` and `other_asset` stand for."""
    opening: Opening
    """What was held before the first fill."""

    def shown(self, from_ms: int | None = None, to_ms: int | None = None) -> tuple[Fills, Payments]:
        """Take what is not hidden, from a time (inclusive) to another (exclusive)."""
        fills = self.fills.pick(_between(self.fills.ts_ms, from_ms, to_ms))
        payments = self.payments.pick(_between(self.payments.ts_ms, from_ms, to_ms))
        if self.hidden_id:
            fills = fills.pick(fills.row_id > self.hidden_id)
        return fills, payments.pick(payments.ts_ms > self.cleared_ms)


def _between(ts_ms: Any, from_ms: int | None, to_ms: int | None) -> slice:
    first = 0 if from_ms is None else int(np.searchsorted(ts_ms, from_ms))
    last = len(ts_ms) if to_ms is None else int(np.searchsorted(ts_ms, to_ms))
    return slice(first, last)


class BookKeeper:
    """Keeps the books of one database; may be asked from several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._looking = threading.Lock()
        self._words = Words()
        self._words.number("")
        self._fills: Fills | None = None
        self._payments: Payments | None = None
        self._met: set[int] = set()
        self._opening: Opening = {}
        self._state: _State | None = None

    def look(self) -> Books:
        """Read what changed since the last look, and hand out the whole.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database cannot be read.
        """
        with self._looking, self._engine.connect() as connection:
            state = _State(*connection.execute(_STATE).one())
            if state != self._state or self._fills is None or self._payments is None:
                self._read(connection, state)
            assert self._fills is not None
            assert self._payments is not None
            return Books(
                self._fills,
                self._payments,
                state.hidden_id or 0,
                state.cleared_ms or 0,
                self._words.texts,
                self._opening,
            )

    def wait(self) -> None:
        """Wait for the end of a look that is under way."""
        with self._looking:
            pass

    def _read(self, connection: Connection, state: _State) -> None:
        known, last = self._fills, self._state
        if known is None or last is None or last.revision != state.revision:
            known = read_all_columns(self._engine, self._words).in_order()
            self._met, self._opening = set(), {}
            self._meet(connection, known)
        elif (last.trade_id or 0) < (state.trade_id or 0) or last.tail != state.tail:
            known = self._caught_up(connection, known, last.trade_id or 0)
        self._payments = read_payments(connection, self._words, known)
        self._fills, self._state = known, state

    def _caught_up(self, connection: Connection, known: Fills, last_id: int) -> Fills:
        overlap = read_columns(connection, self._words, after_id=last_id - TAIL_ROWS)
        new = ~np.isin(overlap.row_id, known.row_id[known.row_id > last_id - TAIL_ROWS])
        fresh = overlap.pick(new).in_order()
        self._meet(connection, fresh)
        return known.followed_by(fresh).in_order()

    def _meet(self, connection: Connection, fresh: Fills) -> None:
        """Read what was held before the first fill, of each account and symbol that is new."""
        first = fresh.pick(~np.isin(fresh.holding, list(self._met)))
        if len(first.row_id):
            self._met |= set(np.unique(first.holding).tolist())
            self._opening = self._opening | read_opening(connection, first)


def read_books(engine: Engine, from_ms: int | None = None) -> Books:
    """Read the books once, whole or from a venue time on."""
    words = Words()
    words.number("")
    with engine.connect() as connection:
        state = _State(*connection.execute(_STATE).one())
        fills = read_columns(connection, words, from_ms=from_ms).in_order()
        payments = read_payments(connection, words, fills)
        opening = read_opening(connection, fills)
    payments = payments.pick(_between(payments.ts_ms, from_ms, None))
    hidden = (state.hidden_id or 0, state.cleared_ms or 0)
    return Books(fills, payments, *hidden, words.texts, opening)


class _State(NamedTuple):
    """What tells whether anything is new; each of it is one step in an index."""

    revision: int | None
    trade_id: int | None
    tail: int
    payment_id: int | None
    symbols: int
    hidden_id: int | None
    cleared_ms: int | None


def _state_query() -> Select[Any]:
    newest = select(func.max(trades.c.id)).scalar_subquery()
    tail = select(func.count()).select_from(trades).where(trades.c.id > newest - TAIL_ROWS)
    return select(
        select(func.sum(revisions.c.changes)).scalar_subquery(),
        newest,
        tail.scalar_subquery(),
        select(func.max(funding.c.id)).scalar_subquery(),
        select(func.count()).select_from(checked).scalar_subquery(),
        select(func.max(markers.c.last_trade_id)).scalar_subquery(),
        select(func.max(markers.c.cleared_ms)).scalar_subquery(),
    )


_STATE = _state_query()

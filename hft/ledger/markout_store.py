"""Fills that wait for their markouts, and the markouts themselves, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Engine, select

from hft.ledger.database import writing
from hft.ledger.inserting import Row, insert_missing
from hft.ledger.schema import FROM_REPORT, markouts, trades


class Told(NamedTuple):
    """A fill as it was told here: its row, when, and the horizons it has markouts of."""

    row_id: int
    symbol: str
    side: str
    local_ns: int
    mid_e8: int | None
    """Of the markouts it has."""
    horizons_ms: frozenset[int]


class Since(NamedTuple):
    """From where on fills are read: behind a row, and not before a moment on either clock.

    Local times of another boot mean nothing here, so the venue's time has to fit as well.
    """

    row_id: int
    local_ns: int
    venue_ms: int


def read_told(engine: Engine, account_epoch: str, since: Since) -> list[Told]:
    """Read the fills that reports told, in order."""
    mine = (
        trades.c.account_epoch == account_epoch,
        trades.c.source == FROM_REPORT,
        trades.c.id > since.row_id,
        trades.c.monotonic_ns >= since.local_ns,
        trades.c.exchange_ts_ms >= since.venue_ms,
    )
    names = (trades.c.id, trades.c.symbol, trades.c.side, trades.c.monotonic_ns)
    with engine.connect() as connection:
        fills = connection.execute(select(*names).where(*mine).order_by(trades.c.id)).all()
        if not fills:
            return []
        ids = (int(fills[0][0]), int(fills[-1][0]))
        query = select(markouts.c.trade_row, markouts.c.horizon_ms, markouts.c.mid_e8)
        found = connection.execute(query.where(markouts.c.trade_row.between(*ids))).all()
    horizons: dict[int, set[int]] = {}
    mids: dict[int, int] = {}
    for row_id, horizon_ms, mid_e8 in found:
        horizons.setdefault(row_id, set()).add(horizon_ms)
        mids[row_id] = mid_e8
    return [
        Told(row_id, symbol, side, local_ns, mids.get(row_id),
             frozenset(horizons.get(row_id, ())))
        for row_id, symbol, side, local_ns in fills
    ]  # fmt: skip


def store_markouts(engine: Engine, rows: Sequence[Row]) -> int:
    """Store markouts; returns how many were not there yet."""
    with writing(engine) as connection:
        return insert_missing(connection, markouts, rows)

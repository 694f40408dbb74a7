"""Writing one-minute candles, and finding where some are missing.

What is asked again changes nothing.  The venue's own candle is the last word on a minute; of two
that were heard here, the one with more trades is kept, so that a house that was started again in
the middle of a minute takes nothing back.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine, and_, select

from hft.ledger.database import writing
from hft.ledger.inserting import Row, insert_into
from hft.ledger.schema import FROM_FEED, candles
from hft.state.candles import MINUTE_MS

_KEY = ("venue", "symbol", "minute_ms")


def store_heard(engine: Engine, rows: Sequence[Row]) -> None:
    """Store candles of trades this house heard."""
    _upsert(engine, rows, keep_more=True)


def store_listed(engine: Engine, rows: Sequence[Row]) -> None:
    """Store candles of the venue's list, where there is none or one that is not whole."""
    _upsert(engine, rows, keep_more=False)


def first_missing(engine: Engine, venue: str, symbol: str, from_ms: int, to_ms: int) -> int | None:
    """Find the first minute from one time to before another that has no whole candle."""
    query = select(candles.c.minute_ms).where(
        candles.c.venue == venue,
        candles.c.symbol == symbol,
        candles.c.minute_ms >= from_ms,
        candles.c.minute_ms < to_ms,
        candles.c.whole == 1,
    )
    with engine.connect() as connection:
        there = set(connection.execute(query).scalars())
    minutes = range(from_ms, to_ms, MINUTE_MS)
    return next((minute for minute in minutes if minute not in there), None)


def _upsert(engine: Engine, rows: Sequence[Row], *, keep_more: bool) -> None:
    if not rows:
        return
    with writing(engine) as connection:
        statement = insert_into(connection, candles)
        new, old = statement.excluded, candles.c
        better = new.trades >= old.trades if keep_more else old.whole == 0
        values = {column.name: new[column.name] for column in old if column.name not in _KEY}
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=_KEY, set_=values, where=and_(old.source == FROM_FEED, better)
            ),
            list(rows),
        )

"""Writing fills to the database, exactly once, and how far the venue's list was compared.

The caller holds the transaction, so a process killed at any moment leaves all of it or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, and_, bindparam, select

from hft.ledger.inserting import Row, insert_missing
from hft.ledger.order_store import sum_fills
from hft.ledger.schema import FROM_USER_TRADES, checked, trades

KEY = ("account_epoch", "symbol", "trade_id", "order_id")
AMOUNTS = ("price_e8", "qty_e8", "pnl_e8", "fee_e8")
CORRECTED = (
    *AMOUNTS,
    "price",
    "quantity",
    "pnl",
    "fee",
    "fee_currency",
    "fee_value_e8",
    "fee_price_e8",
    "side",
    "maker",
)


class Stored(msgspec.Struct, frozen=True):
    """What one batch changed: new rows, rows a report took over, rows the venue corrected."""

    inserted: int = 0
    replaced: int = 0
    corrected: int = 0


class Progress(msgspec.Struct, frozen=True):
    """How far one symbol was compared with the venue's list; see `schema.checked`."""

    since_ms: int
    trade_id: int | None = None
    orders_ms: int | None = None


def put_reports(connection: Connection, rows: Sequence[Row]) -> Stored:
    """Store fills told by reports; a fill that is there already is left alone.

    A row that came from the venue's list is taken over, since the report knows more of the order;
    the amounts stay the venue's.
    """
    inserted = insert_missing(connection, trades, rows)
    if inserted == len(rows):
        return Stored(inserted)
    changed = [name for name in rows[0] if name not in (*KEY, *CORRECTED)]
    replaced = _update(connection, rows, changed, from_venue_only=True)
    return Stored(inserted, replaced)


def put_user_trades(
    connection: Connection,
    account_epoch: str,
    symbol: str,
    rows: Sequence[Row],
    progress: Progress,
) -> Stored:
    """Store what is missing of the venue's list, correct what differs, note how far it reaches."""
    present = _amounts_present(connection, account_epoch, symbol, rows)
    missing = [row for row in rows if _key(row) not in present]
    differing = [
        row
        for row in rows
        if _key(row) in present and present[_key(row)] != [row[name] for name in AMOUNTS]
    ]
    insert_missing(connection, trades, missing)
    if differing:
        _update(connection, differing, CORRECTED, from_venue_only=False)
    changed = missing + differing
    named = [row["client_order_id"] for row in changed if row["client_order_id"]]
    sum_fills(connection, account_epoch, named)
    _note_progress(connection, account_epoch, symbol, progress)
    return Stored(inserted=len(missing), corrected=len(differing))


def known_fills(
    engine: Engine, account_epoch: str, symbol: str, first_id: int, last_id: int
) -> set[tuple[int, str]]:
    """Pairs of trade id and order id that are stored, between two trade ids."""
    query = select(trades.c.trade_id, trades.c.order_id).where(
        trades.c.account_epoch == account_epoch,
        trades.c.symbol == symbol,
        trades.c.trade_id.between(first_id, last_id),
    )
    with engine.connect() as connection:
        return {(row.trade_id, str(row.order_id)) for row in connection.execute(query)}


def read_progress(engine: Engine, account_epoch: str, symbol: str) -> Progress | None:
    """How far that symbol of that account was compared; None when it never was."""
    query = select(checked.c.since_ms, checked.c.trade_id, checked.c.orders_ms).where(
        checked.c.account_epoch == account_epoch, checked.c.symbol == symbol
    )
    with engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else Progress(*row)


def _update(
    connection: Connection, rows: Sequence[Row], names: Sequence[str], *, from_venue_only: bool
) -> int:
    # Parameters may not share their names with columns that are set.
    same = [trades.c[name] == bindparam(f"key_{name}") for name in KEY]
    if from_venue_only:
        same.append(trades.c.source == FROM_USER_TRADES)
    statement = trades.update().where(and_(*same)).values({n: bindparam(f"new_{n}") for n in names})
    values: list[dict[str, Any]] = [
        {f"key_{n}": row[n] for n in KEY} | {f"new_{n}": row[n] for n in names} for row in rows
    ]
    return sum(connection.execute(statement, value).rowcount for value in values)


def _key(row: Row) -> tuple[int, str]:
    return row["trade_id"], row["order_id"]


def _amounts_present(
    connection: Connection, account_epoch: str, symbol: str, rows: Sequence[Row]
) -> dict[tuple[int, str], list[int]]:
    if not rows:
        return {}
    ids = [row["trade_id"] for row in rows]
    columns = [trades.c[name] for name in ("trade_id", "order_id", *AMOUNTS)]
    query = select(*columns).where(
        trades.c.account_epoch == account_epoch,
        trades.c.symbol == symbol,
        trades.c.trade_id.between(min(ids), max(ids)),
    )
    return {(row[0], str(row[1])): list(row[2:]) for row in connection.execute(query)}


def _note_progress(
    connection: Connection, account_epoch: str, symbol: str, progress: Progress
) -> None:
    place = {"account_epoch": account_epoch, "symbol": symbol}
    reached = msgspec.structs.asdict(progress)
    if not insert_missing(connection, checked, [place | reached]):
        mine = and_(checked.c.account_epoch == account_epoch, checked.c.symbol == symbol)
        connection.execute(checked.update().where(mine).values(reached))

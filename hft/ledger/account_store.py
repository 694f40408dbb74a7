"""Writing what happened to the account: the venue's income ledger, and what it was worth.

What takes a connection is part of the caller's transaction; any of it may be asked again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, and_, bindparam, select

from hft.binance.income import Income
from hft.ledger.database import writing
from hft.ledger.inserting import Row, insert_missing
from hft.ledger.order_store import sum_fills
from hft.ledger.schema import checked, equity, funding, trades

UNVALUED_MAX = 500


class IncomeProgress(NamedTuple):
    """From when to when the income ledger was read; see `schema.checked`."""

    since_ms: int
    until_ms: int


class Unvalued(NamedTuple):
    """A fill whose fee waits for a price."""

    row_id: int
    asset: str
    fee_e8: int
    ts_ms: int
    client_order_id: str


class FeeValue(NamedTuple):
    """What such a fee is worth in the margin asset, and at which price."""

    row_id: int
    price_e8: int
    value_e8: int
    client_order_id: str


def put_incomes(
    connection: Connection, account_epoch: str, rows: Sequence[Row], progress: IncomeProgress
) -> int:
    """Store entries of the income ledger; returns how many were not there yet."""
    inserted = insert_missing(connection, funding, rows)
    place = {"account_epoch": account_epoch, "symbol": ""}
    reached = {"since_ms": progress.since_ms, "income_ms": progress.until_ms}
    if not insert_missing(connection, checked, [place | reached]):
        connection.execute(checked.update().where(_of_income(account_epoch)).values(reached))
    return inserted


def read_income_progress(engine: Engine, account_epoch: str) -> IncomeProgress | None:
    """How far the income ledger of an account was read; None when it never was."""
    query = select(checked.c.since_ms, checked.c.income_ms).where(_of_income(account_epoch))
    with engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else IncomeProgress(row.since_ms, row.income_ms)


def unvalued_fees(engine: Engine, account_epoch: str) -> list[Unvalued]:
    """Fills of an account whose fee was charged in another asset and has no value yet."""
    query = (
        select(trades)
        .where(
            trades.c.account_epoch == account_epoch,
            trades.c.fee_value_e8.is_(None),
            trades.c.fee_e8 != 0,
        )
        .order_by(trades.c.id.desc())
        .limit(UNVALUED_MAX)
    )
    with engine.connect() as connection:
        return [
            Unvalued(row.id, row.fee_currency, row.fee_e8, row.exchange_ts_ms,
                     row.client_order_id or "")
            for row in connection.execute(query)
        ]  # fmt: skip


def fee_prices(
    engine: Engine, account_epoch: str, entries: Sequence[Income]
) -> Mapping[tuple[str, int, str], int]:
    """Prices at which the fees of fills were valued, by symbol, trade id and asset."""
    times = [entry.ts_ms for entry in entries if entry.trade_id is not None]
    if not times:
        return {}
    columns = (trades.c.symbol, trades.c.trade_id, trades.c.fee_currency, trades.c.fee_price_e8)
    query = select(*columns).where(
        trades.c.account_epoch == account_epoch,
        trades.c.fee_price_e8.is_not(None),
        trades.c.exchange_ts_ms.between(min(times), max(times) + 1_000),
    )
    with engine.connect() as connection:
        return {(row[0], row[1], row[2]): row[3] for row in connection.execute(query)}


def put_fee_values(connection: Connection, account_epoch: str, values: Sequence[FeeValue]) -> None:
    """Note what fees are worth, and sum the fees of their orders again."""
    if not values:
        return
    # Parameters may not share their names with columns that are set.
    mine = and_(trades.c.id == bindparam("row"), trades.c.fee_value_e8.is_(None))
    new: dict[str, Any] = {"fee_value_e8": bindparam("worth"), "fee_price_e8": bindparam("at")}
    rows = [{"row": each.row_id, "worth": each.value_e8, "at": each.price_e8} for each in values]
    connection.execute(trades.update().where(mine).values(new), rows)
    sum_fills(
        connection, account_epoch, [each.client_order_id for each in values if each.client_order_id]
    )


def store_equity(engine: Engine, row: Row) -> None:
    """Store what an account was worth at one moment, once."""
    with writing(engine) as connection:
        insert_missing(connection, equity, [row])


def _of_income(account_epoch: str) -> ColumnElement[bool]:
    return and_(checked.c.account_epoch == account_epoch, checked.c.symbol == "")

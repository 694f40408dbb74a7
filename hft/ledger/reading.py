"""What the database says of one account's money, for whoever only reads it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, func, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from hft.binance.income import Income
from hft.errors import BootError
from hft.ledger.database import migrations_config, shown_place, why_unusable
from hft.ledger.schema import checked, equity, funding, trades


class Fill(NamedTuple):
    """One row of `trades`, its money in units of 1e-8."""

    symbol: str
    trade_id: int
    ts_ms: int
    pnl_e8: int
    fee_e8: int
    fee_asset: str


class Cover(NamedTuple):
    """From when on the ledger kept an account's books, and how far it has read the income."""

    symbols: dict[str, int]
    """By symbol: since when its fills are kept, in ms."""
    since_ms: int
    income_ms: int


class Worth(NamedTuple):
    """The margin asset's balance at one moment, as execution knew it."""

    ts_ms: int
    wallet_e8: int


def open_to_read(place: str | Path) -> Engine:
    """Open a database that must not be changed, whoever else writes to it.

    Raises:
        BootError: it is not there, cannot be read, or has another schema than this release.
    """
    shown = shown_place(place)
    if "://" not in str(place) and not Path(place).is_file():
        raise BootError(f"there is no trade database {shown}: has the engine run here?")
    try:
        engine = _connect(place)
        try:
            _judge_schema(engine, shown)
        except BaseException:
            engine.dispose()
            raise
    except (SQLAlchemyError, ImportError) as problem:
        reason = why_unusable(problem)
        raise BootError(f"the trade database {shown} cannot be read: {reason}") from problem
    return engine


def _connect(place: str | Path) -> Engine:
    if "://" in str(place):
        return create_engine(str(place), execution_options={"postgresql_readonly": True})
    file = f"file:{quote(str(Path(place).absolute()))}"
    query = {"mode": "ro", "uri": "true"}
    return create_engine(URL.create("sqlite", database=file, query=query))


def _judge_schema(engine: Engine, shown: str) -> None:
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        newest = ScriptDirectory.from_config(migrations_config(connection)).get_current_head()
    if found != newest:
        raise BootError(
            f"the trade database {shown} has schema {found or 'of the former system'} and this "
            f"release {newest}: start the engine once, or use the release that made it"
        )


def read_cover(engine: Engine, account_epoch: str) -> Cover | None:
    """Say what the books of an account cover; None when it has none."""
    columns = (checked.c.symbol, checked.c.since_ms, checked.c.income_ms)
    query = select(*columns).where(checked.c.account_epoch == account_epoch)
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    if not rows:
        return None
    symbols = {row.symbol: int(row.since_ms) for row in rows if row.symbol}
    since_ms = min(int(row.since_ms) for row in rows)
    income_ms = max((int(row.income_ms or 0) for row in rows), default=0)
    return Cover(symbols, since_ms, income_ms)


def read_fills(engine: Engine, account_epoch: str, since_ms: int) -> list[Fill]:
    """Read the fills from a time on, oldest first."""
    columns = [
        trades.c[name]
        for name in ("symbol", "trade_id", "exchange_ts_ms", "pnl_e8", "fee_e8", "fee_currency")
    ]
    query = (
        select(*columns)
        .where(trades.c.account_epoch == account_epoch, trades.c.exchange_ts_ms >= since_ms)
        .order_by(trades.c.exchange_ts_ms, trades.c.id)
    )
    with engine.connect() as connection:
        return [
            Fill(
                row.symbol,
                int(row.trade_id),
                int(row.exchange_ts_ms),
                int(row.pnl_e8 or 0),
                int(row.fee_e8 or 0),
                row.fee_currency or "",
            )
            for row in connection.execute(query)
        ]


def read_incomes(engine: Engine, account_epoch: str, since_ms: int) -> list[Income]:
    """Read the kept entries of the income ledger from a time on, oldest first."""
    query = (
        select(funding)
        .where(funding.c.account_epoch == account_epoch, funding.c.ts_ms >= since_ms)
        .order_by(funding.c.ts_ms, funding.c.id)
    )
    with engine.connect() as connection:
        return [
            Income(
                kind=row.income_type,
                asset=row.asset,
                symbol=row.symbol,
                amount_e8=row.amount_e8,
                ts_ms=row.ts_ms,
                tran_id=row.tran_id,
                trade_id=row.trade_id,
                info=row.info or "",
            )
            for row in connection.execute(query)
        ]


def read_first_worth(engine: Engine, account_epoch: str, since_ms: int) -> Worth | None:
    """Read what the wallet held when it was first noted after a time."""
    first = select(func.min(equity.c.ts_ms)).where(
        equity.c.account_epoch == account_epoch, equity.c.ts_ms >= since_ms
    )
    query = select(equity.c.ts_ms, equity.c.wallet_e8).where(
        equity.c.account_epoch == account_epoch, equity.c.ts_ms == first.scalar_subquery()
    )
    with engine.connect() as connection:
        row = connection.execute(query).first()
    return None if row is None else Worth(int(row.ts_ms), int(row.wallet_e8))

"""Keeping the venue's income ledger in `funding`, and valuing what was paid in other assets.

Runs in a thread of its own beside the comparison of fills; what was found goes to the same courier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import islice

import msgspec
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from hft.binance.asset_price import MINUTE_MS, price_at_e8
from hft.binance.income import HISTORY_MS, Income, fetch_income
from hft.binance.rest import Rest, VenueError
from hft.errors import HftError
from hft.ledger import account_store
from hft.ledger.account_store import FeeValue, IncomeProgress
from hft.ledger.database import writing
from hft.ledger.inserting import Row
from hft.ledger.rows import Names
from hft.units import NS_PER_S, priced_e8

EVERY_NS = 300 * NS_PER_S
ENTRIES_MAX = 20_000
"""Most entries read, and stored in one transaction, in one go; the rest follows in the next."""

OVERLAP_MS = 60_000
"""Read again each time: the newest entries may be listed out of order."""

LAG_MS = 3_000
"""How late the venue may be with an entry before we claim to have read all."""

PriceOf = Callable[[str, int], int]
"""Gives what an asset was worth in the margin asset at a time, 0 where nobody knows."""


class IncomeSource(msgspec.Struct, frozen=True):
    """Everything one reading needs; `since_ms` is where an account begins that was never read."""

    engine: Engine
    connect: Callable[[], Rest]
    since_ms: int


class IncomeRound(msgspec.Struct, frozen=True):
    """The outcome of one reading, ready to be stored."""

    account_epoch: str = ""
    rows: list[Row] = []
    fees: list[FeeValue] = []
    progress: IncomeProgress | None = None
    more: bool = False
    trouble: str = ""
    pause_ns: int = 0


class IncomeBatch:
    """A job that stores what one reading found, and then tells how many entries were new."""

    def __init__(
        self, engine: Engine, found: IncomeRound, on_stored: Callable[[int], None]
    ) -> None:
        self._engine = engine
        self._found = found
        self._on_stored = on_stored
        self._inserted = 0

    def run(self) -> None:
        """Courier's thread: one transaction."""
        found = self._found
        assert found.progress is not None, "a reading without trouble got somewhere"
        with writing(self._engine) as connection:
            self._inserted = account_store.put_incomes(
                connection, found.account_epoch, found.rows, found.progress
            )
            account_store.put_fee_values(connection, found.account_epoch, found.fees)

    def finish(self) -> None:
        """Duty cycle: tell it."""
        self._on_stored(self._inserted)


def read_round(source: IncomeSource, names: Names) -> IncomeRound:
    """Read what is new of the income ledger, and value what can be valued."""
    try:
        rest = source.connect()
        try:
            return _read(source, names, rest)
        finally:
            rest.close()
    except (HftError, SQLAlchemyError, OSError, ValueError) as problem:
        pause_s = problem.retry_after_s if isinstance(problem, VenueError) else 0.0
        trouble = f"{type(problem).__name__}: {problem}".splitlines()[0]
        return IncomeRound(trouble=trouble, pause_ns=int(pause_s * NS_PER_S))


def _read(source: IncomeSource, names: Names, rest: Rest) -> IncomeRound:
    engine, epoch = source.engine, names.account_epoch
    now_ms = rest.venue_ms()
    before = account_store.read_income_progress(engine, epoch)
    before = before or IncomeProgress(source.since_ms, source.since_ms)
    start_ms = max(before.since_ms, before.until_ms - OVERLAP_MS, now_ms - HISTORY_MS)
    entries = list(islice(fetch_income(rest, start_ms, now_ms), ENTRIES_MAX))
    more = len(entries) == ENTRIES_MAX
    until_ms = entries[-1].ts_ms - 1 if more else now_ms - LAG_MS
    price_of = _price_of(rest, names.margin_asset)
    return IncomeRound(
        account_epoch=epoch,
        rows=_rows(engine, names, entries, price_of),
        fees=_value_fees(account_store.unvalued_fees(engine, epoch), price_of),
        progress=IncomeProgress(before.since_ms, max(before.until_ms, until_ms)),
        more=more,
    )


def _price_of(rest: Rest, margin_asset: str) -> PriceOf:
    @cache
    def at_minute(asset: str, minute: int) -> int:
        if not margin_asset:
            return 0
        return price_at_e8(rest, asset, margin_asset, minute * MINUTE_MS)

    return lambda asset, ts_ms: at_minute(asset, ts_ms // MINUTE_MS)


def _rows(engine: Engine, names: Names, entries: Sequence[Income], price_of: PriceOf) -> list[Row]:
    """Make rows; a fee is valued as its fill was, everything else at the price of its time."""
    foreign = [entry for entry in entries if entry.asset != names.margin_asset]
    of_fills = account_store.fee_prices(engine, names.account_epoch, foreign)
    rows: list[Row] = []
    for entry in entries:
        price_e8 = of_fills.get((entry.symbol, entry.trade_id or 0, entry.asset), 0)
        price_e8 = price_e8 or price_of(entry.asset, entry.ts_ms)
        rows.append(
            {
                "account_epoch": names.account_epoch,
                "tran_id": entry.tran_id,
                "income_type": entry.kind,
                "asset": entry.asset,
                "symbol": entry.symbol,
                "amount_e8": entry.amount_e8,
                "value_e8": priced_e8(entry.amount_e8, price_e8) if price_e8 else None,
                "ts_ms": entry.ts_ms,
                "trade_id": entry.trade_id,
                "info": entry.info,
            }
        )
    return rows


def _value_fees(waiting: Iterable[account_store.Unvalued], price_of: PriceOf) -> list[FeeValue]:
    valued = []
    for fee in waiting:
        price_e8 = price_of(fee.asset, fee.ts_ms)
        if price_e8:
            value_e8 = priced_e8(fee.fee_e8, price_e8)
            valued.append(FeeValue(fee.row_id, price_e8, value_e8, fee.client_order_id))
    return valued

"""What the dashboard asks of the database: trades, totals, the P&L curve; and clearing the history.

All of it looks only at rows after the newest marker.  P&L is exact: sums of whole units of 1e-8.  A
fee charged in another asset than the symbol's own money (BNB, say) counts as what it was worth at
its time; until that is known it is left out of the net and told apart in `other_fees_e8`.  Deposits
and transfers are never P&L; what a liquidation costs beside its fill is a fee.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Literal

import msgspec
from sqlalchemy import (
    ColumnElement,
    Engine,
    ScalarSelect,
    Select,
    case,
    func,
    insert,
    literal,
    or_,
    select,
    union_all,
)

from hft.binance.income import CLEARANCE, FUNDING
from hft.ledger.database import writing
from hft.ledger.schema import checked, funding, markers, to_real, trades

LIMIT_MAX = 1000
POINTS_MAX = 2000
DAY_MS = 86_400_000

SHOWN = (
    "id",
    "exchange_ts_ms",
    "symbol",
    "side",
    "price",
    "quantity",
    "pnl",
    "fee",
    "fee_currency",
    "strategy",
    "order_id",
    "exec_id",
    "client_order_id",
    "trade_id",
    "price_e8",
    "qty_e8",
    "pnl_e8",
    "fee_e8",
    "maker",
    "source",
)


class Sums(msgspec.Struct, frozen=True):
    """Count and money of some trades; `net_e8` is P&L less fees, with funding."""

    count: int
    pnl_e8: int
    fees_e8: int
    net_e8: int
    other_fees_e8: dict[str, int]
    funding_e8: int = 0
    """Received; negative: paid."""


class Share(msgspec.Struct, frozen=True):
    """What one strategy made with one symbol; trades by hand have no strategy."""

    strategy: str
    symbol: str
    count: int
    pnl_e8: int
    fees_e8: int
    funding_e8: int

    @property
    def net_e8(self) -> int:
        """P&L less fees, with funding."""
        return self.pnl_e8 - self.fees_e8 + self.funding_e8


class Totals(msgspec.Struct, frozen=True):
    """Sums since the marker, and of those since the beginning of the day."""

    all_time: Sums
    today: Sums


class Point(msgspec.Struct, frozen=True):
    """P&L net of fees, with funding, up to and including this moment."""

    ts_ms: int
    pnl_e8: int
    pnl: float


def list_trades(
    engine: Engine,
    limit: int = 100,
    offset: int = 0,
    from_ms: int | None = None,
    to_ms: int | None = None,
) -> list[dict[str, Any]]:
    """Trades since the marker, newest first, as dictionaries of the columns in `SHOWN`.

    `from_ms` (inclusive) and `to_ms` (exclusive) narrow the venue's time; at most `LIMIT_MAX` come
    at once.
    """
    query = _since_marker(select(*(trades.c[name] for name in SHOWN)))
    if from_ms is not None:
        query = query.where(trades.c.exchange_ts_ms >= from_ms)
    if to_ms is not None:
        query = query.where(trades.c.exchange_ts_ms < to_ms)
    query = query.order_by(trades.c.exchange_ts_ms.desc(), trades.c.id.desc())
    query = query.limit(max(0, min(limit, LIMIT_MAX))).offset(max(0, offset))
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def read_totals(engine: Engine, now_ms: int) -> Totals:
    """Sums of everything since the marker, and of the UTC day that holds `now_ms`."""
    midnight_ms = now_ms - now_ms % DAY_MS
    return Totals(sum_trades(engine), sum_trades(engine, midnight_ms))


def sum_trades(engine: Engine, from_ms: int | None = None) -> Sums:
    """Sums of the trades since the marker, or of those from a venue time on."""
    query: Select[Any] = select(func.count(), _sum(trades.c.pnl_e8), _sum(_fee_e8()))
    query = _since_marker(query)
    others = _since_marker(
        select(trades.c.fee_currency, func.sum(trades.c.fee_e8)).where(~_fee_is_valued())
    ).group_by(trades.c.fee_currency)
    paid: Select[Any] = select(_sum(_of_kind(FUNDING)), _sum(_of_kind(CLEARANCE)))
    paid = _payments(paid)
    if from_ms is not None:
        query = query.where(trades.c.exchange_ts_ms >= from_ms)
        others = others.where(trades.c.exchange_ts_ms >= from_ms)
        paid = paid.where(funding.c.ts_ms >= from_ms)
    with engine.connect() as connection:
        count, pnl_e8, fees_e8 = (int(value) for value in connection.execute(query).one())
        other = {str(asset): int(fees) for asset, fees in connection.execute(others) if fees}
        funding_e8, cleared_e8 = (int(value) for value in connection.execute(paid).one())
    fees_e8 -= cleared_e8
    return Sums(count, pnl_e8, fees_e8, pnl_e8 - fees_e8 + funding_e8, other, funding_e8)


def shares(engine: Engine, from_ms: int | None = None) -> list[Share]:
    """Divide P&L, fees and funding since the marker (or a venue time) by strategy and symbol.

    Funding is the strategy's that traded the symbol last before it.
    """
    owner = func.coalesce(trades.c.strategy, "")
    sums = (_sum(trades.c.pnl_e8), _sum(_fee_e8()))
    query = _since_marker(select(owner, trades.c.symbol, func.count(), *sums))
    holder = func.coalesce(_holder(), "").label("holder")
    paid = _payments(
        select(holder, funding.c.symbol, _sum(_of_kind(FUNDING)), _sum(_of_kind(CLEARANCE)))
    )
    if from_ms is not None:
        query = query.where(trades.c.exchange_ts_ms >= from_ms)
        paid = paid.where(funding.c.ts_ms >= from_ms)
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    with engine.connect() as connection:
        for strategy, symbol, *amounts in connection.execute(query.group_by(owner, "symbol")):
            found[strategy, symbol][:3] = map(int, amounts)
        for strategy, symbol, funding_e8, cleared_e8 in connection.execute(
            paid.group_by(holder, funding.c.symbol)
        ):
            row = found[strategy, symbol]
            row[2] -= int(cleared_e8)
            row[3] += int(funding_e8)
    return [Share(*names, *amounts) for names, amounts in sorted(found.items())]


def pnl_series(
    engine: Engine, mode: Literal["session", "historical"], session_started_ms: int
) -> list[Point]:
    """The curve of P&L net of fees: of this session only, or of everything since the marker.

    It has at most about `POINTS_MAX` points; what happened last is always the last of them.
    """
    fills = _since_marker(
        select(
            trades.c.exchange_ts_ms.label("ts_ms"),
            literal(0).label("part"),
            trades.c.id.label("id"),
            (func.coalesce(trades.c.pnl_e8, 0) - func.coalesce(_fee_e8(), 0)).label("net"),
        )
    )
    paid = _payments(select(funding.c.ts_ms, literal(1), funding.c.id, funding.c.value_e8))
    if mode == "session":
        fills = fills.where(trades.c.exchange_ts_ms >= session_started_ms)
        paid = paid.where(funding.c.ts_ms >= session_started_ms)
    each = union_all(fills, paid).subquery()
    order = (each.c.ts_ms, each.c.part, each.c.id)
    curve = select(
        each.c.ts_ms,
        func.sum(each.c.net).over(order_by=order).label("net"),
        func.row_number().over(order_by=order).label("place"),
        func.count().over().label("count"),
    ).subquery()
    stride = curve.c.count // POINTS_MAX + 1
    query = (
        select(curve.c.ts_ms, curve.c.net)
        .where(or_(curve.c.place % stride == 0, curve.c.place == curve.c.count))
        .order_by(curve.c.place)
    )
    with engine.connect() as connection:
        return [
            Point(int(ts_ms), int(net), to_real(int(net)))
            for ts_ms, net in connection.execute(query)
        ]


def clear_history(engine: Engine, now_ms: int) -> None:
    """Hide every trade there is now from the other queries; nothing is deleted."""
    newest = select(func.coalesce(func.max(trades.c.id), 0)).scalar_subquery()
    with writing(engine) as connection:
        connection.execute(insert(markers).values(cleared_ms=now_ms, last_trade_id=newest))


def _since_marker(query: Select[Any]) -> Select[Any]:
    newest = select(func.coalesce(func.max(markers.c.last_trade_id), 0)).scalar_subquery()
    return query.where(trades.c.id > newest)


def _payments(query: Select[Any]) -> Select[Any]:
    """Narrow to what was paid without a trade on symbols that are traded here."""
    cleared = select(func.coalesce(func.max(markers.c.cleared_ms), 0)).scalar_subquery()
    return query.where(
        funding.c.income_type.in_((FUNDING, CLEARANCE)),
        funding.c.ts_ms > cleared,
        funding.c.value_e8.is_not(None),
        funding.c.symbol.in_(select(checked.c.symbol).where(checked.c.symbol != "")),
    )


def _holder() -> ScalarSelect[Any]:
    """The strategy that had traded a symbol last when something was paid for it."""
    return (
        select(trades.c.strategy)
        .where(
            trades.c.account_epoch == funding.c.account_epoch,
            trades.c.symbol == funding.c.symbol,
            trades.c.exchange_ts_ms <= funding.c.ts_ms,
            trades.c.strategy != "",
        )
        .order_by(trades.c.exchange_ts_ms.desc(), trades.c.id.desc())
        .limit(1)
        .correlate(funding)
        .scalar_subquery()
    )


def _of_kind(kind: str) -> ColumnElement[Any]:
    return case((funding.c.income_type == kind, funding.c.value_e8), else_=0)


def _sum(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(func.sum(column), 0)


def _fee_e8() -> ColumnElement[Any]:
    own = case((_fee_in_own_money(), trades.c.fee_e8), else_=0)
    return func.coalesce(trades.c.fee_value_e8, own)


def _fee_is_valued() -> ColumnElement[bool]:
    return or_(trades.c.fee_value_e8.is_not(None), _fee_in_own_money())


def _fee_in_own_money() -> ColumnElement[bool]:
    # A perpetual's name ends with its money (BTCUSDT); the former system did not say in what it
    # paid.
    unsaid = func.coalesce(trades.c.fee_currency, "") == ""
    return or_(unsaid, trades.c.symbol.endswith(trades.c.fee_currency))

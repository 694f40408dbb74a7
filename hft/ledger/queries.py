"""What the dashboard asks of the database: trades, totals, the P&L curve; and clearing the history.

All of it looks only at rows after the newest marker.  P&L is exact: sums of whole units of 1e-8.  A
fee charged in another asset than the symbol's own money (BNB, say) cannot be taken off without a
price, so it is left out of the net and told apart in `other_fees_e8`.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Engine, Select, case, func, insert, or_, select

from hft.ledger.database import writing
from hft.ledger.schema import markers, to_real, trades

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
    """Count and money of some trades; `net_e8` is P&L less the fees in the same money."""

    count: int
    pnl_e8: int
    fees_e8: int
    net_e8: int
    other_fees_e8: dict[str, int]


class Totals(msgspec.Struct, frozen=True):
    """Sums since the marker, and of those since the beginning of the day."""

    all_time: Sums
    today: Sums


class Point(msgspec.Struct, frozen=True):
    """P&L net of fees, all trades up to and including this one."""

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
    own = _fee_in_own_money()
    query = _since_marker(
        select(
            func.count(),
            func.coalesce(func.sum(trades.c.pnl_e8), 0),
            func.coalesce(func.sum(case((own, trades.c.fee_e8), else_=0)), 0),
        )
    )
    others = _since_marker(
        select(trades.c.fee_currency, func.sum(trades.c.fee_e8)).where(~own)
    ).group_by(trades.c.fee_currency)
    if from_ms is not None:
        query = query.where(trades.c.exchange_ts_ms >= from_ms)
        others = others.where(trades.c.exchange_ts_ms >= from_ms)
    with engine.connect() as connection:
        count, pnl_e8, fees_e8 = (int(value) for value in connection.execute(query).one())
        other = {str(asset): int(fees) for asset, fees in connection.execute(others) if fees}
    return Sums(count, pnl_e8, fees_e8, pnl_e8 - fees_e8, other)


def pnl_series(
    engine: Engine, mode: Literal["session", "historical"], session_started_ms: int
) -> list[Point]:
    """The curve of P&L net of fees: of this session only, or of everything since the marker.

    It has at most about `POINTS_MAX` points; the last trade is always the last of them.
    """
    order = (trades.c.exchange_ts_ms, trades.c.id)
    fee_e8 = case((_fee_in_own_money(), func.coalesce(trades.c.fee_e8, 0)), else_=0)
    running = _since_marker(
        select(
            trades.c.exchange_ts_ms.label("ts_ms"),
            func.sum(func.coalesce(trades.c.pnl_e8, 0) - fee_e8).over(order_by=order).label("net"),
            func.row_number().over(order_by=order).label("place"),
            func.count().over().label("count"),
        )
    )
    if mode == "session":
        running = running.where(trades.c.exchange_ts_ms >= session_started_ms)
    curve = running.subquery()
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


def _fee_in_own_money() -> ColumnElement[bool]:
    # A perpetual's name ends with its money (BTCUSDT); the former system did not say in what it
    # paid.
    unsaid = func.coalesce(trades.c.fee_currency, "") == ""
    return or_(unsaid, trades.c.symbol.endswith(trades.c.fee_currency))

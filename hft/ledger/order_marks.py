"""Own orders and fills over a stretch of time, as a chart marks them."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Engine, Select, func, select

from hft.binance.order_frames import parse_client_order_id
from hft.ledger.queries import since_marker
from hft.ledger.schema import orders, trades

MARKS_MAX = 5000

_OF_FILL = ("id", "exchange_ts_ms", "price_e8", "qty_e8", "side", "client_order_id", "trade_id")
_MONEY_OF_FILL = ("pnl_e8", "fee_e8", "fee_currency", "strategy", "maker")
_OF_ORDER = ("session_epoch", "intent_seq", "sent_ms", "finished_ms", "price_e8", "qty_e8")
_STATE_OF_ORDER = ("filled_e8", "side", "type", "state", "strategy")


class Marks(NamedTuple):
    """Rows of `trades` and `orders`, oldest first, each with its order's `key`."""

    fills: list[dict[str, Any]]
    orders: list[dict[str, Any]]
    cut: bool
    """Whether older ones were left out."""


def list_marks(
    engine: Engine,
    symbol: str,
    from_ms: int,
    to_ms: int,
    *,
    account_epoch: str = "",
    limit: int = MARKS_MAX,
) -> Marks:
    """List the newest fills and orders of a symbol between two times, `limit` of each at most.

    Fills are those since the marker; an order counts where it was alive in between.  One that
    `account_epoch`, the account that is traded now, has at the venue is alive however old its last
    change; one of another account that nobody saw end was alive up to its last change.  A key is
    "<session epoch>-<intent sequence>", None for the fill of an order that is not ours.
    """
    filled = since_marker(select(*(trades.c[name] for name in (*_OF_FILL, *_MONEY_OF_FILL))))
    filled = filled.where(
        trades.c.symbol == symbol,
        trades.c.exchange_ts_ms >= from_ms,
        trades.c.exchange_ts_ms < to_ms,
    ).order_by(trades.c.exchange_ts_ms.desc(), trades.c.id.desc())
    changed = (
        _orders_sent_before(to_ms, symbol)
        .where(orders.c.updated_ms >= from_ms)
        .order_by(orders.c.updated_ms.desc(), orders.c.id.desc())
    )
    resting = (
        _orders_sent_before(to_ms, symbol)
        .where(
            orders.c.account_epoch == account_epoch,
            orders.c.finished_ms.is_(None),
            orders.c.updated_ms < from_ms,
        )
        .order_by(orders.c.updated_ms.desc(), orders.c.id.desc())
    )
    with engine.connect() as connection:
        fills = [dict(row) for row in connection.execute(filled.limit(limit + 1)).mappings()]
        made = [dict(row) for row in connection.execute(changed.limit(limit + 1)).mappings()]
        rest = [dict(row) for row in connection.execute(resting.limit(limit)).mappings()]
    cut = len(fills) > limit or len(made) > limit
    made = made[:limit] + rest
    for row in fills:
        row["key"] = key_of_name(row["client_order_id"])
    for row in made:
        row["key"] = f"{row['session_epoch']}-{row['intent_seq']}"
        if row["finished_ms"] is None and row["account_epoch"] != account_epoch:
            row["finished_ms"] = row["updated_ms"]
    return Marks(fills[:limit][::-1], made[::-1], cut)


def _orders_sent_before(to_ms: int, symbol: str) -> Select[Any]:
    columns = (*_OF_ORDER, *_STATE_OF_ORDER, "updated_ms", "account_epoch")
    return select(*(orders.c[name] for name in columns)).where(
        orders.c.symbol == symbol, func.coalesce(orders.c.sent_ms, orders.c.updated_ms) < to_ms
    )


def key_of_name(client_order_id: str | None) -> str | None:
    """The key of an order by its client order id; None for a stranger's."""
    ours = parse_client_order_id(client_order_id or "")
    return None if ours is None else f"{ours[0]}-{ours[1]}"

"""The tables of the ledger, as the newest migration leaves them.

Money, prices and quantities are exact in the INTEGER columns ending in ``_e8`` (units of 1e-8).
The REAL columns ``price``, ``quantity``, ``pnl`` and ``fee`` are the same numbers for people and
ad-hoc SQL: nothing in this system computes with them.
"""

from __future__ import annotations

from sqlalchemy import (
    REAL,
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeEngine

from hft.units import E8

WHOLE = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit integer; SQLite spells it INTEGER, and only so gives a primary key its row id."""

REAL8: TypeEngine[float] = Double().with_variant(REAL, "sqlite")
"""An eight-byte float, which SQLite spells REAL."""

FROM_REPORT = "report"
FROM_USER_TRADES = "user_trades"

metadata = MetaData()

trades = Table(
    "trades",
    metadata,
    Column("id", WHOLE, primary_key=True),
    Column("exchange_ts_ms", WHOLE),
    Column("monotonic_ns", WHOLE),
    Column("symbol", Text),
    Column("side", Text),
    Column("price", REAL8),
    Column("quantity", REAL8),
    Column("pnl", REAL8),
    Column("strategy", Text),
    Column("order_id", Text),
    Column("exec_id", Text),
    Column("fee", REAL8),
    Column("fee_currency", Text),
    Column("raw", Text),
    Column("account_epoch", Text),
    Column("trade_id", WHOLE),
    Column("client_order_id", Text),
    Column("price_e8", WHOLE),
    Column("qty_e8", WHOLE),
    Column("pnl_e8", WHOLE),
    Column("fee_e8", WHOLE),
    Column("maker", WHOLE),
    Column("intent_seq", WHOLE),
    Column("source", Text),
    Index("trades_once", "account_epoch", "symbol", "trade_id", "order_id", unique=True),
    Index("trades_by_time", "exchange_ts_ms", "id"),
)
"""One row per fill.  `pnl` is the P&L the venue realised with it, before fees; `fee` is what it
cost.

Rows are unique by (account_epoch, symbol, trade_id, order_id); rows taken over from a database of
the former system have no account epoch and are never compared.  `source` says who told it: a report
of the execution process, or the venue's own list.
"""

markers = Table(
    "markers",
    metadata,
    Column("id", WHOLE, primary_key=True),
    Column("cleared_ms", WHOLE, nullable=False),
    Column("last_trade_id", WHOLE, nullable=False),
)
"""Each time the history was cleared: rows of `trades` up to `last_trade_id` are not shown."""

sessions = Table(
    "sessions",
    metadata,
    Column("session_epoch", WHOLE, primary_key=True, autoincrement=False),
    Column("started_ms", WHOLE, nullable=False),
    Column("mode", Text, nullable=False),
    Column("strategy", Text, nullable=False),
)
"""Each run of the house; the epoch is the one in its client order ids."""

checked = Table(
    "checked",
    metadata,
    Column("account_epoch", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("since_ms", WHOLE, nullable=False),
    Column("trade_id", WHOLE),
    UniqueConstraint("account_epoch", "symbol", name="checked_once"),
)
"""How far `trades` was compared with the venue's own list, per account and symbol.

Everything from `since_ms` up to and including `trade_id` is in `trades`; a null trade id means that
the venue had none up to `since_ms`.
"""


def to_real(value_e8: int) -> float:
    """Turn units of 1e-8 into the nearest float, for the REAL columns only."""
    return value_e8 / E8

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

FROM_FEED = "feed"
FROM_VENUE = "venue"

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
    Column("fee_value_e8", WHOLE),
    Column("paper", WHOLE, nullable=False, server_default="0"),
    Column("fee_price_e8", WHOLE),
    Index("trades_once", "account_epoch", "symbol", "trade_id", "order_id", unique=True),
    Index("trades_by_time", "exchange_ts_ms", "id"),
    Index("trades_by_order", "account_epoch", "client_order_id"),
    Index("trades_unvalued", "account_epoch", "fee_value_e8"),
)
"""One row per fill.  `pnl` is the P&L the venue realised with it, before fees; `fee` is what it
cost.

Rows are unique by (account_epoch, symbol, trade_id, order_id); rows taken over from a database of
the former system have no account epoch and are never compared.  `source` says who told it: a report
of the execution process, or the venue's own list.  `fee_value_e8` is the fee in the margin asset,
valued at `fee_price_e8` when it was charged in another one (null: not valued yet).  `paper` is 1
for a fill that was simulated here on live data.
"""

orders = Table(
    "orders",
    metadata,
    Column("id", WHOLE, primary_key=True),
    Column("account_epoch", Text, nullable=False),
    Column("session_epoch", WHOLE, nullable=False),
    Column("intent_seq", WHOLE, nullable=False),
    Column("client_order_id", Text, nullable=False),
    Column("venue_order_id", WHOLE),
    Column("symbol", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("tif", Text, nullable=False),
    Column("flags", WHOLE, nullable=False),
    Column("price_e8", WHOLE, nullable=False),
    Column("qty_e8", WHOLE, nullable=False),
    Column("filled_e8", WHOLE, nullable=False),
    Column("quote_e8", WHOLE, nullable=False),
    Column("fee_e8", WHOLE, nullable=False),
    Column("realised_e8", WHOLE, nullable=False),
    Column("state", Text, nullable=False),
    Column("venue_code", WHOLE),
    Column("denial", Text),
    Column("strategy", Text, nullable=False),
    Column("reason", WHOLE, nullable=False),
    Column("sent_ms", WHOLE),
    Column("updated_ms", WHOLE, nullable=False),
    Column("finished_ms", WHOLE),
    Column("hops", Text),
    Column("bid", REAL8),
    Column("ask", REAL8),
    Column("paper", WHOLE, nullable=False, server_default="0"),
    Index("orders_once", "account_epoch", "session_epoch", "intent_seq", unique=True),
    Index("orders_by_time", "updated_ms", "id"),
    Index("orders_by_name", "account_epoch", "client_order_id"),
    Index("orders_open", "account_epoch", "finished_ms"),
)
"""One row per order of ours, those our own gate denied among them, as it stands or as it ended.

`type` and `tif` are words, `state` one of OrderState's, `flags` bits of IntentFlag,
`reason` the number the strategy gave it.  `fee_e8` and `realised_e8` are the sums of its fills, in
the margin asset.  `sent_ms` is null for an order that never left.  `hops` is JSON: nanoseconds from
the receipt of the frame that caused the order to each of its stations.  `bid` and `ask` are the
touch as the gate saw it.
"""

funding = Table(
    "funding",
    metadata,
    Column("id", WHOLE, primary_key=True),
    Column("account_epoch", Text, nullable=False),
    Column("tran_id", WHOLE, nullable=False),
    Column("income_type", Text, nullable=False),
    Column("asset", Text, nullable=False),
    Column("symbol", Text, nullable=False, server_default=""),
    Column("amount_e8", WHOLE, nullable=False),
    Column("value_e8", WHOLE),
    Column("ts_ms", WHOLE, nullable=False),
    Column("trade_id", WHOLE),
    Column("info", Text),
    Index(
        "funding_once", "account_epoch", "tran_id", "income_type", "asset", "symbol", unique=True
    ),
    Index("funding_by_time", "ts_ms", "id"),
    Index("funding_by_kind", "income_type", "ts_ms", "id"),
)
"""The venue's income ledger: funding, commissions, realised P&L, transfers, as it lists them.

`amount_e8` is in the asset, `value_e8` in the margin asset (null: not valued yet).
"""

equity = Table(
    "equity",
    metadata,
    Column("id", WHOLE, primary_key=True),
    Column("ts_ms", WHOLE, nullable=False),
    Column("account_epoch", Text, nullable=False),
    Column("session_epoch", WHOLE, nullable=False),
    Column("wallet_e8", WHOLE, nullable=False),
    Column("unrealised_e8", WHOLE, nullable=False),
    Column("equity_e8", WHOLE, nullable=False),
    Column("realised_e8", WHOLE, nullable=False),
    Column("fees_e8", WHOLE, nullable=False),
    Column("funding_e8", WHOLE, nullable=False),
    Index("equity_once", "account_epoch", "ts_ms", unique=True),
)
"""What the account was worth, every minute; realised P&L, fees and funding are the session's."""

events = Table(
    "events",
    metadata,
    Column("id", WHOLE, primary_key=True),
    Column("ts_ms", WHOLE, nullable=False),
    Column("ns", WHOLE, nullable=False),
    Column("session_epoch", WHOLE, nullable=False),
    Column("seat", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Index("events_once", "session_epoch", "seat", "ns", "kind", unique=True),
    Index("events_by_time", "ts_ms", "id"),
)
"""What happened to the account and the house, one sentence each; `kind` is the name of a Notice.

`ns` is the monotonic time of the log record, which makes the row unique within its session.
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
    Column("account_epoch", Text),
    Column("ended_ms", WHOLE),
    Column("ended", Text),
    Column("fills", WHOLE),
    Column("orders", WHOLE),
)
"""Each run of the house; the epoch is the one in its client order ids.

`ended_ms`, `ended` (how, in words) and the number of its fills and of its orders are null while it
runs.  A run that ended without a word is given its end by the account's next one.
"""

checked = Table(
    "checked",
    metadata,
    Column("account_epoch", Text, nullable=False),
    Column("symbol", Text, nullable=False),
    Column("since_ms", WHOLE, nullable=False),
    Column("trade_id", WHOLE),
    Column("orders_ms", WHOLE),
    Column("income_ms", WHOLE),
    UniqueConstraint("account_epoch", "symbol", name="checked_once"),
)
"""How far `trades` and `orders` were compared with the venue's own lists, per account and symbol.

Everything from `since_ms` up to and including `trade_id` is in `trades`; a null trade id means that
the venue had none up to `since_ms`.  Every order of ours from `since_ms` to `orders_ms` is in
`orders`; null: they were never compared.  The row without a symbol is about the income ledger:
every entry from `since_ms` to `income_ms` is in `funding`.
"""

candles = Table(
    "candles",
    metadata,
    Column("venue", Text, primary_key=True),
    Column("symbol", Text, primary_key=True),
    Column("minute_ms", WHOLE, primary_key=True, autoincrement=False),
    Column("open_e8", WHOLE, nullable=False),
    Column("high_e8", WHOLE, nullable=False),
    Column("low_e8", WHOLE, nullable=False),
    Column("close_e8", WHOLE, nullable=False),
    Column("volume_e8", WHOLE, nullable=False),
    Column("quote_e8", WHOLE, nullable=False),
    Column("buy_e8", WHOLE, nullable=False),
    Column("trades", WHOLE, nullable=False),
    Column("whole", WHOLE, nullable=False),
    Column("source", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""One-minute candles by the venue's time, each of the trades from `minute_ms` to a minute later.

`venue` says whose prices they are (`hft.ledger.venues`); no account is part of the key.
`quote_e8` is the sum of price times quantity, `buy_e8` the part of the volume that takers bought.
`source` is "feed" for what this house heard (`trades` counts aggregate trades) and "venue" for the
venue's own list (`trades` counts single ones).  `whole` is 0 where trades of the minute may be
missing.  The rows lie in the order of the key, as they are read.
"""

markouts = Table(
    "markouts",
    metadata,
    Column("id", WHOLE, primary_key=True),
    Column("trade_row", WHOLE, nullable=False),
    Column("horizon_ms", WHOLE, nullable=False),
    Column("mid_e8", WHOLE, nullable=False),
    Column("then_e8", WHOLE, nullable=False),
    Column("move_e8", WHOLE, nullable=False),
    Index("markouts_once", "trade_row", "horizon_ms", unique=True),
)
"""Where the mid price went after a fill: `trade_row` is the `id` of its row in `trades`.

`mid_e8` was in force when the fill was told here, `then_e8` `horizon_ms` later; `move_e8` is the
difference per unit of quantity, above zero where it went the fill's way.  A fill whose prices are
not known, because the data had a hole, has no row.
"""

revisions = Table(
    "revisions",
    metadata,
    Column("name", Text, primary_key=True),
    Column("changes", WHOLE, nullable=False),
)
"""How often rows of a table (`trades`, `funding`) were changed or deleted; triggers count.

Rows that are added are not counted: their ids tell.
"""


def to_real(value_e8: int) -> float:
    """Turn units of 1e-8 into the nearest float, for the REAL columns only."""
    return value_e8 / E8

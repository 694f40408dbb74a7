"""Orders, funding, equity and events; the fee in the margin asset; how sessions ended."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
REAL8: sa.types.TypeEngine[float] = sa.Double().with_variant(sa.REAL(), "sqlite")
SESSION_WHOLES = ("ended_ms", "fills", "orders")
SESSION_TEXTS = ("account_epoch", "ended")
TABLES = ("events", "equity", "funding", "orders")


def upgrade() -> None:
    """Add the columns, value the fees that are in the margin asset, and make the tables."""
    op.add_column("trades", sa.Column("fee_value_e8", WHOLE))
    op.add_column("trades", _paper())
    _value_fees()
    op.create_index("trades_by_order", "trades", ["account_epoch", "client_order_id"])
    op.add_column("checked", sa.Column("orders_ms", WHOLE))
    for name in SESSION_TEXTS:
        op.add_column("sessions", sa.Column(name, sa.Text()))
    for name in SESSION_WHOLES:
        op.add_column("sessions", sa.Column(name, WHOLE))
    _make_orders()
    _make_funding()
    _make_equity()
    _make_events()


def downgrade() -> None:
    """Drop what was added."""
    for name in TABLES:
        op.drop_table(name)
    op.drop_column("checked", "orders_ms")
    for name in (*SESSION_TEXTS, *SESSION_WHOLES):
        op.drop_column("sessions", name)
    op.drop_index("trades_by_order", "trades")
    for name in ("paper", "fee_value_e8"):
        op.drop_column("trades", name)


def _make_orders() -> None:
    op.create_table(
        "orders",
        _id(),
        *_texts("account_epoch"),
        *_wholes("session_epoch", "intent_seq"),
        *_texts("client_order_id"),
        sa.Column("venue_order_id", WHOLE),
        *_texts("symbol", "side", "type", "tif"),
        *_wholes("flags", "price_e8", "qty_e8", "filled_e8", "quote_e8", "fee_e8", "realised_e8"),
        *_texts("state"),
        sa.Column("venue_code", WHOLE),
        sa.Column("denial", sa.Text()),
        *_texts("strategy"),
        *_wholes("reason"),
        sa.Column("sent_ms", WHOLE),
        *_wholes("updated_ms"),
        sa.Column("finished_ms", WHOLE),
        sa.Column("hops", sa.Text()),
        sa.Column("bid", REAL8),
        sa.Column("ask", REAL8),
        _paper(),
    )
    key = ["account_epoch", "session_epoch", "intent_seq"]
    op.create_index("orders_once", "orders", key, unique=True)
    op.create_index("orders_by_time", "orders", ["updated_ms", "id"])
    op.create_index("orders_by_name", "orders", ["account_epoch", "client_order_id"])
    op.create_index("orders_open", "orders", ["account_epoch", "finished_ms"])


def _make_funding() -> None:
    op.create_table(
        "funding",
        _id(),
        *_texts("account_epoch"),
        *_wholes("tran_id"),
        *_texts("income_type", "asset"),
        sa.Column("symbol", sa.Text(), nullable=False, server_default=""),
        *_wholes("amount_e8"),
        sa.Column("value_e8", WHOLE),
        *_wholes("ts_ms"),
        sa.Column("trade_id", WHOLE),
        sa.Column("info", sa.Text()),
    )
    key = ["account_epoch", "tran_id", "income_type", "asset", "symbol"]
    op.create_index("funding_once", "funding", key, unique=True)
    op.create_index("funding_by_time", "funding", ["ts_ms", "id"])


def _make_equity() -> None:
    money = ("wallet_e8", "unrealised_e8", "equity_e8", "realised_e8", "fees_e8", "funding_e8")
    op.create_table(
        "equity",
        _id(),
        *_wholes("ts_ms"),
        *_texts("account_epoch"),
        *_wholes("session_epoch", *money),
    )
    op.create_index("equity_once", "equity", ["account_epoch", "ts_ms"], unique=True)


def _make_events() -> None:
    op.create_table(
        "events",
        _id(),
        *_wholes("ts_ms", "ns", "session_epoch"),
        *_texts("seat", "level", "kind", "text"),
    )
    key = ["session_epoch", "seat", "ns", "kind"]
    op.create_index("events_once", "events", key, unique=True)
    op.create_index("events_by_time", "events", ["ts_ms", "id"])


def _id() -> sa.Column[Any]:
    return sa.Column("id", WHOLE, primary_key=True)


def _paper() -> sa.Column[Any]:
    return sa.Column("paper", WHOLE, nullable=False, server_default="0")


def _wholes(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, WHOLE, nullable=False) for name in names]


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _value_fees() -> None:
    # A perpetual's name ends with its money; the former system did not say in what it paid.
    op.execute(
        "UPDATE trades SET fee_value_e8 = fee_e8 WHERE coalesce(fee_currency, '') = '' OR "
        "substr(symbol, length(symbol) - length(fee_currency) + 1) = fee_currency"
    )

"""Exact money, the key that makes a fill unique, markers, sessions and how far was compared."""

import sqlalchemy as sa
from alembic import op

from hft.units import nearest_steps

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXTS = ("account_epoch", "client_order_id", "source")
WHOLES = ("trade_id", "price_e8", "qty_e8", "pnl_e8", "fee_e8", "maker", "intent_seq")
EXACT_OF = {"price_e8": "price", "qty_e8": "quantity", "pnl_e8": "pnl", "fee_e8": "fee"}


def upgrade() -> None:
    """Add the exact columns, fill them from the floats of older rows, and make the other tables."""
    for name in TEXTS:
        op.add_column("trades", sa.Column(name, sa.Text()))
    for name in WHOLES:
        op.add_column("trades", sa.Column(name, WHOLE))
    _fill_exact()
    key = ["account_epoch", "symbol", "trade_id", "order_id"]
    op.create_index("trades_once", "trades", key, unique=True)
    op.create_index("trades_by_time", "trades", ["exchange_ts_ms", "id"])
    op.create_table(
        "markers",
        sa.Column("id", WHOLE, primary_key=True),
        sa.Column("cleared_ms", WHOLE, nullable=False),
        sa.Column("last_trade_id", WHOLE, nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("session_epoch", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("started_ms", WHOLE, nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=False),
    )
    op.create_table(
        "checked",
        sa.Column("account_epoch", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("since_ms", WHOLE, nullable=False),
        sa.Column("trade_id", WHOLE),
        sa.UniqueConstraint("account_epoch", "symbol", name="checked_once"),
    )


def downgrade() -> None:
    """Drop what was added; the floats remain."""
    for name in ("checked", "sessions", "markers"):
        op.drop_table(name)
    for name in ("trades_by_time", "trades_once"):
        op.drop_index(name, "trades")
    for name in (*WHOLES, *TEXTS):
        op.drop_column("trades", name)


def _fill_exact() -> None:
    bind = op.get_bind()
    table = sa.table("trades", *(sa.column(name) for name in ("id", *EXACT_OF, *EXACT_OF.values())))
    for row in bind.execute(sa.select(table)).mappings().all():
        exact = {
            name: nearest_steps(row[real], 1)
            for name, real in EXACT_OF.items()
            if row[real] is not None
        }
        bind.execute(table.update().where(table.c.id == row["id"]).values(exact))

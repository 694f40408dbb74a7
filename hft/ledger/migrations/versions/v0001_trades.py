"""The table of trades as the former system had it, or the columns its oldest form lacks."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
REAL8: sa.types.TypeEngine[float] = sa.Double().with_variant(sa.REAL(), "sqlite")


def _columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", WHOLE, primary_key=True),
        sa.Column("exchange_ts_ms", WHOLE),
        sa.Column("monotonic_ns", WHOLE),
        sa.Column("symbol", sa.Text()),
        sa.Column("side", sa.Text()),
        sa.Column("price", REAL8),
        sa.Column("quantity", REAL8),
        sa.Column("pnl", REAL8),
        sa.Column("strategy", sa.Text()),
        sa.Column("order_id", sa.Text()),
        sa.Column("exec_id", sa.Text()),
        sa.Column("fee", REAL8),
        sa.Column("fee_currency", sa.Text()),
        sa.Column("raw", sa.Text()),
    ]


def upgrade() -> None:
    """Make the table, or add what a table that is there already lacks."""
    inspector = sa.inspect(op.get_bind())
    if not inspector.has_table("trades"):
        op.create_table("trades", *_columns())
        return
    present = {column["name"] for column in inspector.get_columns("trades")}
    for column in _columns():
        if column.name not in present:
            op.add_column("trades", column)


def downgrade() -> None:
    """Keep the table: it may have been there before us."""

"""One-minute candles, and where the price went after each fill."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PRICES = ("open_e8", "high_e8", "low_e8", "close_e8")
SUMS = ("volume_e8", "quote_e8", "buy_e8", "trades", "whole")
MARKOUT = ("trade_row", "horizon_ms", "mid_e8", "then_e8", "move_e8")


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "candles",
        sa.Column("venue", sa.Text(), primary_key=True),
        sa.Column("symbol", sa.Text(), primary_key=True),
        sa.Column("minute_ms", WHOLE, primary_key=True, autoincrement=False),
        *(sa.Column(name, WHOLE, nullable=False) for name in PRICES + SUMS),
        sa.Column("source", sa.Text(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "markouts",
        sa.Column("id", WHOLE, primary_key=True),
        *(sa.Column(name, WHOLE, nullable=False) for name in MARKOUT),
    )
    op.create_index("markouts_once", "markouts", ["trade_row", "horizon_ms"], unique=True)


def downgrade() -> None:
    """Drop both."""
    op.drop_table("markouts")
    op.drop_table("candles")

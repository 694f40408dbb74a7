"""The price at which a fee was valued, and how far the income ledger was read."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ONE_E8 = 100_000_000


def upgrade() -> None:
    """Add the columns; a fee that is in the margin asset is worth itself."""
    op.add_column("trades", sa.Column("fee_price_e8", WHOLE))
    op.add_column("checked", sa.Column("income_ms", WHOLE))
    op.execute(f"UPDATE trades SET fee_price_e8 = {ONE_E8} WHERE fee_value_e8 = fee_e8")
    op.create_index("trades_unvalued", "trades", ["account_epoch", "fee_value_e8"])


def downgrade() -> None:
    """Drop what was added."""
    op.drop_index("trades_unvalued", "trades")
    op.drop_column("checked", "income_ms")
    op.drop_column("trades", "fee_price_e8")

"""A counter of rows of trades that were changed, and an index for what was paid."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = ("trades", "funding")


def upgrade() -> None:
    """Count by triggers, so that nobody who changes a row can forget it."""
    table = op.create_table(
        "revisions",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("changes", WHOLE, nullable=False),
    )
    op.bulk_insert(table, [{"name": name, "changes": 0} for name in TABLES])
    op.create_index("funding_by_kind", "funding", ["income_type", "ts_ms", "id"])
    if op.get_bind().dialect.name == "postgresql":
        _count_on_a_server()
        return
    for name in TABLES:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {name}_{change.lower()}_counted AFTER {change} ON {name} BEGIN "
                f"UPDATE revisions SET changes = changes + 1 WHERE name = '{name}'; END"
            )


def _count_on_a_server() -> None:
    op.execute(
        "CREATE FUNCTION count_revision() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "UPDATE revisions SET changes = changes + 1 WHERE name = TG_TABLE_NAME; "
        "RETURN NULL; END $$"
    )
    for name in TABLES:
        op.execute(
            f"CREATE TRIGGER {name}_counted AFTER UPDATE OR DELETE OR TRUNCATE ON {name} "
            "FOR EACH STATEMENT EXECUTE FUNCTION count_revision()"
        )


def downgrade() -> None:
    """Drop what was added."""
    server = op.get_bind().dialect.name == "postgresql"
    for name in TABLES:
        if server:
            op.execute(f"DROP TRIGGER {name}_counted ON {name}")
            continue
        for change in ("update", "delete"):
            op.execute(f"DROP TRIGGER {name}_{change}_counted")
    if server:
        op.execute("DROP FUNCTION count_revision()")
    op.drop_index("funding_by_kind", "funding")
    op.drop_table("revisions")

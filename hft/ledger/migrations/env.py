"""Run the migrations on the connection the caller holds, inside its transaction."""

from alembic import context

from hft.ledger.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()

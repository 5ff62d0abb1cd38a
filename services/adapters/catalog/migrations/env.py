"""Alembic's entry: run the migrations on the connection that `migrate` hands over."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transaction_per_migration=True,  # those that make indexes concurrently have none
)
with context.begin_transaction():
    context.run_migrations()

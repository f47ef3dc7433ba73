"""Run by Alembic. The connection comes from core/migrate.py; with `--sql` the statements are only printed."""

from alembic import context

from atropos_core.models import Base

if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=Base.metadata)
else:
    # A transaction for each revision, so that one can step out of its own to build an index CONCURRENTLY.
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=Base.metadata,
        transaction_per_migration=True,
    )
with context.begin_transaction():
    context.run_migrations()

"""Run by Alembic. The connection comes from core/migrate.py; with `--sql` the statements are only printed."""

from alembic import context

from atropos_core.models import Base

if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=Base.metadata)
else:
    context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()

"""A migration that fails.

Revision ID: 9999
"""

from pathlib import Path

from alembic import op

revision = "9999"
#: The newest of the real ones, whose files begin with their revisions.
down_revision = max(path.name[:4] for path in Path(__file__).parent.glob("0*.py"))


def upgrade() -> None:
    op.execute("ALTER TABLE no_such_table ADD COLUMN nothing int")

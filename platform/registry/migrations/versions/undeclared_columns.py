"""Applies know the columns that data had then and no source declared, so that a plan tells of new
ones only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds the column; of earlier applies nothing is known."""
    column: sa.Column[str] = sa.Column("undeclared", sa.Text(), nullable=False, server_default="{}")
    op.add_column("feature_apply", column)


def downgrade() -> None:
    """Takes it away."""
    op.drop_column("feature_apply", "undeclared")

"""Versions are not deleted either: the database refuses it, as it refuses to update one."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

IMMUTABLE = ("feature_version", "feature_column", "feature_input", "feature_edge")
SAID = "a version is never deleted; apply files without its definition to drop that"


def upgrade() -> None:
    """Makes the triggers; PostgreSQL's see to TRUNCATE as well, which SQLite does not have."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION bighead_kept() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{SAID}'; END $$"
        )
    for table in IMMUTABLE:
        if op.get_bind().dialect.name == "postgresql":
            op.execute(
                f"CREATE TRIGGER {table}_kept BEFORE DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION bighead_kept()"
            )
        else:
            op.execute(
                f"CREATE TRIGGER {table}_kept BEFORE DELETE ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{SAID}'); END"
            )


def downgrade() -> None:
    """Takes them away."""
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    for table in IMMUTABLE:
        op.execute(f"DROP TRIGGER {table}_kept" + (f" ON {table}" if on_postgresql else ""))
    if on_postgresql:
        op.execute("DROP FUNCTION bighead_kept()")

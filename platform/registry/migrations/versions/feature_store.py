"""The feature store: projects, their applies, and the definitions with their versions.

Written out in full, since the tables of `tables.py` will change and this revision will not.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

IMMUTABLE = ("feature_version", "feature_column", "feature_input", "feature_edge")
SAID = "a version never changes; apply makes a new one"


def upgrade() -> None:
    """Makes the tables, and the triggers that keep versions as they are."""
    _tables()
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION bighead_immutable() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{SAID}'; END $$"
        )
    for table in IMMUTABLE:
        if op.get_bind().dialect.name == "postgresql":
            op.execute(
                f"CREATE TRIGGER {table}_immutable BEFORE UPDATE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION bighead_immutable()"
            )
        else:
            op.execute(
                f"CREATE TRIGGER {table}_immutable BEFORE UPDATE ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{SAID}'); END"
            )


def downgrade() -> None:
    """Takes all of it away; SQLite drops a table's triggers with it, as PostgreSQL does."""
    for table in (
        "feature_event", "feature_edge", "feature_input", "feature_column", "feature_revision",
        "feature_version", "feature_definition", "feature_apply", "project",
    ):  # fmt: skip
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION bighead_immutable()")


def _tables() -> None:
    op.create_table(
        "project",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("applies", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project")),
        sa.UniqueConstraint("name", name=op.f("uq_project_name")),
    )
    op.create_table(
        "feature_apply",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("applied_at", sa.BigInteger(), nullable=False),
        sa.Column("applied_by", sa.Text(), nullable=False),
        sa.Column("files", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_feature_apply_project_id_project")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feature_apply")),
        sa.UniqueConstraint(
            "project_id", "number", name=op.f("uq_feature_apply_project_id_number")
        ),
    )
    op.create_table(
        "feature_definition",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("dropped", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_feature_definition_project_id_project")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feature_definition")),
        sa.UniqueConstraint(
            "project_id", "folded", name=op.f("uq_feature_definition_project_id_folded")
        ),
    )
    op.create_table(
        "feature_event",
        sa.Column("apply_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("definition_id", sa.Integer(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["apply_id"], ["feature_apply.id"], name=op.f("fk_feature_event_apply_id_feature_apply")
        ),
        sa.ForeignKeyConstraint(
            ["definition_id"],
            ["feature_definition.id"],
            name=op.f("fk_feature_event_definition_id_feature_definition"),
        ),
        sa.PrimaryKeyConstraint("apply_id", "position", name=op.f("pk_feature_event")),
    )
    op.create_index(
        op.f("ix_feature_event_definition_id"), "feature_event", ["definition_id"], unique=False
    )
    op.create_table(
        "feature_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("definition_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("apply_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("plan", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_feature_version_number")),
        sa.ForeignKeyConstraint(
            ["apply_id"],
            ["feature_apply.id"],
            name=op.f("fk_feature_version_apply_id_feature_apply"),
        ),
        sa.ForeignKeyConstraint(
            ["definition_id"],
            ["feature_definition.id"],
            name=op.f("fk_feature_version_definition_id_feature_definition"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feature_version")),
        sa.UniqueConstraint(
            "definition_id", "number", name=op.f("uq_feature_version_definition_id_number")
        ),
    )
    op.create_index(
        op.f("ix_feature_version_address"), "feature_version", ["address"], unique=False
    )
    op.create_table(
        "feature_column",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["feature_version.id"],
            name=op.f("fk_feature_column_version_id_feature_version"),
        ),
        sa.PrimaryKeyConstraint("version_id", "position", name=op.f("pk_feature_column")),
    )
    op.create_table(
        "feature_edge",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.Column("input_id", sa.Integer(), nullable=False),
        sa.Column("input_column", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["input_id"],
            ["feature_version.id"],
            name=op.f("fk_feature_edge_input_id_feature_version"),
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["feature_version.id"],
            name=op.f("fk_feature_edge_version_id_feature_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feature_edge")),
    )
    op.create_index(op.f("ix_feature_edge_input_id"), "feature_edge", ["input_id"], unique=False)
    op.create_index(
        op.f("ix_feature_edge_version_id"), "feature_edge", ["version_id"], unique=False
    )
    op.create_table(
        "feature_input",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("input_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["input_id"],
            ["feature_version.id"],
            name=op.f("fk_feature_input_input_id_feature_version"),
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["feature_version.id"],
            name=op.f("fk_feature_input_version_id_feature_version"),
        ),
        sa.PrimaryKeyConstraint("version_id", "position", name=op.f("pk_feature_input")),
    )
    op.create_index(op.f("ix_feature_input_input_id"), "feature_input", ["input_id"], unique=False)
    op.create_table(
        "feature_revision",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("apply_id", sa.Integer(), nullable=False),
        sa.Column("sql", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["apply_id"],
            ["feature_apply.id"],
            name=op.f("fk_feature_revision_apply_id_feature_apply"),
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["feature_version.id"],
            name=op.f("fk_feature_revision_version_id_feature_version"),
        ),
        sa.PrimaryKeyConstraint("version_id", "number", name=op.f("pk_feature_revision")),
    )

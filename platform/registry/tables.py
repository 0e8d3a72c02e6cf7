"""The tables of the registry, as SQLAlchemy knows them; the migrations make the same ones.

A definition has versions, which never change and never go (triggers see to it), and a version has
revisions: what is said about it, and its text; the newest revision counts. A definition points at
the version that is current, and stays when it is dropped. Everything that is written belongs to an
apply. Times are microseconds since the epoch.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Names of constraints, so that a later migration can name what it changes."""

METADATA = MetaData(naming_convention=NAMES)

PROJECT = Table(
    "project",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    # How many applies there were: an apply that was planned at another count is refused.
    Column("applies", Integer, nullable=False),
)

APPLY = Table(
    "feature_apply",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("project_id", ForeignKey("project.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("applied_at", BigInteger, nullable=False),
    Column("applied_by", Text, nullable=False),
    # JSON: the SHA-256 of each file, by its path in the project.
    Column("files", Text, nullable=False),
    # JSON: by source, the columns that its data had and that it did not declare.
    Column("undeclared", Text, nullable=False, server_default="{}"),
    UniqueConstraint("project_id", "number"),
)

DEFINITION = Table(
    "feature_definition",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("project_id", ForeignKey("project.id"), nullable=False),
    # Names match without case: `folded` is what must not repeat.
    Column("name", Text, nullable=False),
    Column("folded", Text, nullable=False),
    # Each definition stands after what it uses.
    Column("position", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("dropped", Boolean, nullable=False),
    UniqueConstraint("project_id", "folded"),
)

VERSION = Table(
    "feature_version",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("definition_id", ForeignKey("feature_definition.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("apply_id", ForeignKey("feature_apply.id"), nullable=False),
    Column("kind", Text, nullable=False),
    # The content address: 64 hexadecimal digits.
    Column("address", Text, nullable=False, index=True),
    # The definition as bytes of plan.proto.
    Column("plan", LargeBinary, nullable=False),
    UniqueConstraint("definition_id", "number"),
    CheckConstraint("number > 0", name="number"),
)

REVISION = Table(
    "feature_revision",
    METADATA,
    Column("version_id", ForeignKey("feature_version.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("apply_id", ForeignKey("feature_apply.id"), nullable=False),
    Column("sql", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("tags", Text, nullable=False),  # JSON: a list
    # All that a search looks at, without case.
    Column("words", Text, nullable=False),
)

COLUMN = Table(
    "feature_column",
    METADATA,
    Column("version_id", ForeignKey("feature_version.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),
    # What tells whether it changed: the address of what computes it; in a source its type.
    Column("address", Text, nullable=False),
)

INPUT = Table(
    "feature_input",
    METADATA,
    Column("version_id", ForeignKey("feature_version.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    # As the definition names it: 'bookings', 'listing_bookings@3'.
    Column("name", Text, nullable=False),
    Column("input_id", ForeignKey("feature_version.id"), nullable=False, index=True),
)

EDGE = Table(
    "feature_edge",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("version_id", ForeignKey("feature_version.id"), nullable=False, index=True),
    Column("column_name", Text, nullable=False),
    Column("input_id", ForeignKey("feature_version.id"), nullable=False, index=True),
    Column("input_column", Text, nullable=False),
    Column("role", Text, nullable=False),
)

EVENT = Table(
    "feature_event",
    METADATA,
    Column("apply_id", ForeignKey("feature_apply.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("definition_id", ForeignKey("feature_definition.id"), nullable=False),
    Column("action", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Index(None, "definition_id"),
)

IMMUTABLE = (VERSION.name, COLUMN.name, INPUT.name, EDGE.name)
"""The tables whose rows are never updated or deleted."""

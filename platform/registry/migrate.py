"""The schema of a registry: which revision it is of, and the way to this program's.

Alembic's migrations lie in `migrations/versions`, each a revision; the first use of a registry runs
what is missing, under a lock and in one transaction, so that it is done once or not at all however
many processes begin at the same time.
"""

from __future__ import annotations

from pathlib import Path

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from bighead.platform.registry.database import Database

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x62696768656164
"""The key of PostgreSQL's advisory lock: 'bighead'."""


def migrate(database: Database, target: str = "head") -> None:
    """Brings the schema to a revision: 'head', 'base' (nothing is left), or one by its name."""
    with database.writing() as connection:
        if not database.is_sqlite:  # SQLite's writers wait for each other anyway
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        _move(connection, target)


def _move(connection: Connection, target: str) -> None:
    script = ScriptDirectory(str(MIGRATIONS))
    context = MigrationContext.configure(connection)
    current = context.get_current_revision()
    order = [s.revision for s in reversed(list(script.walk_revisions()))]
    there = order.index(current) + 1 if current is not None else 0
    wanted = {"head": len(order), "base": 0}.get(target)
    wanted = order.index(target) + 1 if wanted is None else wanted
    with Operations.context(context):
        for revision in order[there:wanted]:
            script.get_revision(revision).module.upgrade()
        for revision in reversed(order[wanted:there]):
            script.get_revision(revision).module.downgrade()
    context.stamp(script, order[wanted - 1] if wanted else "base")

"""Which schema this program reads and writes, and what it makes of another one."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

from bighead.platform.registry.database import Database
from bighead.platform.registry.errors import RegistryError

REVISIONS = ("0001", "0002", "0003")
"""All revisions of the schema, oldest first."""


def missing(connection: Connection, database: Database) -> bool:
    """Migrations are missing; False where the schema is this program's.

    Raises RegistryError where a later program has changed it.
    """
    if not inspect(connection).has_table("alembic_version"):
        return True
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if found is not None and found not in REVISIONS:
        raise RegistryError(
            f"the registry {database} has the schema {found} of a later bighead, and this one "
            f"knows none after {REVISIONS[-1]}; run: pip install --upgrade bighead"
        )
    return found != REVISIONS[-1]

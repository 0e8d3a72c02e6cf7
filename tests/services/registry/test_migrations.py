"""The migrations, over SQLite and over PostgreSQL: up, down, at once, and equal to the tables."""

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, inspect, text

from bighead.platform.cli.applying import apply_changes
from bighead.platform.registry import Registry
from bighead.platform.registry.database import Database
from bighead.platform.registry.migrate import MIGRATIONS, migrate
from bighead.platform.registry.schema import REVISIONS
from bighead.platform.registry.tables import IMMUTABLE, METADATA
from tests.services.registry.shop import ALL, changes


def tables(database: Database) -> set[str]:
    with database.reading() as connection:
        return set(inspect(connection).get_table_names())


def test_the_tables_are_what_the_migrations_make(url: str) -> None:
    database = Database(url)
    migrate(database)
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_every_revision_goes_up_and_down(url: str) -> None:
    database = Database(url)
    for revision in REVISIONS:
        migrate(database, revision)
    full = tables(database)
    assert {t.name for t in METADATA.sorted_tables} <= full
    for revision in (*reversed(REVISIONS[:-1]), "base"):
        migrate(database, revision)
    assert tables(database) == {"alembic_version"}
    migrate(database)
    assert tables(database) == full


def test_the_program_knows_all_revisions() -> None:
    scripts = ScriptDirectory(str(MIGRATIONS)).walk_revisions()
    assert tuple(s.revision for s in reversed(list(scripts))) == REVISIONS


def test_every_immutable_table_has_its_triggers(url: str) -> None:
    database = Database(url)
    migrate(database)
    asked = (
        "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'"
        if database.is_sqlite
        else "SELECT event_object_table, trigger_name FROM information_schema.triggers"
    )
    kinds = ("immutable", "kept")
    with database.reading() as connection:
        found = {(table, name) for table, name in connection.execute(text(asked))}
    assert found == {(table, f"{table}_{kind}") for table in IMMUTABLE for kind in kinds}


def test_a_migration_that_fails_leaves_the_schema_as_it_was(url: str) -> None:
    database = Database(url)

    @event.listens_for(database.engine, "before_cursor_execute")
    def _(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "feature_edge_immutable" in statement:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        migrate(database)
    assert tables(Database(url)) == set()


def test_many_first_uses_at_once_migrate_once(url: str) -> None:
    count = 6
    begin = threading.Barrier(count)
    faults: list[BaseException] = []

    def use() -> None:
        registry = Registry(url, "shop")
        begin.wait()
        try:
            migrate(registry.database)
            assert registry.state().applies == 0
        except BaseException as error:
            faults.append(error)
            raise

    threads = [threading.Thread(target=use) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    registry = Registry(url, "shop")
    apply_changes(registry, changes(registry, *ALL))
    assert len(registry.state().live) == 4

"""A registry that is killed, out of reach, damaged, or of another time."""

import os
import socket
import sys
from pathlib import Path

import pytest
from sqlalchemy import event, text

from bighead.platform.cli.applying import apply_changes
from bighead.platform.registry import Registry, RegistryError, database
from tests.services.registry.shop import ACTIVITY, ALL, BOOKINGS, REQUESTS, RISK, changes

KILLED = 77


def killed_at(url: str, statement: int, *definitions: str) -> bool:
    """Applies in a process that ends at once before so many statements; False where it got through.

    The process has no chance to say anything to the database.
    """
    process = os.fork()
    if process == 0:
        code = 1
        try:
            registry = Registry(url, "shop")
            found = changes(registry, *definitions)
            count = 0

            @event.listens_for(registry.database.engine, "before_cursor_execute")
            def _(*_args: object) -> None:
                nonlocal count
                count += 1
                if count > statement:
                    os._exit(KILLED)

            apply_changes(registry, found)
            code = 0
        finally:
            os._exit(code)
    status = os.waitpid(process, 0)[1]
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, KILLED)
    return code == KILLED


def test_a_killed_apply_leaves_nothing_half_done(url: str) -> None:
    registry = Registry(url, "shop")
    apply_changes(registry, changes(registry, *ALL))
    before = registry.state()
    # All kinds of writing at once: a change with what reads it, a remark, a removal, an addition.
    wanted = (
        BOOKINGS.replace("'homes'", "'stays'"),
        ACTIVITY.replace("price > 0", "price > 1"),
        ACTIVITY.replace("FEATURE SET activity", "FEATURE SET twice"),
    )
    statement, kills = 0, 0
    while killed_at(url, statement, *wanted):
        kills += 1
        assert Registry(url, "shop").state() == before, f"killed before statement {statement}"
        statement += 1 if statement < 8 else 5
    assert kills > 8
    after = Registry(url, "shop").state()
    assert list(after.live) == ["bookings", "activity", "twice"]
    assert (after.applies, set(after.dropped)) == (2, {"requests", "risk"})


def test_a_server_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    registry = Registry(f"postgresql://ml:secret@127.0.0.1:{port}/bighead", "shop")
    with pytest.raises(RegistryError, match="check that the server runs") as found:
        registry.state()
    assert "secret" not in str(found.value)
    assert f"ml:***@127.0.0.1:{port}/bighead" in str(found.value)


@pytest.mark.parametrize(
    "wrong", ["mysql://ml@db/bighead", "postgresql+asyncpg://db/x", "://", "sqlite+aiosqlite:///x"]
)
def test_another_kind_of_database_is_refused(wrong: str) -> None:
    with pytest.raises(RegistryError, match="neither SQLite nor PostgreSQL; write 'sqlite:///"):
        Registry(wrong, "shop")


def test_a_driver_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(RegistryError, match=r"run: pip install 'bighead\[postgres\]'"):
        Registry("postgresql://ml@db/bighead", "shop")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "registry.db").write_text("a text, and a rather long one, " * 100)
    with pytest.raises(RegistryError, match="file is not a database; check the file"):
        Registry("registry.db", "shop", tmp_path).state()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    registry = Registry("file/registry.db", "shop", tmp_path)
    with pytest.raises(RegistryError, match="cannot use the registry"):
        apply_changes(registry, changes(registry, BOOKINGS))


def test_a_writer_that_does_not_end_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "PATIENCE", 0.2)
    busy, registry = (Registry("registry.db", "shop", tmp_path) for _ in range(2))
    apply_changes(busy, changes(busy, *ALL))
    found = changes(registry, BOOKINGS, REQUESTS, ACTIVITY, RISK.replace("+ 1", "+ 2"))
    with (
        busy.database.writing(),
        pytest.raises(RegistryError, match=r"has been writing to sqlite:///.* for 0.2 s; try"),
    ):
        apply_changes(registry, found)


def test_a_schema_of_a_later_program_says_to_upgrade(url: str) -> None:
    registry = Registry(url, "shop")
    apply_changes(registry, changes(registry, *ALL))
    with registry.database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(
        RegistryError, match="schema 9999 of a later bighead.*pip install --upgrade"
    ):
        Registry(url, "shop").state()

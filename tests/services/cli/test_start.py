"""What a command loads before it works, and what is kept so that it need not load more."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from bighead.platform.cli.applied_kept import NAME, mark_of
from tests.services.cli.shell import SCREEN, edit, run

BACKFILL = ("backfill", "stay_risk", "-o", "out", "--end", "2025-01-05")


def loaded(folder: Path, *arguments: str) -> set[str]:
    """The packages that a command loaded, in a process of its own."""
    code = (
        "import sys\n"
        f"sys.argv = ['bighead', *{list(arguments)!r}]\n"
        "from bighead.platform.cli.main import main\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert end.code == 0, end.code\n"
        "print('loaded', *{name.partition('.')[0] for name in sys.modules})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, **SCREEN},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.fixture
def applied(shop: Path) -> Path:
    assert run(shop, "apply", "-y").code == 0
    return shop


def test_a_backfill_of_what_is_applied_loads_no_parser_and_no_database(applied: Path) -> None:
    heavy = {"sqlglot", "sqlalchemy", "alembic", "datafusion", "pydantic", "rich"}
    assert loaded(applied, *BACKFILL) & heavy == set()


def test_what_is_kept_is_read_until_the_registry_changes(applied: Path) -> None:
    kept = applied / ".bighead" / NAME
    before = run(applied, *BACKFILL, "--json").json
    first = kept.read_bytes()
    again = run(applied, *BACKFILL, "--json").json
    assert (again["values_computed"], again["rows"]) == (0, before["rows"])
    edit(applied / "features" / "listing_bookings.sql", "n_nights > 1", "n_nights > 2")
    assert "files have changed" in run(applied, *BACKFILL).err
    assert run(applied, "apply", "-y").code == 0
    assert run(applied, *BACKFILL, "--json").json["columns_computed"] == ["long_stay_price"]
    assert kept.read_bytes() != first


def test_what_was_kept_of_another_state_is_not_taken(applied: Path) -> None:
    kept = applied / ".bighead" / NAME
    run(applied, *BACKFILL)
    for content in (b"", b"{}", b"no json", kept.read_bytes().replace(b"change ", b"change f")):
        kept.write_bytes(content)
        assert run(applied, *BACKFILL).code == 0
        assert run(applied, "query", "SELECT COUNT(*) AS n FROM stay_risk").code == 0


def test_every_change_to_a_database_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "registry.db"
    assert mark_of(file) is None
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("CREATE TABLE t (x)")
    marks = {mark_of(file)}
    for value in range(3):
        connection.execute("INSERT INTO t VALUES (?)", (value,))
        os.utime(file, ns=(1, 1))  # as if all came within one tick of the clock
        marks.add(mark_of(file))
    assert len(marks) == 4
    connection.execute("PRAGMA journal_mode = WAL")
    assert mark_of(file) is None
    connection.close()

"""`bighead fmt`: files, standard input, and what is only checked."""

from pathlib import Path

import pytest

from tests.services.cli.shell import run

UGLY = "select a,b from t -- why\nwhere a>1"
NEAT = "SELECT a, b FROM t  -- why\nWHERE a > 1;\n"


@pytest.fixture
def neat(tmp_path: Path) -> str:
    """What the formatter makes of UGLY."""
    shown = run(tmp_path, "fmt", "-", stdin=UGLY)
    assert (shown.code, shown.err) == (0, "")
    return shown.out


def test_standard_input_to_standard_output(neat: str, tmp_path: Path) -> None:
    assert neat.startswith("SELECT a")
    assert "-- why" in neat
    assert run(tmp_path, "fmt", "-", stdin=neat).out == neat


def test_files_are_written_and_check_writes_nothing(neat: str, tmp_path: Path) -> None:
    file = tmp_path / "a.sql"
    file.write_text(UGLY)
    checked = run(tmp_path, "fmt", "--check", "a.sql")
    assert (checked.code, checked.out) == (1, "")
    assert "would change a.sql" in checked.err
    assert file.read_text() == UGLY
    assert run(tmp_path, "fmt", "a.sql").code == 0
    assert file.read_text() == neat
    assert run(tmp_path, "fmt", "--check", "a.sql").code == 0


def test_diff_shows_lines_and_writes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.sql"
    file.write_text(UGLY)
    shown = run(tmp_path, "fmt", "--diff", "a.sql")
    assert shown.code == 0
    assert "-where a>1" in shown.out
    assert "+WHERE a > 1;" in shown.out
    assert file.read_text() == UGLY
    assert run(tmp_path, "fmt", "--diff", "--check", "a.sql").code == 1


def test_a_project_is_formatted_whole(fresh: Path) -> None:
    assert run(fresh, "fmt").code == 0
    (fresh / "features" / "ugly.sql").write_text(UGLY)
    checked = run(fresh, "fmt", "--check", "--json")
    assert checked.code == 1
    assert checked.json == {"files": 4, "changed": ["features/ugly.sql"], "failed": []}


def test_what_cannot_be_parsed_is_reported_and_the_rest_is_written(
    neat: str, tmp_path: Path
) -> None:
    (tmp_path / "bad.sql").write_text("SELECT (")
    (tmp_path / "good.sql").write_text(UGLY)
    shown = run(tmp_path, "fmt", ".")
    assert shown.code == 1
    assert "error: bad.sql: " in shown.err
    assert (tmp_path / "bad.sql").read_text() == "SELECT ("
    assert (tmp_path / "good.sql").read_text() == neat


def test_from_another_dialect(tmp_path: Path) -> None:
    text = "SELECT * FROM q ASOF JOIN e ON q.k = e.k AND q.ts >= e.ts"
    assert run(tmp_path, "fmt", "-", stdin=text).code == 1
    shown = run(tmp_path, "fmt", "--from", "duckdb", "-", stdin=text)
    assert shown.code == 0, shown.err
    assert "ASOF INNER JOIN e MATCH_CONDITION (q.ts >= e.ts)" in shown.out


def test_missing_files_are_an_error(tmp_path: Path) -> None:
    shown = run(tmp_path, "fmt", "nowhere.sql")
    assert shown.code == 1
    assert "there is no file or folder nowhere.sql" in shown.err


def test_a_file_keeps_its_permissions(tmp_path: Path) -> None:
    file = tmp_path / "a.sql"
    file.write_text(UGLY)
    file.chmod(0o640)
    run(tmp_path, "fmt", "a.sql")
    assert file.stat().st_mode & 0o777 == 0o640

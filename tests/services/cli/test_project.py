"""`bighead init` and `bighead.toml`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services.cli.shell import run

Golden = Callable[[str, str], None]


def test_init_makes_a_project_in_canonical_spelling(tmp_path: Path, golden: Golden) -> None:
    made = run(tmp_path, "init", "shop")
    golden("cli/init.txt", made.steady())
    checked = run(tmp_path / "shop", "fmt", "--check")
    assert checked.code == 0, checked.err


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, "init").code == 0
    again = run(tmp_path, "init")
    assert again.code == 1
    assert "bighead.toml is there already" in again.err
    (tmp_path / "other" / "features").mkdir(parents=True)
    mine = tmp_path / "other" / "features" / "sources.sql"
    mine.write_text("-- mine\n")
    assert run(tmp_path, "init", "other").code == 1
    assert mine.read_text() == "-- mine\n"
    assert not (tmp_path / "other" / "bighead.toml").exists()


def test_init_where_a_file_lies_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop").touch()
    assert "is a file" in run(tmp_path, "init", "shop").err


def test_a_project_is_found_from_a_folder_in_it_and_by_option(shop: Path) -> None:
    below = run(shop / "features", "show", "--json")
    named = run(Path("/"), "--project", str(shop), "show", "--json")
    assert below.json == named.json
    assert len(below.json) == 5


def test_outside_of_a_project_the_error_says_what_to_do(tmp_path: Path) -> None:
    shown = run(tmp_path, "plan")
    assert shown.code == 1
    assert "make a project with 'bighead init'" in shown.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('fetures = "x"', "unknown key 'fetures'; did you mean 'features'?"),
        ("features = 3", "features is a text in quotes, not 3"),
        ('engine = "datafuson"', "no engine 'datafuson'; did you mean 'datafusion'?"),
        ('[s3]\nendpont = "x"', "unknown key 's3.endpont'; did you mean 'endpoint'?"),
        ('s3 = "x"', "s3 is a table, not 'x'"),
        ("name = ", "is no TOML"),
        ('features = "elsewhere"', "there is no folder"),
    ],
)
def test_settings_are_checked(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "bighead.toml").write_text(text)
    shown = run(tmp_path, "plan")
    assert shown.code == 1
    assert message in shown.err

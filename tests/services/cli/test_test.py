"""`bighead test`."""

from collections.abc import Callable
from pathlib import Path

from tests.services.cli.shell import edit, run

Golden = Callable[[str, str], None]


def test_the_cases_of_the_example_pass(fresh: Path, golden: Golden) -> None:
    golden("cli/test.txt", run(fresh, "test").steady())


def test_a_change_that_breaks_a_case_fails(fresh: Path, golden: Golden) -> None:
    edit(fresh / "features" / "listing_bookings.sql", "price > 0", "price > 100")
    golden("cli/test_failed.txt", run(fresh, "test").steady())


def test_cases_for_a_script(fresh: Path) -> None:
    ran = run(
        fresh, "test", "tests/bookings.yaml", "-k", "KNOWN", "--json", "--engine", "reference"
    )
    assert ran.code == 0
    (record,) = ran.json
    assert record["passed"]
    assert record["failure"] is None
    assert record["name"] == "a booking counts for a week, from when it was known"


def test_what_cannot_be_run_is_said(fresh: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for args, message in [
        (["-k", "nothing like it"], "none of 2 cases has 'nothing like it' in its name"),
        (["--engine", "flnk"], "there is no engine 'flnk'; there are: datafusion, reference"),
        (["nowhere.yaml"], "there is no file or folder nowhere.yaml"),
        ([str(tmp_path / "empty")], "there are no cases (*.yaml)"),
    ]:
        ran = run(fresh, "test", *args)
        assert ran.code == 1
        assert message in ran.err
    ran = run(tmp_path / "empty", "test")
    assert ran.code == 1
    assert "there is no project here" in ran.err

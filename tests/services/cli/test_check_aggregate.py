"""`bighead check-aggregate`, and aggregates that a project names in bighead.toml."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.services.cli.shell import run

LAWFUL = '''
from bighead.zipline.aggregates.user import aggregate


@aggregate(arguments=["BIGINT"], returns="BIGINT")
class BitOr:
    """All bits of all values."""

    def zero(self):
        return 0

    def add(self, state, x):
        return state | x

    def merge(self, a, b):
        return a | b

    def finish(self, state):
        return state
'''
BROKEN = (
    LAWFUL
    + """

@aggregate(arguments=["BIGINT"], returns="BIGINT")
class FirstSeen(BitOr):
    def merge(self, a, b):
        return a
"""
)


def test_a_lawful_aggregate_passes(tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    (tmp_path / "lawful_bits.py").write_text(LAWFUL)
    ran = run(tmp_path, "check-aggregate", "lawful_bits:BitOr")
    assert ran.code == 0
    golden("cli/check_aggregate_lawful.txt", steady(ran.steady()))


def steady(text: str) -> str:
    """Without the version, which is made of the source."""
    head, _, rest = text.partition(", version ")
    return f"{head}, version ...{rest[16:]}"


def test_a_broken_law_is_shown_with_an_example(
    tmp_path: Path, golden: Callable[[str, str], None]
) -> None:
    (tmp_path / "broken_bits.py").write_text(BROKEN)
    ran = run(tmp_path, "check-aggregate", "broken_bits:FirstSeen")
    assert ran.code == 1
    golden("cli/check_aggregate_broken.txt", steady(ran.steady()))
    shown = run(tmp_path, "check-aggregate", "broken_bits", "--json")
    assert shown.code == 1
    bits, first = shown.json
    assert (bits["aggregate"], bits["broken"]) == ("bit_or", [])
    assert [b["law"] for b in first["broken"]] == [
        "identity", "commutativity", "parts equal the whole",
    ]  # fmt: skip
    assert first["broken"][1]["example"] == {"a": "(0)", "b": "(1)"}


def test_a_class_that_takes_no_row_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "forgetful_bits.py").write_text(
        LAWFUL.replace("return state | x", "raise OSError(x)")
    )
    ran = run(tmp_path, "check-aggregate", "forgetful_bits")
    assert ran.code == 1
    assert ran.err == "1 law is broken\n"
    assert len(ran.out.splitlines()) == 3
    assert "  BROKEN  takes rows: " in ran.out


def test_rows_that_are_not_taken_are_notes(tmp_path: Path) -> None:
    small = "if not 0 <= x < 4: raise ValueError('large')\n        return state | x"
    (tmp_path / "small_bits.py").write_text(LAWFUL.replace("return state | x", small))
    ran = run(tmp_path, "check-aggregate", "small_bits")
    assert ran.code == 0, ran.out
    notes = [line for line in ran.out.splitlines() if "note:" in line]
    assert notes[0] == "  note: add() does not take (-1): ValueError: large"
    assert notes[3].startswith("  note: nor ")
    assert len(notes) == 5


def test_what_is_not_there_is_misuse(tmp_path: Path) -> None:
    (tmp_path / "some_bits.py").write_text(LAWFUL + "\nraise_me = None\n")
    (tmp_path / "empty_bits.py").write_text("x = 1\n")
    (tmp_path / "failing_bits.py").write_text("1 / 0\n")
    (tmp_path / "taken_bits.py").write_text(LAWFUL.replace("BitOr", "Sum"))
    for name, message in {
        "some_bitz:BitOr": "no module some_bitz in",
        "some_bits:BitOrr": "no class BitOrr in some_bits; did you mean 'BitOr'?",
        "some_bits:raise_me": "None is not declared as an aggregate",
        "empty_bits": "the module empty_bits declares no aggregate",
        "taken_bits": "SUM is a function of SQL already; choose another name",
        "failing_bits": "the module failing_bits fails: ZeroDivisionError",
    }.items():
        ran = run(tmp_path, "check-aggregate", name)
        assert ran.code == 2
        assert message in ran.err
        assert ran.out == ""


def project(folder: Path, toml: str) -> Path:
    (folder / "bighead.toml").write_text(f'name = "p"\n{toml}\n')
    (folder / "features").mkdir()
    (folder / "e.csv").write_text("k,v,at\n1,1,2020-01-01\n1,6,2020-01-02\n")
    (folder / "features" / "e.sql").write_text(
        "CREATE EVENT SOURCE e (k BIGINT, v BIGINT, at TIMESTAMP) EVENT TIME at"
        " WITH (batch = 'e.csv');\n"
        "CREATE FEATURE SET f AS SELECT k, BIT_OR(v) OVER (LAST '7d') AS bits FROM e GROUP BY k;\n"
    )
    return folder


QUERY = "SELECT * FROM f AS OF TIMESTAMP '2020-01-03'"


def test_a_project_names_the_modules_of_its_aggregates(tmp_path: Path) -> None:
    shop = project(tmp_path, 'aggregates = ["project_bits"]')
    (shop / "project_bits.py").write_text(LAWFUL)
    assert run(shop, "apply", "--yes").code == 0
    ran = run(shop, "query", QUERY, "--format", "csv")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines() == ["k,bits", "1,7"]


def test_cases_that_name_their_definitions_know_the_aggregates_too(tmp_path: Path) -> None:
    shop = project(tmp_path, 'aggregates = ["tested_bits"]')
    (shop / "tested_bits.py").write_text(LAWFUL)
    (shop / "cases.yaml").write_text(
        "features: features\n"
        "cases:\n"
        "  - rows: {e: [{k: 1, v: 3, at: 2020-01-01}, {k: 1, v: 4, at: 2020-01-02}]}\n"
        "    expect: [{features: f, at: 2020-01-03, key: {k: 1}, values: {bits: 7}}]\n"
    )
    ran = run(shop, "test", "cases.yaml")
    assert ran.code == 0, ran.out


def test_a_wrong_name_of_a_module_is_told(tmp_path: Path) -> None:
    shop = project(tmp_path, 'aggregates = ["project_bitz"]')
    (shop / "project_bits2.py").write_text(LAWFUL)
    ran = run(shop, "plan")
    assert ran.code == 1
    assert "aggregates in" in ran.err
    assert "no module project_bitz in" in ran.err


def test_the_key_holds_names(tmp_path: Path) -> None:
    shop = project(tmp_path, "aggregates = [1]")
    assert "aggregates holds names of modules in quotes, not 1" in run(shop, "plan").err
    (tmp_path / "other").mkdir()
    other = project(tmp_path / "other", 'aggregates = "x"')
    assert "aggregates is a list of names, not 'x'" in run(other, "plan").err

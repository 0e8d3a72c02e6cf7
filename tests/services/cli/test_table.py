"""Rows as a table: on a terminal what fits; a row that is looked at alone stands where long."""

from io import StringIO

import pyarrow as pa
import pytest

from bighead.platform.cli.table import print_table


class Terminal(StringIO):
    """What is written to a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """One that knows no colours; such have 80 characters a line."""
    monkeypatch.setenv("TERM", "dumb")
    return Terminal()


def lines(stream: StringIO) -> list[str]:
    return [line.strip() for line in stream.getvalue().splitlines()]


def test_a_terminal_shows_the_columns_that_fit_and_names_the_others(terminal: Terminal) -> None:
    rows = pa.table({f"nights_{i}d": [i, i] for i in range(1, 9)})
    print_table(rows, 2, None, terminal, upright=True)  # two rows never stand
    assert lines(terminal)[0].split() == [f"nights_{i}d" for i in range(1, 7)]
    assert lines(terminal)[-1] == "2 more columns: nights_7d, nights_8d"


def test_a_row_that_fits_lies(terminal: Terminal) -> None:
    print_table(pa.table({"a": [1], "b": ["x"]}), 1, None, terminal, upright=True)
    assert lines(terminal)[0] == "a   b"


def test_a_long_row_has_a_line_a_column(terminal: Terminal) -> None:
    long = ["x" * 90]
    rows = pa.table({"city": ["Kyoto"], "beds": [None], "nights": [7], "seen": long, "tags": long})
    print_table(rows, 1, None, terminal, upright=True)
    assert lines(terminal)[0].split() == ["column", "value"]
    assert lines(terminal)[2:5] == ["city     Kyoto", "beds     NULL", "nights   7"]
    assert lines(terminal)[5].startswith("seen     xxxxx")
    assert lines(terminal)[5].endswith("x…")
    assert lines(terminal)[7:] == ["1 row, 5 columns"]


def test_what_is_no_terminal_gets_a_long_row_whole() -> None:
    stream = StringIO()
    rows = pa.table({"first": ["x" * 900], "second": ["a\nb"], "third": ["y" * 90]})
    print_table(rows, 1, None, stream, upright=True)
    assert lines(stream)[2:4] == [f"first    {'x' * 900}", r"second   a\nb"]

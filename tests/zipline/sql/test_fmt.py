"""The canonical text: stable, of the same meaning, and with every comment."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bighead.zipline.errors import SqlError
from bighead.zipline.sql import fmt, parse
from bighead.zipline.sql.grammar.dialect import tokenize
from tests.conftest import GOLDEN

TEXTS = [(GOLDEN / name).read_text(encoding="utf-8") for name in ("fmt/layout.sql", "homes.sql")]
STATEMENTS = [part for text in TEXTS for part in re.split(r";\s*\n", text) if part.strip()]


def trees(text: str) -> list[object]:
    return [statement.tree for statement in parse(text)]


def test_canonical_text(golden: Callable[[str, str], None]) -> None:
    golden("fmt/layout.txt", fmt(TEXTS[0]))


@pytest.mark.parametrize("text", TEXTS)
def test_formatting_what_is_formatted_changes_nothing(text: str) -> None:
    assert fmt(fmt(text)) == fmt(text)


@pytest.mark.parametrize("text", TEXTS)
def test_formatting_keeps_the_meaning(text: str) -> None:
    assert trees(fmt(text)) == trees(text)


@pytest.mark.parametrize("text", TEXTS)
def test_no_comment_is_lost(text: str) -> None:
    formatted = fmt(text)
    for words in re.findall(r"--\s*(.*)", text):
        assert words.strip() in formatted


@settings(max_examples=40)
@given(st.sampled_from(STATEMENTS), st.data())
def test_a_comment_anywhere_stays_and_is_stable(text: str, data: st.DataObject) -> None:
    tokens = tokenize(text)
    token = data.draw(st.sampled_from(tokens))
    comment = data.draw(st.sampled_from(["-- here\n", "/* here */", "\n-- here\n", "/* he\nre */"]))
    marked = f"{text[: token.start]} {comment} {text[token.start :]}"
    formatted = fmt(marked)
    assert "here" in formatted.replace("\n", "")
    assert trees(formatted) == trees(text)
    assert fmt(formatted) == formatted


def test_an_empty_text_has_no_statement() -> None:
    assert parse("") == []
    assert fmt("  ;; ") == ""
    assert fmt("-- only words") == "-- only words\n"


@pytest.mark.parametrize(("dialect", "words"), [
    ("duckdb", "ASOF INNER JOIN"), ("spark", "ASOF INNER JOIN"), ("snowflake", "ASOF LEFT JOIN"),
])  # fmt: skip
def test_a_bare_asof_join_means_what_its_engine_means(dialect: str, words: str) -> None:
    text = "SELECT * FROM q ASOF JOIN e ON q.k = e.k AND q.ts >= e.ts"
    assert words in fmt(text, from_=dialect)
    with pytest.raises(SqlError, match="ASOF LEFT JOIN"):
        fmt(text)


def test_the_last_column_of_duckdbs_using_is_the_time() -> None:
    text = "SELECT * FROM q ASOF JOIN e USING (k, ts)"
    assert "MATCH_CONDITION (q.ts >= e.ts) USING (k)" in fmt(text, from_="duckdb")


def test_duckdbs_comma_behind_the_last_column_is_left_out() -> None:
    assert fmt("SELECT a, b, FROM q", from_="duckdb") == fmt("SELECT a, b FROM q")
    for text in ("SELECT a, , FROM q", "SELECT , FROM q", "SELECT a FROM q ORDER BY a,"):
        with pytest.raises(SqlError):
            fmt(text, from_="duckdb")


def test_an_unknown_dialect_is_an_error() -> None:
    with pytest.raises(SqlError, match="did you mean 'duckdb'"):
        parse("SELECT 1", "duckbd")


def test_the_words_of_the_dialect_stay_names_of_columns() -> None:
    text = "SELECT last, next, by, label, id, t.label, SUM(x) AS by FROM t GROUP BY last"
    formatted = fmt(text)
    for name in ("last", "next", "by", "label", "id"):
        assert re.search(rf"^(SELECT|      ) {name}\b", formatted, re.MULTILINE)

"""Broken text gives an error of the dialect, never a traceback and never half a query."""

from __future__ import annotations

import random

import pytest

from bighead.zipline.errors import BigheadError, SqlError
from bighead.zipline.sql import bind, fmt, parse
from bighead.zipline.sql.grammar.dialect import tokenize
from tests.zipline.sql.memory import homes
from tests.zipline.sql.test_fmt import STATEMENTS

ROUNDS = 400


@pytest.mark.parametrize("statement", STATEMENTS, ids=range(len(STATEMENTS)))
def test_a_text_cut_anywhere_is_an_error_with_a_place_or_a_whole_statement(statement: str) -> None:
    step = 1 if len(statement) < 1000 else 7
    for end in range(0, len(statement), step):
        cut = statement[:end]
        try:
            parsed = parse(cut)
        except SqlError as error:
            placed = error.line > 0
        else:
            # What is left reads as whole: then nothing of it may have been dropped.
            tokens = [t for t in tokenize(cut) if t.text != ";"]
            placed = bool(parsed) == bool(tokens)
        assert placed, cut


@pytest.mark.parametrize("text", ["SELECT '\x00'", "SELECT " + "(" * 3000 + "1" + ")" * 3000])
def test_a_text_that_cannot_be_read_is_an_error_with_a_place(text: str) -> None:
    with pytest.raises(SqlError) as caught:
        parse(text)
    assert caught.value.line == 1


def mutated(pick: random.Random, words: list[str]) -> str:
    """A statement with tokens deleted, doubled, swapped or brought from elsewhere."""
    statement = pick.choice(STATEMENTS)
    parts = [statement[t.start : t.end + 1] for t in tokenize(statement)]
    for _ in range(pick.choice((1, 1, 2, 3))):
        at, way = pick.randrange(len(parts)), pick.randrange(4)
        if way == 0 and len(parts) > 1:
            del parts[at]
        elif way == 1:
            parts.insert(at, parts[at])
        elif way == 2:
            parts.insert(at, pick.choice(words))
        else:
            other = pick.randrange(len(parts))
            parts[at], parts[other] = parts[other], parts[at]
    return " ".join(parts)


def check_mutations(seed: int, rounds: int) -> None:
    pick = random.Random(seed)
    words = [s[t.start : t.end + 1] for s in STATEMENTS for t in tokenize(s)]
    catalog = homes()
    for _ in range(rounds):
        text = mutated(pick, words)
        try:
            formatted = fmt(text)
        except SqlError:
            continue
        assert fmt(formatted) == formatted
        for statement in parse(text):
            try:
                bind(statement, catalog)
            except BigheadError:
                continue


def test_mutated_statements_give_errors_of_the_dialect_only() -> None:
    check_mutations(seed=1, rounds=ROUNDS)


@pytest.mark.soak
def test_many_mutated_statements() -> None:
    for seed in range(100):
        check_mutations(seed, rounds=2000)

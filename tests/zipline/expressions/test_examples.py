"""Every example that the documentation prints is true."""

from __future__ import annotations

import pytest

from bighead.zipline.expressions import FUNCTIONS, Function, find
from tests.zipline.expressions.bound import value

EXAMPLES = [(f.name, example) for f in FUNCTIONS.values() for example in f.examples]


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_is_true(name: str, example: str) -> None:
    assert value(example) is True


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda f: f.name)
def test_a_function_is_documented(function: object) -> None:
    assert isinstance(function, Function)
    assert function.doc.endswith(".")
    assert function.signature
    assert function.examples or function.name in ("list_length", "map_keys", "map_values")


def test_no_spelling_means_two_functions() -> None:
    spellings = [s for f in FUNCTIONS.values() for s in f.spellings]
    assert len(spellings) == len(set(spellings))


def test_every_spelling_finds_its_function_in_any_case() -> None:
    for function in FUNCTIONS.values():
        for spelling in function.spellings:
            assert find(spelling.lower()) is function


@pytest.mark.parametrize("name", ["now", "current_timestamp", "random", "uuid"])
def test_nothing_looks_at_the_clock_or_at_chance(name: str) -> None:
    assert find(name) is None

"""Every engine gives the rows of the reference: one test body for all of them.

A seed gives one case for each way to match, kind of key and knowledge time; each holds every
aggregate over every kind of window, or a look-up. `make soak` goes on with other seeds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, product

import numpy as np
import pyarrow as pa
import pytest

from bighead.planner.engine import Engine
from bighead.planner.engines.datafusion import DataFusionEngine
from tests.conformance.cases import Case
from tests.conformance.check import REFERENCE, ask, check
from tests.conformance.compare import difference
from tests.conformance.draw_tables import KEYS, KNOWLEDGE, MATCHES, Keys, Knowledge, Match
from tests.conformance.engines import ENGINES
from tests.conformance.generate import lookup_case, windows_case
from tests.conformance.generate_chains import chain_case, large_case
from tests.conformance.generate_entities import (
    entity_lookup_case,
    entity_windows_case,
    many_changes_case,
)

SOAK = 1_000_000
"""Cases that `make soak` compares."""


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("knowledge", KNOWLEDGE)
@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("match", MATCHES)
def test_windows_equal_the_reference(
    engine: str, match: Match, keys: Keys, knowledge: Knowledge
) -> None:
    check(ENGINES[engine](), windows_case(1, match, keys, knowledge))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("knowledge", KNOWLEDGE)
@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("match", MATCHES)
def test_look_ups_equal_the_reference(
    engine: str, match: Match, keys: Keys, knowledge: Knowledge
) -> None:
    for seed in range(3):
        check(ENGINES[engine](), lookup_case(seed, match, keys, knowledge))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("knowledge", KNOWLEDGE)
@pytest.mark.parametrize("match", MATCHES)
def test_rows_of_entities_equal_the_reference(
    engine: str, match: Match, knowledge: Knowledge
) -> None:
    turn = MATCHES.index(match) * len(KNOWLEDGE) + KNOWLEDGE.index(knowledge)
    check(ENGINES[engine](), entity_windows_case(0, match, KEYS[turn % len(KEYS)], knowledge))
    for keys in KEYS:
        check(ENGINES[engine](), entity_lookup_case(0, match, keys, knowledge))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("seed", range(4))
def test_entities_with_many_changes_equal_the_reference(engine: str, seed: int) -> None:
    check(ENGINES[engine](), many_changes_case(seed, 2000, 3, 25))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("part", range(8))
def test_whole_plans_equal_the_reference(engine: str, part: int) -> None:
    for seed in range(10 * part, 10 * part + 10):
        check(ENGINES[engine](), chain_case(seed))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("seed", range(3))
def test_keys_with_many_events_equal_the_reference(engine: str, seed: int) -> None:
    check(ENGINES[engine](), large_case(seed, 3000, 20))


@pytest.mark.parametrize("seed", range(3))
def test_neither_threads_nor_order_of_arrival_change_a_row(seed: int) -> None:
    case = large_case(seed, 100_000, 1000)
    wanted = answer(DataFusionEngine(threads=1), case)
    turned = case.tables["events"].take(np.random.default_rng(seed).permutation(100_000))
    again = replace(case, tables={**case.tables, "events": turned})
    for threads in (2, 7):
        got = answer(DataFusionEngine(threads=threads), again)
        assert difference(case.plan, got, wanted) is None


@pytest.mark.parametrize("engine", ENGINES)
def test_some_rows_of_many_equal_the_reference(engine: str) -> None:
    some_rows_of(engine, large_case(7, 60_000, 500))


def some_rows_of(engine: str, case: Case) -> None:
    """Assert that the engine gives all rows of a spine what the reference gives a few of them."""
    few = np.arange(0, case.tables["spine"].num_rows, 250)
    alone = replace(case, tables={**case.tables, "spine": case.tables["spine"].take(few)})
    got = answer(ENGINES[engine](), case).take(few)
    assert difference(case.plan, got, answer(REFERENCE, alone)) is None


def answer(engine: Engine, case: Case) -> pa.Table:
    """The rows that an engine gives."""
    outcome = ask(engine, case)
    assert outcome.table is not None, outcome.error
    return outcome.table


def of_a_seed(seed: int) -> Iterator[Case]:
    """What the soak run compares for a seed."""
    for match, keys, knowledge in product(MATCHES, KEYS, KNOWLEDGE):
        yield windows_case(seed, match, keys, knowledge)
        yield entity_windows_case(seed, match, keys, knowledge)
        for part in range(3):
            yield lookup_case(3 * seed + part, match, keys, knowledge)
            yield entity_lookup_case(3 * seed + part, match, keys, knowledge)
    for part in range(100):
        yield chain_case(100 * seed + part)
    yield large_case(seed, 20_000, 20)
    yield many_changes_case(seed, 20_000, 5, 20)


@pytest.mark.soak
@pytest.mark.parametrize("engine", ENGINES)
def test_a_million_cases_equal_the_reference(engine: str) -> None:
    asked = ENGINES[engine]()
    compared, started = 0, time.monotonic()
    for seed in count(1000):
        compared += sum(check(asked, case) for case in of_a_seed(seed))
        seconds = time.monotonic() - started
        line = f"{engine}: seed {seed}, {compared:,} cases equal in {seconds:.0f} s"
        print(line, flush=True)  # noqa: T201
        if compared >= SOAK:
            break


@pytest.mark.soak
@pytest.mark.parametrize("engine", ENGINES)
def test_hot_keys_equal_the_reference(engine: str) -> None:
    for seed in range(100, 104):
        some_rows_of(engine, large_case(seed, 200_000, 1500))

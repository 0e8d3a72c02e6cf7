"""What a store answers is what the reference says: every aggregate over every kind of window."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any, cast

import pytest

from bighead.zipline.ir.nodes import Lookup, TemporalJoin, View
from tests.conformance.cases import Case
from tests.conformance.check import check
from tests.conformance.draw_tables import KEYS, KNOWLEDGE, MATCHES, Keys, Knowledge, Match
from tests.conformance.generate import lookup_case, windows_case
from tests.conformance.generate_chains import large_case
from tests.conformance.generate_entities import (
    entity_lookup_case,
    entity_windows_case,
    many_changes_case,
)
from tests.storage.engine import StoreEngine


def backward(case: Case) -> Case | None:
    """The case without what looks ahead; None where nothing is left."""
    plan = cast("TemporalJoin", case.plan)
    right: Any = plan.right
    if isinstance(right, Lookup):
        return None if right.forward else case
    features = tuple(f for f in right.features if not f.window.forward)
    if not features:
        return None
    return replace(case, plan=replace(plan, right=replace(cast("View", right), features=features)))


def compare(case: Case, seed: int) -> None:
    asked = backward(case)
    if asked is not None:
        check(StoreEngine(seed), asked)


TURNS = [(m, k) for m in MATCHES for k in KNOWLEDGE]
"""Each way to match and to know; the kinds of keys take turns."""


@pytest.mark.parametrize(("match", "knowledge"), TURNS)
def test_windows(match: Match, knowledge: Knowledge) -> None:
    turn = TURNS.index((match, knowledge))
    compare(windows_case(2, match, KEYS[turn], knowledge), turn)


@pytest.mark.parametrize(("match", "knowledge"), TURNS)
def test_look_ups(match: Match, knowledge: Knowledge) -> None:
    turn = TURNS.index((match, knowledge))
    for seed in range(3):
        keys: Keys = KEYS[(turn + 4 * seed) % len(KEYS)]
        compare(lookup_case(seed, match, keys, knowledge), seed)
        compare(entity_lookup_case(seed, match, keys, knowledge), seed)


@pytest.mark.parametrize(("match", "knowledge"), TURNS)
def test_rows_of_entities(match: Match, knowledge: Knowledge) -> None:
    turn = TURNS.index((match, knowledge))
    compare(entity_windows_case(2, match, KEYS[turn + 1], knowledge), turn)


@pytest.mark.parametrize("seed", range(2))
def test_entities_with_many_changes(seed: int) -> None:
    compare(many_changes_case(seed, 400, 3, 8), seed)


@pytest.mark.parametrize("seed", range(1))
def test_keys_with_many_events(seed: int) -> None:
    compare(large_case(seed, 1000, 8), seed)


@pytest.mark.soak
def test_many_cases() -> None:
    for seed in range(100, 140):
        for match, keys, knowledge in product(MATCHES, KEYS, KNOWLEDGE):
            compare(windows_case(seed, match, keys, knowledge), seed)
            compare(lookup_case(seed, match, keys, knowledge), seed)
            compare(entity_windows_case(seed, match, keys, knowledge), seed)
            compare(entity_lookup_case(seed, match, keys, knowledge), seed)

"""What a store answers is what the reference says: every aggregate over every kind of window."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest

from bighead.planner.engines.reference.events import Event, without_copies
from bighead.planner.engines.reference.values import rows_of
from bighead.storage.sets.prepare import integers, source_of, values
from bighead.storage.sets.values import numbers
from bighead.zipline.expressions.arrow import compute
from bighead.zipline.ir.nodes import Events, Filter, Lookup, TemporalJoin, UnionAll, View
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


def compare(case: Case, seed: int, folder: Path | None = None) -> None:
    asked = backward(case)
    if asked is not None and not breaks_its_word(asked):
        check(StoreEngine(seed=seed, folder=folder), asked)


def breaks_its_word(case: Case) -> bool:
    """Whether rows of one identity differ where there is a WHERE, before which a store looks."""
    events = cast("TemporalJoin", case.plan).right.events
    for part in events.events if isinstance(events, UnionAll) else (events,):
        if isinstance(part, Events) and part.identity and isinstance(part.input, Filter):
            rows = rows_of(case.tables[source_of(part.input).name])
            told = [Event(row, None, None, None, False, None) for row in rows]
            if any(event.conflict for event in without_copies(part, told)):
                return True
    return False


def compare_swept(case: Case, seed: int, folder: Path) -> int:
    """Sweep to a time of the spine, and ask for what that leaves; how many cases that is."""
    asked = backward(case)
    if asked is None:
        return 0
    plan = cast("TemporalJoin", asked.plan)
    view, spine = cast("View", plan.right), asked.tables["spine"]
    times = integers(values(plan.time, spine))
    drawn = sorted(numbers(times.drop_null())) or [0]
    horizon = drawn[len(drawn) // 4]
    reach = max((f.window.width or 0 for f in view.features), default=0) + (view.tail or 0)
    later = spine.filter(
        compute("greater_equal", times, pa.scalar(min(horizon + reach, 2**63 - 1)))
    )
    kept = replace(asked, tables={**asked.tables, "spine": later})
    return check(StoreEngine(seed=seed, folder=folder, horizon=horizon), kept)


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


@pytest.mark.parametrize(("match", "knowledge"), TURNS)
def test_sets_that_are_read_from_the_blocks_of_others(match: Match, knowledge: Knowledge) -> None:
    turn = TURNS.index((match, knowledge))
    draw = (windows_case, entity_windows_case)[turn % 2]
    asked = backward(draw(4, match, KEYS[turn % len(KEYS)], knowledge))
    if asked is not None:
        check(StoreEngine(seed=turn, other_windows=True), asked)


@pytest.mark.parametrize("seed", range(2))
def test_entities_with_many_changes(seed: int) -> None:
    compare(many_changes_case(seed, 400, 3, 8), seed)


@pytest.mark.parametrize("seed", range(1))
def test_keys_with_many_events(seed: int) -> None:
    compare(large_case(seed, 1000, 8), seed)


@pytest.mark.parametrize("match", MATCHES)
def test_stores_on_disk_that_are_swept_and_opened_again(match: Match, tmp_path: Path) -> None:
    seed = MATCHES.index(match)
    compare(windows_case(seed + 10, match, "text", "late"), seed, tmp_path)
    compare(entity_windows_case(seed + 10, match, "int", "late"), seed, tmp_path)
    assert compare_swept(windows_case(20, match, "int", "none"), seed, tmp_path) > 0
    assert compare_swept(entity_windows_case(22, match, "int", "none"), seed, tmp_path) > 0


@pytest.mark.soak
def test_many_stores_on_disk(tmp_path: Path) -> None:
    asked = 0
    for seed in range(100, 120):
        for match, knowledge in TURNS:
            keys = KEYS[seed % len(KEYS)]
            compare(windows_case(seed, match, keys, knowledge), seed, tmp_path)
            compare(entity_windows_case(seed, match, keys, knowledge), seed, tmp_path)
            asked += compare_swept(windows_case(seed, match, keys, knowledge), seed, tmp_path)
            entities = entity_windows_case(seed, match, keys, knowledge)
            asked += compare_swept(entities, seed, tmp_path)
    assert asked > 1000


@pytest.mark.soak
def test_many_cases() -> None:
    for seed in range(100, 140):
        for match, keys, knowledge in product(MATCHES, KEYS, KNOWLEDGE):
            compare(windows_case(seed, match, keys, knowledge), seed)
            compare(lookup_case(seed, match, keys, knowledge), seed)
            compare(entity_windows_case(seed, match, keys, knowledge), seed)
            compare(entity_lookup_case(seed, match, keys, knowledge), seed)

"""What an uploaded store answers is what the reference says of all rows, batch and stream."""

from __future__ import annotations

import pytest

from tests.conformance.cases import Case
from tests.conformance.check import check
from tests.conformance.draw_tables import KEYS, KNOWLEDGE, MATCHES, Keys, Knowledge, Match
from tests.conformance.generate import lookup_case, windows_case
from tests.conformance.generate_entities import (
    entity_lookup_case,
    entity_windows_case,
    many_changes_case,
)
from tests.storage.test_equal_to_the_reference import backward
from tests.storage.upload.engine import UploadEngine

TURNS = [(m, k) for m in MATCHES for k in KNOWLEDGE]


def compare(case: Case, seed: int) -> None:
    asked = backward(case)
    if asked is not None:
        check(UploadEngine(seed=seed), asked)


@pytest.mark.parametrize(("match", "knowledge"), TURNS)
def test_windows_and_look_ups(match: Match, knowledge: Knowledge) -> None:
    turn = TURNS.index((match, knowledge))
    keys: Keys = KEYS[turn % len(KEYS)]
    draw = (windows_case, entity_windows_case, lookup_case, entity_lookup_case)[turn % 4]
    compare(draw(3, match, keys, knowledge), turn)


def test_entities_with_many_changes() -> None:
    compare(many_changes_case(5, 400, 3, 8), 1)


@pytest.mark.soak
def test_many_cases() -> None:
    for seed in range(200, 230):
        for match, knowledge in TURNS:
            for keys in KEYS:
                compare(windows_case(seed, match, keys, knowledge), seed)
                compare(lookup_case(seed, match, keys, knowledge), seed)
                compare(entity_windows_case(seed, match, keys, knowledge), seed)
                compare(entity_lookup_case(seed, match, keys, knowledge), seed)

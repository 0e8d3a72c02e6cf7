"""Every engine gives the rows of the reference: one test body for all of them.

A seed gives one case for each way to match, kind of key and knowledge time; each holds every
aggregate over every kind of window, or a look-up. `make soak` goes on with other seeds.
"""

from __future__ import annotations

import time
from itertools import count, product

import pytest
from tests.conformance.engines import ENGINES

from tests.conformance.check import check
from tests.conformance.generate import (
    KEYS,
    KNOWLEDGE,
    MATCHES,
    Keys,
    Knowledge,
    Match,
    lookup_case,
    windows_case,
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
def test_lookups_equal_the_reference(
    engine: str, match: Match, keys: Keys, knowledge: Knowledge
) -> None:
    for seed in range(3):
        check(ENGINES[engine](), lookup_case(seed, match, keys, knowledge))


@pytest.mark.soak
@pytest.mark.parametrize("engine", ENGINES)
def test_a_million_cases_equal_the_reference(engine: str) -> None:
    asked = ENGINES[engine]()
    compared, started = 0, time.monotonic()
    for seed in count(1000):
        for match, keys, knowledge in product(MATCHES, KEYS, KNOWLEDGE):
            compared += check(asked, windows_case(seed, match, keys, knowledge))
            for part in range(4):
                compared += check(asked, lookup_case(4 * seed + part, match, keys, knowledge))
        seconds = time.monotonic() - started
        line = f"{engine}: seed {seed}, {compared:,} cases in {seconds:.0f} s"
        print(line, flush=True)  # noqa: T201
        if compared >= SOAK:
            break

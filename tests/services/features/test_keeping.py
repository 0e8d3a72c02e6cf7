"""What a store lacks of the sets that are wanted, and what it serves and forgets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bighead.planner.session import Session
from bighead.platform.features.batches import Batches
from bighead.platform.features.keeping import (
    Held,
    Wanted,
    hold,
    lacks,
    retire,
    serve_ready,
    versions_of,
    withdraw_others,
)
from bighead.storage.fetch.served import offers
from bighead.storage.store import Store
from bighead.storage.upload.building import Asked
from bighead.storage.upload.uploads import adopt, build
from bighead.zipline.catalog import FeatureSet

SOURCE = """
CREATE OR REPLACE EVENT SOURCE stays (id BIGINT, listing BIGINT, nights BIGINT, ts TIMESTAMP)
EVENT TIME ts {rule} (batch = 'stays.csv', stream = 'stays.jsonl'{cut})
"""
SET = """
CREATE OR REPLACE FEATURE SET nights WITH (online = true) AS
SELECT listing, {feature} AS nights FROM stays GROUP BY listing
"""
LINES = "id,listing,nights,ts\n1,7,2,2025-01-01 10:00:00\n"
BY_IDENTITY = SOURCE.format(rule="IDENTITY (id) WITH", cut="")
BY_CUT = SOURCE.format(rule="WITH", cut=", cut = true")
YEAR_2025 = 1_735_689_600_000_000
YEAR_2026 = 1_767_225_600_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    (tmp_path / "stays.csv").write_text(LINES)
    with Store.open(tmp_path / "online") as opened:
        yield opened


def wanted(tmp_path: Path, source: str, feature: str, version: int) -> Wanted:
    session = Session(folder=tmp_path)
    session.sql(source)
    session.sql(SET.format(feature=feature))
    definition = session.definitions.get("nights")
    assert isinstance(definition, FeatureSet)
    return Wanted([(definition, version)], Batches(session))


def uploaded(store: Store, tmp_path: Path, want: Wanted, name: str) -> None:
    path = tmp_path / "online"
    read = want.batches.read(YEAR_2026)
    adopt(store, path, build(store, path, name, Asked(YEAR_2026), read))


@pytest.mark.parametrize(
    ("source", "changed"),
    [(BY_IDENTITY, "the batch of stays has changed"), (BY_CUT, "")],
    ids=["identity", "cut"],
)
def test_a_set_lacks_its_batch_until_it_is_uploaded(
    store: Store, tmp_path: Path, source: str, changed: str
) -> None:
    want = wanted(tmp_path, source, "SUM(nights)", 1)
    ((held,), refused) = hold(store, want)
    assert refused == []
    assert held == Held(want.sets[0][0], 1, ("nights@1",))
    assert lacks(store, "nights@1", want.batches, None) == "it has no batch yet"
    assert serve_ready(store, [held], ["nights@1"]) == []
    uploaded(store, tmp_path, want, "nights@1")
    assert lacks(store, "nights@1", want.batches, None) == ""
    assert lacks(store, "nights@1", want.batches, YEAR_2025) == ""
    assert lacks(store, "nights@1", want.batches, YEAR_2026 + 1) == "its batch is older than asked"
    assert [o.name for o in serve_ready(store, [held], [])] == ["nights@1"]
    assert serve_ready(store, [held], []) == []
    before = versions_of(store, [held], want.batches)
    (tmp_path / "stays.csv").write_text(f"{LINES}2,7,3,2025-01-02 10:00:00\n")
    assert versions_of(store, [held], want.batches) != before
    assert lacks(store, "nights@1", want.batches, None) == changed
    (tmp_path / "stays.csv").unlink()
    assert versions_of(store, [held], want.batches) == {"stays": ""}


def test_the_last_two_versions_are_kept_and_what_is_not_wanted_is_not_served(
    store: Store, tmp_path: Path
) -> None:
    for version, feature in enumerate(("SUM(nights)", "MAX(nights)", "MIN(nights)"), start=1):
        want = wanted(tmp_path, BY_IDENTITY, feature, version)
        held, _ = hold(store, want)
        assert retire(store, held) == [], "the one before is served until this one is"
        serve_ready(store, held, [])
        assert retire(store, held) == (["nights@1"] if version == 3 else [])
    assert set(store.sets) == {"nights@2", "nights@3"}
    assert set(offers(store.database)) == {"nights", "nights@2", "nights@3"}
    assert list(withdraw_others(store, [])) == ["nights"]
    assert offers(store.database) == {}
    assert set(store.sets) == {"nights@2", "nights@3"}, "should they come back"

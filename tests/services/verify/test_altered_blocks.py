"""Blocks of the store that somebody altered: what they serve is different, or an error."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from tests.services.verify.shop import Shop, booking, shop

SQL = """
CREATE EVENT SOURCE bookings (id BIGINT, listing BIGINT, nights BIGINT, ts TIMESTAMP)
    EVENT TIME ts IDENTITY (id);
CREATE EVENT SOURCE views (listing BIGINT, ts TIMESTAMP) EVENT TIME ts;
CREATE ENTITY SOURCE listings (listing BIGINT, at TIMESTAMP) PRIMARY KEY (listing) CHANGED AT at;
CREATE ENTITY SOURCE hosts (host BIGINT) PRIMARY KEY (host) STATIC;
CREATE EVENT SOURCE requests (request_id BIGINT, ts TIMESTAMP) EVENT TIME ts;
CREATE FEATURE SET nights AS
SELECT listing, SUM(nights) AS nights, COUNT(*) OVER (LAST '7d') AS week, LAST(nights) AS last,
       MAX(nights) OVER (LAST 3 ROWS) AS most
FROM bookings GROUP BY listing;
"""


def test_a_value_that_was_changed_in_its_block_is_different(tmp_path: Path) -> None:
    rows = [booking(1, 1, 3), booking(2, 2, 4)]
    with shop(tmp_path, SQL, ("nights",)) as made, shop(tmp_path / "o", SQL, ("nights",)) as other:
        made.offline(bookings=rows)
        made.takes("bookings", *rows)
        other.takes("bookings", rows[0], booking(2, 2, 5))
        for each in (made, other):
            each.store.fold()
        others: Any = dict(other.store.database.scan("blocks", b"", b"\xff"))
        changed: Any = {("blocks", key): data for key, data in others.items()}
        made.fetch("nights", 8)
        made.store.database.write(changed, sync=False)
        made.fetch("nights", 8)
        found = made.verify()
    assert {f.name: dict(f.counts) for f in found.features} == {
        "nights": {"equal": 1, "different": 1},
        "week": {"equal": 2},
        "last": {"equal": 1, "different": 1},
        "most": {"equal": 1, "different": 1},
    }
    assert [(e.served, e.expected, e.rows) for e in found.examples if e.feature == "nights"] == [
        (8, 7, ())
    ]
    assert found.late == found.missing == found.ahead == {}


def test_whatever_bit_is_turned_no_value_is_explained_away(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    with shop(tmp_path, SQL, ("nights",)) as made:
        rows = [booking(i, 1 + 0.3 * i, 1 + i % 5, i % 2) for i in range(40)]
        made.offline(bookings=rows)
        made.takes("bookings", *rows)
        made.store.fold()
        blocks = list(made.store.database.scan("blocks", b"", b"\xff"))
        truth = list(made.fetch("nights", 10, listing=[0, 1]))
        wanted = {name: Counter({"equal": 2}) for name in truth[0]}
        for _ in range(150):
            for name, outcomes in served(made, blocks, rng, truth).items():
                wanted[name] += outcomes
        found = made.verify()
    assert {f.name: f.counts for f in found.features} == wanted
    assert found.count("different") > 4


def served(
    made: Shop, blocks: list[tuple[bytes, bytes]], rng: np.random.Generator, truth: list[Any]
) -> dict[str, Counter[str]]:
    """By feature, what verifying has to find after a bit of a block was turned."""
    key, data = blocks[int(rng.integers(len(blocks)))]
    turned = bytearray(data)
    turned[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
    made.store.database.write({("blocks", key): bytes(turned)}, sync=False)
    found = {name: Counter[str]() for name in truth[0]}
    try:
        answer = made.fetch("nights", 10, listing=[0, 1])
    finally:
        made.store.database.write({("blocks", key): data}, sync=False)
    without = {(e.entity, n) for e in answer.errors for n in e.columns or truth[0]}
    for entity, row in enumerate(answer):
        for name, value in row.items():
            if (entity, name) not in without:
                found[name]["equal" if value == truth[entity][name] else "different"] += 1
    return found

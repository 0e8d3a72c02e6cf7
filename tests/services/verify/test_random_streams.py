"""Rows that come on time, late, altered or never, at random: each value has the outcome it must."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bighead.planner.session import Session
from bighead.platform.features.verify.report import SetFound
from tests.services.verify.shop import SETS, SQL, Rows, at, booking, listed, look, shop

SOURCES = ("bookings", "views", "listings", "hosts")
FATES = ("now", "late", "never")


@dataclass(frozen=True)
class Row:
    source: str
    values: dict[str, Any]
    fate: str


@st.composite
def rows_drawn(draw: st.DrawFn) -> list[Row]:
    """Rows around few days, of two listings and two hosts, and what becomes of each."""
    found = []
    days = st.sampled_from([1.0, 2.0, 5.0, 8.0, 8.5, 9.0])
    for number in range(draw(st.integers(1, 14))):
        source = draw(st.sampled_from(SOURCES))
        day, listing = draw(days), draw(st.integers(1, 2))
        if source == "bookings":
            values = booking(number, day, draw(st.integers(0, 3)), listing)
        elif source == "views":
            values = look(day, draw(st.sampled_from([0.1, 0.5])), day + draw(st.integers(0, 2)))
        elif source == "listings":
            city = draw(st.sampled_from(["Lima", "Oslo"]))
            values = listed(day, city, draw(st.integers(1, 2)), listing)
        else:
            tier = draw(st.sampled_from(["gold", "plain"]))
            values = {"host": draw(st.integers(1, 2)), "tier": tier, "updated": at(day)}
        found.append(Row(source, values, draw(st.sampled_from(FATES))))
    return found


def expected(rows: list[Row], fates: tuple[str, ...], day: float) -> dict[str, list[Any]]:
    """What the reference makes of rows of some fates, for each listing."""
    session = Session("reference")
    session.sql(SQL)
    offline: dict[str, Rows] = {name: [] for name in SOURCES}
    for row in rows:
        if row.fate in fates:
            offline[row.source].append(row.values)
    for name, held in offline.items():
        source: Any = session.definitions.get(name)
        session.supply(name, pa.Table.from_pylist(held, source.scanned))
    spine = [{"request_id": i, "listing": i, "guests": 2, "ts": at(day)} for i in (1, 2)]
    requests: Any = session.definitions.get("requests")
    session.supply("requests", pa.Table.from_pylist(spine, requests.scanned))
    table = session.sql("SELECT * FROM risk").to_arrow().drop_columns(["request_id"])
    return {name: table[name].to_pylist() for name in table.column_names}


def outcome(served: Any, whole: Any, ever: Any) -> str:
    """What a value has to be, by what was there when it was served, ever, and offline."""
    if same(served, whole):
        return "equal"
    return "late" if same(ever, whole) else "missing"


def same(a: Any, b: Any) -> bool:
    """Whether values are equal; a deviation may be rounded."""
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-10)
    return bool(a == b)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=rows_drawn(), day=st.sampled_from([8.5, 10]))
def test_each_value_has_its_outcome(rows: list[Row], day: float) -> None:
    check("risk", rows, day)


@pytest.mark.soak
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=rows_drawn(), day=st.sampled_from([8.5, 10]))
def test_each_value_of_many_has_its_outcome(rows: list[Row], day: float) -> None:
    check("risk", rows, day)


def check(name: str, rows: list[Row], day: float) -> None:
    """Serve between what comes on time and what comes late, then verify."""
    with tempfile.TemporaryDirectory() as folder, shop(Path(folder), SQL, SETS) as made:
        made.offline(**{s: [r.values for r in rows if r.source == s] for s in SOURCES})
        for row in rows:
            if row.fate == "now":
                made.takes(row.source, row.values)
        answer = made.fetch(name, day, listing=[1, 2], guests=[2, 2])
        for row in rows:
            if row.fate == "late":
                made.takes(row.source, row.values)
        found = made.verify(name)
        served = expected(rows, ("now",), day)
        ever = expected(rows, ("now", "late"), day)
        whole = expected(rows, FATES, day)
    for feature, values in served.items():
        fetched = [row[feature] for row in answer]
        assert all(map(same, fetched, values)), feature
    for feature, values in whole.items():
        triples = zip(served[feature], values, ever[feature], strict=True)
        wanted = sorted(outcome(*each) for each in triples)
        assert sorted(told(found, feature)) == wanted, feature


def told(found: SetFound, feature: str) -> list[str]:
    """The outcomes of a feature, one by one."""
    (one,) = (f for f in found.features if f.name == feature)
    return [o for o, n in one.counts.items() for _ in range(n)]

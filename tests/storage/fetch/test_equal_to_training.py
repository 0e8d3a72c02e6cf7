"""What is fetched for a row of the spine is what training has for it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from bighead.storage.fetch.client import Client
from tests.storage.fetch.stays import NEEDED, Stays

SERVED = (
    "nights_7d", "nights_30d", "bookings_7d", "bookings_30d", "price", "by_room", "last_room",
    "latest", "recent_price", "all_bookings", "city", "tier", "country", "fitting_price", "burst",
    "hour", "busy",
)  # fmt: skip


def of_spine(data: Stays, first: int = 0, rows: int | None = None) -> dict[str, Any]:
    """What the rows of the spine give a request."""
    spine = data.tables["requests"].slice(first, rows)
    return {name: spine[name] for name in NEEDED}


def test_a_training_set_by_name_is_what_training_has_for_every_row(
    client: Client, data: Stays
) -> None:
    expected = data.expected("SELECT * FROM stay_risk").select(SERVED)
    answer = client.fetch("stay_risk", of_spine(data))
    assert answer.errors == ()
    assert answer.batch.schema == expected.schema
    assert answer.to_pylist() == expected.to_pylist()
    assert sum(row["bookings_30d"] > 1 for row in answer) > 40
    assert len({row["tier"] for row in answer}) == 3


def test_one_row_at_a_time_is_the_same(client: Client, data: Stays) -> None:
    whole = client.fetch("stay_risk", of_spine(data)).to_pylist()
    for row in range(0, len(whole), 7):
        answer = client.fetch("stay_risk", of_spine(data, row, 1))
        assert answer.to_pylist() == [whole[row]]


def test_the_time_may_stand_in_the_request_instead_of_its_columns(
    client: Client, data: Stays
) -> None:
    given = of_spine(data)
    whole = client.fetch("stay_risk", given).to_pylist()
    times = given.pop("ts")
    assert client.fetch("stay_risk", given, at=times).to_pylist() == whole
    one = {name: values.slice(3, 1) for name, values in given.items()}
    assert client.fetch("stay_risk", one, at=times[3].as_py()).to_pylist() == [whole[3]]


def test_a_feature_set_by_name_is_what_it_is_as_of_the_time(client: Client, data: Stays) -> None:
    at = "2024-02-10 00:00:00"
    expected = data.expected(f"SELECT * FROM listing_bookings AS OF TIMESTAMP '{at}'")
    answer = client.fetch(
        "listing_bookings", {"listing": expected["listing"]}, at=_microseconds(at)
    )
    assert answer.to_pylist() == expected.drop_columns(["listing"]).to_pylist()


def test_several_sets_at_once_are_of_one_commit(client: Client, data: Stays) -> None:
    at = _microseconds("2024-02-10 00:00:00")
    given = {"listing": [1, 2], "room": ["private", "entire"]}
    names = ["room_bookings", "all_bookings", "listing_bookings"]
    answers = client.fetch_sets(names, given, at=at)
    assert [a.set for a in answers] == names
    assert len({a.commit for a in answers}) == 1
    alone = client.fetch("listing_bookings", {"listing": [1, 2]}, at=at)
    assert answers[2].to_pylist() == alone.to_pylist()
    assert [len(a) for a in answers] == [2, 2, 2]


def test_a_set_without_a_key_is_asked_for_nothing(client: Client, data: Stays) -> None:
    at = "2024-02-10 00:00:00"
    expected = data.expected(f"SELECT * FROM all_bookings AS OF TIMESTAMP '{at}'")
    assert client.fetch("all_bookings", at=_microseconds(at)).to_pylist() == expected.to_pylist()


def test_more_entities_than_a_piece_are_the_same(client: Client, data: Stays) -> None:
    given = {n: pa.concat_arrays([*v.chunks] * 20) for n, v in of_spine(data).items()}
    answer = client.fetch("stay_risk", given)
    once = client.fetch("stay_risk", of_spine(data))
    assert answer.to_pylist() == once.to_pylist() * 20
    assert answer.groups["b"].statuses == once.groups["b"].statuses * 20


@pytest.mark.parametrize("name", ["b", "a", "l", "h", "c", "p"])
def test_a_group_is_missing_where_an_inner_join_would_drop_the_row(
    client: Client, data: Stays, name: str
) -> None:
    column = {"b": "bookings_30d", "a": "all_bookings", "l": "city", "h": "tier"}
    answer = client.fetch("stay_risk", of_spine(data))
    statuses = answer.groups[name].statuses
    assert set(statuses) <= {"FRESH", "STALE", "MISSING"}
    assert "MISSING" in statuses or name == "a"
    for row, status in zip(answer.to_pylist(), statuses, strict=True):
        if status == "MISSING" and name in column:
            assert row[column[name]] in (None, 0)


def _microseconds(text: str) -> int:
    moment: Any = pa.scalar(text).cast(pa.timestamp("us"))
    value: int = moment.value
    return value

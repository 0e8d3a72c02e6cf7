"""Entities without an answer: each is told why; columns that do not depend on it have theirs."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest

from bighead.planner.session import Session
from bighead.storage.fetch.client import Client
from bighead.storage.fetch.served import serve
from bighead.storage.store import Settings, Store
from bighead.zipline.catalog import FeatureSet, TrainingSet
from tests.storage.fetch.running import serving
from tests.storage.fetch.stays import DAY, START, moments

SQL = """
CREATE EVENT SOURCE payments (id BIGINT, account BIGINT, cents BIGINT, ts TIMESTAMP)
    EVENT TIME ts IDENTITY (id);
CREATE EVENT SOURCE refunds (id BIGINT, account BIGINT, cents BIGINT, ts TIMESTAMP)
    EVENT TIME ts IDENTITY (id);
CREATE EVENT SOURCE chargebacks (id BIGINT, account BIGINT, cents BIGINT, ts TIMESTAMP)
    EVENT TIME ts IDENTITY (id);
CREATE EVENT SOURCE checks (account BIGINT, ts TIMESTAMP) EVENT TIME ts;
CREATE FEATURE SET paid AS
SELECT account, SUM(cents) OVER (LAST '1d') AS cents, COUNT(*) OVER (LAST '1d') AS payments
FROM payments GROUP BY account;
CREATE FEATURE SET by_cents AS
SELECT cents AS amount, COUNT(*) OVER (LAST '1d') AS others FROM payments GROUP BY cents;
CREATE TRAINING SET fraud AS
SELECT p.payments, p.cents / 100 AS euros, o.others, p.payments * 2 AS twice
FROM checks AS q
ASOF LEFT JOIN paid AS p MATCH_CONDITION (q.ts > p.event_time) ON p.account = q.account
ASOF LEFT JOIN by_cents AS o MATCH_CONDITION (q.ts > o.event_time) ON o.amount = p.cents;
CREATE FEATURE SET slow WITH (stale_after = '3h') AS
SELECT account, COUNT(*) OVER (LAST '1d') AS payments FROM payments GROUP BY account;
CREATE FEATURE SET moved AS
SELECT account, COUNT(*) OVER (LAST '1d') AS n FROM payments UNION ALL refunds GROUP BY account;
CREATE FEATURE SET lost AS
SELECT account, COUNT(*) AS n FROM payments UNION ALL chargebacks GROUP BY account;
"""
HORIZON = START + 10 * DAY
LATER = START + 20 * DAY


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    path = tmp_path_factory.mktemp("faults") / "store"
    session = Session("reference")
    session.sql(SQL)
    rows = pa.table({
        "id": pa.array(range(5), pa.int64()),
        "account": pa.array([1, 1, 2, 2, 3], pa.int64()),
        "cents": pa.array([500, 700, 2**62, 2**62, 1200], pa.int64()),
        "ts": moments([LATER - 1] * 5),
    })  # fmt: skip
    with Store.open(path, Settings(leaf=8, logged=4)) as store:
        for name in ("paid", "fraud", "slow", "moved", "lost"):
            definition = session.definitions.get(name)
            assert isinstance(definition, FeatureSet | TrainingSet)
            serve(store, definition)
        store.ingest("payments", rows)
        store.ingest("refunds", rows.slice(0, 1).set_column(3, "ts", moments([LATER - DAY])))
        store.sweep("paid", HORIZON)
    with serving(path) as running, Client(running.address, timeout=20.0) as opened:
        yield opened


def test_a_sum_that_overflows_is_an_error_of_its_entity_and_column(client: Client) -> None:
    answer = client.fetch("paid", {"account": [1, 2, 3]}, at=LATER)
    (error,) = answer.errors
    assert (error.entity, error.code, error.columns) == (1, "NO_RESULT", ("cents",))
    assert error.message == "SUM(cents) (cents) does not fit BIGINT or DECIMAL(38, s)"
    assert answer.to_pylist() == [
        {"cents": 1200, "payments": 2},
        {"cents": None, "payments": 2},
        {"cents": 1200, "payments": 1},
    ]


def test_what_is_made_of_it_has_no_value_either_through_further_joins(client: Client) -> None:
    answer = client.fetch("fraud", {"account": [1, 2]}, at=LATER)
    (error,) = answer.errors
    assert (error.entity, error.columns) == (1, ("euros", "others"))
    assert answer.to_pylist() == [
        {"payments": 2, "euros": 12.0, "others": 1, "twice": 4},
        {"payments": 2, "euros": None, "others": None, "twice": 4},
    ]


def test_a_time_whose_rows_are_gone_is_an_error_of_its_entity(client: Client) -> None:
    times = pa.array([LATER, HORIZON, LATER], pa.int64())
    answer = client.fetch("paid", {"account": [1, 1, 3]}, at=times)
    (error,) = answer.errors
    assert (error.entity, error.code) == (1, "BEYOND_RETENTION")
    assert error.columns == ("cents", "payments")
    assert "rows are no longer kept" in error.message
    rows = answer.to_pylist()
    assert rows[1] == {"cents": None, "payments": None}
    assert rows[0] == {"cents": 1200, "payments": 2}
    assert answer.groups["paid"].statuses[0] == "FRESH"


def test_the_age_is_how_far_the_store_is_behind(client: Client) -> None:
    hour = 3_600_000_000
    asked = [LATER, LATER - 1 + hour, LATER + hour, None]
    answer = client.fetch("paid", {"account": [1] * 4}, at=pa.array(asked, pa.int64()))
    group = answer.groups["paid"]
    assert group.ages.tolist() == [1, hour, hour + 1, -1]
    assert group.statuses == ("FRESH", "FRESH", "STALE", "MISSING")
    early = client.fetch("paid", {"account": [1]}, at=LATER - 1)
    assert early.groups["paid"].ages.tolist() == [0]
    assert early.groups["paid"].statuses == ("MISSING",)


def test_a_set_says_itself_when_it_is_stale(client: Client) -> None:
    hour = 3_600_000_000
    asked = pa.array([LATER - 1 + 3 * hour, LATER + 3 * hour], pa.int64())
    answer = client.fetch("slow", {"account": [1] * 2}, at=asked)
    assert answer.groups["slow"].statuses == ("FRESH", "STALE")


def test_of_several_sources_it_is_told_which_one_is_behind(client: Client) -> None:
    moved, lost, paid = client.fetch_sets(["moved", "lost", "paid"], {"account": [1]}, at=LATER)
    group = moved.groups["moved"]
    assert (group.ages.tolist(), group.statuses) == ([DAY], ("STALE",))
    assert group.sources == {"payments": LATER - 1, "refunds": LATER - DAY}
    assert lost.groups["lost"].sources == {"payments": LATER - 1, "chargebacks": None}
    assert lost.groups["lost"].ages.tolist() == [-1]
    assert paid.groups["paid"].sources == {}, "of one source the age says it"

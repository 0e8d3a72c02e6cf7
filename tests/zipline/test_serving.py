"""What a request for a set is given and gets, and which sets are offline only."""

from __future__ import annotations

import pyarrow as pa
import pytest

from bighead.planner.session import Session
from bighead.zipline.catalog import FeatureSet, TrainingSet
from bighead.zipline.errors import UnsupportedError
from bighead.zipline.ir.nodes import Lookup, View
from bighead.zipline.serving import Serving, serving

SOURCES = """
CREATE EVENT SOURCE bookings (id BIGINT, listing BIGINT, nights BIGINT, ts TIMESTAMP)
    EVENT TIME ts IDENTITY (id);
CREATE ENTITY SOURCE listings (listing BIGINT, host BIGINT, updated TIMESTAMP)
    PRIMARY KEY (listing) CHANGED AT updated;
CREATE ENTITY SOURCE cities (city VARCHAR, country VARCHAR) PRIMARY KEY (city) STATIC;
CREATE EVENT SOURCE requests (request_id BIGINT, listing BIGINT, city VARCHAR, n BIGINT,
    risky BOOLEAN, ts TIMESTAMP, seen TIMESTAMP) EVENT TIME ts;
CREATE FEATURE SET booked AS
SELECT listing, SUM(nights) OVER (LAST '7d', '30d') AS nights,
       SUM(nights) OVER (LAST '7d') / COUNT(*) OVER (LAST '7d') AS share
FROM bookings GROUP BY listing;
"""


def served(statement: str) -> Serving:
    """The last set that statements declare."""
    session = Session("reference")
    session.sql(SOURCES)
    session.sql(statement)
    found = list(session.definitions)[-1]
    assert isinstance(found, FeatureSet | TrainingSet)
    return serving(found)


def training(select: str, joins: str, rest: str = "") -> Serving:
    return served(f"CREATE TRAINING SET made AS SELECT {select} FROM requests AS q {joins} {rest}")


def given(found: Serving) -> dict[str, bool]:
    """The names of inputs, and which may be left out."""
    return {i.name: i.optional for i in found.inputs}


BOOKED = "ASOF LEFT JOIN booked AS b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = q.listing"


def test_a_feature_set_is_given_its_key() -> None:
    found = served("CREATE FEATURE SET made AS SELECT listing, COUNT(*) AS n FROM bookings "
                   "GROUP BY listing")  # fmt: skip
    assert given(found) == {"listing": False}
    assert found.schema == pa.schema([("n", pa.int64())])
    assert found.time is None


def test_a_training_set_is_given_what_its_joins_and_derived_columns_read() -> None:
    found = training("q.request_id, q.city, b.*, b.nights_7d * q.n AS busy, LABEL q.risky", BOOKED)
    assert given(found) == {"listing": False, "n": False, "ts": True}
    assert found.schema.names == ["nights_7d", "nights_30d", "share", "busy"]
    (group,) = found.groups
    assert (group.name, group.inclusive, type(group.right)) == ("b", False, View)


def test_where_chooses_rows_to_train_on_and_no_request() -> None:
    assert given(training("b.nights_7d", BOOKED, "WHERE q.n > 3")) == {"listing": False, "ts": True}


def test_a_column_of_the_time_that_is_read_otherwise_too_is_needed_unless_it_is_the_time() -> None:
    hour = "EXTRACT(HOUR FROM q.ts) AS hour"
    assert given(training(f"b.nights_7d, {hour}", BOOKED))["ts"] is True
    later = BOOKED.replace("q.ts >", "q.ts - INTERVAL '2' HOUR >")
    assert given(training(f"b.nights_7d, {hour}", later))["ts"] is False
    assert given(training("b.nights_7d", later))["ts"] is True


def test_columns_of_a_sub_query_are_asked_for_under_its_names() -> None:
    spine = "(SELECT *, ts - INTERVAL '2' HOUR AS asked FROM requests) AS q"
    found = served(
        f"CREATE TRAINING SET made AS SELECT b.nights_7d FROM {spine} "
        + BOOKED.replace("q.ts", "q.asked")
    )
    assert given(found) == {"listing": False, "asked": True}


def test_labels_have_no_part_in_a_request() -> None:
    label = ("LABEL LEFT JOIN (SELECT listing, COUNT(*) OVER (NEXT '7d') AS coming FROM bookings "
             "GROUP BY listing) AS y MATCH_CONDITION (y.event_time >= q.seen) "
             "ON y.listing = q.listing")  # fmt: skip
    found = training("b.nights_7d, y.coming", f"{BOOKED} {label}")
    assert given(found) == {"listing": False, "ts": True}
    assert found.schema.names == ["nights_7d"]
    assert [g.name for g in found.groups] == ["b"]


def test_a_join_by_what_another_found_follows_it() -> None:
    found = training(
        "l.host, b.nights_7d",
        "ASOF LEFT JOIN listings AS l MATCH_CONDITION (q.ts > l.updated) ON l.listing = q.listing "
        "ASOF LEFT JOIN booked AS b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = l.host",
    )  # fmt: skip
    assert [g.name for g in found.groups] == ["l", "b"]
    assert found.made_of({"l.host"}) == ("host", "nights_7d")
    assert found.made_of({"b.nights_7d"}) == ("nights_7d",)
    assert found.read_of(found.groups[1]) == ("nights_7d",)


def test_rows_of_a_static_entity_are_events_of_one_time() -> None:
    found = training("c.country, b.nights_7d", f"{BOOKED} LEFT JOIN cities AS c ON c.city = q.city")
    group = found.groups[1]
    assert group.timeless
    assert isinstance(group.right, Lookup)
    assert given(found) == {"listing": False, "city": False, "ts": True}


@pytest.mark.parametrize(
    ("select", "joins", "message"),
    [
        ("b.nights_7d, l.host",
         (f"{BOOKED} ASOF LEFT JOIN listings AS l MATCH_CONDITION (q.seen > l.updated) "
          "ON l.listing = q.listing"),
         ("the joins of made are as of different times, q.seen and q.ts, so it is offline only; "
          "give its MATCH_CONDITIONs one left side")),
        ("q.request_id, LABEL q.risky", "",
         "made has no feature and no derived column, so that there is nothing to fetch"),
    ],
)  # fmt: skip
def test_what_is_offline_only_says_why(select: str, joins: str, message: str) -> None:
    with pytest.raises(UnsupportedError) as raised:
        training(select, joins)
    assert str(raised.value) == message


def test_a_set_over_a_training_set_is_offline_only() -> None:
    with pytest.raises(UnsupportedError, match="is a set of joined rows itself, so it is offline"):
        served(
            "CREATE TRAINING SET inner_set AS SELECT q.listing, q.ts, b.nights_7d "
            f"FROM requests AS q {BOOKED};"
            "CREATE TRAINING SET outer_set AS SELECT q.nights_7d + 1 AS more, b.nights_30d "
            f"FROM inner_set AS q {BOOKED}"
        )


def test_labels_are_not_served() -> None:
    with pytest.raises(UnsupportedError, match="holds labels"):
        served("CREATE FEATURE SET made AS SELECT listing, COUNT(*) OVER (NEXT '7d') AS n "
               "FROM bookings GROUP BY listing")  # fmt: skip

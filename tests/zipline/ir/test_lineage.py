"""Which columns a column comes from, through every node of a plan."""

from bighead.planner.session import Session
from bighead.zipline.ir.lineage import RULES, lineage
from bighead.zipline.ir.records import NODES

SOURCES = """
CREATE EVENT SOURCE bookings (id BIGINT, listing BIGINT, room VARCHAR, nights INT, price DOUBLE,
  ts TIMESTAMP, loaded TIMESTAMP) EVENT TIME ts KNOWN AT loaded IDENTITY (id);
CREATE EVENT SOURCE stays (listing BIGINT, nights INT, ts TIMESTAMP) EVENT TIME ts;
CREATE EVENT SOURCE rents (listing BIGINT, nights INT, ts TIMESTAMP) EVENT TIME ts;
CREATE ENTITY SOURCE listings (listing BIGINT, host BIGINT, city VARCHAR, at TIMESTAMP)
  PRIMARY KEY (listing) CHANGED AT at;
CREATE ENTITY SOURCE cities (city VARCHAR, land VARCHAR) PRIMARY KEY (city) STATIC;
CREATE EVENT SOURCE requests (id BIGINT, listing BIGINT, city VARCHAR, ok BOOLEAN, ts TIMESTAMP)
  EVENT TIME ts;
CREATE FEATURE SET activity AS
SELECT listing, SUM(nights) OVER (LAST '7d', '30d') AS nights,
       AVG(price) FILTER (WHERE nights > 1) OVER (LAST '7d') AS price,
       SUM(nights) BY room OVER (LAST '7d') AS by_room, COUNT(*) OVER (LAST '7d') AS count,
       SUM(price) OVER (LAST '7d') / COUNT(*) OVER (LAST '7d') AS each
FROM bookings WHERE price > 0 GROUP BY listing;
"""


def traced(statement: str) -> dict[str, list[str]]:
    """'name.column' for a value, 'name.column role' for all else."""
    session = Session()
    session.sql(SOURCES + statement)
    *_, definition = session.definitions
    inputs = {name: session.definitions.get(name) for name in getattr(definition, "uses", ())}
    return {
        column: [
            f"{o.name}.{o.column}" + ("" if o.role == "value" else f" {o.role}") for o in found
        ]
        for column, found in lineage(definition, inputs).items()
    }


def training(columns: str, joins: str) -> dict[str, list[str]]:
    return traced(f"CREATE TRAINING SET t AS SELECT {columns} FROM requests AS q {joins}")


ROWS = ["bookings.listing key", "bookings.loaded time", "bookings.ts time"]
KEPT = ["bookings.id filter", "bookings.price filter"]


def test_every_node_has_a_rule() -> None:
    assert set(NODES) == set(RULES)


def test_a_feature_comes_from_what_it_aggregates_and_from_what_chooses_the_rows() -> None:
    found = traced("")
    assert found["nights_7d"] == ["bookings.nights", *ROWS, *KEPT]
    assert found["count"] == [*ROWS, *KEPT]
    assert found["price"] == [
        "bookings.price", *ROWS, "bookings.id filter", "bookings.nights filter",
        "bookings.price filter",
    ]  # fmt: skip
    assert found["by_room"] == [
        "bookings.nights", "bookings.listing key", "bookings.room key", *ROWS[1:], *KEPT,
    ]  # fmt: skip
    assert found["each"] == ["bookings.price", *ROWS, *KEPT]


def test_a_union_has_the_columns_of_both() -> None:
    found = traced(
        "CREATE FEATURE SET f AS SELECT listing, MAX(nights) AS most "
        "FROM stays UNION ALL rents GROUP BY listing"
    )
    assert found["most"][:2] == ["rents.nights", "stays.nights"]


def test_a_training_set_names_the_columns_of_the_sets_it_joins() -> None:
    join = (
        "ASOF {} JOIN activity AS a MATCH_CONDITION (q.ts > a.event_time) ON a.listing = q.listing"
    )
    found = training("q.id, a.each, a.nights_7d + a.nights_30d AS both", join.format("LEFT"))
    chosen = ["requests.listing key", "requests.ts time"]
    assert found == {
        "id": ["requests.id"],
        "each": ["activity.each", *chosen],
        "both": ["activity.nights_30d", "activity.nights_7d", *chosen],
    }
    kept = training("q.id", join.format("INNER"))["id"]
    assert {"activity.count filter", "requests.listing key", "requests.id"} <= set(kept)


def test_the_spine_where_and_a_looked_up_row() -> None:
    found = training(
        "q.id, l.city",
        "ASOF LEFT JOIN listings AS l MATCH_CONDITION (q.ts > l.at) "
        "ON l.listing = q.listing AND l.host > 5 WHERE q.ok",
    )
    assert found["id"] == ["requests.id", "requests.ok filter"]
    assert found["city"] == [
        "listings.city", "listings.listing key", "requests.listing key", "listings.at time",
        "requests.ts time", "listings.host filter", "requests.ok filter",
    ]  # fmt: skip


def test_a_static_entity_is_joined_by_its_key() -> None:
    found = training("c.land, UPPER(c.land) AS loud", "LEFT JOIN cities AS c ON c.city = q.city")
    assert found["land"] == found["loud"] == [
        "cities.land", "cities.city key", "requests.city key",
    ]  # fmt: skip


def test_a_set_over_a_training_set_names_its_columns() -> None:
    found = traced(
        "CREATE TRAINING SET t AS SELECT q.id, q.listing, q.ts FROM requests AS q WHERE q.ok; "
        "CREATE TRAINING SET u AS SELECT t.id, a.count FROM t "
        "ASOF LEFT JOIN activity AS a MATCH_CONDITION (t.ts > a.event_time) "
        "ON a.listing = t.listing"
    )
    assert found == {"id": ["t.id"], "count": ["activity.count", "t.listing key", "t.ts time"]}


def test_a_source_comes_from_nothing() -> None:
    session = Session()
    session.sql(SOURCES)
    assert lineage(session.definitions.get("stays"), {}) == {"listing": (), "nights": (), "ts": ()}


def test_a_set_over_a_feature_set_names_its_features() -> None:
    found = traced(
        "CREATE FEATURE SET busiest AS SELECT listing, MAX(nights_7d) AS most FROM activity "
        "GROUP BY listing"
    )
    assert found["most"][0] == "activity.nights_7d"


def test_rows_of_an_entity_come_from_what_chooses_them() -> None:
    found = traced(
        "CREATE ENTITY SOURCE offers (offer BIGINT, host BIGINT, price DOUBLE, op VARCHAR, "
        "at TIMESTAMP, made TIMESTAMP) PRIMARY KEY (offer) CHANGED AT at EVENT TIME made "
        "WITH (op = 'op'); CREATE FEATURE SET f AS SELECT host, AVG(price) OVER (LAST '3d') AS p "
        "FROM offers WHERE price > 0 GROUP BY host"
    )
    assert found["p"] == [
        "offers.price", "offers.host key", "offers.offer key", "offers.at time",
        "offers.made time", "offers.op filter", "offers.price filter",
    ]  # fmt: skip

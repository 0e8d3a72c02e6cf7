"""WITH and sub-queries in sets mean what the same text without them means: the plans are equal."""

from __future__ import annotations

import pytest

from bighead.zipline.ir.nodes import Node
from bighead.zipline.sql import parse, references
from bighead.zipline.sql.commands import CreateFeatureSet, CreateTrainingSet, Query
from bighead.zipline.sql.spelling.fmt import fmt
from tests.zipline.sql.memory import homes

PLAIN = """
CREATE FEATURE SET f AS
SELECT listing, SUM(price * 2) OVER (LAST '7d') AS p, COUNT(*) AS n
FROM bookings WHERE n_nights > 1 GROUP BY listing
"""
FEATURE_SETS = {
    "a name": """
        CREATE FEATURE SET f AS WITH b AS (SELECT * FROM bookings WHERE n_nights > 1)
        SELECT listing, SUM(price * 2) OVER (LAST '7d') AS p, COUNT(*) AS n FROM b GROUP BY listing
    """,
    "a sub-query": """
        CREATE FEATURE SET f AS
        SELECT x.listing, SUM(doubled) OVER (LAST '7d') AS p, COUNT(*) AS n
        FROM (SELECT listing, price * 2 AS doubled FROM bookings WHERE n_nights > 1) AS x
        GROUP BY x.listing
    """,
    "a name that shadows": """
        CREATE FEATURE SET f AS WITH bookings AS (SELECT * FROM bookings WHERE n_nights > 1)
        SELECT listing, SUM(price * 2) OVER (LAST '7d') AS p, COUNT(*) AS n
        FROM bookings GROUP BY listing
    """,
    "names over names": """
        CREATE FEATURE SET f AS
        WITH a AS (SELECT listing AS l, price, n_nights AS n FROM bookings),
             B AS (SELECT y.l, y.price * 2 AS p FROM (SELECT * FROM a) AS y WHERE n > 1)
        SELECT l AS listing, SUM(p) OVER w AS p, COUNT(*) AS n FROM b GROUP BY l
        WINDOW w AS (RANGE INTERVAL '7' DAY PRECEDING)
    """,
    "a name within a name": """
        CREATE FEATURE SET f AS WITH a AS (
          WITH c AS (SELECT * FROM bookings) SELECT listing, price, n_nights FROM c
        )
        SELECT listing, SUM(price * 2) OVER (LAST '7d') AS p, COUNT(*) AS n
        FROM a WHERE n_nights > 1 GROUP BY listing
    """,
}


@pytest.mark.parametrize("way", FEATURE_SETS)
def test_a_feature_set_over_a_query_is_one_over_its_source(way: str) -> None:
    plain, text = _defined(PLAIN), _defined(FEATURE_SETS[way])
    if way == "names over names":  # its window has a name, and so its feature a suffix
        text, plain = str(text).replace("p_7d", "p"), str(plain)  # type: ignore[assignment]
    assert text == plain


def test_a_training_set_reads_names_in_every_place() -> None:
    plain = """
        CREATE TRAINING SET t AS SELECT q.id, f.n, b.price, LABEL y.n_1d AS n_1d
        FROM (SELECT request_id AS id, listing, ts FROM requests WHERE listing > 1) AS q
        ASOF LEFT JOIN (SELECT listing, COUNT(*) OVER (LAST '1d') AS n FROM bookings
                        WHERE price > 2 GROUP BY listing) AS f
          MATCH_CONDITION (q.ts > f.event_time) ON f.listing = q.listing
        ASOF LEFT JOIN (SELECT * FROM bookings WHERE price > 2) AS b
          MATCH_CONDITION (q.ts > b.ts) ON b.listing = q.listing
        LABEL LEFT JOIN (SELECT listing, COUNT(*) OVER w AS n FROM bookings WHERE price > 2
                         GROUP BY listing WINDOW w AS (NEXT '1d')) AS y
          MATCH_CONDITION (y.ts >= q.ts) ON y.listing = q.listing
    """
    named = """
        CREATE TRAINING SET t AS
        WITH dear AS (SELECT * FROM bookings WHERE price > 2),
             asked AS (SELECT request_id AS id, listing, ts FROM requests WHERE listing > 1),
             f AS (SELECT listing, COUNT(*) OVER (LAST '1d') AS n FROM dear GROUP BY listing),
             later AS (SELECT listing, COUNT(*) OVER w AS n FROM dear GROUP BY listing
                       WINDOW w AS (NEXT '1d'))
        SELECT q.id, f.n, b.price, LABEL y.n_1d AS n_1d
        FROM asked AS q
        ASOF LEFT JOIN f MATCH_CONDITION (q.ts > f.event_time) ON f.listing = q.listing
        ASOF LEFT JOIN dear AS b MATCH_CONDITION (q.ts > b.ts) ON b.listing = q.listing
        LABEL LEFT JOIN later AS y MATCH_CONDITION (y.ts >= q.ts) ON y.listing = q.listing
    """
    assert _defined(named) == _defined(plain)


def test_the_right_side_of_a_join_may_be_nested() -> None:
    flat = """
        SELECT q.ts, x.p, x.at FROM requests q ASOF LEFT JOIN (
          SELECT price * 2 AS p, ts AS at, listing
          FROM (SELECT * FROM bookings WHERE price > 2) AS y WHERE price * 2 < 9
        ) x MATCH_CONDITION (q.ts > x.ts) ON x.listing = q.listing
    """
    nested = """
        WITH dear AS (SELECT listing, price * 2 AS p, ts AS at FROM bookings WHERE price > 2)
        SELECT q.ts, x.p, x.at FROM requests q ASOF LEFT JOIN (
          SELECT p, at, listing FROM (SELECT * FROM dear) AS y WHERE p < 9
        ) x MATCH_CONDITION (q.ts > x.at) ON x.listing = q.listing
    """
    assert _asked(nested) == _asked(flat)


def test_what_a_definition_reads_leaves_its_own_names_out() -> None:
    text = """
        CREATE FEATURE SET f AS
        WITH bookings AS (SELECT * FROM bookings), b AS (SELECT * FROM data.bookings)
        SELECT COUNT(*) AS n FROM bookings
    """
    assert references(parse(text)[0]) == {"f": ("bookings",)}


@pytest.mark.parametrize("way", FEATURE_SETS)
def test_the_text_that_is_kept_has_its_names(way: str) -> None:
    made = homes().run(FEATURE_SETS[way])[-1]
    assert isinstance(made, CreateFeatureSet)
    assert made.feature_set.sql == fmt(FEATURE_SETS[way]).strip().rstrip(";")


def _defined(text: str) -> Node:
    made = homes().run(text)[-1]
    if isinstance(made, CreateFeatureSet):
        return made.feature_set.view
    assert isinstance(made, CreateTrainingSet)
    return made.training_set.plan


def _asked(text: str) -> Node:
    made = homes().run(text)[-1]
    assert isinstance(made, Query)
    return made.plan

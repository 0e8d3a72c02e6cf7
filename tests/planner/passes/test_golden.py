"""What each pass does, as text: the plan before and after it, in `golden/passes/<pass>.txt`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bighead.planner.passes.merge_joins import merge_joins
from bighead.planner.passes.merge_projects import merge_projects
from bighead.planner.passes.prune_columns import prune_columns
from bighead.planner.passes.prune_times import prune_times
from bighead.planner.passes.push_filters import NEVER_FAIL, push_filters
from bighead.planner.passes.share import share
from bighead.planner.passes.simplify import simplify
from bighead.planner.passes.to_tiles import to_tiles
from bighead.planner.pipeline import PASSES, TILING, Pass
from bighead.zipline.aggregates import AGGREGATES
from bighead.zipline.expressions import FUNCTIONS, call
from bighead.zipline.ir.expr import Call, Column, Literal
from bighead.zipline.ir.format import format_plan
from bighead.zipline.ir.nodes import (
    Filter,
    Keys,
    Lookup,
    Node,
    Project,
    Relational,
    StaticJoin,
    UnionAll,
    View,
)
from bighead.zipline.ir.tiled import STATES as ALL_STATES
from bighead.zipline.ir.types import BIGINT, BOOLEAN, DOUBLE, INTEGER
from bighead.zipline.ir.verify import verify
from bighead.zipline.tiled_view import STATES
from bighead.zipline.windows import DAY, HOUR, Window
from tests.planner.passes.plans import (
    AHEAD,
    BOOKINGS,
    HOSTS,
    Q_LISTING,
    VIEWS,
    activity,
    chained,
    col,
    column,
    events,
    feature,
    join,
    scan,
    spine,
    typed,
    versions,
)

Golden = Callable[[str, str], None]

LATE = Column("q.late", BOOLEAN)
MANY = call(">", [Column("q.n", BIGINT), Literal(5, BIGINT)])
PRICED = call(">", [col("price"), Literal(0.0, DOUBLE)])
FAILS = call(">", [call("+", [Q_LISTING, Literal(1, BIGINT)]), Literal(0, BIGINT)])
BUSY = call(">", [Column("b.bookings", BIGINT), Literal(0, BIGINT)])
POSITIVE = call(">", [Column("l.nights", INTEGER), Literal(0, INTEGER)])


def both(*conditions: object) -> Call:
    made = call("and", list(conditions))  # type: ignore[arg-type]
    assert isinstance(made, Call)
    return made


def last_listing(below: Node, *columns: str, alias: str = "l", **more: object) -> Node:
    return join(
        below,
        Lookup(versions(), (col("listing"),), columns, **more),  # type: ignore[arg-type]
        alias,
    )


def host(below: Node, *columns: str, kind: str = "left", alias: str = "h") -> StaticJoin:
    key = Column("l.host", BIGINT)
    return StaticJoin(below, scan(HOSTS), alias, (key,), ("host",), columns, kind)  # type: ignore[arg-type]


def keep(below: Node, *names: str) -> Project:
    return Project(below, tuple((n, column(below.schema, n)) for n in names))


def one(window: Window, function: str = "sum", name: str = "nights") -> View:
    args = () if function == "count_rows" else (col("nights"),)
    return View(
        events(BOOKINGS), (col("listing"),), (feature(name, function, *args, window=window),)
    )


AGAIN = call(">", [col("host"), Literal(1, BIGINT)])


def chain(levels: int) -> Node:
    """Bookings counted by what was counted before, each time those that had some."""
    part = events(BOOKINGS, PRICED)
    for _ in range(levels):
        part = chained(part, Window(7 * DAY), AGAIN)
    total = feature("n", "sum", col("host"), window=Window(30 * DAY))
    return join(spine(), View(part, (col("listing"),), (total,)), "b")


CASES: dict[Pass, dict[str, Node]] = {
    share: {
        "the rows of a set are its events and their history": chain(2),
        "one level reads nothing twice": chain(1),
    },
    simplify: {
        "constants are computed, and what is always true goes": Filter(
            spine(),
            both(
                Literal(True, BOOLEAN),
                call(
                    "<",
                    [
                        Column("q.n", BIGINT),
                        call("*", [Literal(6, BIGINT), Literal(7, BIGINT)]),
                    ],
                ),
            ),
        ),
        "what is never true is FALSE": Filter(spine(), both(LATE, Literal(None, BOOLEAN))),
        "what cannot be computed stays": Filter(
            spine(),
            call(
                ">",
                [
                    Call("add", (Literal(2**63 - 1, BIGINT), Literal(1, BIGINT)), BIGINT),
                    Column("q.n", BIGINT),
                ],
            ),
        ),
        "a window cut to rows keeps the columns that break its ties": join(
            spine(),
            View(
                events(BOOKINGS),
                (col("listing"),),
                tuple(
                    feature(
                        f"{name}",
                        "sum",
                        call("case", [Literal(True, BOOLEAN), col("nights"), col("id")]),
                        window=window,
                    )
                    for name, window in (("week", Window(7 * DAY)), ("newest", Window(rows=3)))
                ),
            ),
            "b",
        ),
    },
    push_filters: {
        "conditions over the spine pass below left and inner joins": Filter(
            join(join(spine(), activity(PRICED), "b"), one(Window(DAY)), "c", "inner"),
            both(MANY, LATE, BUSY),
        ),
        "what may fail does not pass below an inner join": Filter(
            join(spine(), one(Window(DAY)), "c", "inner"), FAILS
        ),
        "what may fail waits for what stays": Filter(
            join(spine(), activity(), "b"), both(BUSY, FAILS)
        ),
        "the candidates' condition of a look-up stays": Filter(
            last_listing(spine(), "host", residual=POSITIVE),
            call("=", [Column("l.host", BIGINT), Literal(1, BIGINT)]),
        ),
        "conditions over what is computed are computed below": Filter(
            Project(
                spine(),
                (("twice", call("*", [Column("q.n", BIGINT), Literal(2, BIGINT)])), ("late", LATE)),
            ),
            call(">", [Column("twice", BIGINT), Literal(10, BIGINT)]),
        ),
    },
    merge_joins: {
        "joins over the same events become one": join(
            join(spine(), activity(), "b"), one(Window(7 * DAY)), "c"
        ),
        "equal features of one view are computed once": join(
            spine(),
            View(
                events(BOOKINGS),
                (col("listing"),),
                tuple(
                    feature(name, "sum", col("nights"), window=Window(7 * DAY))
                    for name in ("a", "b")
                ),
            ),
            "b",
        ),
        "a name that is taken gets a number": join(
            join(spine(), one(Window(DAY)), "b"), one(Window(7 * DAY)), "c"
        ),
        "another time, another join": join(
            join(spine(), one(Window(DAY)), "b"), one(Window(DAY)), "c", time=AHEAD
        ),
        "inner joins merge where they keep the same rows": join(
            join(spine(), one(Window(DAY)), "b", "inner"),
            one(Window(DAY), "count_rows"),
            "c",
            "inner",
        ),
        "inner joins of other widths stay apart": join(
            join(spine(), one(Window(DAY)), "b", "inner"), one(Window(7 * DAY)), "c", "inner"
        ),
        "no join moves past an inner one": join(
            join(
                join(spine(), one(Window(DAY)), "b"),
                View(
                    events(VIEWS),
                    (col("listing"),),
                    (feature("n", "count_rows", window=Window(DAY)),),
                ),
                "v",
                "inner",
            ),
            one(Window(DAY)),
            "c",
        ),
        "look-ups and static joins merge their columns": host(
            host(last_listing(last_listing(spine(), "host"), "room", alias="m"), "city"),
            "stars",
            alias="g",
        ),
    },
    prune_columns: {
        "shared rows keep what any reader reads": share(chain(2)),
        "shared rows of which one reader is left are shared no more": share(
            join(
                spine(),
                View(
                    chained(chained(events(BOOKINGS), Window(DAY)), Window(DAY)),
                    (col("listing"),),
                    (feature("n", "count_rows", window=Window(DAY)),),
                ),
                "b",
            )
        ),
        "what nobody reads goes": keep(
            last_listing(join(spine(), activity(), "b"), "price"), "q.n", "b.nights_7d"
        ),
        "an identity is checked on whole rows": keep(
            join(
                spine(),
                View(
                    events(VIEWS),
                    (col("listing"),),
                    (feature("n", "count_rows", window=Window(DAY)),),
                ),
                "v",
            ),
            "v.n",
        ),
        "a look-up keeps the columns that break ties before it": keep(
            last_listing(spine(), "host", "room"), "l.host"
        ),
        "an inner join keeps its widest window": keep(
            join(spine(), activity(), "b", "inner"), "q.n", "b.nights_7d"
        ),
        "a static join of which nothing is read goes, an inner one stays": keep(
            host(host(last_listing(spine(), "host"), "city"), "stars", alias="g", kind="inner"),
            "q.n",
        ),
        "united sources keep the same columns": keep(
            join(
                spine(),
                View(
                    UnionAll((events(BOOKINGS, PRICED), events(BOOKINGS))),
                    (col("listing"),),
                    (feature("n", "sum", col("nights"), window=Window(DAY)),),
                ),
                "u",
            ),
            "u.n",
        ),
        "plain SQL reads what it names": Relational(
            'SELECT "q.late" AS "late", SUM("b.bookings") AS "n" FROM "rows" GROUP BY "q.late"',
            (("rows", join(spine(), activity(), "b")),),
            typed(late=BOOLEAN, n=BIGINT),
        ),
        "a star reads all columns": Relational(
            'SELECT * FROM "rows"', (("rows", spine()),), spine().schema
        ),
        "the keys of a set": Keys(events(BOOKINGS), (("listing", col("listing")),)),
    },
    merge_projects: {
        "a projection reads through the one below": Project(
            Project(spine(), (("n", Column("q.n", BIGINT)), ("late", LATE))),
            (
                ("n", Column("n", BIGINT)),
                ("more", call("+", [Column("n", BIGINT), Literal(1, BIGINT)])),
            ),
        ),
        "what is read twice is computed once": Project(
            Project(spine(), (("m", call("+", [Column("q.n", BIGINT), Literal(1, BIGINT)])),)),
            (("a", Column("m", BIGINT)), ("b", Column("m", BIGINT))),
        ),
        "what changes nothing goes": keep(spine(), *spine().schema.names),
    },
    prune_times: {
        "the longest window": join(spine(), activity(), "b"),
        "all history has no end": join(spine(), one(Window()), "b"),
        "a rounded bound lies further back": join(
            spine(),
            View(
                events(BOOKINGS),
                (col("listing"),),
                (feature("n", "sum", col("nights"), window=Window(7 * DAY)),),
                tail=HOUR,
            ),
            "b",
        ),
        "through a chain the widths add up": prune_columns(share(chain(2))),
        "labels look ahead": join(
            spine(), one(Window(7 * DAY, forward=True), name="y"), "y", inclusive=True
        ),
        "a tolerance": join(
            spine(),
            Lookup(
                events(BOOKINGS, PRICED), (col("listing"),), ("price",), True, tolerance=2 * HOUR
            ),
            "b",
        ),
        "any version may be the one": last_listing(spine(), "host"),
    },
    to_tiles: {
        "states are shared": join(
            spine(),
            View(
                events(BOOKINGS),
                (col("listing"),),
                (
                    feature("total", "sum", col("price"), window=Window(7 * DAY)),
                    feature("mean", "avg", col("price"), window=Window(30 * DAY)),
                    feature("spread", "stddev_samp", col("price"), window=Window(30 * DAY)),
                    feature("least", "min", col("price"), window=Window(30 * DAY)),
                    feature("five", "bottom_k", col("price"), window=Window(DAY), k=5),
                    feature("rooms", "count_distinct", col("room"), window=Window()),
                    feature("likely", "histogram", col("room"), window=Window(DAY), k=1),
                    feature("by_room", "count_rows", window=Window(DAY), bucket=col("room")),
                    feature("recent", "avg", col("price"), window=Window(rows=10)),
                ),
            ),
            "b",
        ),
        "a rounded bound takes no small tiles": join(
            spine(),
            View(
                events(BOOKINGS),
                (col("listing"),),
                (feature("n", "sum", col("nights"), window=Window(7 * DAY)),),
                tail=DAY,
            ),
            "b",
        ),
        "labels are not served": join(
            spine(), one(Window(7 * DAY, forward=True), name="y"), "y", inclusive=True
        ),
    },
}


def test_every_pass_has_cases() -> None:
    assert set(CASES) == {*PASSES, *TILING}


def test_tiles_hold_a_state_for_every_aggregate() -> None:
    assert STATES.keys() == AGGREGATES.keys()
    assert {state for states in STATES.values() for state in states} == {*ALL_STATES} - {"user"}


def test_conditions_that_never_fail_are_of_the_closed_list() -> None:
    assert not NEVER_FAIL - FUNCTIONS.keys()


@pytest.mark.parametrize("step", CASES, ids=lambda step: step.__name__)
def test_pass(step: Pass, golden: Golden) -> None:
    parts = []
    for title, plan in CASES[step].items():
        verify(plan)
        after = verify(step(plan))
        text = "(nothing to do)" if after is plan else format_plan(after)
        parts.append(f"-- {title}\n{format_plan(plan)}\n\n=>\n\n{text}\n")
    golden(f"passes/{step.__name__}.txt", "\n\n".join(parts))

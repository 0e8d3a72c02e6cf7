"""What `verify` finds: plans that no binder and no pass may make."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from bighead.zipline.expressions import call
from bighead.zipline.ir.expr import Call, Column, Expr, Literal
from bighead.zipline.ir.nodes import (
    Aggregate,
    Feature,
    Filter,
    Lookup,
    Node,
    Project,
    Reach,
    Scan,
    TemporalJoin,
    UnionAll,
    Versions,
    View,
)
from bighead.zipline.ir.rewrite import map_expressions, transform_plan, with_inputs
from bighead.zipline.ir.types import BIGINT, BOOLEAN, DOUBLE, INTEGER, TIMESTAMPTZ, VARCHAR
from bighead.zipline.ir.verify import verify, verify_training_set
from bighead.zipline.windows import DAY, Window
from tests.zipline.ir.everything import (
    LISTINGS,
    TABLE,
    bookings,
    col,
    everything,
    feature_set,
    spine,
    training_set,
    united,
    versions,
    view,
)

LATE = Column("q.late", BOOLEAN)
TIME = Column("q.ts", TIMESTAMPTZ)
LISTING = (Column("q.listing", BIGINT),)


def aggregate(function: str, *args: Expr, result: pa.DataType, **more: object) -> View:
    made = Aggregate(function, args, result, **more)  # type: ignore[arg-type]
    return View(bookings(), (col("listing"),), (Feature("f", made, Window(DAY)),))


def joined(right: View | Lookup, alias: str = "b", below: Node | None = None) -> TemporalJoin:
    return TemporalJoin(below or spine(), right, alias, LISTING, TIME)


def label(below: Node) -> TemporalJoin:
    made = Aggregate("last", (col("ts"),), col("ts").type)
    ahead = View(bookings(), (col("listing"),), (Feature("y", made, Window(DAY, forward=True)),))
    return TemporalJoin(below, ahead, "y", LISTING, TIME)


BAD: dict[str, Node] = {
    "another type": Filter(spine(), Call("not", (Column("q.n", BOOLEAN),), BOOLEAN)),
    "no such function": Project(spine(), (("a", Call("now", (), BIGINT)),)),
    "too few arguments": Project(spine(), (("a", Call("add", (LISTING[0],), BIGINT)),)),
    "too many arguments": Project(spine(), (("a", Call("not", (LATE, LATE), BOOLEAN)),)),
    "AND of numbers": Filter(spine(), Call("and", (LATE, LISTING[0]), BOOLEAN)),
    "CASE without ELSE": Project(spine(), (("a", Call("case", (LATE, LATE), BOOLEAN)),)),
    "branches of two types": Project(
        spine(), (("a", Call("case", (LATE, LATE, LISTING[0]), BOOLEAN)),)
    ),
    "a literal that is not of its type": Project(spine(), (("a", Literal("x", BIGINT)),)),
    "a float as an integer": Project(spine(), (("a", Literal(1.5, BIGINT)),)),
    "no such aggregate": joined(aggregate("product", col("price"), result=DOUBLE)),
    "another result": joined(aggregate("sum", col("nights"), result=INTEGER)),
    "no k": joined(aggregate("top_k", col("price"), result=pa.list_(DOUBLE))),
    "no p": joined(aggregate("quantile", col("price"), result=DOUBLE)),
    "two arguments": joined(aggregate("sum", col("nights"), col("nights"), result=BIGINT)),
    "FILTER of a number": joined(
        aggregate("sum", col("nights"), result=BIGINT, filter=col("listing"))
    ),
    "a condition that reads nothing there is": joined(
        Lookup(
            versions(),
            (col("listing"),),
            ("room",),
            residual=call("=", [Column("z.room", VARCHAR), Literal("a", VARCHAR)]),
        ),
        "l",
    ),
    "a filter below a choice of versions": joined(
        Lookup(
            replace(
                versions(),
                input=Filter(
                    Scan(LISTINGS, tuple(LISTINGS.schema.names)),
                    call("=", [col("room"), Literal("a", VARCHAR)]),
                ),
            ),
            (col("listing"),),
            ("room",),
        ),
        "l",
    ),
    "a condition in a scan below a choice of versions": joined(
        Lookup(
            replace(
                versions(),
                input=Scan(
                    LISTINGS,
                    tuple(LISTINGS.schema.names),
                    call("=", [col("room"), Literal("a", VARCHAR)]),
                ),
            ),
            (col("listing"),),
            ("room",),
        ),
        "l",
    ),
    "reach without times": Scan(TABLE, ("host",), None, Reach(1, 1)),
    "sequences of two types": joined(
        View(
            UnionAll((bookings(), replace(bookings(), sequence=col("room")))),
            (col("listing"),),
            (Feature("f", Aggregate("count_rows", (), BIGINT)),),
        )
    ),
    "a join as of a label": TemporalJoin(
        label(spine()), view(), "b", LISTING, Column("y.y", col("ts").type)
    ),
}


@pytest.mark.parametrize("plan", BAD.values(), ids=BAD)
def test_is_found(plan: Node) -> None:
    with pytest.raises((AssertionError, KeyError)):
        verify(plan)


def test_what_is_sound_passes() -> None:
    assert verify(everything()) is not None
    assert verify(feature_set().view) is not None
    assert verify(united()) is not None
    assert verify_training_set(training_set()) is not None
    assert isinstance(versions(), Versions)


def test_no_feature_reads_a_label() -> None:
    definition = training_set()
    assert isinstance(definition.plan, Project)
    leak = ("sure", call("not", [LATE]))
    leaking = replace(
        definition, plan=Project(definition.plan.input, (*definition.plan.columns, leak))
    )
    with pytest.raises(AssertionError, match="label"):
        verify_training_set(leaking)


def test_a_rewrite_that_changes_nothing_gives_the_same_object() -> None:
    plan = everything()
    assert transform_plan(plan, lambda node: node) is plan
    assert transform_plan(plan, lambda node: map_expressions(node, lambda e: e)) is plan
    assert with_inputs(plan, plan.inputs) is plan


def test_every_expression_is_reached() -> None:
    seen: set[str] = set()

    def note(expr: Expr) -> Expr:
        seen.update(part.function for part in [expr] if isinstance(part, Call))
        return expr

    transform_plan(everything(), lambda node: map_expressions(node, note))
    assert seen == {"greater", "subtract"}


def test_inputs_are_put_back_in_their_order() -> None:
    plan = everything()
    first, *others = plan.inputs
    swapped = with_inputs(plan, (Filter(first, Literal(True, BOOLEAN)), *others))
    assert isinstance(swapped.inputs[0], Filter)
    assert swapped.inputs[1:] == plan.inputs[1:]

"""Every pass keeps the rows of every plan, raises nothing new, and leaves a sound plan behind."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bighead.planner.engine import Run
from bighead.planner.engines.reference import ReferenceEngine
from bighead.planner.pipeline import PASSES, TILING, optimize
from bighead.planner.sources.dataset import Dataset
from bighead.planner.sources.opener import Place, open_source
from bighead.zipline.errors import BigheadError
from bighead.zipline.expressions import call
from bighead.zipline.ir.expr import Expr, Literal, conjunction, conjuncts
from bighead.zipline.ir.nodes import Node, Project, Relational, Scan, TemporalJoin
from bighead.zipline.ir.rewrite import transform_plan, with_inputs
from bighead.zipline.ir.serialize import deserialize, serialize
from bighead.zipline.ir.sources import EntitySource, EventSource, Source
from bighead.zipline.ir.types import BOOLEAN, TIMESTAMP
from bighead.zipline.ir.verify import verify
from tests.conformance.compare import difference
from tests.planner.passes.plans import drawn

SEEDS = st.integers(0, 2**32)


def no_sql(node: Relational, tables: object) -> pa.Table:
    raise AssertionError(node.sql)


REFERENCE = ReferenceEngine(no_sql)


def rows(plan: Node, tables: dict[str, pa.Table]) -> pa.Table | BigheadError:
    """What the reference answers."""

    def find(source: Source) -> Dataset:
        return open_source(tables[source.name], source.name, Place(), source.schema)

    try:
        return REFERENCE.run(plan, find, Run())
    except BigheadError as error:
        return error


def assert_same(old: Node, new: Node, tables: dict[str, pa.Table]) -> None:
    wanted = rows(old, tables)
    if isinstance(wanted, BigheadError):
        # A row that nobody sees any more may be forgiven.
        return
    got = rows(new, tables)
    if isinstance(got, BigheadError):
        raise AssertionError(f"raises now: {got}") from got
    found = difference(old, got, wanted)
    assert found is None, found


@given(seed=SEEDS)
def test_a_pass_keeps_the_rows(seed: int) -> None:
    case = drawn(seed)
    plan = verify(case.plan)
    for step in (*PASSES, *TILING):
        new = verify(step(plan))
        assert new.schema.names == plan.schema.names
        if new is not plan:
            assert new != plan, f"{step.__name__} made an equal plan"
            assert_same(plan, new, case.tables)
        plan = new


@settings(max_examples=50)
@given(seed=SEEDS)
def test_a_pass_twice_is_a_pass_once(seed: int) -> None:
    plan = drawn(seed).plan
    for step in (*PASSES, *TILING):
        plan = step(plan)
        assert step(plan) is plan, f"{step.__name__} changes its own result"


@settings(max_examples=50)
@given(seed=SEEDS)
def test_events_beyond_reach_do_not_matter(seed: int) -> None:
    case = drawn(seed)
    plan = optimize(case.plan)
    wanted = rows(plan, case.tables)
    if isinstance(wanted, BigheadError):
        return

    def honour(node: Node) -> Node:
        """The join, with no events beyond reach of the spine's times."""
        if not isinstance(node, TemporalJoin):
            return node
        asked = rows(Project(node.spine, (("t", node.time),)), case.tables)
        assert isinstance(asked, pa.Table)
        times = [t.value for t in asked["t"] if t.is_valid] or [0]
        near = transform_plan(node.right, lambda n: within(n, min(times), max(times)))
        return with_inputs(node, (node.spine, near))

    got = rows(transform_plan(plan, honour), case.tables)
    assert not isinstance(got, BigheadError)
    assert difference(plan, got, wanted) is None


def within(node: Node, first: int, last: int) -> Node:
    """A scan whose reach has become a condition: rows without a time are always read."""
    if not isinstance(node, Scan) or node.reach is None:
        return node
    source = node.source
    assert isinstance(source, EventSource | EntitySource)
    time = source.event_time if isinstance(source, EventSource) else source.changed_at
    assert time is not None
    near: Expr = Literal(True, BOOLEAN)
    if node.reach.back is not None:
        near = call(">=", [time, Literal(first - node.reach.back, TIMESTAMP)])
    if node.reach.ahead is not None:
        until = call("<=", [time, Literal(last + node.reach.ahead, TIMESTAMP)])
        near = call("and", [near, until])
    near = call("or", [near, call("is_null", [time])])
    predicate = conjunction((*conjuncts(node.predicate), near))
    return Scan(source, node.columns, predicate, None)


@settings(max_examples=30)
@given(seed=SEEDS)
def test_plans_come_back_from_bytes(seed: int) -> None:
    plan = drawn(seed).plan
    for stage in (plan, optimize(plan), optimize(plan, until="tiled")):
        data = serialize(stage)
        assert deserialize(data) == stage
        assert serialize(deserialize(data)) == data


@pytest.mark.soak
@settings(max_examples=5000)
@given(seed=SEEDS)
def test_many_plans_keep_their_rows(seed: int) -> None:
    case = drawn(seed)
    plan = case.plan
    for step in (*PASSES, *TILING):
        new = step(plan)
        assert step(new) is new
        assert_same(plan, new, case.tables)
        plan = verify(new)

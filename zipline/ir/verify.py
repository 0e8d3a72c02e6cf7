"""What must hold in every plan, beyond what a node checks of itself when it is built.

A node checks names; this checks types, functions, aggregates, and what a join's condition and a
label may be read by. It runs between all passes in tests, and where a plan comes from outside.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from bighead.zipline.aggregates import AGGREGATES, declared
from bighead.zipline.catalog import TrainingSet
from bighead.zipline.expressions import FUNCTIONS
from bighead.zipline.ir.common import Common, Within, commons
from bighead.zipline.ir.expr import Call, Column, Expr, Literal, columns_of
from bighead.zipline.ir.expr import walk as parts_of
from bighead.zipline.ir.format_expr import format_expr
from bighead.zipline.ir.labels import Labels
from bighead.zipline.ir.nodes import (
    Aggregate,
    Events,
    Filter,
    Keys,
    Lookup,
    Node,
    Project,
    Relational,
    Scan,
    StaticJoin,
    TemporalJoin,
    UnionAll,
    Versions,
    View,
    walk,
)
from bighead.zipline.ir.sources import EntitySource, EventSource
from bighead.zipline.ir.tiled import TiledView


def verify(plan: Node) -> Node:
    """The plan itself. An AssertionError says what is wrong with it: a bug of ours.

    >>> from bighead.zipline.ir.sources import Table
    >>> scan = Scan(Table("t", pa.schema([("a", pa.int64())])), ("a",))
    >>> verify(Filter(scan, Column("a", pa.bool_())))
    Traceback (most recent call last):
    AssertionError: a is read as a bool and is a int64
    """
    assert len(commons(plan)) == sum(isinstance(node, Common) for node in walk(plan))
    for node in walk(plan):
        if not (isinstance(node, Relational) and node is plan):
            names = node.schema.names
            assert len(set(names)) == len(names), f"columns repeat: {names}"
        for schema, expr in _readings(node):
            verify_expression(expr, schema)
        _verify_node(node)
    return plan


def verify_training_set(definition: TrainingSet) -> TrainingSet:
    """The training set itself, whose features read no label."""
    verify(definition.plan)
    names = set(definition.schema.names)
    assert names.issuperset((*definition.id, *definition.labels)), "no such ID or LABEL column"
    verify_labels(definition.plan, definition.labels)
    return definition


def verify_labels(plan: Node, labels: tuple[str, ...]) -> None:
    """No join, and no column that is not among `labels`, was made of what a label is made of."""
    if not isinstance(plan, Project):
        return
    columns = dict(plan.columns)
    ahead = Labels(next_rows=True).of(plan.input)
    marked = {e.name for e in (columns[name] for name in labels) if isinstance(e, Column)}
    secret = Labels(frozenset(marked - ahead), next_rows=True).of(plan.input)
    for name, expr in plan.columns:
        read = secret.intersection(columns_of(expr))
        assert name in labels or not read, f"{name} reads the label {read}"


def verify_expression(expr: Expr, schema: pa.Schema) -> None:
    """Columns are of the types that the input has, calls are of the closed list."""
    for part in parts_of(expr):
        if isinstance(part, Column):
            actual = schema.field(part.name).type
            assert part.type == actual, f"{part.name} is read as a {part.type} and is a {actual}"
        elif isinstance(part, Call):
            _verify_call(part)
        else:
            _verify_literal(part)


def _verify_call(call: Call) -> None:
    function = FUNCTIONS.get(call.function)
    assert function is not None, f"{call.function} is not in the closed list"
    count = len(call.args)
    assert count >= function.least, f"{call.function} has too few arguments"
    assert function.most is None or count <= function.most, f"{call.function} has too many"
    if call.function in ("and", "or", "not"):
        assert all(pa.types.is_boolean(a.type) for a in call.args), format_expr(call)
    if call.function == "case":
        assert count % 2, "CASE without ELSE"
        assert all(pa.types.is_boolean(a.type) for a in call.args[:-1:2]), format_expr(call)
        results = (*call.args[1:-1:2], call.args[-1])
        assert all(a.type == call.type for a in results), format_expr(call)


def _verify_literal(literal: Literal) -> None:
    value, arrow = literal.value, literal.type
    if value is None:
        return
    if pa.types.is_boolean(arrow):
        fits = isinstance(value, bool)
    elif pa.types.is_integer(arrow) or pa.types.is_temporal(arrow):
        fits = isinstance(value, int) and not isinstance(value, bool)
    elif pa.types.is_floating(arrow):
        fits = isinstance(value, float)
    else:
        fits = not isinstance(value, bool | int | float)
    assert fits, f"{value!r} is no {arrow}"


def _readings(node: Node) -> Iterator[tuple[pa.Schema, Expr]]:
    """The expressions of a node, each with the schema that it reads."""
    if isinstance(node, Scan):
        yield from _over(node.source.scanned, node.predicate)
    elif isinstance(node, Filter):
        yield from _over(node.input.schema, node.predicate)
    elif isinstance(node, Within):
        yield from _over(node.input.schema, node.time)
    elif isinstance(node, Project):
        yield from _over(node.input.schema, *(e for _, e in node.columns))
    elif isinstance(node, Events):
        yield from _over(node.schema, node.event_time, node.known_at, node.sequence)
    elif isinstance(node, Versions):
        yield from _over(node.input.schema, *node.chooses, node.event_time)
        yield from _over(node.schema, node.where)
    elif isinstance(node, View):
        yield from _over(node.events.schema, *node.keys)
        for feature in node.features:
            a = feature.aggregate
            yield from _over(node.events.schema, *a.args, a.filter, a.bucket)
        if isinstance(node, TiledView):
            for p in node.partials:
                yield from _over(node.events.schema, *p.args, p.filter, p.bucket)
    elif isinstance(node, Lookup):
        yield from _over(node.events.schema, *node.keys)
    elif isinstance(node, Keys):
        yield from _over(node.events.schema, *(e for _, e in node.keys))
    elif isinstance(node, TemporalJoin):
        yield from _over(node.spine.schema, node.time, *node.keys)
        if isinstance(node.right, Lookup):
            row = node.right.events.schema
            yield from _over(_beside(node.spine.schema, row, node.alias), node.right.residual)
    elif isinstance(node, StaticJoin):
        yield from _over(node.spine.schema, *node.keys)
        yield from _over(_beside(node.spine.schema, node.entity.schema, node.alias), node.residual)


def _over(schema: pa.Schema, *exprs: Expr | None) -> Iterator[tuple[pa.Schema, Expr]]:
    yield from ((schema, e) for e in exprs if e is not None)


def _beside(spine: pa.Schema, row: pa.Schema, alias: str) -> pa.Schema:
    """What the condition of a join reads: the spine's columns and `alias.column`."""
    return pa.schema([*spine, *(f.with_name(f"{alias}.{f.name}") for f in row)])


def _verify_node(node: Node) -> None:
    if isinstance(node, Scan) and node.reach is not None:
        source = node.source
        timed = isinstance(source, EventSource) or (
            isinstance(source, EntitySource) and not source.static
        )
        assert timed, f"{source.name} has no times to be pruned by"
    elif isinstance(node, View):
        for feature in node.features:
            verify_aggregate(feature.aggregate)
            ahead = feature.window.forward and isinstance(node.events, Versions)
            assert not ahead, f"{feature.name} looks ahead at the rows of an entity"
    elif isinstance(node, UnionAll):
        kinds = {e.sequence.type for e in node.events if e.sequence is not None}
        assert len(kinds) <= 1, f"sequences of {kinds}"
    elif isinstance(node, Versions):
        _verify_choice(node.input)
    elif isinstance(node, TemporalJoin | StaticJoin):
        Labels().of(node)
    for name in ("predicate", "residual", "where"):
        condition = getattr(node, name, None)
        assert condition is None or pa.types.is_boolean(condition.type), format_expr(condition)


def verify_aggregate(aggregate: Aggregate) -> None:
    """It is of the algebra, and gives the type that the algebra says."""
    known_to_all = aggregate.user is not None or aggregate.function in AGGREGATES
    assert known_to_all, f"{aggregate.function} is not an aggregate"
    known = declared(aggregate)
    assert len(aggregate.args) == known.arity, f"{known.signature} of {len(aggregate.args)}"
    result = known.result(tuple(a.type for a in aggregate.args))
    assert aggregate.type == result, f"{known.signature} is a {result}, not {aggregate.type}"
    assert (aggregate.k is not None) >= (known.k == "required"), f"{known.signature} without k"
    assert (aggregate.p is not None) == (known.p == "required"), f"{known.signature} and p"
    assert (aggregate.half_life is not None) == known.half_life, f"{known.signature} and half-life"
    kept = aggregate.filter
    assert kept is None or pa.types.is_boolean(kept.type), format_expr(kept)


def _verify_choice(node: Node) -> None:
    """Nothing is filtered before the version is chosen."""
    for below in walk(node):
        filters = isinstance(below, Filter)
        filters |= isinstance(below, Scan) and below.predicate is not None
        assert not filters, "a filter lies below a choice of versions"

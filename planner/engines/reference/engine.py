"""The reference engine: the meaning of every node of a plan, as the obvious loop over Python rows.

It is slow on purpose, shares nothing with the kernels, the aggregates or the evaluator of the other
engines, and is what they are all compared with. Plain SQL (`Relational`) is DataFusion's by
definition and is handed to whoever runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from bighead.planner.engine import Open, Run
from bighead.planner.engines.reference.events import (
    UNSEEN,
    Asking,
    Event,
    Key,
    collect,
    key_of,
    rows_kept,
)
from bighead.planner.engines.reference.expressions import evaluate
from bighead.planner.engines.reference.temporal import Keyed, lookup_rows, view_rows
from bighead.planner.engines.reference.values import (
    Row,
    is_counted,
    order,
    positive_zero,
    rows_of,
    table_of,
)
from bighead.zipline.errors import DataError
from bighead.zipline.ir.common import Common, Within
from bighead.zipline.ir.nodes import (
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
)

RunSql = Callable[[Relational, Mapping[str, pa.Table]], pa.Table]
"""Runs plain SQL over tables of the names that it reads."""


@dataclass(frozen=True, slots=True)
class ReferenceEngine:
    """Answers any plan, slowly.

    Parameters
    ----------
    run_sql: who runs `Relational` nodes.
    """

    run_sql: RunSql
    name: str = field(default="reference", init=False)

    def supports(self, node: Node) -> str | None:
        """None: it answers everything that has a meaning."""
        if isinstance(node, Lookup) and node.forward and isinstance(node.events, Versions):
            return (
                "a row of an entity is looked up as it was before a time, not after it; "
                "write MATCH_CONDITION with > or >="
            )
        return None

    def compile(self, plan: Node) -> Node:
        """The plan itself: there is nothing to choose."""
        return plan

    def foresee(self, _plan: Node, _open_source: Open) -> list[str]:
        """Nothing: all rows are held."""
        return []

    def stream(self, plan: Node, open_source: Open, run: Run) -> Iterator[pa.Table]:
        """The rows of the plan, in one piece."""
        yield self.run(plan, open_source, run)

    def run(self, plan: Node, open_source: Open, run: Run) -> pa.Table:
        """The rows of the plan.

        A row that breaks a rule but that nothing sees leaves a remark in `run.facts`, since another
        engine may refuse it.
        """
        table = Execution(self.run_sql, open_source, run).table(plan)
        run.rows[self.name] = table.num_rows
        return table


@dataclass(frozen=True, slots=True)
class Execution:
    """One run: a method for each node, all from rows to rows in the node's order."""

    run_sql: RunSql
    open_source: Open
    remarks: Run
    common: dict[int, list[Row]] = field(default_factory=dict)
    """The rows that are computed once."""

    def table(self, node: Node) -> pa.Table:
        """The rows of a node as a table of its schema."""
        if isinstance(node, Relational):
            inputs = {name: self.table(below) for name, below in node.tables}
            return self.run_sql(node, inputs).cast(node.schema)
        return table_of(self.rows(node), node.schema)

    def rows(self, node: Node) -> list[Row]:
        """The rows of a node, each with its columns in the order of the schema."""
        if isinstance(node, Scan):
            return self.scan(node)
        if isinstance(node, Within):
            return self.rows(node.input)  # what is beyond reach makes no difference
        if isinstance(node, Common):
            if node.number not in self.common:
                self.common[node.number] = self.rows(node.input)
            return self.common[node.number]
        if isinstance(node, Filter):
            return [r for r in self.rows(node.input) if evaluate(node.predicate, r) is True]
        if isinstance(node, Project):
            return [
                {name: evaluate(e, row) for name, e in node.columns}
                for row in self.rows(node.input)
            ]
        if isinstance(node, TemporalJoin):
            return self.temporal_join(node)
        if isinstance(node, StaticJoin):
            return self.static_join(node)
        if isinstance(node, Keys):
            return self.keys(node)
        if isinstance(node, Relational):
            return rows_of(self.table(node))
        if isinstance(node, Events | UnionAll | Versions):
            return [event.row for event in self.events(node)]
        raise AssertionError(f"{type(node).__name__} has no rows of its own")

    def scan(self, node: Scan) -> list[Row]:
        """The rows of a source; what is beyond reach makes no difference and is read too."""
        rows = rows_of(self.open_source(node.source).scan(node.source.scanned.names))
        if node.predicate is not None:
            rows = [r for r in rows if evaluate(node.predicate, r) is True]
        return [{c: row[c] for c in node.columns} for row in rows]

    def events(self, node: Events | UnionAll | Versions) -> list[Event]:
        """The events of a source, or of several."""
        return collect(node, self.rows, self.remarks.facts)

    def temporal_join(self, join: TemporalJoin) -> list[Row]:
        """Each row of the spine asks; the answers come beside it."""
        spine = [
            Asking(row, key_of(join.keys, row), evaluate(join.time, row), join.inclusive)
            for row in self.rows(join.spine)
        ]
        right = join.right
        keyed: Keyed = [(key_of(right.keys, e.row), e) for e in self.events(right.events)]
        if isinstance(right, View):
            answers = view_rows(join, right, spine, keyed, self.remarks.facts)
        else:
            nothing: Row = dict.fromkeys(right.columns)
            found = lookup_rows(join, right, spine, keyed)
            answers = [(row or nothing, row is not None) for row in found]
        self.remark_unseen(keyed)
        return [
            asking.row | {f"{join.alias}.{c}": answer[c] for c in right.schema.names}
            for asking, (answer, is_there) in zip(spine, answers, strict=True)
            if is_there or join.kind == "left"
        ]

    def remark_unseen(self, keyed: list[tuple[Key | None, Event]]) -> None:
        """Say which bad rows nothing has seen."""
        for _, event in keyed:
            wrong = event.flaw or event.conflict
            if wrong is not None:
                self.remarks.facts.append(f"{UNSEEN}{wrong}")

    def static_join(self, join: StaticJoin) -> list[Row]:
        """Each row of the spine takes the row of its primary key."""
        entity = self.rows(join.entity)
        self.remark_copies(join, entity)
        joined = []
        for row in self.rows(join.spine):
            key = key_of(join.keys, row)
            found = [
                e
                for e in entity
                if key is not None
                and all(is_counted(e[c]) for c in join.primary_key)
                and tuple(order(e[c]) for c in join.primary_key) == key
            ]
            if len(found) > 1:
                named = ", ".join(f"{c} = {found[0][c]!r}" for c in join.primary_key)
                raise DataError(
                    f"the primary key ({named}) of {join.alias} repeats; a STATIC entity has one "
                    "row a key: drop the others, or declare CHANGED AT"
                )
            if found and join.residual is not None:
                both = row | {f"{join.alias}.{c}": v for c, v in found[0].items()}
                found = found if evaluate(join.residual, both) is True else []
            if found or join.kind == "left":
                right = found[0] if found else dict.fromkeys(join.columns)
                joined.append(row | {f"{join.alias}.{c}": right[c] for c in join.columns})
        return joined

    def remark_copies(self, join: StaticJoin, entity: list[Row]) -> None:
        """Say that a primary key repeats, whether or not a row of the spine has it."""
        keys = [tuple(order(row[c]) for c in join.primary_key) for row in entity]
        if len(set(keys)) < len(keys):
            self.remarks.facts.append(f"{UNSEEN}the primary key of {join.alias} repeats")

    def keys(self, node: Keys) -> list[Row]:
        """The distinct keys of the events, in canonical order."""
        exprs = [e for _, e in node.keys]
        found: dict[Key, Row] = {}
        events = self.events(node.events)
        if isinstance(node.events, Versions):
            events = rows_kept(node.events, events)
        for event in events:
            key = key_of(exprs, event.row)
            if key is not None:
                found.setdefault(
                    key, {n: positive_zero(evaluate(e, event.row)) for n, e in node.keys}
                )
        return [found[key] for key in sorted(found)]

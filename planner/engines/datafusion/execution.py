"""One run of a physical plan: a method for each operator, from Arrow tables to Arrow tables.

Rows that several operators read (a scan, prepared events, a timeline) are kept until the last of
them has had them; everything else is dropped as soon as it is used.
"""

from __future__ import annotations

import time as clock
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pyarrow as pa

from bighead.kernels.temporal import (
    Encoding,
    NullTime,
    Overflow,
    Timeline,
    UnequalLengths,
    Unsupported,
)
from bighead.planner.engine import Open, Run
from bighead.planner.engines.datafusion.distinct_keys import distinct_keys
from bighead.planner.engines.datafusion.encoding import encoded
from bighead.planner.engines.datafusion.events import Prepared, prepare, united
from bighead.planner.engines.datafusion.faults import (
    null_time,
    overflow,
    spell_key,
    spell_pairs,
    unequal_lengths,
)
from bighead.planner.engines.datafusion.lookups import Sides, look_up
from bighead.planner.engines.datafusion.moments import Moments, cut, moments_of, span_of
from bighead.planner.engines.datafusion.physical import KernelJoin
from bighead.planner.engines.datafusion.questions import (
    common_question,
    events_question,
    identity_of,
    questions,
    reads_of,
    scan_question,
    timeline_question,
)
from bighead.planner.engines.datafusion.relational import run_relational
from bighead.planner.engines.datafusion.rows import (
    appended,
    column,
    filtered,
    integers,
    table_of,
    values,
    whole,
)
from bighead.planner.engines.datafusion.sharing import Shared
from bighead.planner.engines.datafusion.static_joins import static_join
from bighead.planner.engines.datafusion.user_aggregates import Question, UserAggregates
from bighead.planner.engines.datafusion.versions import kept_rows, prepare_versions
from bighead.planner.engines.datafusion.views import answer, ask
from bighead.zipline.errors import UnsupportedError
from bighead.zipline.expressions.arrow import Array
from bighead.zipline.ir.common import Common, Within, above, occurrences
from bighead.zipline.ir.format_expr import format_expr
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


@dataclass(frozen=True, slots=True)
class _Asked:
    """A timeline, and what it was made of, so that no other array takes its place in memory."""

    timeline: Timeline
    events: Prepared
    arrays: list[Array]


@dataclass(slots=True)
class Execution:
    """One run."""

    open_source: Open
    run: Run
    threads: int
    given: dict[int, pa.Table | Prepared] = field(default_factory=dict)
    """What is there already of nodes of the plan, by their identity."""
    shared: Shared = field(default_factory=Shared)

    def rows(self, plan: Node) -> pa.Table:
        """The rows of a plan, in order."""
        for node in occurrences(plan):
            for question in questions(node):
                self.shared.expect(question)
        return self.table(plan)

    def table(self, node: Node, moments: Moments | None = None) -> pa.Table:
        """The rows of a node; scans below it that have a reach are limited by the moments."""
        given = self.given.get(id(node))
        if given is not None:
            assert isinstance(given, pa.Table)
            return given
        match node:
            case Scan():
                return self.scan(node, moments)
            case Filter():
                return self.filter(node, moments)
            case Project():
                return self.project(node, moments)
            case TemporalJoin():
                return self.temporal_join(node, moments)
            case StaticJoin():
                return self.static_join(node, moments)
            case Relational():
                return self.relational(node)
            case Keys():
                return self.keys(node)
            case Common():
                return self.common(node, moments)
            case Within():
                return self.within(node, moments)
            case _:
                raise AssertionError(f"{type(node).__name__} is part of another operator")

    def scan(self, node: Scan, moments: Moments | None) -> pa.Table:
        """The rows of a source, read once for all scans of the same rows."""
        span = span_of(node, moments, self.open_source)
        question = scan_question(node)
        table = self.shared.get(question, span)
        if table is None:
            with self.measured(node):
                dataset = self.open_source(node.source)
                table = whole(dataset.scan(reads_of(node), node.predicate, span))
        assert isinstance(table, pa.Table)
        self.shared.used(question, span, table)
        self.count(node, table.num_rows)
        return table.select(list(node.columns))

    def filter(self, node: Filter, moments: Moments | None) -> pa.Table:
        """The rows for which the predicate is true."""
        rows = self.table(node.input, moments)
        with self.measured(node):
            found = filtered(rows, values(node.predicate, rows))
        self.count(node, found.num_rows)
        return found

    def project(self, node: Project, moments: Moments | None) -> pa.Table:
        """The expressions over the rows."""
        rows = self.table(node.input, moments)
        with self.measured(node):
            arrays = [values(e, rows) for _, e in node.columns]
            found = table_of(arrays, [n for n, _ in node.columns], rows.num_rows)
        self.count(node, found.num_rows)
        return found

    def common(self, node: Common, moments: Moments | None) -> pa.Table:
        """The rows that several read, computed for the first of them."""
        if node.reach is None or moments is None:
            moments = None
        else:  # the reach of what it is made of counts from the outermost spine
            moments = Moments(moments.base, moments.base)
        question = common_question(node)
        table = self.shared.get(question, moments)
        if table is None:
            table = self.table(node.input, moments)
        assert isinstance(table, pa.Table)
        self.shared.used(question, moments, table)
        self.count(node, table.num_rows)
        return table

    def within(self, node: Within, moments: Moments | None) -> pa.Table:
        """The rows that are asked for."""
        rows = self.table(node.input, moments)
        with self.measured(node):
            found = cut(node, rows, moments)
        self.count(node, found.num_rows)
        return found

    def relational(self, node: Relational) -> pa.Table:
        """Plain SQL."""
        tables = {name: self.table(below) for name, below in node.tables}
        with self.measured(node):
            found = run_relational(node, tables)
        self.count(node, found.num_rows)
        return found

    def keys(self, node: Keys) -> pa.Table:
        """The distinct keys, in canonical order."""
        if isinstance(node.events, Versions):
            rows = kept_rows(node.events, self.table(node.events.input))
        else:
            rows = self.prepared(node.events, None).table
        with self.measured(node):
            found = distinct_keys(node, rows, self.threads)
        self.count(node, found.num_rows)
        return found

    def static_join(self, node: StaticJoin, moments: Moments | None) -> pa.Table:
        """The static row of each key, found by its hash."""
        spine = self.table(node.spine, moments)
        entity = self.table(node.entity)
        with self.measured(node):
            joined = static_join(node, spine, entity, self.threads)
        self.count(node, joined.num_rows)
        return joined

    def temporal_join(self, node: TemporalJoin, moments: Moments | None) -> pa.Table:
        """What the kernel finds for each row of the spine."""
        spine = self.table(node.spine, moments)
        with self.measured(node):
            time = integers(values(node.time, spine))
            keys = [values(k, spine) for k in node.keys]
            near = moments_of(time)
            around = Moments(near, near) if moments is None else moments.below(near)
        events = self.prepared(node.right.events, around, node)
        with self.measured(node):
            timeline = self.timeline(node, keys, time, events)
            names = node.right.schema.names
            if isinstance(node.right, View):
                arrays, held = self._view(node, node.right, timeline, events, keys, time)
            else:
                sides = Sides(node, node.right, spine, time, events, self.threads)
                rows = look_up(sides, timeline)
                arrays = [column(events.table, n).take(rows) for n in names]
                held = rows.is_valid() if node.kind == "inner" else None
            joined = appended(spine, node.alias, names, arrays)
            if held is not None:
                joined = filtered(joined, held)
        self.count(node, joined.num_rows)
        return joined

    def _view(
        self,
        node: TemporalJoin,
        view: View,
        timeline: Timeline,
        events: Prepared,
        keys: list[Array],
        time: Array,
    ) -> tuple[list[Array], Array | None]:
        inner = node.kind == "inner"
        asked = ask(view, events.table, count_rows=inner)
        own: dict[int, Array] = {}
        if any(f.aggregate.user is not None for f in view.features):
            question = Question(keys, time, node.inclusive, self.threads)
            own = UserAggregates(view, events, question).columns()
        try:
            return answer(asked, timeline, inner, own)
        except (Overflow, UnequalLengths) as fault:
            feature = view.features[asked.features[fault.spec][fault.window]]
            key = spell_pairs([format_expr(k) for k in view.keys], keys, fault.row)
            told = overflow if isinstance(fault, Overflow) else unequal_lengths
            raise told(feature, key, time[fault.row].as_py()) from None
        except Unsupported as fault:
            raise UnsupportedError(f"this version cannot compute {node.alias}: {fault}") from None

    def prepared(
        self,
        node: Events | UnionAll | Versions,
        moments: Moments | None,
        join: TemporalJoin | None = None,
    ) -> Prepared:
        """Events with their times, for all joins that read them between the same moments."""
        given = self.given.get(id(node))
        if given is not None:
            assert isinstance(given, Prepared)
            return given
        question = None if join is None else events_question(join)
        found = self.shared.get(question, moments)
        if found is not None:
            for below in above(node):  # has been asked for by an earlier join
                for asked in questions(below):
                    self.shared.used(asked)
        elif isinstance(node, UnionAll):
            found = united(node, [self._prepare(part, moments) for part in node.events])
        else:
            found = self._prepare(node, moments)
        assert isinstance(found, Prepared)
        if question is not None:
            self.shared.used(question, moments, found)
        return found

    def _prepare(self, node: Events | Versions, moments: Moments | None) -> Prepared:
        rows = self.table(node.input, moments)
        if isinstance(node, Versions):
            return prepare_versions(node, rows, self.threads)
        return prepare(node, rows, self.run, self.threads)

    def timeline(
        self, join: TemporalJoin, keys: list[Array], time: Array, events: Prepared
    ) -> Timeline:
        """Spine and events in the order of keys and times, for all joins that ask the same."""
        # Equal expressions are the same question only over the same rows: their buffers tell.
        question = timeline_question(join)
        detail = (id(events), *map(identity_of, (*keys, time)))
        kept = self.shared.get(question, detail)
        if kept is not None:
            assert isinstance(kept, _Asked)
            timeline = kept.timeline
        else:
            theirs = [values(k, events.table) for k in join.right.keys]
            moment = events.time
            if events.changed is not None and isinstance(join.right, Lookup):
                moment = events.changed
            encoding = encoded(keys, theirs, len(time), len(moment), self.threads)
            try:
                timeline = Timeline(
                    encoding,
                    time,
                    moment,
                    events.known,
                    events.sequence,
                    join.inclusive,
                    self.threads,
                    until=events.until,
                )
            except NullTime as fault:
                names = [format_expr(k) for k in join.right.keys]
                spelled = spell_key(names, theirs, fault.row)
                raise null_time(join.right.events, events.source, spelled) from None
            self._remark(join, timeline, encoding)
        self.shared.used(question, detail, _Asked(timeline, events, [*keys, time]))
        return timeline

    def _remark(self, join: TemporalJoin, timeline: Timeline, encoding: Encoding) -> None:
        label = join.label if isinstance(join, KernelJoin) else join.alias
        if isinstance(join.right.events, Versions):
            path = "interval sweep (rows are valid from one change to the next)"
        elif timeline.ordered:
            path = "ordered path (rows become visible in the order of their times)"
        else:
            path = "interval sweep (rows become visible out of the order of their times)"
        self.run.facts.append(
            f"{label}: {path}; {timeline.rows:,} events of {timeline.groups:,} keys, "
            f"{timeline.largest_group:,} at most; keys {encoding.seconds:.3f} s, "
            f"order {timeline.seconds:.3f} s"
        )

    @contextmanager
    def measured(self, node: Node) -> Iterator[None]:
        """Adds the time spent inside to the node's."""
        start = clock.perf_counter()
        try:
            yield
        finally:
            label = getattr(node, "label", type(node).__name__)
            spent = clock.perf_counter() - start
            self.run.seconds[label] = self.run.seconds.get(label, 0.0) + spent

    def count(self, node: Node, rows: int) -> None:
        """Notes how many rows a node gave."""
        self.run.rows[getattr(node, "label", type(node).__name__)] = rows

"""What a set holds for keys and times, from the blocks of one snapshot.

As of t the last moment that is seen is t - 1, or t where events at t itself are seen; everything
below is said of last moments, so that both are one case.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from bighead.kernels import tiles
from bighead.kernels.aggregates import StateError
from bighead.storage.database.database import View as Snapshot
from bighead.storage.database.keys import block_key, key_prefix
from bighead.storage.errors import DamagedError
from bighead.storage.reading.chosen import LEAST, Asked, Gathered, fold_user, gather, newest
from bighead.storage.sets.nested import decode, is_encoded
from bighead.storage.sets.prepare import values
from bighead.storage.sets.set_plan import Answer, SetPlan
from bighead.storage.sets.values import column_of, exported
from bighead.zipline.aggregates.user import known_aggregate
from bighead.zipline.expressions.arrow import Array, make, nulls
from bighead.zipline.ir.format_expr import format_aggregate
from bighead.zipline.ir.nodes import Lookup, View

ALL = 2**62
"""More rows than there are."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a question has no answer; the others have theirs."""

    question: int
    column: str
    """The feature, or empty where it is all of them."""
    reason: str


@dataclass(slots=True)
class Fetched:
    """The answers, one row a question."""

    table: pa.Table
    found: list[bool]
    """Whether some window holds a row, or a row was found."""
    faults: list[Fault] = field(default_factory=list)
    blocks: int = 0
    """How many blocks were read."""


@dataclass(slots=True)
class Fetch:
    """One request to one set."""

    plan: SetPlan
    snapshot: Snapshot
    prefix: bytes
    """Before the keys of the set."""
    horizon: int
    """Rows of earlier times may have been dropped."""
    inclusive: bool
    faults: list[Fault] = field(default_factory=list)
    read: dict[bytes, bytes | None] = field(default_factory=dict)

    def run(self, keys: Sequence[Array], times: Array, spine: pa.Table, alias: str) -> Fetched:
        """The answers for keys as of times; `spine` has what a look-up's condition reads."""
        asked = self.asked(keys, times)
        right = self.plan.right
        try:
            if isinstance(right, Lookup):
                fetched = self.lookup(right, asked, len(times), spine, alias)
            else:
                fetched = self.view(right, asked, len(times))
        except StateError as error:
            raise DamagedError(f"the store is damaged: {error}; restore a backup") from error
        fetched.faults = self.faults
        fetched.blocks = sum(block is not None for block in self.read.values())
        return fetched

    def asked(self, keys: Sequence[Array], times: Array) -> list[Asked]:
        """The questions that have a key and a moment to look at."""
        asked = []
        encoded = tiles.encode_keys(keys, len(times))
        for question, (key, t) in enumerate(zip(encoded, times.to_pylist(), strict=True)):
            if key is None or t is None or (t == LEAST and not self.inclusive):
                continue
            last = t if self.inclusive else t - 1
            one = Asked(question, self.getter(key), last, t)
            if last < self.horizon - 1 and self.horizon > LEAST:
                self.fault(one, "", self._late())
            else:
                asked.append(one)
        return asked

    def getter(self, key: bytes) -> Callable[[int, int], bytes | None]:
        """Blocks of a key, each read once a request."""
        prefix = key_prefix(self.prefix, key)

        def get(level: int, number: int) -> bytes | None:
            name = block_key(prefix, level, number)
            if name not in self.read:
                self.read[name] = self.snapshot.get("blocks", name)
            return self.read[name]

        return get

    def low(self, asked: Asked, width: int | None) -> int:
        """The first time that a window holds."""
        if width is None:
            return LEAST
        low = asked.at - width
        tail = self.plan.right.tail if isinstance(self.plan.right, View) else None
        if tail is not None:
            low = low // tail * tail
        return max(low, LEAST)

    def view(self, view: View, asked: list[Asked], count: int) -> Fetched:
        """The features."""
        plan, rings = self.plan, tiles.Rings(self.plan.layout)
        by_question = {a.question: a for a in asked}
        answered: list[Asked] = []
        for question in range(count):
            one = by_question.get(question)
            if one is None or not self._ask(rings, one):
                rings.skip()
            else:
                answered.append(one)
        columns: list[Array] = []
        for answer in plan.answers:
            if answer.way == "tiles":
                columns.append(self._finish(rings, answer, answer.ring))
            elif answer.way == "rows":
                columns.append(self._cut(answer, answered, count))
            else:
                columns.append(self._user(answer, answered, count))
        held = rings.held(len(plan.rings) - 1) if plan.rings else [0] * count
        table = pa.Table.from_arrays(columns, names=view.schema.names)
        return Fetched(table, [h > 0 for h in held])

    def _ask(self, rings: tiles.Rings, asked: Asked) -> bool:
        """Whether the question could be answered."""
        plan = self.plan
        lows = [self.low(asked, width) for width in plan.rings]
        bounded = [w for w, width in zip(lows, plan.rings, strict=True) if width is not None]
        if not plan.entity and min(bounded, default=GREAT) < self.horizon:
            self.fault(asked, "", self._late())
            return False
        try:
            rings.ask(asked.get, asked.last, lows, asked.at, plan.whenever)
        except tiles.NotKept:
            self.fault(asked, "", self._late())
            return False
        return True

    def _late(self) -> str:
        return (
            "asks for a time whose rows are no longer kept; ask for a later one, or keep the set's "
            "history longer"
        )

    def fault(self, asked: Asked, column: str, reason: str) -> None:
        """Notes that a question has no answer."""
        self.faults.append(Fault(asked.question, column, reason))

    def _finish(self, rings: tiles.Rings, answer: Answer, ring: int) -> Array:
        feature = answer.feature
        aggregate = feature.aggregate
        made, buckets, ends, faults = rings.finish(
            answer.partial,
            ring,
            aggregate.function,
            k=aggregate.k,
            p=None if aggregate.p is None else aggregate.p.as_integer_ratio(),
            half_life=aggregate.half_life,
        )
        for question, reason in faults:
            said = "does not fit BIGINT or DECIMAL(38, s)"
            if reason == "lengths":
                said = "meets vectors of unequal lengths"
            text = f"{format_aggregate(aggregate)} ({feature.name}) {said}"
            self.faults.append(Fault(question, feature.name, text))
        return column_of(
            feature, exported(made), None if buckets is None else exported(buckets), ends
        )

    def _cut(self, answer: Answer, asked: list[Asked], count: int) -> Array:
        """A feature over the newest rows of its window."""
        window = answer.feature.window
        assert window.rows is not None
        assert answer.cut is not None
        wanted = min(window.rows, ALL)
        gathered = self._gather(answer.feature.name, window.width, asked, wanted)
        chosen = newest(self.plan, gathered, asked, answer.ties, min(window.rows, ALL))
        rings = tiles.Rings(answer.cut)
        at = {a.question: a.at for a in asked}
        for question in range(count):
            if question in chosen:
                rings.hold(gathered.rows.take(chosen[question]), at[question])
            else:
                rings.skip()
        return self._finish(rings, answer, 0)

    def _gather(
        self, name: str, width: int | None, asked: list[Asked], wanted: int, whenever: bool = False
    ) -> Gathered:
        """The newest rows of the questions that can be answered; the others have a fault."""
        there = []
        for one in asked:
            try:
                gather(self.plan, [one], lambda a: self.low(a, width), wanted, whenever)
                there.append(one)
            except tiles.NotKept:
                self.fault(one, name, self._late())
        return gather(self.plan, there, lambda a: self.low(a, width), wanted, whenever)

    def _user(self, answer: Answer, asked: list[Asked], count: int) -> Array:
        """What a user's class makes of the rows of the window."""
        window, aggregate = answer.feature.window, answer.feature.aggregate
        assert aggregate.user is not None
        user = known_aggregate(aggregate.function, aggregate.user)
        whenever = self.plan.whenever and window.width is None and window.rows is None
        wanted = ALL if window.rows is None else min(window.rows, ALL)
        gathered = self._gather(answer.feature.name, window.width, asked, wanted, whenever)
        if whenever:
            chosen: dict[int, list[int]] = {}
            for row, question in enumerate(gathered.owner):
                chosen.setdefault(question, []).append(row)
        else:
            chosen = newest(self.plan, gathered, asked, answer.ties, wanted)
        return fold_user(user, answer, gathered, chosen, count)

    def lookup(
        self, lookup: Lookup, asked: list[Asked], count: int, spine: pa.Table, alias: str
    ) -> Fetched:
        """The nearest row of each question that passes."""
        plan = self.plan
        rows: list[int | None] = [None] * count
        names = lookup.events.schema.names
        wanted, open_questions = 1 if lookup.residual is None else 16, asked
        columns: dict[str, list[Array]] = {n: [] for n in names}
        offset = 0
        while open_questions:
            gathered = self._gather("", lookup.tolerance, open_questions, wanted)
            limit = 1 if lookup.residual is None else ALL
            chosen = newest(plan, gathered, open_questions, range(len(plan.columns)), limit)
            table = self._rows(lookup, gathered.arrays)
            for name in names:
                columns[name].append(
                    table[name].combine_chunks()
                    if table.num_rows
                    else make([], table.schema.field(name).type)
                )
            for question, among in chosen.items():
                first = self._passing(lookup, question, among, table, spine, alias)
                rows[question] = None if first is None else first + offset
            offset += table.num_rows
            if lookup.residual is None:
                break
            counts = {q: gathered.owner.count(q) for q in set(gathered.owner)}
            more = [a for a in open_questions if rows[a.question] is None]
            open_questions = [a for a in more if counts.get(a.question, 0) >= wanted]
            wanted *= 8
        numbers = make(rows, pa.int64())
        arrays = []
        for name in lookup.columns:
            parts = columns[name]
            if parts:
                arrays.append(pa.concat_arrays(parts).take(numbers))
            else:
                arrays.append(nulls(count, lookup.schema.field(name).type))
        table = pa.Table.from_arrays(arrays, names=list(lookup.columns))
        return Fetched(table, [row is not None for row in rows])

    def _rows(self, lookup: Lookup, arrays: list[Array]) -> pa.Table:
        made = []
        for field_, array in zip(lookup.events.schema, arrays[3:], strict=False):
            kept = array
            if is_encoded(field_.type):
                kept = decode(array, field_.type)
            elif array.type != field_.type:
                kept = array.cast(field_.type)
            made.append(kept)
        return pa.Table.from_arrays(made, names=lookup.events.schema.names)

    def _passing(
        self,
        lookup: Lookup,
        question: int,
        among: list[int],
        table: pa.Table,
        spine: pa.Table,
        alias: str,
    ) -> int | None:
        """The first of the rows for which the condition is true."""
        if lookup.residual is None:
            return among[0]
        numbers = make(among, pa.int64())
        right = table.take(numbers).rename_columns([f"{alias}.{n}" for n in table.column_names])
        left = spine.take(make([question] * len(among), pa.int64()))
        for name in left.column_names:
            right = right.append_column(name, left.column(name))
        true = values(lookup.residual, right).to_pylist()
        return next((row for row, good in zip(among, true, strict=True) if good is True), None)


GREAT = 2**63 - 1

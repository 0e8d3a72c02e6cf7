"""What a set holds for keys and times, from the blocks of one view.

A request asks the database for blocks in rounds, all that any of its questions needs next at once;
the kernel then answers every feature of every key together. Features of chosen rows (windows cut to
a number of rows, users' classes) and row look-ups gather their rows in rounds of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa

from bighead.kernels import tiles
from bighead.kernels.aggregates import StateError
from bighead.storage.database.database import View as Snapshot
from bighead.storage.errors import DamagedError
from bighead.storage.reading.chosen import ALL, Rows, chosen_rows, fold_user, newest
from bighead.storage.reading.lookups import nearest
from bighead.storage.reading.times import Times, times_column
from bighead.storage.sets.exports import exported, exported_as
from bighead.storage.sets.set_plan import Answer, SetPlan
from bighead.storage.sets.values import column_of
from bighead.zipline.aggregates.user import known_aggregate
from bighead.zipline.expressions.arrow import Array, compute, make, scalar
from bighead.zipline.ir.format_expr import format_aggregate
from bighead.zipline.ir.nodes import Feature, Lookup

if TYPE_CHECKING:
    from bighead.kernels.aggregates.arrow_door import Result

LATE = (
    "asks for a time whose rows are no longer kept; ask for a later one, or keep the set's history "
    "longer"
)
_REASONS = {
    "overflow": "does not fit BIGINT or DECIMAL(38, s)",
    "lengths": "meets vectors of unequal lengths",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a question has no answer; the others have theirs."""

    question: int
    column: str
    """The feature, or empty where it is all of them."""
    reason: str
    late: bool = False
    """Its rows are no longer kept."""


@dataclass(slots=True)
class Fetched:
    """The answers, one row a question."""

    given: pa.Table | Callable[[], pa.Table]
    """The table, or what makes it."""
    found: list[bool]
    """Whether some window holds a row, or a row was found."""
    faults: list[Fault] = field(default_factory=list)
    blocks: int = 0
    """How many blocks were read."""
    plain: Result | None = None
    """The kernel's own answers, where they are the table's columns as they stand."""

    @property
    def table(self) -> pa.Table:
        """A column a feature. It is made when it is asked for: many columns take their time."""
        given = self.given  # another thread may put the table there at any time
        if not isinstance(given, pa.Table):
            self.given = given = given()
        return given


class _Asking(Protocol):
    def advance(self) -> None: ...


class Fetch:
    """One request to one set.

    prefix: before the keys of the set. waiting: its rows that lie in no block. horizon: rows of
    earlier times may have been dropped. pause: called before each round of reads.
    """

    def __init__(
        self,
        plan: SetPlan,
        view: Snapshot,
        prefix: bytes,
        waiting: tiles.Seen | None,
        horizon: int,
        inclusive: bool,
        keys: Sequence[Array],
        times: Times,
        pause: Callable[[], None] | None = None,
    ) -> None:
        self.pause = pause
        self.plan, self.view, self.times, self.inclusive = plan, view, times, inclusive
        self.count = len(keys[0]) if isinstance(times, int) else len(times)
        self.faults: list[Fault] = []
        self.shelf = tiles.Shelf()
        self.request = tiles.Request(
            plan.read, self.shelf, prefix, keys, times, inclusive=inclusive, horizon=horizon
        )
        if waiting is not None:
            waiting.hold(self.shelf, len(prefix))

    def run(self, spine: pa.Table, alias: str) -> Fetched:
        """The answers; `spine` has what a look-up's condition reads."""
        right = self.plan.right
        try:
            self._settle(self.request)
            if isinstance(right, Lookup):
                self._note_late(self.request.late)
                fetched = self._lookup(right, spine, alias)
            else:
                fetched = self._features()
        except StateError as error:
            raise DamagedError(f"the store is damaged: {error}; restore a backup") from error
        fetched.faults = self.faults
        fetched.blocks = self.shelf.blocks
        return fetched

    def _settle(self, asking: _Asking) -> None:
        """Rounds, until nothing is wanted any more."""
        while names := self.shelf.wanted():
            if self.pause is not None:
                self.pause()
            self.shelf.give(self.view.get_many("blocks", names))
            asking.advance()

    def _features(self) -> Fetched:
        plan, request, shown = self.plan, self.request, self.plan.shown
        plain, bucketed, faults = request.answer()
        self._note_late(request.late)
        if faults:
            features = [a.feature for a in plan.answers if a.way == "tiles"]
            for output, question, reason in faults:
                self._note(question, features[output], reason)
        found = [held > 0 for held in request.held(len(plan.rings) - 1)]
        if shown is not None:
            # Of these alone: whoever keeps an answer keeps no blocks that it was read from.
            return Fetched(partial(_shown, plain, shown), found, plain=plain)
        return Fetched(self._table(plain, bucketed), found)

    def _table(
        self, plain: Result, bucketed: Sequence[tuple[Result, Result, list[int]]]
    ) -> pa.Table:
        """A column a feature; those of chosen rows gather them."""
        struct: Any = exported(plain)
        singles, mapped = iter(struct.flatten()), iter(bucketed)
        columns: list[Array] = []
        for answer in self.plan.answers:
            feature = answer.feature
            if answer.way == "rows":
                columns.append(self._cut(answer))
            elif answer.way == "user":
                columns.append(self._user(answer))
            elif feature.aggregate.bucket is None:
                single = next(singles)
                done = single.type == feature.type
                columns.append(single if done else column_of(feature, single, None, []))
            else:
                values, buckets, ends = next(mapped)
                columns.append(column_of(feature, exported(values), exported(buckets), ends))
        names = [answer.feature.name for answer in self.plan.answers]
        return pa.Table.from_arrays(columns, names=names)

    def _note_late(self, questions: Sequence[int], column: str = "") -> None:
        self.faults += [Fault(question, column, LATE, True) for question in questions]

    def _note(self, question: int, feature: Feature, reason: str) -> None:
        text = f"{format_aggregate(feature.aggregate)} ({feature.name}) {_REASONS[reason]}"
        self.faults.append(Fault(question, feature.name, text))

    def _collect(
        self,
        name: str,
        questions: Sequence[int],
        width: int | None,
        wanted: int,
        whenever: bool = False,
    ) -> Rows:
        """The newest rows of some questions; those that cannot be answered have a fault."""
        collection = tiles.Collection(self.request, questions, width, wanted, whenever)
        self._settle(collection)
        self._note_late(collection.late, name)
        gone = set(collection.late)
        return self._rows(collection.answer(), [q for q in questions if q not in gone])

    def _rows(self, answer: tuple[tiles.RowBlock, Result], questions: Sequence[int]) -> Rows:
        """Rows that were collected for these questions."""
        rows, owners = answer
        asked = make(list(questions), pa.int64())
        lasts = times_column(self.times, self.count).take(asked)
        if not self.inclusive:
            lasts = compute("subtract", lasts, scalar(1, pa.int64()))
        return Rows(rows, exported(owners), asked, lasts, [exported(a) for a in rows.arrays()])

    def _cut(self, answer: Answer) -> Array:
        """A feature over the newest rows of its window."""
        feature, window = answer.feature, answer.feature.window
        assert window.rows is not None
        assert answer.cut is not None
        assert answer.output is not None
        wanted = min(window.rows, ALL)
        rows = self._collect(feature.name, self.request.questions, window.width, wanted)
        questions, which = newest(self.plan, rows, answer.ties, wanted)
        chosen = tiles.Chosen(answer.cut, rows.block, questions, which, self.request)
        values, buckets, ends, faults = chosen.finish(answer.output)
        for question, reason in faults:
            self._note(question, feature, reason)
        named = None if buckets is None else exported(buckets)
        return column_of(feature, exported(values), named, ends)

    def _user(self, answer: Answer) -> Array:
        """What a user's class makes of the rows of the window."""
        feature, window = answer.feature, answer.feature.window
        assert feature.aggregate.user is not None
        user = known_aggregate(feature.aggregate.function, feature.aggregate.user)
        whenever = self.plan.whenever and window.width is None and window.rows is None
        wanted = ALL if window.rows is None else min(window.rows, ALL)
        rows = self._collect(feature.name, self.request.questions, window.width, wanted, whenever)
        if whenever:
            questions, which = rows.owners, make(np.arange(len(rows.owners)), pa.int64())
        else:
            questions, which = newest(self.plan, rows, answer.ties, wanted)
        return fold_user(user, answer, rows, chosen_rows(questions, which), self.count)

    def _lookup(self, lookup: Lookup, spine: pa.Table, alias: str) -> Fetched:
        """The nearest row of each question that passes.

        Where a condition chooses among rows, more of them are gathered until one passes or all have
        been looked at; only where none of those that are kept passes it matters that others went.
        """
        wanted = 1 if lookup.residual is None else 16
        found = nearest(lookup, self.count)
        asked: Sequence[int] = self.request.questions
        while asked:
            collection = tiles.Collection(self.request, asked, lookup.tolerance, wanted)
            self._settle(collection)
            rows, late = self._rows(collection.answer(partial=True), asked), set(collection.late)
            more = found.take(self.plan, rows, spine, alias, wanted)
            self._note_late([q for q in sorted(late) if found.row[q] < 0])
            asked = [q for q in more if q not in late]
            wanted *= 8
        return Fetched(found.table(), found.found())


def _shown(plain: Result, schema: pa.Schema) -> pa.Table:
    """What the kernel answered, as it stands."""
    return pa.Table.from_batches([exported_as(plain, schema)])

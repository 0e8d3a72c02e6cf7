"""Answers from rows: windows that are cut to the newest rows, and users' classes.

Rows are gathered from the newest on, a few more than are wanted, and the batch engine's kernel puts
them in order: by time, sequence, and the columns that break ties.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from bighead.kernels import temporal, tiles
from bighead.storage.sets.exports import exported
from bighead.storage.sets.set_plan import Answer, SetPlan
from bighead.storage.sets.values import column_of, numbers
from bighead.zipline.aggregates.user import UserAggregate
from bighead.zipline.expressions.arrow import Array, compute, make, scalar

ALL = 2**62
"""More rows than there are."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of several questions, and whose they are."""

    block: tiles.RowBlock
    owners: Array
    """The question of each row."""
    questions: Array
    """The questions that were asked and can be answered."""
    lasts: Array
    """The last moment that each of these sees."""
    arrays: list[Array]
    """Times, beginnings, ends, columns."""


def newest(plan: SetPlan, rows: Rows, ties: Sequence[int], limit: int) -> tuple[Array, Array]:
    """The rows of each question, the newest first, at most `limit` of them: questions and rows."""
    none = make([], pa.int64())
    if not len(rows.owners):
        return none, none
    timeline = temporal.Timeline(
        temporal.encode([rows.questions], [rows.owners], 1),
        rows.lasts,
        rows.arrays[0],
        rows.arrays[1],
        rows.arrays[3 + len(plan.columns)] if plan.ordered else None,
        True,
        1,
        until=rows.arrays[2] if plan.entity else None,
    )
    columns = [rows.arrays[3 + i] for i in ties]
    asked, found = map(exported, timeline.candidates(columns).take(limit=limit))
    return rows.questions.take(asked), found


def chosen_rows(questions: Array, which: Array) -> dict[int, list[int]]:
    """The rows of each question, in their order."""
    chosen: dict[int, list[int]] = {}
    for question, row in zip(numbers(questions), numbers(which), strict=True):
        chosen.setdefault(question, []).append(row)
    return chosen


def fold_user(
    user: UserAggregate,
    answer: Answer,
    gathered: Rows,
    chosen: dict[int, list[int]],
    count: int,
) -> Array:
    """What a user's class makes of the rows of each of `count` questions."""
    rows = user.values([gathered.arrays[3 + i] for i in answer.args])
    passes = None if answer.filter is None else gathered.arrays[3 + answer.filter].to_pylist()
    bucket = _Buckets.of(gathered, answer)
    made = user.make()
    values: list[Any] = []
    codes: list[int] = []
    ends: list[int] = []
    for question in range(count):
        states: dict[int, Any] = {}
        for row in chosen.get(question, ()):
            code = bucket.codes[row]
            if code < 0 or (passes is not None and passes[row] is not True):
                continue
            if any(v is None or v != v for v in rows[row]):
                continue
            with user.guarded():
                states[code] = made.add(states[code] if code in states else made.zero(), *rows[row])
        with user.guarded():
            done = [(c, user.finished(made.finish(states[c]))) for c in sorted(states)]
        if bucket.names is None:
            values.append(done[0][1] if done else None)
        codes += [c for c, _ in done]
        if bucket.names is not None:
            values += [v for _, v in done]
            ends.append(len(values))
    made_of = make(values, answer.feature.aggregate.type)
    if bucket.names is None:
        return made_of
    return column_of(answer.feature, made_of, bucket.names.take(make(codes, pa.int64())), ends)


@dataclass(frozen=True, slots=True)
class _Buckets:
    """The bucket of each row, as its place in the order of all."""

    codes: list[int]
    """-1: the row is in none."""
    names: Array | None

    @classmethod
    def of(cls, gathered: Rows, answer: Answer) -> _Buckets:
        rows = len(gathered.owners)
        if answer.bucket is None:
            return cls([0] * rows, None)
        column = gathered.arrays[3 + answer.bucket]
        if pa.types.is_floating(column.type):
            column = compute("add", column, scalar(0.0, column.type))  # -0.0 is 0.0
        encoded: Any = column.dictionary_encode()
        names: Array = encoded.dictionary
        order = pc.sort_indices(cast("Any", names))
        ranks = dict(zip(order.to_pylist(), range(len(names)), strict=True))
        counted = [key is not None for key in tiles.encode_keys([column], rows)]
        codes = [
            ranks[i] if good else -1
            for i, good in zip(encoded.indices.to_pylist(), counted, strict=True)
        ]
        return cls(codes, names.take(cast("Any", order)))

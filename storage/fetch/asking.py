"""A request in the terms of one set: its columns by name and type, and the time of each entity."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from bighead.storage.fetch.errors import FetchError, Kind
from bighead.storage.fetch.fitting import Bad
from bighead.storage.reading.times import Times, some_times, times_column
from bighead.zipline.errors import DataError, did_you_mean
from bighead.zipline.expressions import evaluate
from bighead.zipline.expressions.arrow import Array, join, nulls, view
from bighead.zipline.ir.expr import Column, Expr, columns_of
from bighead.zipline.ir.types import TIMESTAMP, sql_name
from bighead.zipline.serving import Serving

Fit = Callable[[str, Any, pa.DataType], tuple[Array, Bad]]
"""Brings a column, by its name, to a type: its values, NULL for the entities whose value is no such
one, and what is wrong with each. Raises DataError where no value of the column could be one."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a door was asked. Its columns are as the door has them."""

    sets: Sequence[str]
    entities: int
    columns: Mapping[str, Any]
    """By name; each has a value for each entity."""
    fit: Fit
    time: int | None = None
    """Of all entities, in microseconds; None: `times` tell it, else it is now."""
    times: Any = None
    """A column with the time of each entity."""


@dataclass(slots=True)
class Asked:
    """What one set is asked."""

    columns: dict[str, Array]
    """The inputs under the names that the set's expressions have for them."""
    entities: int
    when: Times
    bad: Bad = field(default_factory=dict)
    """Entities with a value that cannot be meant, whose answer is none."""

    @property
    def times(self) -> Array:
        """Of each entity."""
        return times_column(self.when, self.entities)

    def slice(self, first: int, entities: int) -> Asked:
        """The same for some of the entities, which count from 0 again."""
        end = first + entities
        bad = {e - first: reason for e, reason in self.bad.items() if first <= e < end}
        columns = {name: array.slice(first, entities) for name, array in self.columns.items()}
        entities = min(entities, self.entities - first)
        return Asked(columns, entities, some_times(self.when, first, entities), bad)


def columns_read(served: list[Serving], given: Iterable[str]) -> None:
    """Raises FetchError where a column is given that no set needs, or one is given twice."""
    known = [i.name for serving in served for i in serving.inputs]
    folded = {name.casefold() for name in known}
    seen: dict[str, str] = {}
    for name in given:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise FetchError(Kind.WRONG, f"'{other}' and '{name}' are one column; give it once")
        if name.casefold() not in folded:
            names = ", ".join(dict.fromkeys(s.name for s in served))
            hint = did_you_mean(name, known) or "leave it out"
            raise FetchError(Kind.WRONG, f"{names} has no column '{name}' to be given; {hint}")


def asked(serving: Serving, request: Request, times: Times, untimely: Bad) -> Asked:
    """The inputs of a set, and its times: those that its own columns tell, else `times`.

    untimely: entities of which the request's time is none. Raises FetchError where a column is
    missing or is of the wrong type.
    """
    bad: Bad = {}
    columns = _columns(serving, request, bad)
    telling = () if serving.time is None else columns_of(serving.time)
    there = [name for name in telling if name in columns]
    if not there:
        bad = {**untimely, **bad}
        if isinstance(serving.time, Column):
            # The column is the time itself, where anything else reads it.
            column = times_column(times, request.entities)
            columns[serving.time.name] = view(column, serving.time.type)
    elif len(there) < len(telling):
        lacking = next(i for i in serving.inputs if i.column in telling and i.column not in there)
        raise FetchError(
            Kind.WRONG,
            f"the time of {serving.name} needs the column '{lacking.name}' "
            f"({sql_name(lacking.type)}) too; give it, or leave out the other columns of it",
        )
    else:
        assert serving.time is not None
        times = view(values(serving.time, columns, request.entities, bad), pa.int64())
    return Asked(columns, request.entities, times, bad)


def _columns(serving: Serving, request: Request, bad: Bad) -> dict[str, Array]:
    given = request.columns
    folded = {name.casefold(): name for name in given}
    columns: dict[str, Array] = {}
    for needed in serving.inputs:
        name = needed.name if needed.name in given else folded.get(needed.name.casefold())
        if name is None:
            if needed.optional:
                continue
            if not request.entities:  # rows that are none have no columns
                columns[needed.column] = nulls(0, needed.type)
                continue
            raise FetchError(
                Kind.WRONG,
                f"{serving.name} needs the column '{needed.name}' ({sql_name(needed.type)}); give "
                "a value of it for each entity",
            )
        try:
            columns[needed.column], unfit = request.fit(needed.name, given[name], needed.type)
        except DataError as error:
            raise FetchError(Kind.WRONG, f"{error}, for {serving.name}") from None
        for entity, reason in unfit.items():
            bad.setdefault(entity, reason)
    return columns


def values(
    expr: Expr, columns: Mapping[str, Array], entities: int, bad: Bad, first: int = 0
) -> Array:
    """The values of an expression; where it has none NULL, and the reason in `bad`."""
    if isinstance(expr, Column):
        return columns[expr.name]
    names = columns_of(expr)
    try:
        return evaluate(expr, table_of({name: columns[name] for name in names}, entities))
    except DataError as error:
        if entities == 1:
            bad.setdefault(first, str(error).partition(", in row ")[0])
            return nulls(1, expr.type)
    half = entities // 2
    parts = []
    for start, count in ((0, half), (half, entities - half)):
        some = {name: columns[name].slice(start, count) for name in names}
        parts.append(values(expr, some, count, bad, first + start))
    return join(parts)


def table_of(columns: Mapping[str, Array], entities: int) -> pa.Table:
    """Columns as a table, which has its rows where there is no column too."""
    if columns:
        return pa.Table.from_arrays(list(columns.values()), names=list(columns))
    return pa.table({"": nulls(entities, pa.null())})


def times_of(request: Request, now: int) -> tuple[Times, Bad]:
    """The times that a request states, and the entities whose time is none."""
    if request.times is None:
        return now if request.time is None else request.time, {}
    try:
        found, bad = request.fit("the time", request.times, TIMESTAMP)
    except DataError as error:
        raise FetchError(Kind.WRONG, str(error)) from None
    return view(found, pa.int64()), bad

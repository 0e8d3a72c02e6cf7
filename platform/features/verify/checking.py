"""One definition that was served: its values compared, and explained where they differ.

All that was drawn is computed in one query over all rows of the sources. Where a value differs, the
rows that its key can reach are matched with those that the store got, and it is computed again over
the rows that the store had as of the commit that was read. Is that what was served, then rows that
came later, or never came, are the reason. Is it only with rows that are not offline, it is ahead;
else the store and the offline engine differ.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from bighead.planner.runtime import Runtime
from bighead.planner.sources.dataset import Dataset
from bighead.platform.features.batches import declared
from bighead.platform.features.verify.ahead import rows_that_came, with_rows_ahead
from bighead.platform.features.verify.candidates import (
    Candidates,
    Key,
    encoded,
    entities_in_reach,
    rows_in_reach,
)
from bighead.platform.features.verify.explaining import explanation
from bighead.platform.features.verify.presence import (
    Known,
    Masks,
    presence_of,
    sources_in,
)
from bighead.platform.features.verify.recomputing import (
    TIME,
    Errors,
    cells,
    computed,
    features,
    key_column,
    plan_of,
    some,
    spine_of,
)
from bighead.platform.features.verify.report import (
    OUTCOMES,
    Example,
    FeatureFound,
    Outcome,
    SetFound,
)
from bighead.platform.features.verify.sizes import with_sizes
from bighead.platform.features.verify.turns import turns
from bighead.storage.fetch_log.layout import AS_OF, COMMIT, ERRORS, SERVED_AT, Facts, given, value
from bighead.storage.fetch_log.reading import Drawn
from bighead.storage.sets.prepare import whole
from bighead.storage.store import Store
from bighead.zipline.aggregates.closeness import Closeness, closeness, derived
from bighead.zipline.ir.expr import Column, Expr, columns_of
from bighead.zipline.ir.nodes import View
from bighead.zipline.ir.sources import Source
from bighead.zipline.serving import Group, Serving, serving
from bighead.zipline.spelling import plain_column

BAD_VALUE = 1
"""The number of ErrorCode for an entity that could not be asked."""


def class_of(served: Serving, expr: Expr) -> Closeness:
    """How near two values of a column have to be."""
    parts: dict[str, Closeness] = {}
    for group in served.groups:
        if isinstance(group.right, View):
            for feature in group.right.features:
                parts[f"{group.name}.{feature.name}"] = closeness(feature.aggregate)
    if isinstance(expr, Column):
        return parts.get(expr.name, Closeness())
    return derived([parts[name] for name in columns_of(expr) if name in parts])


@dataclass(slots=True)
class Checking:
    """One definition, and what was drawn of it."""

    runtime: Runtime
    store: Store | None
    examples: int
    drawn: Drawn
    facts: Facts = field(init=False)
    served: Serving = field(init=False)
    sized: Serving = field(init=False)
    """With the sizes of the terms of some features."""
    sizes: dict[str, str] = field(init=False)
    """By feature, how that is called."""
    log: pa.Table = field(init=False)
    spine: pa.Table = field(init=False)
    classes: dict[str, Closeness] = field(init=False)
    values: dict[str, list[Any]] = field(init=False)
    """By feature, what was served."""
    expected: dict[str, list[Any]] = field(default_factory=dict)
    reasons: dict[str, Errors] = field(default_factory=lambda: defaultdict(dict))
    """By feature and row, why there is nothing to be expected."""
    outcomes: dict[str, dict[int, Outcome]] = field(default_factory=dict)
    """By feature and row; without those that are equal."""
    left_out: list[frozenset[str]] = field(default_factory=list)
    """Of each row, the features that were served with an error."""

    def __post_init__(self) -> None:
        self.facts, self.log = self.drawn.facts, self.drawn.rows
        self.served = serving(self.facts.definition)
        self.sized, self.sizes = with_sizes(self.served)
        self.spine = spine_of(self.served, self.log)
        self.classes = {name: class_of(self.served, e) for name, e in self.served.columns}
        self.values = {name: cells(self.log.column(value(name))) for name in self.classes}

    def run(self) -> SetFound:
        """Compares, explains, counts."""
        found = SetFound(
            self.facts.set, self.facts.address, self.facts.share, self.log.num_rows, []
        )
        asked = self._asked()
        for left_out, rows in asked.items():
            self._compare(rows, [n for n in self.classes if n not in left_out])
        differing = sorted({row for rows in self.outcomes.values() for row in rows})
        told: list[Candidates] = []
        if differing and self.store is not None:
            told = self._explain(self.store, differing)
        elif differing:
            found.remarks.append("no store is named that could tell late and missing rows")
        self._count(found)
        self._show(found, told)
        return found

    def _asked(self) -> dict[frozenset[str], list[int]]:
        """The rows that were answered, by the features that were left out for an error."""
        groups: dict[frozenset[str], list[int]] = defaultdict(list)
        for row, errors in enumerate(cells(self.log.column(ERRORS))):
            left_out: set[str] = set()
            for error in errors or ():
                left_out.update(error["columns"] or self.classes)
                if error["code"] == BAD_VALUE:
                    left_out.update(self.classes)
            self.left_out.append(frozenset(left_out))
            if len(left_out) < len(self.classes):
                groups[self.left_out[row]].append(row)
        return groups

    def _data(self) -> dict[str, Dataset]:
        """The sources where they lie now."""
        found: dict[str, Dataset] = {}
        for group in self.served.groups:
            for source in sources_in(group.right):
                if source.name not in found:
                    found[source.name] = self.runtime.dataset(declared(self.runtime, source))
        return found

    def _compare(self, rows: Sequence[int], names: Sequence[str]) -> None:
        """Computes features of some rows over all that lies offline."""
        spine = some(self.spine, rows)
        columns, wrong = features(self.runtime, self.served, names, spine, self._data())
        for name in names:
            held = self.expected.setdefault(name, [None] * self.log.num_rows)
            close, served = self.classes[name].close, self.values[name]
            differing: list[int] = []
            for i, row in enumerate(rows):
                held[row] = columns[name][i]
                if i in wrong[name]:
                    self.reasons[name][row] = wrong[name][i]
                if i in wrong[name] or not close(served[row], held[row]):
                    differing.append(row)
            if differing and name in self.sizes:
                differing = self._too_far(name, differing)
            if differing:
                self.outcomes.setdefault(name, {}).update(dict.fromkeys(differing, "different"))

    def _too_far(self, name: str, rows: Sequence[int]) -> list[int]:
        """Of these rows those whose values are too far apart by the size of their terms too."""
        size, spine = self.sizes[name], some(self.spine, rows)
        found, _ = features(self.runtime, self.sized, [size], spine, self._data())
        pairs = zip(rows, found[size], strict=True)
        return [
            row
            for row, terms in pairs
            if row in self.reasons[name]
            or not self._near(
                name, self.values[name][row], {name: self.expected[name][row], size: terms}
            )
        ]

    def _near(self, name: str, value: Any, found: Mapping[str, Any]) -> bool:
        """Whether a feature was found, near enough to a value by the size of its terms."""
        size = found.get(self.sizes.get(name, ""))
        return name in found and self.classes[name].of_size(size).close(value, found[name])

    # Why values differ.

    def _explain(self, store: Store, rows: Sequence[int]) -> list[Candidates]:
        """Tells late and missing rows from real differences."""
        place = {row: i for i, row in enumerate(rows)}
        spine = some(self.spine, rows)
        commits = [int(c) for c in cells(self.log.column(COMMIT).take(_numbers(rows)))]
        keys = self._keys(spine)
        candidates = self._candidates(store, spine, keys)
        had: dict[int, dict[str, Any]] = {}
        beside: dict[int, dict[str, Any]] = {}
        ahead = any(c.ahead.any() for c in candidates)
        own = {g.name: keys[g.name] for g in self.served.groups if not self._found_by_others(g)}
        for members, there in turns(candidates, commits, own):
            had |= self._over(candidates, there, rows, members)
            if ahead:
                beside |= self._over(candidates, there, rows, members, ahead=True)
        got = self._over(candidates, [c.ever for c in candidates], rows, range(len(rows)))
        for name, outcomes in self.outcomes.items():
            for row in outcomes:
                i, served = place[row], self.values[name][row]
                if not self._near(name, served, had[i]):
                    if self._near(name, served, beside.get(i, {})):
                        outcomes[row] = "ahead"
                    continue
                wrong = row in self.reasons[name]
                if name in got[i]:
                    late = not wrong and self._near(name, self.expected[name][row], got[i])
                else:
                    late = wrong
                outcomes[row] = "late" if late else "missing"
        return candidates

    def _candidates(
        self, store: Store, spine: pa.Table, asked: Mapping[str, Sequence[Key]]
    ) -> list[Candidates]:
        found = []
        times = [t for t in cells(spine.column(TIME)) if t is not None]
        last = max(times, default=0)
        for group in self.served.groups:
            definition = store.sets.get(self.facts.sets.get(group.name, ""))
            for source in {s.name: s for s in sources_in(group.right)}.values():
                dataset = self.runtime.dataset(declared(self.runtime, source))
                keys = None
                if not self._found_by_others(group):
                    keys = frozenset(k for k in asked[group.name] if k is not None)
                known = Known.of(store.database, definition, group.right, source)
                data = chain([dataset], rows_that_came(known, source))
                entities = entities_in_reach(group, source, data, keys, last)
                rows, of_row = rows_in_reach(group, source, dataset, keys, last, entities)
                offline = rows.num_rows
                rows, of_row = with_rows_ahead(
                    known, group, source, keys, last, entities, rows, of_row
                )
                ahead = np.arange(rows.num_rows) >= offline
                presence = presence_of(known, source, rows)
                found.append(Candidates(group, source, rows, of_row, presence, ahead))
        return found

    def _keys(self, spine: pa.Table) -> dict[str, list[Key]]:
        """By group, the keys that it is asked for when all rows are there."""
        table, _ = computed(self.runtime, plan_of(self.served, ()), spine, self._data())
        return {g.name: keys_in(table, g) for g in self.served.groups}

    def _found_by_others(self, group: Group) -> bool:
        """Whether its key, or what it looks at, is made of what other groups found."""
        inputs = {i.column for i in self.served.inputs}
        own = {f"{group.name}.{name}" for name in group.right.events.schema.names}
        return any(name not in inputs | own for name in columns_of(*group.keys))

    def _over(
        self,
        candidates: Sequence[Candidates],
        there: Sequence[Masks],
        rows: Sequence[int],
        members: Sequence[int],
        ahead: bool = False,
    ) -> dict[int, dict[str, Any]]:
        """The features of some of these rows over what the store had, but for errors."""

        def rename(group: Group, source: Source) -> Source:
            return replace(source, name=_place(group, source))

        data: Mapping[str, Dataset] = {
            _place(c.group, c.source): c.data(mask, ahead)
            for c, mask in zip(candidates, there, strict=True)
        }
        alike: dict[frozenset[str], list[int]] = defaultdict(list)
        for i in members:
            alike[self.left_out[rows[i]]].append(i)
        found: dict[int, dict[str, Any]] = {}
        for left_out, some_of in alike.items():
            names = [n for n in self.outcomes if n not in left_out]
            names += [self.sizes[n] for n in names if n in self.sizes]
            spine = some(self.spine, [rows[i] for i in some_of])
            columns, wrong = features(self.runtime, self.sized, names, spine, data, rename)
            for at, i in enumerate(some_of):
                found[i] = {n: columns[n][at] for n in names if at not in wrong[n]}
        return found

    # What is told of it.

    def _count(self, found: SetFound) -> None:
        for name, class_ in self.classes.items():
            told = FeatureFound(name, class_.accuracy)
            told.faults = sum(name in left_out for left_out in self.left_out)
            told.counts = Counter(self.outcomes.get(name, {}).values())
            told.counts["equal"] = self.log.num_rows - told.faults - told.compared
            found.features.append(told)

    def _show(self, found: SetFound, candidates: Sequence[Candidates]) -> None:
        """Examples, and how many rows of which source are late or missing."""
        asked: dict[str, list[Key]] = {}
        late: dict[str, set[int]] = defaultdict(set)
        missing: dict[str, set[int]] = defaultdict(set)
        ahead: dict[str, set[int]] = defaultdict(set)
        rows = sorted({row for of_feature in self.outcomes.values() for row in of_feature})
        if candidates:
            asked = self._keys(some(self.spine, rows))
        shown: Counter[Outcome] = Counter()
        at = {row: i for i, row in enumerate(rows)}
        for row in rows:
            for name in self.classes:
                outcome = self.outcomes.get(name, {}).get(row)
                if outcome is None:
                    continue
                keys = {group: of_row[at[row]] for group, of_row in asked.items()}
                reads = self.served.groups_of(dict(self.served.columns)[name])
                told = explanation(self._entry(row), candidates, reads, keys)
                if outcome != "different":
                    for source, hidden in told.late.items():
                        late[source] |= hidden
                    for source, hidden in told.missing.items():
                        missing[source] |= hidden
                    for source, only in told.ahead.items():
                        ahead[source] |= only
                if shown[outcome] < self.examples:
                    shown[outcome] += 1
                    found.examples.append(self._example(name, row, outcome, told.rows, told.more))
        found.late = Counter({s: len(r) for s, r in late.items() if r})
        found.ahead = Counter({s: len(r) for s, r in ahead.items() if r})
        found.missing = Counter({s: len(r) for s, r in missing.items() if r})
        found.examples.sort(key=lambda e: -OUTCOMES.index(e.outcome))

    def _entry(self, row: int) -> tuple[int, int]:
        """The time of a row of the log, and the commit that was read."""
        return self._integer(AS_OF, row), self._integer(COMMIT, row)

    def _integer(self, name: str, row: int) -> int:
        scalar: Any = self.log.column(name)[row]
        cast = scalar.cast(pa.int64()).as_py()
        return int(cast) if cast is not None else 0

    def _example(
        self, name: str, row: int, outcome: Outcome, rows: tuple[Any, ...], more: int
    ) -> Example:
        inputs = {i.name: _plain(self.log.column(given(i.name)), row) for i in self.served.inputs}
        kind = self.log.schema.field(value(name)).type
        expected: Any = pa.array([self.expected[name][row]], kind)
        return Example(
            name,
            outcome,
            inputs,
            self._integer(AS_OF, row),
            self._integer(SERVED_AT, row),
            self._integer(COMMIT, row),
            _plain(self.log.column(value(name)), row),
            plain_column(expected)[0],
            self.reasons[name].get(row, ""),
            rows,
            more,
        )


def _plain(column: Any, row: int) -> Any:
    """A value as JSON has it."""
    return plain_column(column.slice(row, 1).combine_chunks())[0]


def _numbers(rows: Sequence[int]) -> Any:
    return pa.array(np.array(rows, np.int64))


def _place(group: Group, source: Source) -> str:
    return f"{source.name}#{group.name}"


def keys_in(table: pa.Table, group: Group) -> list[Key]:
    """The keys that a group was asked for, row by row."""
    names = [key_column(group.name, i) for i in range(len(group.keys))]
    return encoded([whole(table.column(name)) for name in names], table.num_rows)

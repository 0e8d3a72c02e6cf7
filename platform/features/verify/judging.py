"""Why values differ: over the rows that the store had, is what was served what they give?

The rows that the key of a request can reach are matched with those that the store got, and its
values are computed again over those that were there as of the commit that was read. Is that what
was served, then rows that came later, or never came, are the reason. Is it only with rows that are
not offline, it is ahead; else the store and the offline engine differ.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from bighead.planner.runtime import Runtime
from bighead.planner.sources.dataset import Dataset
from bighead.platform.features.batches import declared, pieces_of
from bighead.platform.features.verify.ahead import rows_that_came, with_rows_ahead
from bighead.platform.features.verify.candidates import (
    Candidates,
    Key,
    encoded,
    entities_in_reach,
    rows_in_reach,
)
from bighead.platform.features.verify.comparing import Comparison
from bighead.platform.features.verify.presence import Known, Masks, presence_of, sources_in
from bighead.platform.features.verify.recomputing import (
    TIME,
    cells,
    computed,
    features,
    key_column,
    plan_of,
    some,
)
from bighead.platform.features.verify.turns import turns
from bighead.storage.fetch_log.layout import COMMIT
from bighead.storage.sets.definitions import Definition
from bighead.storage.sets.prepare import integers, values, whole
from bighead.storage.store import Store
from bighead.storage.writing.meeting import identity_of
from bighead.storage.writing.stream_log import time_of
from bighead.zipline.ir.expr import Literal, columns_of
from bighead.zipline.ir.format_expr import format_expr
from bighead.zipline.ir.sources import Source
from bighead.zipline.ir.types import TIMESTAMP
from bighead.zipline.serving import Group


@dataclass(slots=True)
class Judging:
    """The rows of a comparison that have a value which is not equal."""

    comparison: Comparison
    store: Store
    rows: list[int] = field(init=False)
    """Of the log."""
    keys: dict[str, list[Key]] = field(init=False)
    """By group, what each of them asks it for when all rows are there."""
    candidates: list[Candidates] = field(init=False)

    def __post_init__(self) -> None:
        given = self.comparison
        self.rows = given.differing
        spine = some(given.spine, self.rows)
        table, _ = computed(given.runtime, plan_of(given.served, ()), spine, given.data())
        self.keys = {g.name: keys_in(table, g) for g in given.served.groups}
        self.candidates = [
            each for group in given.served.groups for each in self._candidates(group, spine)
        ]

    def run(self) -> None:
        """Tell late and missing rows, and those ahead, from real differences."""
        given, candidates = self.comparison, self.candidates
        read = cells(some(given.log.select([COMMIT]), self.rows).column(COMMIT))
        commits = [int(commit) for commit in read]
        had: dict[int, dict[str, Any]] = {}
        beside: dict[int, dict[str, Any]] = {}
        ahead = any(c.ahead.any() for c in candidates)
        own = {g.name: self.keys[g.name] for g in given.served.groups if not self._by_others(g)}
        for members, there in turns(candidates, commits, own):
            had |= self._over(there, members)
            if ahead:
                beside |= self._over(there, members, ahead=True)
        got = self._over([c.ever for c in candidates], range(len(self.rows)))
        place = {row: i for i, row in enumerate(self.rows)}
        for name, outcomes in given.outcomes.items():
            for row in outcomes:
                i, served = place[row], given.values[name][row]
                if not given.near(name, served, had[i]):
                    if given.near(name, served, beside.get(i, {})):
                        outcomes[row] = "ahead"
                    continue
                late = wrong = row in given.reasons[name]
                if name in got[i]:
                    late = not wrong and given.near(name, given.expected[name][row], got[i])
                outcomes[row] = "late" if late else "missing"

    def remarks(self) -> list[str]:
        """What else may make values different: rows that lie offline since an upload read them.

        Where rows have no identity, an upload keeps how many it had, and not which.
        """
        told: dict[str, None] = {}
        for each in self.candidates:
            definition, source = self._definition(each.group), each.source
            upload = None if definition is None else definition.upload
            if upload is None or time_of(source) is None or identity_of(source):
                continue
            known = Known.of(self.store.database, definition, each.group.right, source)
            had = upload.sources.get(known.source)
            rows = rows_below(self.comparison.runtime, source, upload.as_of)
            if had is not None and rows > had.rows:
                as_of = format_expr(Literal(upload.as_of, TIMESTAMP)).removeprefix("TIMESTAMP ")
                remark = (
                    f"the upload as of {as_of} had {had.rows:,} rows of {source.name}, and "
                    f"{rows:,} lie offline below that time now: those that no stream brought may "
                    "make values different; upload anew"
                )
                told[remark] = None
        return list(told)

    def _definition(self, group: Group) -> Definition | None:
        """Of the set of the store that answers a group; None: it is kept no more."""
        return self.store.sets.get(self.comparison.drawn.facts.sets.get(group.name, ""))

    def _candidates(self, group: Group, spine: pa.Table) -> list[Candidates]:
        """The rows that a group may read, of each of its sources."""
        given = self.comparison
        last = max((t for t in cells(spine.column(TIME)) if t is not None), default=0)
        definition = self._definition(group)
        keys = None
        if not self._by_others(group):
            keys = frozenset(k for k in self.keys[group.name] if k is not None)
        found = []
        for source in {s.name: s for s in sources_in(group.right)}.values():
            dataset = given.runtime.dataset(declared(given.runtime, source))
            known = Known.of(self.store.database, definition, group.right, source)
            data = chain([dataset], (each for _, each in rows_that_came(known, source)))
            entities = entities_in_reach(group, source, data, keys, last)
            rows, of_row = rows_in_reach(group, source, dataset, keys, last, entities)
            offline = rows.num_rows
            rows, of_row = with_rows_ahead(known, group, source, keys, last, entities, rows, of_row)
            ahead = np.arange(rows.num_rows) >= offline
            presence = presence_of(known, source, rows)
            found.append(Candidates(group, source, rows, of_row, presence, ahead))
        return found

    def _by_others(self, group: Group) -> bool:
        """Whether its key, or what it looks at, is made of what other groups found."""
        inputs = {i.column for i in self.comparison.served.inputs}
        own = {f"{group.name}.{name}" for name in group.right.events.schema.names}
        return any(name not in inputs | own for name in columns_of(*group.keys))

    def _over(
        self, there: Sequence[Masks], members: Sequence[int], ahead: bool = False
    ) -> dict[int, dict[str, Any]]:
        """The features of some of these rows over what the store had, but for errors."""
        given = self.comparison

        def rename(group: Group, source: Source) -> Source:
            return replace(source, name=_place(group, source))

        data: Mapping[str, Dataset] = {
            _place(c.group, c.source): c.data(mask, ahead)
            for c, mask in zip(self.candidates, there, strict=True)
        }
        alike: dict[frozenset[str], list[int]] = defaultdict(list)
        for i in members:
            alike[given.left_out[self.rows[i]]].append(i)
        found: dict[int, dict[str, Any]] = {}
        for left_out, some_of in alike.items():
            names = [n for n in given.outcomes if n not in left_out]
            names += [given.sizes[n] for n in names if n in given.sizes]
            spine = some(given.spine, [self.rows[i] for i in some_of])
            columns, wrong = features(given.runtime, given.sized, names, spine, data, rename)
            for at, i in enumerate(some_of):
                found[i] = {n: columns[n][at] for n in names if at not in wrong[n]}
        return found


def rows_below(runtime: Runtime, source: Source, as_of: int) -> int:
    """How many rows of a source have a time before one in microseconds."""
    time = time_of(source)
    assert time is not None, "the rows have times"
    dataset = runtime.dataset(declared(runtime, source))
    rows = 0
    for piece in pieces_of(dataset, source, columns_of(time), as_of - 1):
        times = np.asarray(integers(values(time, piece)).fill_null(as_of))
        rows += int(np.count_nonzero(times < as_of))
    return rows


def _place(group: Group, source: Source) -> str:
    return f"{source.name}#{group.name}"


def keys_in(table: pa.Table, group: Group) -> list[Key]:
    """The keys that a group was asked for, row by row."""
    names = [key_column(group.name, i) for i in range(len(group.keys))]
    return encoded([whole(table.column(name)) for name in names], table.num_rows)

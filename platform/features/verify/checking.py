"""One definition that was served: its values compared, explained where they differ, and told.

All that was drawn is computed in one query over all rows of the sources; where a value differs, its
reason is looked for in the store.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from bighead.planner.runtime import Runtime
from bighead.platform.features.verify.comparing import Comparison
from bighead.platform.features.verify.explaining import Explanation, explanation
from bighead.platform.features.verify.judging import Judging
from bighead.platform.features.verify.report import (
    OUTCOMES,
    Example,
    FeatureFound,
    Outcome,
    SetFound,
)
from bighead.storage.fetch_log.layout import AS_OF, COMMIT, SERVED_AT, given, value
from bighead.storage.fetch_log.reading import Drawn
from bighead.storage.store import Store
from bighead.zipline.spelling import plain_column


def check(runtime: Runtime, store: Store | None, examples: int, drawn: Drawn) -> SetFound:
    """What is found of one definition. store: None where nothing can be explained."""
    comparison = Comparison(runtime, drawn)
    comparison.run()
    judged = None
    if comparison.differing and store is not None:
        judged = Judging(comparison, store)
        judged.run()
    telling = Telling(comparison, judged, examples)
    telling.run()
    return telling.found


@dataclass(slots=True)
class Telling:
    """What is told of a comparison."""

    comparison: Comparison
    judged: Judging | None
    examples: int
    """Of each outcome, at most."""
    found: SetFound = field(init=False)

    def __post_init__(self) -> None:
        facts, log = self.comparison.drawn.facts, self.comparison.log
        self.found = SetFound(facts.set, facts.address, facts.share, log.num_rows, [])

    def run(self) -> None:
        """Counts, examples, and how many rows of which source are late, missing or ahead."""
        if self.judged is None and self.comparison.differing:
            self.found.remarks.append("no store is named that could tell late and missing rows")
        self._count()
        self._show()
        if self.judged is not None and self.found.count("different"):
            self.found.remarks += self.judged.remarks()

    def _count(self) -> None:
        told = self.comparison
        for name, class_ in told.classes.items():
            found = FeatureFound(name, class_.accuracy)
            found.faults = sum(name in left_out for left_out in told.left_out)
            found.counts = Counter(told.outcomes.get(name, {}).values())
            found.counts["equal"] = told.log.num_rows - found.faults - found.compared
            self.found.features.append(found)

    def _show(self) -> None:
        found = self.found
        late, missing, ahead = (defaultdict[str, set[int]](set) for _ in range(3))
        shown: Counter[Outcome] = Counter()
        for at, row in enumerate(self.comparison.differing):
            for name in self.comparison.classes:
                outcome = self.comparison.outcomes.get(name, {}).get(row)
                if outcome is None:
                    continue
                told = self._explained(at, row, name)
                if outcome != "different":
                    _gather(late, told.late)
                    _gather(missing, told.missing)
                    _gather(ahead, told.ahead)
                if shown[outcome] < self.examples:
                    shown[outcome] += 1
                    found.examples.append(self._example(name, row, outcome, told))
        found.late, found.missing, found.ahead = _counted(late), _counted(missing), _counted(ahead)
        found.examples.sort(key=lambda e: -OUTCOMES.index(e.outcome))

    def _explained(self, at: int, row: int, name: str) -> Explanation:
        """What explains a value, which stands in the row `at` of those that differ."""
        if self.judged is None:
            return Explanation()
        served = self.comparison.served
        keys = {group: of_row[at] for group, of_row in self.judged.keys.items()}
        reads = served.groups_of(dict(served.columns)[name])
        entry = self._integer(AS_OF, row), self._integer(COMMIT, row)
        return explanation(entry, self.judged.candidates, reads, keys)

    def _integer(self, name: str, row: int) -> int:
        scalar: Any = self.comparison.log.column(name)[row]
        cast = scalar.cast(pa.int64()).as_py()
        return int(cast) if cast is not None else 0

    def _example(self, name: str, row: int, outcome: Outcome, told: Explanation) -> Example:
        of = self.comparison
        inputs = {i.name: _plain(of.log.column(given(i.name)), row) for i in of.served.inputs}
        kind = of.log.schema.field(value(name)).type
        expected: Any = pa.array([of.expected[name][row]], kind)
        return Example(
            name,
            outcome,
            inputs,
            self._integer(AS_OF, row),
            self._integer(SERVED_AT, row),
            self._integer(COMMIT, row),
            _plain(of.log.column(value(name)), row),
            plain_column(expected)[0],
            of.reasons[name].get(row, ""),
            told.rows,
            told.more,
        )


def _gather(rows: dict[str, set[int]], more: Mapping[str, set[int]]) -> None:
    for source, numbers in more.items():
        rows[source] |= numbers


def _counted(rows: Mapping[str, set[int]]) -> Counter[str]:
    return Counter({source: len(numbers) for source, numbers in rows.items() if numbers})


def _plain(column: Any, row: int) -> Any:
    """A value as JSON has it."""
    return plain_column(column.slice(row, 1).combine_chunks())[0]

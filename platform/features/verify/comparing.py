"""What was served of one definition, beside what all rows of its sources give now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from bighead.planner.runtime import Runtime
from bighead.planner.sources.dataset import Dataset
from bighead.platform.features.batches import declared
from bighead.platform.features.verify.presence import sources_in
from bighead.platform.features.verify.recomputing import Errors, cells, features, some, spine_of
from bighead.platform.features.verify.report import Outcome
from bighead.platform.features.verify.sizes import with_sizes
from bighead.storage.fetch_log.layout import ERRORS, value
from bighead.storage.fetch_log.reading import Drawn
from bighead.zipline.aggregates.closeness import Closeness, closeness, derived
from bighead.zipline.ir.expr import Column, Expr, columns_of
from bighead.zipline.ir.nodes import View
from bighead.zipline.serving import Serving, serving

BAD_VALUE = 1
"""The number of ErrorCode for an entity that could not be asked."""


@dataclass(slots=True)
class Comparison:
    """One definition, and what was drawn of it."""

    runtime: Runtime
    drawn: Drawn
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
        self.log = self.drawn.rows
        self.served = serving(self.drawn.facts.definition)
        self.sized, self.sizes = with_sizes(self.served)
        self.spine = spine_of(self.served, self.log)
        self.classes = {name: class_of(self.served, e) for name, e in self.served.columns}
        self.values = {name: cells(self.log.column(value(name))) for name in self.classes}

    def run(self) -> None:
        """Compare all rows that were answered; what is not equal is different, for now."""
        for left_out, rows in self._answered().items():
            self._compare(rows, [n for n in self.classes if n not in left_out])

    @property
    def differing(self) -> list[int]:
        """The rows with a value that is not equal."""
        return sorted({row for of_feature in self.outcomes.values() for row in of_feature})

    def data(self) -> dict[str, Dataset]:
        """The sources where they lie now."""
        found: dict[str, Dataset] = {}
        for group in self.served.groups:
            for source in sources_in(group.right):
                if source.name not in found:
                    found[source.name] = self.runtime.dataset(declared(self.runtime, source))
        return found

    def near(self, name: str, value: Any, found: Mapping[str, Any]) -> bool:
        """Whether a feature was found, near enough to a value by the size of its terms."""
        size = found.get(self.sizes.get(name, ""))
        return name in found and self.classes[name].of_size(size).close(value, found[name])

    def _answered(self) -> dict[frozenset[str], list[int]]:
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

    def _compare(self, rows: Sequence[int], names: Sequence[str]) -> None:
        """Computes features of some rows over all that lies offline."""
        spine = some(self.spine, rows)
        columns, wrong = features(self.runtime, self.served, names, spine, self.data())
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
        found, _ = features(self.runtime, self.sized, [size], spine, self.data())
        pairs = zip(rows, found[size], strict=True)
        return [
            row
            for row, terms in pairs
            if row in self.reasons[name]
            or not self.near(
                name, self.values[name][row], {name: self.expected[name][row], size: terms}
            )
        ]


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

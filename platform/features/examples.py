"""A request to try: a key that the batch of a set's source has."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from bighead.platform.features.batches import Batches
from bighead.storage.sets.prepare import source_of
from bighead.zipline.catalog import FeatureSet, TrainingSet
from bighead.zipline.errors import BigheadError
from bighead.zipline.ir.expr import Column
from bighead.zipline.ir.nodes import UnionAll
from bighead.zipline.serving import serving

EVER = 2**63 - 1
UNKNOWN = "..."


def examples_of(
    definitions: Sequence[FeatureSet | TrainingSet], batches: Batches
) -> dict[str, dict[str, str]]:
    """By set, the columns that a request gives, with values of one key; '...' where none is known.

    A column that several sets are given has one value in all of them.
    """
    found = {d.name: _example(d, batches) for d in definitions}
    known = {c: v for given in found.values() for c, v in given.items() if v != UNKNOWN}
    return {name: {c: known.get(c, v) for c, v in given.items()} for name, given in found.items()}


def _example(definition: FeatureSet | TrainingSet, batches: Batches) -> dict[str, str]:
    inputs = [i.name for i in serving(definition).inputs if not i.optional]
    found = dict.fromkeys(inputs, UNKNOWN)
    if isinstance(definition, FeatureSet):
        with contextlib.suppress(BigheadError):  # there is no batch, or none that can be read now
            found |= _first_key(definition, batches)
    return found


def _first_key(definition: FeatureSet, batches: Batches) -> dict[str, str]:
    """The key of a first row, where its columns are plain ones of one source."""
    view = definition.view
    columns = {
        name: key.name
        for name, key in zip(definition.keys, view.keys, strict=True)
        if isinstance(key, Column)
    }
    if isinstance(view.events, UnionAll) or not columns:
        return {}
    source = source_of(view.events.input)
    if not set(columns.values()) <= set(source.scanned.names):
        return {}
    for piece in batches.read(EVER)(source, list(dict.fromkeys(columns.values()))).pieces:
        for row in piece.slice(0, 1).to_pylist():
            if None not in row.values():
                return {name: str(row[column]) for name, column in columns.items()}
    return {}

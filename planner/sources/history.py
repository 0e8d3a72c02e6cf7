"""A change log, asked for the state at some time: the last change of each primary key before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bighead.kernels.temporal import encode
from bighead.planner.sources.pick import column_of
from bighead.zipline.ir.sources import CHANGED, DELETED, EntitySource


@dataclass(frozen=True, slots=True)
class History:
    """Changes sorted by key, time, sequence, deletes first."""

    table: pa.Table
    """The changes, with the time of each as `#changed`; those without a key or a time left out."""
    codes: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]

    @staticmethod
    def of(source: EntitySource, log: pa.Table) -> History:
        """The history of a log that has the columns of `source.scanned`."""
        assert source.changed is not None
        keys = [log[k].combine_chunks() for k in source.primary_key]
        encoding = encode(keys, keys, spine_rows=log.num_rows, event_rows=log.num_rows)
        codes = pa.array(cast("Any", encoding.spine_codes)).cast(pa.int64())
        changed = column_of(log, source.changed)
        position = log.schema.get_field_index(CHANGED)
        table = log.set_column(position, pa.field(CHANGED, changed.type), changed)
        sorted_by: dict[str, Any] = {"#code": codes, "#time": changed.cast(pa.int64())}
        if source.sequence is not None:  # NULL comes before every value
            sorted_by["#said"] = pc.is_valid(log[source.sequence])
            sorted_by["#sequence"] = log[source.sequence]
        sorted_by["#upsert"] = pc.invert(log[DELETED])
        order = pc.sort_indices(
            pa.table(sorted_by),
            sort_keys=[(name, "ascending") for name in sorted_by],
        )
        keyed = pc.greater_equal(codes, pa.scalar(0, pa.int64()))
        kept = pc.and_(keyed, pc.is_valid(changed.combine_chunks()))
        order = order.filter(kept.take(order))
        table = table.take(order).combine_chunks()
        times = table[CHANGED].cast(pa.int64()).to_numpy()
        return History(table, codes.take(order).to_numpy(), times)

    def as_of(self, t: int) -> pa.Table:
        """The last change of each key among those before t, deletes included."""
        before = np.flatnonzero(self.times < t)
        codes = self.codes[before]
        last = np.r_[codes[1:] != codes[:-1], True][: len(codes)]
        return self.table.take(pa.array(before[last])).combine_chunks()

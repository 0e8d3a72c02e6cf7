"""Messages of batches that the kernel puts together, read by Arrow."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bighead.storage.fetch.frames import frame_of, widths_of
from bighead.zipline.expressions.arrow import make

TYPES: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.bool_(): st.booleans(),
    pa.int8(): st.integers(-128, 127),
    pa.int32(): st.integers(-9, 9),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(allow_nan=False),
    pa.date32(): st.dates(),
    pa.timestamp("us", "UTC"): st.integers(0, 10**15),
    pa.decimal128(9, 2): st.integers(-(10**6), 10**6).map(lambda n: Decimal(n) / 100),
}


@given(st.data(), st.integers(1, 70), st.lists(st.sampled_from(list(TYPES)), min_size=1))
def test_a_message_is_read_as_the_batch_that_it_is_of(
    data: st.DataObject, rows: int, types: list[pa.DataType]
) -> None:
    schema = pa.schema([pa.field(f"c{i}", kind) for i, kind in enumerate(types)])
    columns = [
        make(data.draw(st.lists(st.none() | TYPES[kind], min_size=rows, max_size=rows)), kind)
        for kind in types
    ]
    check(pa.RecordBatch.from_arrays(columns, schema=schema))


@pytest.mark.parametrize("rows", [7, 8, 9])
def test_the_counts_are_told_from_a_buffer_that_lies_where_they_would_count_to(rows: int) -> None:
    """Eight bytes at byte eight stand there as eight rows of which eight are NULL."""
    check(pa.record_batch([make([None, *range(rows - 1)], pa.int8())], names=["c"]))


def check(batch: pa.RecordBatch) -> None:
    schema = batch.schema
    widths = widths_of(schema.types)
    assert widths is not None
    answers: Any = batch.to_struct_array()
    message = frame_of(schema, batch.num_rows, widths).around(answers)
    read = pa.ipc.read_record_batch(pa.py_buffer(message), schema)
    read.validate(full=True)
    assert read.equals(batch)
    assert [c.null_count for c in read.columns] == [c.null_count for c in batch.columns]


def test_texts_and_lists_have_no_width() -> None:
    for kind in (pa.string(), pa.list_(pa.int64()), pa.map_(pa.string(), pa.int64())):
        assert widths_of([pa.int64(), kind]) is None


def test_other_columns_than_the_frame_has_are_refused() -> None:
    kinds: list[pa.DataType] = [pa.int64(), pa.bool_()]
    schema = pa.schema(list(zip("ab", kinds, strict=True)))
    frame = frame_of(schema, 2, (64, 1))
    one: Any = pa.array([{"a": 1}, {"a": 2}])
    with pytest.raises(ValueError, match="are not those that the widths say"):
        frame.around(one)
    texts: Any = pa.array([{"a": 1, "b": "x"}] * 2)
    with pytest.raises(ValueError, match="are not those that the widths say"):
        frame.around(texts)

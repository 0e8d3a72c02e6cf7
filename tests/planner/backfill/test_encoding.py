"""How the rows of a day are written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.planner.backfill.stitch import encode

ENDS = [-(2**63), 2**63 - 1, None, 0, -1]
COLUMNS: dict[str, pa.Array[Any]] = {
    "id": pa.array(ENDS, pa.int64()),
    "small": pa.array([127, -128, None, 0, 1], pa.int8()),
    "unsigned": pa.array([2**64 - 1, 0, None, 2**63, 1], pa.uint64()),
    "moment": pa.array(ENDS, pa.timestamp("us", "UTC")),
    "text": pa.array(["a", "b", None, "a", ""]),
    "number": pa.array([0.5, -0.0, None, float("inf"), 1e300]),
    "flag": pa.array([True, None, False, True, True]),
    "list": pa.array([[1, 2], [], None, [3], [None]], pa.list_(pa.int64())),
    "pair": pa.array([{"x": 1, "y": "a"}, None, {"x": None, "y": None}, {"x": 2, "y": "b"}, None]),
}


@pytest.mark.parametrize("rows", [pa.table(COLUMNS), pa.table(COLUMNS).slice(0, 0)])
@pytest.mark.parametrize("read_again", [True, False])
def test_what_is_written_reads_as_it_was(rows: pa.Table, read_again: bool) -> None:
    content = encode(rows, read_again)
    assert pq.read_table(pa.BufferReader(content)).equals(rows)
    pieces = pa.concat_tables([rows.slice(0, 2), rows.slice(2)])
    assert encode(pieces, read_again) == content, "equal rows give equal bytes"


def test_what_is_read_again_and_again_is_written_as_differences() -> None:
    rng = np.random.default_rng(5)
    keys = pa.array(rng.integers(0, 5000, 20_000))
    rows = pa.table({"id": pa.array(np.arange(20_000)), "key": keys})
    whole, packed = encode(rows), encode(rows, read_again=True)
    assert len(packed) < 0.7 * len(whole)
    chunks = pq.ParquetFile(pa.BufferReader(packed)).metadata.row_group(0)
    assert all("DELTA_BINARY_PACKED" in chunks.column(i).encodings for i in range(2))

"""Objects as they are read, whatever the store: a folder of this machine stands for one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from bighead.planner.sources.parquet import ParquetFiles
from bighead.planner.sources.store import Remote, objects, versions_of
from bighead.zipline.errors import SourceError
from bighead.zipline.ir.types import BIGINT
from bighead.zipline.records.wanted import Wanted

ROWS = 2_000_000
X = [Wanted("x", "x", BIGINT)]


def remote(path: Path) -> Remote:
    (found,) = objects(fs.LocalFileSystem(), str(path))
    return found


def test_an_object_that_is_streamed_is_not_held(tmp_path: Path) -> None:
    values = np.random.default_rng(1).integers(0, 1 << 62, ROWS)
    pq.write_table(pa.table({"x": pa.array(values)}), tmp_path / "a.parquet", use_dictionary=False)
    before, most, rows = pa.total_allocated_bytes(), 0, 0
    for piece in ParquetFiles().stream(remote(tmp_path / "a.parquet"), X, None, None, 1024):
        most = max(most, pa.total_allocated_bytes() - before)
        rows += piece.rows.num_rows
    assert rows == ROWS
    assert most < 6 << 20, "of the 16 MB of the object"


def test_an_object_that_went_after_it_was_found_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1")
    found = remote(path)
    path.unlink()
    with pytest.raises(SourceError, match=r"nothing to read at s3://.*/a\.parquet; check"):
        versions_of([found])

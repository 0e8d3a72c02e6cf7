"""Column groups without the columns that nobody needs: their bytes moved together, none decoded."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bighead.planner.backfill import folder
from bighead.planner.backfill.columns import digest
from bighead.planner.backfill.manifest import Group as Recorded
from bighead.planner.backfill.manifest import Partition, Stored
from bighead.planner.backfill.stitch import Group, Part, stitch


def narrowed(root: Path, ds: str, name: str, partition: Partition) -> tuple[str, Recorded]:
    """A group of a day with the columns that are needed, under its name, which they make.

    It is written where some are not; what was there stays for who sweeps. A group that is damaged
    or gone is left to the next backfill.
    """
    recorded = partition.groups[name]
    kept = {a: own for a, own in recorded.columns.items() if a in partition.needed}
    path = folder.group(root, ds, name)
    if len(kept) == len(recorded.columns) or not recorded.file.intact(path):
        return name, recorded
    content = memoryview(folder.content_of(path))
    whole = pq.ParquetFile(pa.BufferReader(pa.py_buffer(content))).schema_arrow
    schema = pa.schema([whole.field(own) for own in whole.names if own in set(kept.values())])
    group = Group(content, path)
    pieces = stitch(schema, {own: Part(group, own) for own in schema.names})
    fresh = digest(*kept)
    folder.write_whole(folder.group(root, ds, fresh), pieces)
    return fresh, Recorded(Stored.of(*pieces), kept)

"""Files in an object store, read by DataFusion: one object, or a folder with its `key=value` parts.

Rows come in the order of the objects' names. What is not given in `ObjectStore` is taken from the
usual environment variables when the source is opened, not before.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bighead.planner.sources.dataset import Lag, Size, Span
from bighead.planner.sources.kind import reason_of
from bighead.planner.sources.lag import DS, outside_lag
from bighead.planner.sources.pick import column_of, pick, reads
from bighead.planner.sources.row_groups import bounds
from bighead.planner.sources.store import ObjectStore, system_of, versions
from bighead.zipline.errors import BigheadError, SchemaError, SourceError, UnsupportedError
from bighead.zipline.ir.expr import Column, Expr, columns_of
from bighead.zipline.ir.types import sql_name
from bighead.zipline.names import quoted
from bighead.zipline.records.conform import check_type, conform, plan_schema, resolve
from bighead.zipline.records.text import text_type, times_from_text
from bighead.zipline.windows import DAY

if TYPE_CHECKING:
    from datafusion import DataFrame, SessionContext

_T = TypeVar("_T")

SCHEMES = ("s3",)
"""The object stores that can be read."""

EARLIEST_DAY, LATEST_DAY = -700_000 * DAY, 2_900_000 * DAY
"""Between them lie the days that Python's calendar has."""

_PARTITION = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=[*]")
_FORMATS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
}


@dataclass(frozen=True, slots=True)
class _Location:
    """What a path in an object store names."""

    text: str
    bucket: str
    folder: str
    """The path without its wildcards."""
    format: str | None
    """None: a folder, whose objects tell."""
    extension: str
    partitions: tuple[str, ...]


def _locate(path: str, name: str) -> _Location:
    scheme, _, rest = path.partition("://")
    bucket, _, key = rest.partition("/")
    if not bucket:
        raise SourceError(f"{name}: {path} names no bucket; write s3://bucket/folder/")
    parts = key.split("/")
    first = next((i for i, p in enumerate(parts) if "*" in p or "?" in p), len(parts))
    fixed, wild = parts[:first], parts[first:]
    partitions = []
    for part in wild[:-1]:
        match = _PARTITION.fullmatch(part)
        if match is None:
            raise UnsupportedError(
                f"{name}: '{part}' in {path} is no pattern for an object store; name a folder, or "
                "patterns like ds=*/*.parquet"
            )
        partitions.append(match[1])
    if wild and (not wild[-1].startswith("*.") or "*" in wild[-1][1:]):
        raise UnsupportedError(
            f"{name}: '{wild[-1]}' in {path} is no pattern for an object store; end it in "
            "*.parquet, *.csv or *.jsonl"
        )
    extension = PurePosixPath(parts[-1]).suffix.lower()
    format_ = _FORMATS.get(extension)
    if parts[-1] and format_ is None:
        known = ", ".join(_FORMATS)
        raise SourceError(
            f"{name} cannot be read from {path}: its suffix tells no format; those known are "
            f"{known}, and a folder ends in /"
        )
    folder = f"{scheme}://{bucket}/" + "/".join(fixed)
    if wild:
        folder = folder.rstrip("/") + "/"
    return _Location(path, bucket, folder, format_, extension, tuple(partitions))


@dataclass(frozen=True, slots=True)
class Objects:
    """Rows that lie in an object store."""

    location: _Location
    store: ObjectStore
    schema: pa.Schema
    own: tuple[str, ...]
    """The stored name of each column of the schema."""
    place: str
    lag: Lag | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """The path that was named."""
        return (self.location.text,)

    def versions(self) -> dict[str, str]:
        """By the name of each object that may be read, what changes when it does."""
        rest = self.location.folder.partition("://")[2].rstrip("/")
        extension = self.location.extension

        def wanted(path: str) -> bool:
            below = path.removeprefix(rest).split("/")
            return path.endswith(extension) and not any(p.startswith(("_", ".")) for p in below)

        def listed() -> dict[str, str]:
            return versions(system_of(self.store), rest, wanted)

        return {f"s3://{path}": v for path, v in _guarded(listed, self.location).items()}

    def times(self, name: str, time: Expr) -> tuple[int, int] | None:
        """From the statistics of a Parquet object; None where they do not tell."""
        if self.location.format not in (None, "parquet") or not isinstance(time, Column):
            return None
        own = dict(zip(self.schema.names, self.own, strict=True))[time.name]
        try:
            with system_of(self.store).open_input_file(name.removeprefix("s3://")) as file:
                return bounds(pq.read_metadata(file), own)
        except (OSError, pa.ArrowException):
            return None  # no Parquet, or damaged, as whoever reads its rows will say

    def size(self) -> Size:
        """Not known before it is read."""
        return Size(None, None)

    def scan(
        self, columns: Sequence[str], predicate: Expr | None = None, span: Span | None = None
    ) -> pa.Table:
        """The columns of the rows for which the predicate is true."""
        asked = list(columns) or self.schema.names[:1]
        needed = reads(asked, predicate, span)
        if self.lag is not None:
            needed = list(dict.fromkeys((*needed, *columns_of(self.lag.time), self._ds)))
        own = dict(zip(self.schema.names, self.own, strict=True))

        def read() -> pa.Table:
            frame = _frame(self.location, self.store, self.schema, own)
            frame = frame.select(*(quoted(own[n]) for n in needed))
            for between in (_bounds(span, own), self._days(span)):
                frame = frame.filter(between) if between else frame
            return frame.to_arrow_table()

        found = _guarded(read, self.location)
        arrays = []
        for name in needed:
            arrow = self.schema.field(name).type
            column = times_from_text(found.column(own[name]), arrow, name, self.location.text)
            arrays.append(conform(column, arrow, name, self.location.text))
        whole = pa.table(arrays, names=needed)
        self._check(whole)
        return pick(whole, asked, predicate, span).select(list(columns))

    @property
    def _ds(self) -> str:
        """The name of the column of `ds=`."""
        return self.schema.names[self.own.index(DS)]

    def _days(self, span: Span | None) -> str | None:
        """The folders in which the span's rows lie, by the promise of `partition_lag`."""
        if self.lag is None or span is None or span.time != self.lag.time:
            return None
        parts = []
        if span.lower is not None and span.lower > EARLIEST_DAY:
            parts.append(f"CAST(ds AS DATE) >= DATE '{_day(span.lower // DAY)}'")
        if span.upper is not None and span.upper + self.lag.microseconds < LATEST_DAY:
            last = (span.upper + self.lag.microseconds) // DAY
            parts.append(f"CAST(ds AS DATE) <= DATE '{_day(last)}'")
        return " AND ".join(parts) or None

    def _check(self, rows: pa.Table) -> None:
        """Raises DataError where a row breaks the promise of `partition_lag`."""
        if self.lag is None or not rows.num_rows:
            return
        times = column_of(rows, self.lag.time)
        days = rows.column(self._ds).cast(pa.date32()).cast(pa.timestamp("us")).cast(pa.int64())
        moments = times.cast(pa.int64())
        early = pc.less(moments, pc.subtract(days, self.lag.microseconds))
        late = pc.greater_equal(moments, pc.add(days, DAY))
        outside: Any = pc.fill_null(cast("Any", pc.or_(early, late)), False)
        bad: Any = pc.indices_nonzero(outside)
        if len(bad):
            row = bad[0].as_py()
            raise outside_lag(self.place, times[row], rows.column(self._ds)[row], self.lag)


def _day(number: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=number)).isoformat()


def open_objects(
    path: str,
    name: str,
    store: ObjectStore,
    declared: pa.Schema | None = None,
    lag: Lag | None = None,
) -> Objects:
    """An object or a folder of an object store as a dataset.

    Raises SourceError where nothing can be read there, SchemaError where the columns are not those
    declared, UnsupportedError for a pattern that an object store cannot match.
    """
    location = _locate(path, name)
    store = store.filled(os.environ)
    found = _guarded(lambda: _frame(location, store, None, {}).schema(), location)
    text = location.format in ("csv", "json")
    if declared is None:
        schema = plan_schema(found, path)
        return Objects(location, store, schema, tuple(schema.names), name, _kept(lag, location))
    missing = {n.casefold() for n in declared.names} - {n.casefold() for n in found.names}
    if missing and not location.partitions:
        # What the objects lack their paths may hold, in the order in which it is declared.
        in_paths = tuple(n for n in declared.names if n.casefold() in missing)
        with_paths = _Location(
            path, location.bucket, location.folder, location.format, location.extension, in_paths
        )
        try:
            frame = _guarded(lambda: _frame(with_paths, store, None, {}), with_paths)
            _guarded(lambda: frame.limit(1).to_arrow_table(), with_paths)
            location, found = with_paths, frame.schema()
        except BigheadError:
            pass  # the columns are missing, as `resolve` says next
    own = tuple(resolve(declared.names, found.names, path))
    for field, own_name in zip(declared, own, strict=True):
        if text and text_type(field.type) is None and location.format == "csv":
            raise SchemaError(
                f"column '{field.name}' of {path} is declared {sql_name(field.type)}, which no CSV "
                "field can hold; use Parquet or JSON lines"
            )
        if not text and own_name not in location.partitions:
            check_type(field.name, found.field(own_name).type, field.type, path)
    return Objects(location, store, declared, own, name, _kept(lag, location))


def _kept(lag: Lag | None, location: _Location) -> Lag | None:
    """The promise of `partition_lag`, where there are folders that it speaks of."""
    return lag if DS in location.partitions else None


def _frame(
    location: _Location, store: ObjectStore, schema: pa.Schema | None, own: dict[str, str]
) -> DataFrame:
    """The rows as DataFusion reads them; text under the declared types, where a schema is given."""
    context = _context(location, store)
    types = {} if schema is None else {own[f.name]: f.type for f in schema}
    partitions = [(p, types.get(p, pa.string())) for p in location.partitions]
    if location.format == "csv":
        inferred = context.read_csv(
            location.folder, file_extension=location.extension, table_partition_cols=partitions
        )
        if schema is None:
            return inferred
        fields = [
            pa.field(f.name, _text(types.get(f.name, pa.string())))
            for f in inferred.schema()
            if f.name not in location.partitions
        ]
        return context.read_csv(
            location.folder,
            schema=pa.schema(fields),
            file_extension=location.extension,
            table_partition_cols=partitions,
        )
    if location.format == "json":
        asked = None
        if schema is not None:
            asked = pa.schema(
                [
                    pa.field(n, pa.string() if pa.types.is_timestamp(t) else t)
                    for n, t in types.items()
                    if n not in location.partitions
                ]
            )
        return context.read_json(
            location.folder,
            schema=asked,
            file_extension=location.extension,
            table_partition_cols=partitions,
        )
    return context.read_parquet(
        location.folder,
        file_extension=location.extension or ".parquet",
        table_partition_cols=partitions,
    )


def _context(location: _Location, store: ObjectStore) -> SessionContext:
    # DataFusion takes seconds to load, and most sources are files.
    from datafusion import SessionConfig, SessionContext  # noqa: PLC0415
    from datafusion.object_store import AmazonS3  # noqa: PLC0415

    config = SessionConfig().with_target_partitions(1)  # keeps the order of the objects
    config = config.set("datafusion.execution.parquet.schema_force_view_types", "false")
    context = SessionContext(config)
    s3 = AmazonS3(
        bucket_name=location.bucket,
        region=store.region,
        access_key_id=store.access_key_id,
        secret_access_key=store.secret_access_key,
        session_token=store.session_token,
        endpoint=store.endpoint,
        allow_http=store.endpoint is not None and store.endpoint.startswith("http://"),
    )
    context.register_object_store("s3://", s3, host=location.bucket)
    return context


def _bounds(span: Span | None, own: dict[str, str]) -> str | None:
    """The span as a condition that DataFusion prunes row groups by; None where it cannot."""
    if span is None or not isinstance(span.time, Column) or span.time.name not in own:
        return None
    name = quoted(own[span.time.name])
    # Whole seconds beyond the bounds: a column of nanoseconds is floored only after it is read.
    parts = []
    if span.lower is not None and abs(span.lower) < 2**62 // 1_000:
        parts.append(f"{name} >= to_timestamp_seconds({span.lower // 1_000_000})")
    if span.upper is not None and abs(span.upper) < 2**62 // 1_000:
        parts.append(f"{name} <= to_timestamp_seconds({span.upper // 1_000_000 + 1})")
    return f"({name} IS NULL OR ({' AND '.join(parts)}))" if parts else None


def _text(arrow: pa.DataType) -> pa.DataType:
    """What a CSV field is read as; which types it cannot hold was refused when it was opened."""
    return cast("pa.DataType", text_type(arrow))


def _guarded(read: Callable[[], _T], location: _Location) -> _T:
    """What `read` gives; what DataFusion raises comes out as an error of ours."""
    try:
        return read()
    except BigheadError:
        raise
    except Exception as error:
        text = str(error)
        where = location.text
        if isinstance(error, FileNotFoundError) or any(
            word in text for word in ("No files found", "NoSuchKey", "NotFound")
        ):
            raise SourceError(f"there is nothing to read at {where}; check the path") from error
        if "NoSuchBucket" in text:
            raise SourceError(f"there is no bucket {location.bucket} ({where})") from error
        if any(w in text for w in ("AccessDenied", "403", "InvalidAccessKeyId", "credential")):
            raise SourceError(
                f"no access to {where}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give "
                "the session an ObjectStore"
            ) from error
        reason = reason_of(error).removeprefix("DataFusion error: ")
        if "Parser error" in text or "Json error" in text:
            raise SchemaError(f"{where} does not hold what is declared ({reason})") from error
        raise SourceError(f"{where} cannot be read ({reason})") from error

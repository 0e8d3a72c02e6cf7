"""What a client gives and gets: columns in, and an `Answer` a set out, without the service's parts.

Nothing here or in `client.py` needs the store, its database or an engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import chain
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bighead.proto.v1 import fetch_pb2 as pb
from bighead.storage.fetch.errors import FetchError, Kind
from bighead.storage.fetch.packing import pack, pack_numbers
from bighead.zipline.ir.types import TIMESTAMP, canonical

Columns: TypeAlias = "Mapping[str, Any] | pa.Table | pa.RecordBatch"
"""By name a list, a numpy array or an Arrow array, with a value for each entity."""
Moment = date | np.datetime64 | int | np.integer
When: TypeAlias = "Moment | Sequence[Any] | npt.NDArray[Any] | pa.Array[Any] | None"

_FINER = ("ns", "ps", "fs", "as")
"""Units of NumPy's times that are floored to microseconds."""

STATUSES = {number: name.removeprefix("STATUS_") for name, number in pb.Status.items()}
CODES = {number: name.removeprefix("ERROR_CODE_") for name, number in pb.ErrorCode.items()}


@dataclass(frozen=True, slots=True)
class EntityError:
    """What is wrong with one entity; the others have their values."""

    entity: int
    code: str
    """'BAD_VALUE', 'BEYOND_RETENTION', 'NO_RESULT', 'DERIVED' or 'DAMAGED'."""
    message: str
    columns: tuple[str, ...]
    """Those that are NULL for it; none: all."""


@dataclass(frozen=True, slots=True)
class Group:
    """How one join of a training set, or a feature set, stands for each entity."""

    statuses: tuple[str, ...]
    """'FRESH', 'STALE' or 'MISSING'."""
    ages: npt.NDArray[np.int64]
    """Microseconds that the store is behind the entity's time; -1: unknown."""
    sources: Mapping[str, int | None] = field(default_factory=dict)
    """Where it reads several, up to which time rows of each have come, in microseconds; None: none
    has come yet. The age is that of the one which is furthest behind."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The features of one set: a row an entity, in the order in which they were asked for."""

    set: str
    """With its version."""
    commit: int
    """Of the store."""
    now: int
    """When the service took the request, in microseconds: the time of entities that gave none."""
    batch: pa.RecordBatch
    groups: Mapping[str, Group]
    errors: tuple[EntityError, ...] = ()

    def to_arrow(self) -> pa.Table:
        """A table."""
        return pa.Table.from_batches([self.batch])

    def to_pylist(self) -> list[dict[str, Any]]:
        """A dict a row."""
        return self.batch.to_pylist()

    def to_numpy(self) -> dict[str, npt.NDArray[Any]]:
        """An array a column; whole numbers with NULL among them become floats with NaN."""
        return {
            name: column.to_numpy(zero_copy_only=False)
            for name, column in zip(self.batch.schema.names, self.batch.columns, strict=True)
        }

    def __len__(self) -> int:
        return self.batch.num_rows

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.to_pylist())


def request_of(
    sets: Sequence[str], columns: Columns, at: When, entities: int | None, known: Sequence[int]
) -> pb.FetchRequest:
    """A request. Raises FetchError where the columns do not make rows."""
    given: list[pb.Column] = []
    counts: dict[str, int] = {}
    for name, values in _items(columns):
        numbers = pack_numbers(name, values)
        array = values if numbers is not None else _array(name, values)
        counts[name] = len(array)
        given.append(pack(name, array) if numbers is None else numbers)
    time = _time(at)
    times = None if at is None or time is not None else _times(at)
    if times is not None:
        counts["the times"] = len(times)
    if entities is None:
        entities = next(iter(counts.values()), 1)
    for name, count in counts.items():
        if count != entities:
            raise FetchError(
                Kind.WRONG, f"'{name}' has {count} values, and there are {entities} entities"
            )
    request = pb.FetchRequest(
        sets=sets, entities=entities, encoding=pb.ENCODING_ARROW, known_schemas=known
    )
    request.columns.extend(given)
    if times is not None:
        request.times.CopyFrom(pack("", times))
    elif time is not None:
        request.time = time
    return request


def _items(columns: Columns) -> list[tuple[str, Any]]:
    if isinstance(columns, pa.Table | pa.RecordBatch):
        return list(zip(columns.schema.names, columns.columns, strict=True))
    if not hasattr(columns, "items") or not all(isinstance(name, str) for name in columns):
        raise FetchError(Kind.WRONG, "the columns are lists by name, or an Arrow table")
    return list(columns.items())


def _array(name: str, values: Any) -> Any:
    """A column in a type that travels."""
    if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
        raise FetchError(
            Kind.WRONG, f"'{name}' is one value; give a list with a value for each entity"
        )
    try:
        array = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values)
        array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
        if array is not values and _beside_dates(values, array.type):
            raise FetchError(
                Kind.WRONG, f"'{name}' mixes dates with other values; give datetimes, or dates"
            )
        arrow = canonical(array.type)
        if arrow is None:
            raise FetchError(Kind.WRONG, f"'{name}' is {array.type}, which no set takes")
        return array if array.type == arrow else _in_type(array, arrow)
    except (pa.ArrowException, OverflowError, TypeError) as error:
        raise FetchError(Kind.WRONG, f"'{name}' is no column: {error}") from error


def _beside_dates(values: Iterable[Any], arrow: pa.DataType) -> bool:
    """Whether what Arrow takes for dates, also in lists, is more: it drops the times of day."""
    if isinstance(values, np.ndarray) and values.dtype != object:
        return False
    while pa.types.is_list(arrow):
        values = chain.from_iterable(value for value in values if value is not None)
        arrow = cast("Any", arrow).value_type
    return pa.types.is_date(arrow) and any(
        isinstance(value, datetime | int | np.integer) and not _is_none(value) for value in values
    )


def _is_none(moment: Any) -> bool:
    """None and the NaT of NumPy and pandas, which alone equals not even itself."""
    return moment is None or bool(moment != moment)


def _in_type(array: Any, arrow: pa.DataType) -> Any:
    """The values in a type that travels; nanoseconds are floored, also before 1970."""
    if pa.types.is_timestamp(array.type) and array.type.unit == "ns":
        whole = np.asarray(array.cast(pa.int64()).fill_null(0)) // 1000
        return pa.array(whole, pa.int64(), mask=np.asarray(array.is_null())).cast(arrow)
    return array.cast(arrow)


def _time(at: Any) -> int | None:
    """One time for all, in microseconds; None where there is one for each, or none."""
    if at is None or (hasattr(at, "__len__") and not isinstance(at, str | bytes)):
        return None
    return _moment(at)


def _moment(at: Any) -> int:
    """A time in microseconds. Raises FetchError for what is none."""
    if isinstance(at, bool) or not isinstance(at, date | np.datetime64 | int | np.integer):
        raise FetchError(
            Kind.WRONG,
            f"{at!r} is no time; give a datetime, or whole microseconds since 1970, for all "
            "entities or in a list for each",
        )
    if _is_none(at):
        raise FetchError(Kind.WRONG, f"{at!r} is no time; leave it out where it is to be now")
    found = microseconds(at)
    if not -(2**63) <= found < 2**63 or (isinstance(at, np.datetime64) and _has_wrapped(at, found)):
        raise FetchError(Kind.WRONG, f"{at!r} does not fit a time in microseconds")
    return found


def _has_wrapped(at: np.datetime64, found: int) -> bool:
    """Whether a time of a coarser unit is beyond microseconds, of which NumPy says nothing."""
    if np.datetime_data(at.dtype)[0] in _FINER:
        return False
    return bool(np.datetime64(found, "us").astype(at.dtype) != at)


def _times(at: Any) -> Any:
    """A time for each. Moments of several kinds are told one by one: Arrow would take one kind."""
    arrow = isinstance(at, pa.Array | pa.ChunkedArray)
    if not arrow and str(getattr(at, "dtype", "object")) == "object":
        kinds = {type(each) for each in at if each is not None}
        if len(kinds) > 1 or any(issubclass(kind, np.datetime64) for kind in kinds):
            at = pa.array([None if _is_none(each) else _moment(each) for each in at], pa.int64())
    array = _array("the times", at)
    if not pa.types.is_integer(array.type):
        return array
    try:
        return array.cast(pa.int64()).cast(TIMESTAMP)
    except pa.ArrowInvalid as error:
        raise FetchError(Kind.WRONG, f"'the times' do not fit microseconds: {error}") from error


def microseconds(moment: Moment) -> int:
    """A moment in microseconds since 1970; without a zone it is UTC, and a date is its midnight.

    >>> microseconds(datetime(1970, 1, 2)), microseconds(np.datetime64(-1, "ns"))
    (86400000000, -1)
    """
    if isinstance(moment, int | np.integer):
        return int(moment)
    if isinstance(moment, np.datetime64):
        return int(moment.astype("datetime64[us]").astype(np.int64))
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


@dataclass(slots=True)
class Schemas:
    """The schemas that a client holds, by number: each comes once."""

    held: dict[int, pa.Schema] = field(default_factory=dict)

    def answers(self, response: pb.FetchResponse) -> list[Answer]:
        """The answers of a response."""
        errors: dict[str, list[EntityError]] = {}
        for error in response.errors:
            found = EntityError(
                error.entity, CODES[error.code], error.message, tuple(error.columns)
            )
            errors.setdefault(error.set, []).append(found)
        return [
            Answer(
                answer.set,
                response.commit,
                response.now,
                self._batch(answer),
                {g.name: _group(g) for g in answer.groups},
                tuple(errors.get(answer.set, ())),
            )
            for answer in response.answers
        ]

    def _batch(self, answer: pb.Answer) -> pa.RecordBatch:
        number = answer.schema_id
        if number not in self.held:
            self.held[number] = pa.ipc.read_schema(pa.py_buffer(answer.schema))
        return pa.ipc.read_record_batch(pa.py_buffer(answer.batch), self.held[number])


def _group(message: pb.Group) -> Group:
    statuses = tuple(map(STATUSES.__getitem__, message.statuses))
    sources = {s.name: s.newest if s.HasField("newest") else None for s in message.sources}
    return Group(statuses, np.frombuffer(message.ages, "<i8"), sources)

"""The data behind sources: what was given under their names, else what `batch` names."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bighead.planner.sources.changes import Note, open_changes
from bighead.planner.sources.dataset import Dataset, Lag
from bighead.planner.sources.files import Files
from bighead.planner.sources.opener import Place, is_path, open_source
from bighead.zipline.errors import SourceError
from bighead.zipline.ir.expr import Expr
from bighead.zipline.ir.sources import EntitySource, EventSource, Source
from bighead.zipline.windows import parse_duration


@dataclass(frozen=True, slots=True)
class Data:
    """Where data lies.

    Paths are looked up again each time that a source is opened, so that new files count; rows in
    memory are kept.
    """

    place: Place
    given: dict[str, object] = field(default_factory=dict)
    """By the name of a source without case: a path, several, or a dataset of rows in memory."""

    def copy(self) -> Data:
        """The same, given other data on its own."""
        return replace(self, given=dict(self.given))

    def give(self, name: str, data: object, opened: Dataset) -> None:
        """Puts data under a name; `opened` is what was found when it was opened."""
        self.given[name.casefold()] = data if is_path(data) else opened

    def forget(self, name: str) -> None:
        """Takes away what was given under a name."""
        self.given.pop(name.casefold(), None)

    def supply(self, source: Source, data: object) -> None:
        """Gives a source other data, which is checked first.

        Raises SourceError and SchemaError.
        """
        found = open_source(data, source.name, self.place, source.scanned, _lag(source))
        self.give(source.name, data, _checked(found))

    def dataset(self, source: Source, note: Note = lambda _: None) -> Dataset:
        """The data of a source, of the types that are declared.

        `note` is told, while rows are read, what snapshots and logs disagree about. Raises
        SourceError where there is none or it cannot be read, SchemaError where it is not what is
        declared.
        """
        return _checked(self.opened(source, note))

    def opened(self, source: Source, note: Note = lambda _: None) -> Dataset:
        """The same, of whatever types its files are."""
        data = self.given.get(source.name.casefold())
        held: Dataset | None = None
        if data is None:
            data = source.option("batch")
        elif not is_path(data):
            # Rows in memory were checked against the columns when they were given.
            held = data  # type: ignore[assignment]
        whole = held is not None and held.schema.names == source.scanned.names
        if isinstance(source, EntitySource) and source.deletes and not whole:
            return open_changes(source, data, self.place, note)
        if data is None:
            raise SourceError(
                f"{source.name} has no data; state WITH (batch = 'folder/*.parquet'), or "
                f"register('{source.name}', data, ...)"
            )
        if held is not None:
            return held
        return open_source(
            data, source.name, self.place, source.schema, _lag(source), everywhere=source.stated
        )


def _checked(found: Dataset) -> Dataset:
    if isinstance(found, Files):
        found.check()
    return found


def _lag(source: Source) -> Lag | None:
    """The promise of `partition_lag`, of the time that the source is about."""
    lag = source.option("partition_lag")
    time: Expr | None = None
    if isinstance(source, EventSource):
        time = source.event_time
    elif isinstance(source, EntitySource):
        time = source.changed
    if lag is None or time is None:
        return None
    assert isinstance(lag, str), "durations are kept as text"
    return Lag(time, parse_duration(lag))

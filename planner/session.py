"""The public entry: names are defined, data is registered, and SQL is run.

    s = Session()
    s.register("bookings", "bookings/*.parquet", event_time="ts")
    q = s.sql("SELECT ... FROM requests AS q ASOF LEFT JOIN ...")
    q.to_pandas()

A session is of one engine and one thread. A query is bound when `sql` is called and runs when its
rows are asked for.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import pyarrow as pa

from bighead.planner.catalog import Definitions
from bighead.planner.declare import Clauses, check_kinds, check_name, names_of, statement
from bighead.planner.describe import describe, show
from bighead.planner.evolution import SchemaChange, evolve
from bighead.planner.loading import defined_by, load, sql_files
from bighead.planner.pipeline import Stage
from bighead.planner.result import Result
from bighead.planner.runtime import Runtime
from bighead.planner.sources.opener import open_source
from bighead.zipline.catalog import KINDS, Definition, FeatureSet, TrainingSet
from bighead.zipline.errors import BigheadError, CatalogError, SqlError
from bighead.zipline.ir.nodes import Node
from bighead.zipline.ir.sources import Source, Table
from bighead.zipline.sql import bind, parse
from bighead.zipline.sql.commands import (
    Command,
    CreateFeatureSet,
    CreateSource,
    CreateTrainingSet,
    Describe,
    Drop,
    Explain,
    Query,
    Show,
)


class Session(Runtime):
    """Definitions, the data behind them, and an engine that runs queries.

    Parameters
    ----------
    engine: 'datafusion', or 'reference', which is slow and says what is right.
    folder: where relative paths begin, in `register` and in the option `batch`.
    store: how object stores are reached; what it leaves open is taken from the environment.
    versions: what `name@3` means, such as a `bighead.platform.registry.Registry`.
    memory: what a query may take, such as '4GiB'; what does not fit goes to disk. By default a
        share of what is free when it starts.
    spill_limit: how much it may write to disk for that; by default what is free there.
    spill_folder: where; by default a folder of its own among the system's temporary files.

    >>> s = Session()
    >>> s.register("t", {"a": [1, 2, 3]})
    >>> s.sql("SELECT a FROM t WHERE a > 1").to_arrow()["a"].to_pylist()
    [2, 3]
    """

    def register(
        self,
        name: str,
        data: object,
        event_time: str | None = None,
        known_at: str | None = None,
        sequence: str | None = None,
        identity: str | Sequence[str] | None = None,
        primary_key: str | Sequence[str] | None = None,
        changed_at: str | None = None,
        *,
        op: str | None = None,
        unit: str | None = None,
        skip_null_times: bool = False,
        owner: str | None = None,
        description: str | None = None,
        tags: str | Sequence[str] = (),
        partition_lag: str | None = None,
        complete: str | None = None,
    ) -> None:
        """Defines a source, or replaces it, with data in the place of the option `batch`.

        Parameters
        ----------
        name: of the source, dotted or not.
        data: a path, glob, folder or list of paths; an Arrow, pandas or polars table; a dict of
            columns; anything with `__arrow_c_stream__` (a one-shot stream is read now).
        event_time, known_at, changed_at: a column, or SQL over the columns.
        sequence: a column that orders rows of the same time.
        identity, primary_key: a column, or several.
        op: the column that says what a change does: insert, update, delete.
        unit: of integer times: 's', 'ms' or 'us'.
        skip_null_times: leave out and count rows without an event time, instead of an error.
        partition_lag, complete: durations, such as '2d'.

        With `primary_key` it is an entity source (STATIC without `changed_at`), where `event_time`
        is what windows go by; with `event_time` alone an event source, with neither a plain table.
        Raises SourceError, SchemaError, SqlError, and
        CatalogError where a set that uses the name would not go on working.

        >>> s = Session()
        >>> s.register("clicks", {"user": ["a"], "at": [1_700_000_000]}, event_time="at", unit="s")
        >>> s.sql("SHOW SOURCES").to_arrow()["name"].to_pylist()
        ['clicks']
        """
        clauses = Clauses(
            event_time=event_time,
            known_at=known_at,
            sequence=sequence,
            identity=names_of(identity, "identity"),
            unit=unit,
            skip_null_times=skip_null_times,
            primary_key=names_of(primary_key, "primary_key"),
            changed_at=changed_at,
            op=op,
            owner=owner,
            description=description,
            tags=names_of(tags, "tags"),
            partition_lag=partition_lag,
            complete=complete,
        )
        check_kinds(clauses)
        check_name(name)
        found = open_source(data, name, self._data.place)
        source: Source
        if clauses.kind is None:
            described = {"owner": owner, "description": description, "tags": clauses.tags or None}
            options = tuple(sorted((k, v) for k, v in described.items() if v is not None))
            source = Table(name, found.schema, options=options)
        else:
            parsed = parse(statement(name, found.schema, clauses))
            if len(parsed) != 1:
                raise BigheadError("a clause is one expression over the columns, without ';'")
            command = bind(parsed[0], self.definitions)
            assert isinstance(command, CreateSource)
            source = command.source
        self.definitions.put(source, True, self._rebind)
        self._data.give(name, data, found)

    def supply(self, name: str, data: object) -> None:
        """Gives a defined source other data, in the place of what its options say.

        data: as in `register`, with the columns of `source.scanned`: the declared ones, and those
        that a reader of changes adds. Raises CatalogError where there is no such source,
        SourceError and SchemaError where the data cannot be read or does not fit.
        """
        source = self.definitions.get(name)
        if not isinstance(source, Table):
            raise CatalogError(f"{source.name} is a {KINDS[type(source)]}; only sources have data")
        self._data.supply(source, data)

    def sql(self, text: str, dialect: str | None = None) -> Result:
        """Runs statements in order and gives the result of the last one.

        dialect: None for this project's own, or 'duckdb', 'snowflake' or 'spark', whose reading of
        a bare ASOF JOIN is then taken. Raises SqlError, and what the statements raise.
        """
        if not isinstance(text, str):
            raise BigheadError(f"sql() takes a text, not {type(text).__name__}")
        statements = parse(text, dialect)
        if not statements:
            raise SqlError("there is no statement", suggestion="write SELECT ...")
        for parsed in statements[:-1]:
            self._carry_out(bind(parsed, self.definitions))
        return self._carry_out(bind(statements[-1], self.definitions))

    def load(self, *paths: str | os.PathLike[str]) -> list[str]:
        """Defines what .sql files say: those named, and all below a folder that is named.

        The files may come in any order: a definition waits for those that it uses. Gives the names
        in the order in which they were defined. Raises SqlError naming the file.
        """
        files = sql_files(self._data.place.folder / p for p in paths)
        return load(files, self.definitions, self._carry_out)

    def evolve(self) -> tuple[SchemaChange, ...]:
        """Lets the definitions follow what the files of their sources hold now; says what changed.

        A type that was widened is widened in the source and in what reads it. A column that is gone
        is left out; what needs it is an error, or goes too where its source says
        `on_schema_change = 'apply'`. A column that came is only told of. Raises SchemaError.
        """
        evolved, changes = evolve(self.definitions, self._data.opened, self._rebind)
        self.definitions = evolved
        return changes

    def _rebind(self, definitions: Definitions, user: FeatureSet | TrainingSet) -> Definition:
        """A set bound anew against changed definitions."""
        (parsed,) = parse(user.sql)
        # The name is taken, by the set itself.
        others = definitions.holding(
            {k: d for k, d in definitions.by_name.items() if k != user.name.casefold()}
        )
        bound = defined_by(bind(parsed, others))
        assert bound is not None, f"{user.name} is defined by a statement that defines nothing"
        return bound

    def _carry_out(self, command: Command) -> Result:
        match command:
            case CreateSource(source, replace):
                self.definitions.put(source, replace, self._rebind)
                self._data.forget(source.name)  # the statement says where its data is
                return _created(source)
            case CreateFeatureSet(feature_set, replace):
                self.definitions.put(feature_set, replace, self._rebind)
                return _created(feature_set)
            case CreateTrainingSet(training_set, replace):
                self.definitions.put(training_set, replace, self._rebind)
                return _created(training_set)
            case Drop(kind, name):
                return self._drop(kind, name)
            case Show(what):
                return show(what, self.definitions)
            case Describe(name):
                return describe(self.definitions.get(name), self.definitions)
            case Explain(query, stage, analyze):
                return _text(self._explain(query.plan, stage, analyze), "plan")
            case Query(plan):
                return Result(
                    plan.schema,
                    lambda: self.compute(plan),
                    lambda stage, analyze: self._explain(plan, stage, analyze),
                    streamed=lambda: self.stream(plan),
                )

    def _drop(self, kind: str, name: str | None) -> Result:
        if name is None:
            return _text(f"there is no such {kind}; nothing is dropped")
        dropped = self.definitions.drop(name)
        self._data.forget(name)
        return _text(f"dropped the {KINDS[type(dropped)]} {dropped.name}")

    def _explain(self, plan: Node, stage: Stage | None, analyze: bool) -> str:
        return self._machine.explain(plan, self.dataset, stage, analyze)


def _created(definition: Definition) -> Result:
    return _text(f"created the {KINDS[type(definition)]} {definition.name}")


def _text(text: str, column: str = "status") -> Result:
    # Made when it is asked for: making a table of a list loads pandas, where there is one.
    schema = pa.schema([pa.field(column, pa.string())])
    return Result(schema, lambda: pa.table({column: text.splitlines()}, schema), text=text)

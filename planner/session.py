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
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from pathlib import Path

import pyarrow as pa

from bighead.planner.catalog import Definitions
from bighead.planner.declare import Clauses, check_kinds, check_name, names_of, statement
from bighead.planner.describe import describe, show
from bighead.planner.engine import Engine, Report, Run
from bighead.planner.engines import engine_named
from bighead.planner.evolution import SchemaChange, evolve
from bighead.planner.explain import explain
from bighead.planner.loading import defined_by, load, sql_files
from bighead.planner.pipeline import STAGES, Stage, optimize
from bighead.planner.result import Result
from bighead.planner.sources.changes import Note, open_changes
from bighead.planner.sources.dataset import Dataset, Lag
from bighead.planner.sources.files import Files
from bighead.planner.sources.opener import Place, is_path, open_source
from bighead.planner.sources.store import ObjectStore
from bighead.planner.spill.memory import Limits, allowed, limits_of
from bighead.zipline.aggregates.user import user_aggregate
from bighead.zipline.catalog import KINDS, Definition, FeatureSet, TrainingSet, Versions
from bighead.zipline.errors import BigheadError, CatalogError, SchemaError, SourceError, SqlError
from bighead.zipline.ir.expr import Expr
from bighead.zipline.ir.nodes import Node
from bighead.zipline.ir.sources import EntitySource, EventSource, Source, Table
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
from bighead.zipline.windows import parse_duration


class Session:
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

    def __init__(
        self,
        engine: str = "datafusion",
        *,
        folder: str | os.PathLike[str] = ".",
        store: ObjectStore | None = None,
        versions: Versions | None = None,
        memory: str | int | None = None,
        spill_limit: str | int | None = None,
        spill_folder: str | os.PathLike[str] | None = None,
    ) -> None:
        self.engine: Engine = engine_named(engine)
        self.report: Report | None = None
        """Hears how far a query is."""
        self._limits = Limits()
        self.limit(memory, spill_limit, spill_folder)
        self.definitions = Definitions(versions=versions)
        self._place = Place(Path(folder), store if store is not None else ObjectStore())
        self._data: dict[str, object] = {}

    def __repr__(self) -> str:
        count = len(self.definitions)
        return f"<Session of {self.engine.name}: {count} definition{'s' if count != 1 else ''}>"

    def copy(self) -> Session:
        """Another session with the same definitions and data; what is done to one is not to both.

        >>> s = Session()
        >>> s.copy().register("t", {"a": [1]})
        >>> s.definitions.find("t") is None
        True
        """
        other = copy(self)
        other.definitions = self.definitions.copy()
        other._data = dict(self._data)
        return other

    def limit(
        self,
        memory: str | int | None = None,
        spill_limit: str | int | None = None,
        spill_folder: str | os.PathLike[str] | None = None,
    ) -> None:
        """Limits what queries may take from now on, as the parameters of a session do.

        Raises BigheadError for what is no size, and for an engine that knows no limits.
        """
        if memory is None and spill_limit is None and spill_folder is None:
            return
        folder = None if spill_folder is None else Path(spill_folder)
        self._limits = limits_of(memory, spill_limit, folder)
        self.engine = engine_named(self.engine.name, self._limits)

    @property
    def memory(self) -> int | None:
        """Bytes that a query may take now; None where neither a limit nor the system says."""
        return allowed(self._limits)

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
        found = open_source(data, name, self._place)
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
        self.definitions.put(source, True, _rebind)
        # Paths are looked up again by each query, so that new files count; rows in memory are kept.
        self._data[name.casefold()] = data if is_path(data) else found

    def supply(self, name: str, data: object) -> None:
        """Gives a defined source other data, in the place of what its options say.

        data: as in `register`, with the columns of `source.scanned`: the declared ones, and those
        that a reader of changes adds. Raises CatalogError where there is no such source,
        SourceError and SchemaError where the data cannot be read or does not fit.
        """
        source = self.definitions.get(name)
        if not isinstance(source, Table):
            raise CatalogError(f"{source.name} is a {KINDS[type(source)]}; only sources have data")
        found = open_source(data, source.name, self._place, source.scanned, _lag(source))
        if isinstance(found, Files):
            found.check()
        self._data[name.casefold()] = data if is_path(data) else found

    def register_aggregate(self, *classes: type) -> None:
        """Lets SQL name classes that `@aggregate` declares; a newer version replaces an older one.

        Sets that use a replaced one are bound anew. Raises SchemaError for a class without
        @aggregate, CatalogError where the name is taken by a function of SQL.

        >>> from bighead.zipline.aggregates.user import aggregate
        >>> @aggregate(arguments=["BIGINT"], returns="BIGINT")
        ... class BitOr:
        ...     def zero(self): return 0
        ...     def add(self, state, x): return state | x
        ...     def merge(self, a, b): return a | b
        ...     def finish(self, state): return state
        >>> s = Session()
        >>> s.register_aggregate(BitOr)
        """
        for made in classes:
            self.definitions.put_aggregate(user_aggregate(made), _rebind)

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

    def define(self, definition: Definition) -> None:
        """Adds a definition that is at hand, such as one that was serialised.

        Raises CatalogError where its name is taken.
        """
        self.definitions.put(definition, False, _rebind)

    def load(self, *paths: str | os.PathLike[str]) -> list[str]:
        """Defines what .sql files say: those named, and all below a folder that is named.

        The files may come in any order: a definition waits for those that it uses. Gives the names
        in the order in which they were defined. Raises SqlError naming the file.
        """
        files = sql_files(self._place.folder / p for p in paths)
        return load(files, self.definitions, self._carry_out)

    def evolve(self) -> tuple[SchemaChange, ...]:
        """Lets the definitions follow what the files of their sources hold now; says what changed.

        A type that was widened is widened in the source and in what reads it. A column that is gone
        is left out; what needs it is an error, or goes too where its source says
        `on_schema_change = 'apply'`. A column that came is only told of. Raises SchemaError.
        """
        evolved, changes = evolve(self.definitions, self._opened, _rebind)
        self.definitions = evolved
        return changes

    def dataset(self, source: Source, note: Note = lambda _: None) -> Dataset:
        """The data of a source: what was registered under its name, else its option `batch`.

        `note` is told, while rows are read, what snapshots and logs disagree about.

        Raises SourceError where it has neither or cannot be read, SchemaError where the data is not
        what is declared.
        """
        found = self._opened(source, note)
        if isinstance(found, Files):
            found.check()
        return found

    def _opened(self, source: Source, note: Note = lambda _: None) -> Dataset:
        """The same, of whatever types its files are."""
        data = self._data.get(source.name.casefold())
        held: Dataset | None = None
        if data is None:
            data = source.option("batch")
        elif not is_path(data):
            # Rows in memory were checked against the columns when they were registered.
            held = data  # type: ignore[assignment]
        whole = held is not None and held.schema.names == source.scanned.names
        if isinstance(source, EntitySource) and source.deletes and not whole:
            return open_changes(source, data, self._place, note)
        if data is None:
            raise SourceError(
                f"{source.name} has no data; state WITH (batch = 'folder/*.parquet'), or "
                f"register('{source.name}', data, ...)"
            )
        if held is not None:
            return held
        return open_source(
            data, source.name, self._place, source.schema, _lag(source), everywhere=source.stated
        )

    def compute(self, plan: Node, run: Run | None = None) -> pa.Table:
        """The rows of a logical plan, in order; `run` is filled with what is known of the run."""
        return self.compute_with(plan, {}, run)

    def compute_with(
        self, plan: Node, given: Mapping[str, Dataset], run: Run | None = None
    ) -> pa.Table:
        """The rows of a plan of which some sources, by name, have their data in `given`."""
        run = run if run is not None else self._new_run()

        def note(fact: str) -> None:
            if fact not in run.facts:  # a source may be read more than once
                run.facts.append(fact)

        def open_given(source: Source) -> Dataset:
            found = given.get(source.name)
            return found if found is not None else self.dataset(source, note)

        physical = self.engine.compile(optimize(plan))
        return self.engine.run(physical, open_given, run)

    def stream(self, plan: Node) -> Iterator[pa.Table] | None:
        """The same rows in pieces, at least one; None where they had better be held."""
        physical = self.engine.compile(optimize(plan))
        if not self.engine.foresee(physical, self.dataset):
            return None
        return self.engine.stream(physical, self.dataset, self._new_run())

    def _new_run(self) -> Run:
        return Run() if self.report is None else Run(report=self.report)

    def _carry_out(self, command: Command) -> Result:
        match command:
            case CreateSource(source, replace):
                self.definitions.put(source, replace, _rebind)
                self._data.pop(source.name.casefold(), None)  # the statement says where its data is
                return _created(source)
            case CreateFeatureSet(feature_set, replace):
                self.definitions.put(feature_set, replace, _rebind)
                return _created(feature_set)
            case CreateTrainingSet(training_set, replace):
                self.definitions.put(training_set, replace, _rebind)
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
        self._data.pop(name.casefold(), None)
        return _text(f"dropped the {KINDS[type(dropped)]} {dropped.name}")

    def _explain(self, plan: Node, stage: Stage | None, analyze: bool) -> str:
        if analyze:
            run = Run()
            self.compute(plan, run)
            return explain(plan, "physical", self.engine, run)
        if stage is None:
            return explain(plan, engine=self.engine)
        if stage not in STAGES:
            raise BigheadError(f"there is no stage '{stage}'; the stages are {_and(STAGES)}")
        if stage == "physical":
            return explain(plan, stage, self.engine, self._foreseen(plan))
        return explain(plan, stage, self.engine)

    def _foreseen(self, plan: Node) -> Run | None:
        """What is known before a run, where anything is; a plan is shown without its data, too."""
        try:
            facts = self.engine.foresee(self.engine.compile(optimize(plan)), self.dataset)
        except (SourceError, SchemaError):
            return None
        return Run(facts=facts) if facts else None


def _rebind(definitions: Definitions, user: FeatureSet | TrainingSet) -> Definition:
    """A set bound anew against changed definitions."""
    (parsed,) = parse(user.sql)
    # The name is taken, by the set itself.
    others = definitions.holding(
        {k: d for k, d in definitions.by_name.items() if k != user.name.casefold()}
    )
    bound = defined_by(bind(parsed, others))
    assert bound is not None, f"{user.name} is defined by a statement that defines nothing"
    return bound


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


def _created(definition: Definition) -> Result:
    return _text(f"created the {KINDS[type(definition)]} {definition.name}")


def _text(text: str, column: str = "status") -> Result:
    # Made when it is asked for: making a table of a list loads pandas, where there is one.
    schema = pa.schema([pa.field(column, pa.string())])
    return Result(schema, lambda: pa.table({column: text.splitlines()}, schema), text=text)


def _and(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"

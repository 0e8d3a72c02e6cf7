"""A scenario: definitions, a few logged rows, and questions as of times.

Every source of the definitions is empty until rows are logged, whatever its options say, so that a
test reads no file but the definitions. Nothing is kept between scenarios.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from bighead.planner.session import Session
from bighead.planner.testing.values import equal, typed
from bighead.zipline.catalog import FeatureSet, TrainingSet
from bighead.zipline.errors import BigheadError, did_you_mean
from bighead.zipline.ir.sources import DELETED, Table, is_added
from bighead.zipline.names import quoted, spelled
from bighead.zipline.records.operations import DELETES, UPSERTS

Row = dict[str, Any]

ASKED = "scenario.asked"
"""The name of the table of one row that asks for a feature set."""


def scenario(
    *definitions: str | os.PathLike[str],
    engine: str = "datafusion",
    aggregates: tuple[type, ...] = (),
) -> Scenario:
    """A scenario over definitions: SQL text, `.sql` files, or folders of them.

    engine: 'datafusion', or 'reference', which is slow and says what is right.
    aggregates: user-defined ones that the definitions name.

    Raises SqlError for definitions that are wrong.

    >>> s = scenario('''
    ...   CREATE EVENT SOURCE clicks (user VARCHAR, ts TIMESTAMP) EVENT TIME ts;
    ...   CREATE FEATURE SET user_clicks AS
    ...     SELECT user, COUNT(*) OVER (LAST '1h') AS clicks FROM clicks GROUP BY user;
    ... ''')
    >>> s.log("clicks", user="ann", ts="2026-01-01 12:00")
    >>> s.features("user_clicks", at="2026-01-01 12:30", user="ann")
    {'clicks': 1}
    >>> s.features("user_clicks", at="2026-01-01 12:00", user="ann")  # strictly before
    {'clicks': 0}
    """
    session = Session(engine)
    session.register_aggregate(*aggregates)
    for given in definitions:
        if isinstance(given, str) and any(c.isspace() or c == ";" for c in given):
            session.sql(given)
        else:
            session.load(Path(given))
    return Scenario(session)


class Scenario:
    """Rows by source, and what the features make of them. Made by `scenario`."""

    def __init__(self, session: Session) -> None:
        self.session = session
        """For queries of one's own: `s.session.sql(...)`; see `rows`."""
        self._logged: dict[str, list[Row]] = {}
        for definition in list(session.definitions):
            if isinstance(definition, Table):
                self._logged[definition.name] = []
                self._supply(definition)

    def afresh(self) -> Scenario:
        """Another one over the same definitions, without the rows that were logged here."""
        return Scenario(self.session.copy())

    def log(self, source: str, /, **columns: object) -> None:
        """Logs one row; columns that are not given are NULL.

        Times may be texts, such as '2026-01-01 12:00'. A change of an entity that is told of
        deletes may be one: `deleted=True`, or by its column of operations. Raises BigheadError for
        an unknown source or column, and for a value that is not of the column's type.
        """
        self.log_all(source, [columns])

    def log_all(self, source: str, rows: list[Mapping[str, object]] | list[Row]) -> None:
        """Logs several rows, in any order: only their times count."""
        declared = self._source(source)
        columns = written(declared)
        for row in rows:
            for name in row:
                if name not in columns:
                    hint = did_you_mean(str(name), columns)
                    raise BigheadError(f"no column '{name}' in {declared.name}; {hint}")
            logged = {f.name: _typed(declared.name, f, row.get(n)) for n, f in columns.items()}
            op = declared.option("op")
            if isinstance(op, str):
                said = str(logged[op]).lower()
                if said not in (*UPSERTS, *DELETES):
                    raise BigheadError(
                        f"{op} of {declared.name} is {logged[op]!r}; write 'insert', 'update' or "
                        "'delete'"
                    )
                logged[DELETED] = said in DELETES
            self._logged[declared.name].append(logged)
        self._supply(declared)

    def features(self, name: str, /, at: object, inclusive: bool = False, **key: object) -> Row:
        """The features of one key as of a time: those of a feature set, by name.

        at: a time or its text; events at it are seen only where `inclusive`.
        key: a value for each key column; None is the NULL key. Key columns that are called `at` or
        `inclusive` are given to `features_of`.
        """
        return self.features_of(name, key, at, inclusive)

    def features_of(
        self, name: str, key: Mapping[str, object], at: object, inclusive: bool = False
    ) -> Row:
        """As `features`, with the key as a mapping."""
        found = self._feature_set(name)
        if set(key) != set(found.keys):
            wanted = ", ".join(found.keys) or "no column"
            given = ", ".join(map(str, key)) or "nothing"
            raise BigheadError(f"the key of {name} is {wanted}, not {given}")
        types = [e.type for e in found.view.keys]
        fields = [pa.field(n, t) for n, t in zip(found.keys, types, strict=True)]
        asked = {f.name: _typed(name, f, key[f.name]) for f in fields}
        time = pa.field("asked at", pa.timestamp("us"))
        asked[time.name] = _typed("", time.with_name("at"), at)
        self.session.register(ASKED, pa.Table.from_pylist([asked], pa.schema([*fields, time])))
        on = " AND ".join(f"f.{quoted(k)} = q.{quoted(k)}" for k in found.keys)
        match = ">=" if inclusive else ">"
        (row,) = self.rows(
            f"SELECT f.* FROM {ASKED} AS q ASOF LEFT JOIN {spelled(found.name)} AS f "
            f'MATCH_CONDITION (q."asked at" {match} f.event_time)' + (f" ON {on}" if on else "")
        )
        return row

    def rows(self, query: str) -> list[Row]:
        """The rows of a query, or of a training set by its name, in order."""
        return self._asked(query).to_pylist(maps_as_pydicts="strict")

    def expect(self, name: str, /, at: object, inclusive: bool = False, **columns: object) -> None:
        """Asserts features of one key as of a time: key columns and expected features, by name.

        Features that are not named may be anything. AssertionError says which differ, and which
        rows were logged. Columns that are called `at` or `inclusive` are given to `expect_of`.
        """
        found = self.session.definitions.get(name)
        keys = found.keys if isinstance(found, FeatureSet) else ()
        key = {k: v for k, v in columns.items() if k in keys}
        wanted = {k: v for k, v in columns.items() if k not in keys}
        self.expect_of(name, key, wanted, at, inclusive)

    def expect_of(
        self,
        name: str,
        key: Mapping[str, object],
        expected: Mapping[str, object],
        at: object,
        inclusive: bool = False,
    ) -> None:
        """As `expect`, with the key and the expected features as mappings."""
        if not expected:
            raise BigheadError(f"nothing is expected of {name}; name a feature and its value")
        found = self._feature_set(name)
        got = self.features_of(name, key, at, inclusive)
        asked = ", ".join([f"{k} = {v!r}" for k, v in key.items()] + [f"as of {at}"])
        faults = differences(expected, got, found.schema)
        if faults:
            raise AssertionError("\n".join([f"{name} ({asked}):", *faults, *self._seen(found)]))

    def expect_rows(self, query: str, expected: list[Row]) -> None:
        """Asserts the rows of a query, or of a training set by its name, in order.

        A row may name some of the columns only.
        """
        table = self._asked(query)
        got = table.to_pylist(maps_as_pydicts="strict")
        faults = []
        if len(got) != len(expected):
            faults.append(f"  {len(expected)} rows expected, {len(got)} came")
        for number, (wanted, row) in enumerate(zip(expected, got, strict=False), 1):
            differing = differences(wanted, row, table.schema)
            if differing:
                named = {name: row[name] for name in wanted}
                faults += [f"  row {number}, {_shown(named)}:", *(f"  {d}" for d in differing)]
        if faults:
            raise AssertionError("\n".join([f"{query}:", *faults]))

    def _asked(self, query: str) -> pa.Table:
        if isinstance(self.session.definitions.find(query), TrainingSet):
            query = f"SELECT * FROM {spelled(query)}"
        return self.session.sql(query).to_arrow()

    def _source(self, name: str) -> Table:
        found = self.session.definitions.get(name)
        if not isinstance(found, Table):
            raise BigheadError(f"{name} is no source; rows are logged to sources")
        return found

    def _feature_set(self, name: str) -> FeatureSet:
        found = self.session.definitions.get(name)
        if not isinstance(found, FeatureSet):
            raise BigheadError(f"{name} is no feature set; ask for the rows of others with rows()")
        return found

    def _supply(self, source: Table) -> None:
        rows = self._logged[source.name]
        self.session.supply(source.name, pa.Table.from_pylist(rows, source.scanned))

    def _seen(self, found: FeatureSet) -> list[str]:
        lines = ["logged:"]
        for name, rows in self._logged.items():
            if name.casefold() in {u.casefold() for u in found.uses}:
                lines += [f"  {name}: {_shown(row)}" for row in rows] or [f"  {name}: nothing"]
        return lines


def written(source: Table) -> dict[str, pa.Field[Any]]:
    """The columns of a source by the names that a test gives them.

    Those that a reader of changes adds are called `deleted`, `changed`, `ts_us`, `ts_ms`, `lsn`.
    """
    named: dict[str, pa.Field[Any]] = {}
    for field in source.scanned:
        plain = field.name
        if is_added(plain):
            plain = plain.removeprefix("#").removeprefix("source.")
        named.setdefault(plain, field)
    return named


def differences(expected: Mapping[str, object], got: Row, schema: pa.Schema) -> list[str]:
    """A line for each column whose value is not the expected one.

    Raises BigheadError for a column that is not there.
    """
    lines = []
    for name, value in expected.items():
        if name not in got:
            raise BigheadError(f"there is no column '{name}'; {did_you_mean(str(name), got)}")
        wanted = value if _is_judge(value) else _typed("", schema.field(name), value)
        if not equal(wanted, got[name]):
            lines.append(f"  {name}: expected {wanted!r}, got {got[name]!r}")
    return lines


def _is_judge(value: object) -> bool:
    """Whether a value brings a comparison of its own, as pytest.approx does."""
    return type(value).__module__.startswith("_pytest")


def _typed(owner: str, field: pa.Field[Any], value: object) -> object:
    try:
        return typed(value, field.type)
    except BigheadError as error:
        where = f"{field.name} of {owner}" if owner else field.name
        raise BigheadError(f"{where}: {error}") from error


def _shown(row: Row) -> str:
    return ", ".join(f"{k} = {v}" for k, v in row.items() if v is not None) or "all NULL"

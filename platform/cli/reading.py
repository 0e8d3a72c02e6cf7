"""Rows by name: what `stats` and `drift` describe.

A name is that of a training set, a source or a table, with a version or a range of days if need be
(`stay_risk@2`, `stay_risk:2025-01-01..2025-02-01`), or a path to files. A feature set has values
only as of a time.
"""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa

from bighead.planner.backfill.days import Days, parse_day
from bighead.planner.backfill.spine import of_days, within
from bighead.planner.session import Session
from bighead.zipline.catalog import KINDS, Definition, FeatureSet, TrainingSet
from bighead.zipline.errors import BigheadError
from bighead.zipline.ir.nodes import Filter, Scan
from bighead.zipline.ir.sources import EventSource
from bighead.zipline.names import spelled

RANGE = re.compile(r"(?P<name>.+):(?P<start>[\d-]+)\.\.(?P<end>[\d-]+)")
FILE = "statistics.file"
"""The name under which a session reads files that are given by their path."""


def named(session: Session, text: str) -> Definition | str:
    """What a text names, with or without a range of days: a definition, or a path.

    Raises BigheadError where it is neither, and for a range of files.
    """
    ranged = RANGE.fullmatch(text)
    name = ranged["name"] if ranged else text
    found = session.definitions.find(name)
    if found is None and (Path(name).exists() or set(name) & set("/*") or Path(name).suffix):
        if ranged:
            raise BigheadError(f"{name} is a file; a range of days is for names")
        return name
    return session.definitions.get(name)


def rows_named(session: Session, text: str, at: str | None = None) -> pa.Table:
    """The rows that a text names; `at` is the time as of which a feature set is asked.

    Raises BigheadError for a name or path that is not there, and for a range of what has no time.
    """
    definition = named(session, text)
    if isinstance(definition, str):
        try:
            # A path on a command line begins where one is, and not in the folder of the data.
            here = definition if "://" in definition else str(Path(definition).absolute())
            session.register(FILE, here)
            return session.sql(f"SELECT * FROM {FILE}").to_arrow()
        except BigheadError as error:  # names what nobody has named so
            said = str(error).removeprefix(f"{FILE}: ").replace(FILE, definition)
            raise BigheadError(said) from error
    ranged = RANGE.fullmatch(text)
    name = ranged["name"] if ranged else text
    if isinstance(definition, FeatureSet):
        if at is None or ranged:
            raise BigheadError(
                f"{name} is a feature set, and has values only as of a time; add --at TIME, or "
                "name a training set that joins it"
            )
        quoted = at.replace("'", "''")
        return session.sql(f"SELECT * FROM {spelled(name)} AS OF TIMESTAMP '{quoted}'").to_arrow()
    if at is not None:
        raise BigheadError(f"--at is for feature sets, and {name} is a {KINDS[type(definition)]}")
    if ranged is None:
        return session.sql(f"SELECT * FROM {spelled(name)}").to_arrow()
    days = Days(parse_day(ranged["start"], "the start"), parse_day(ranged["end"], "the end"))
    if isinstance(definition, TrainingSet):
        return session.compute(of_days(definition, days))
    if isinstance(definition, EventSource):
        scan = Scan(definition, tuple(definition.schema.names))
        return session.compute(Filter(scan, within(definition.event_time, days)))
    raise BigheadError(
        f"{name} is a {KINDS[type(definition)]} and has no range of days; name it without one"
    )

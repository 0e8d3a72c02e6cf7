"""Cases in YAML: rows to log, and what is expected of features as of times.

    features: ../features            # files or folders of definitions, from this file; optional
    cases:
      - name: a booking counts for a week
        rows:
          bookings:
            - {listing: 7, n_nights: 2, ts: 2026-01-01 12:00}
        expect:
          - {features: listing_bookings, at: 2026-01-03, key: {listing: 7}, values: {nights_7d: 2}}
          - {query: stay_risk, rows: [{request_id: 1, nights_7d: 2}]}
          - {query: SELECT nights FROM stay_risk, error: there is no column}

A file is checked to the last key: one that is misspelt, or that takes the place of an earlier one,
would be a test that tests nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bighead.planner.testing.scenario import Scenario
from bighead.zipline.errors import BigheadError, did_you_mean

KINDS = {str: "a text", dict: "a mapping", list: "a list", bool: "true or false"}
FILE: dict[str, tuple[type, ...]] = {"features": (str, list), "cases": (list,)}
CASE: dict[str, tuple[type, ...]] = {"name": (str,), "rows": (dict,), "expect": (list,)}
AS_OF: dict[str, tuple[type, ...]] = {
    "features": (str,),
    "at": (object,),
    "key": (dict,),
    "inclusive": (bool,),
    "values": (dict,),
}
QUERY: dict[str, tuple[type, ...]] = {"query": (str,), "rows": (list,), "error": (str,)}

MERGE = "tag:yaml.org,2002:merge"
"""What YAML calls the key `<<`."""


class _Once(yaml.SafeLoader):
    """Reads YAML, and refuses a mapping in which a key stands twice: the first would go unseen.

    Looks at a mapping as it is written: what `<<` merges into it may have keys that it has.
    """

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """The node of a mapping."""
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == MERGE:
                continue
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is there twice", key_node.start_mark
                )
            if isinstance(key, Hashable):
                seen.add(key)
        return node


Begin = Callable[[list[Path]], Scenario]
"""Makes a scenario over the definitions that a file names; none named: over those of the caller."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a file."""

    file: Path
    name: str
    features: tuple[Path, ...]
    """Where its definitions are; empty: those of the project."""
    rows: dict[str, list[dict[str, Any]]]
    expect: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a case."""

    case: Case
    failure: str | None
    """What was expected and did not come, or why it could not be asked."""
    seconds: float


def read_cases(file: Path) -> list[Case]:
    """The cases of a file; raises BigheadError that names it for anything that is no case."""
    try:
        read = yaml.load(file.read_text(encoding="utf-8"), _Once)
    except OSError as error:
        raise BigheadError(f"cannot read {file}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BigheadError(f"{file} is no YAML: {error}") from error
    where = str(file)
    if read is None:
        raise BigheadError(f"{where} is empty; write 'cases:', a list")
    _check(read, FILE, where)
    features = read.get("features", [])
    paths = [features] if isinstance(features, str) else features
    cases = []
    for number, case in enumerate(read.get("cases", []), 1):
        at = f"{where}: case {number}"
        _check(case, CASE, at)
        name = case.get("name", f"case {number}")
        rows = case.get("rows", {})
        _check_names(rows, at)
        for source, logged in rows.items():
            _check_rows(logged, f"{at}: the rows of {source}")
        expect = case.get("expect", [])
        if not expect:
            raise BigheadError(f"{at} expects nothing; add 'expect:'")
        for each in expect:
            _check_expected(each, at)
        found = tuple(file.parent / path for path in paths)
        cases.append(Case(file, name, found, rows, tuple(expect)))
    if not cases:
        raise BigheadError(f"{where} has no cases; add 'cases:', a list")
    return cases


def run_cases(cases: list[Case], begin: Begin) -> Iterator[Outcome]:
    """Runs cases one by one, each over rows of its own; definitions are bound once."""
    begun: dict[tuple[Path, ...], Scenario] = {}
    for case in cases:
        started = time.perf_counter()
        failure: str | None = None
        try:
            if case.features not in begun:
                begun[case.features] = begin(list(case.features))
            _run(case, begun[case.features].afresh())
        except (AssertionError, BigheadError) as error:
            failure = str(error)
        yield Outcome(case, failure, time.perf_counter() - started)


def _run(case: Case, scenario: Scenario) -> None:
    for source, rows in case.rows.items():
        scenario.log_all(source, rows)
    for each in case.expect:
        if "features" in each:
            inclusive = each.get("inclusive", False)
            scenario.expect_of(
                each["features"], each.get("key", {}), each["values"], each["at"], inclusive
            )
        elif "error" in each:
            _expect_error(scenario, each["query"], each["error"])
        else:
            scenario.expect_rows(each["query"], each["rows"])


def _expect_error(scenario: Scenario, query: str, part: str) -> None:
    try:
        rows = scenario.rows(query)
    except BigheadError as error:
        if part not in str(error):
            raise AssertionError(
                f"{query}: expected an error with '{part}', got: {error}"
            ) from None
        return
    raise AssertionError(f"{query}: expected an error with '{part}', got {len(rows)} rows")


def _check_expected(each: object, at: str) -> None:
    if isinstance(each, dict) and "query" in each:
        _check(each, QUERY, f"{at}, expect")
        if ("rows" in each) == ("error" in each):
            raise BigheadError(f"{at}: a query expects either rows or an error")
        _check_rows(each.get("rows", []), f"{at}: the rows of {each['query']}")
        return
    _check(each, AS_OF, f"{at}, expect")
    assert isinstance(each, dict)
    for needed in ("features", "at", "values"):
        if needed not in each:
            raise BigheadError(
                f"{at}: '{needed}' is missing; write features, at, key and values, or query and "
                "rows"
            )
    _check_names(each.get("key", {}), at)
    _check_names(each["values"], at)


def _check_rows(rows: object, what: str) -> None:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BigheadError(f"{what} are a list of mappings")
    for row in rows:
        _check_names(row, what)


def _check_names(mapping: dict[Any, Any], where: str) -> None:
    for name in mapping:
        if not isinstance(name, str):
            raise BigheadError(f"{where}: {name!r} is no name; put it in quotes if it is one")


def _check(read: object, known: dict[str, tuple[type, ...]], where: str) -> None:
    if not isinstance(read, dict):
        raise BigheadError(f"{where} is {read!r}; write {', '.join(known)}")
    for key, value in read.items():
        if key not in known:
            raise BigheadError(f"{where}: unknown key '{key}'; {did_you_mean(str(key), known)}")
        if not isinstance(value, known[key]):
            wanted = " or ".join(KINDS[kind] for kind in known[key])
            raise BigheadError(f"{where}: {key} is {wanted}, not {value!r}")

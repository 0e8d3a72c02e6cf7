"""The older notation of feature sets: HOCON, or YAML with the same keys, and the SQL that it means.

    owner: homes
    source: {type: hive, query: "SELECT n_nights, listing FROM data.bookings"}
    operation: sum
    windows: ["7d", "30d"]
    features: { n_nights: "Total number of nights" }

The key is what the query selects and `features` does not name. The query's table is an event
source, whose event time is `time_column` (by default `ts`). `{{start_date}}` in the query is the
date of that name in `source`; a bound by `{{end_date}}` goes, because no feature sees what comes
after its own time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import yaml
from pyhocon import ConfigFactory
from pyhocon.exceptions import ConfigException
from pyparsing import ParseBaseException
from sqlglot import exp

from bighead.zipline.aggregates import find as find_aggregate
from bighead.zipline.errors import SqlError, did_you_mean
from bighead.zipline.sql.grammar.dialect import parse
from bighead.zipline.sql.spelling.fmt import fmt
from bighead.zipline.sql.spelling.generator import spell
from bighead.zipline.windows import format_duration, parse_duration

KEYS = ("name", "owner", "description", "source", "operation", "windows", "features", "time_column")
SOURCE_KEYS = ("type", "query", "dependencies", "start_date", "time_column")
OPERATIONS = {"average": "avg", "mean": "avg"}
START, END = "{{start_date}}", "{{end_date}}"
Notation = Mapping[str, Any]


def load_notation(text: str, name: str | None = None) -> str:
    """The CREATE FEATURE SET statement that a definition means, in canonical spelling.

    `name` is that of the set, where the definition has none of its own (the name of its file, say).
    Raises SqlError.

    >>> print(load_notation('''
    ... source: {type: hive, query: "SELECT n, k FROM t"}
    ... operation: sum
    ... windows: [7d]
    ... features: {n: "All of them"}
    ... ''', name="sums"), end="")
    -- reads t, an event source with EVENT TIME ts
    CREATE FEATURE SET sums AS
    SELECT k,
           SUM(n) OVER w AS n  -- All of them
    FROM t
    GROUP BY k
    WINDOW w AS (LAST '7d');
    """
    given = _read(text)
    _check_keys(given, KEYS, "the definition")
    source = _mapping(given, "source")
    _check_keys(source, SOURCE_KEYS, "source")
    if source.get("type", "hive") != "hive":
        raise SqlError(
            f"a source of the type '{source['type']}' is not known", suggestion="write hive"
        )
    title = given.get("name") or name
    if not title:
        raise SqlError("the definition has no name", suggestion="add name: ...")
    query = _query(source)
    table = _table(query, source)
    features = _features(given)
    columns = _columns(query)
    for feature in features:
        if feature.casefold() not in (c.casefold() for c in columns):
            raise SqlError(
                f"the query selects no column '{feature}'",
                suggestion=did_you_mean(feature, columns),
            )
    time = source.get("time_column", given.get("time_column", "ts"))
    lines = [f"-- reads {table}, an event source with EVENT TIME {time}"]
    lines.append(f"CREATE FEATURE SET {title} {_options(given)} AS SELECT")
    lines += _select(given, features, columns)
    lines.append(f"FROM {table}")
    where = query.args.get("where")
    if where is not None:
        kept = _bounded(where.this, source)
        lines += [f"WHERE {spell(kept, flat=True)}"] if kept is not None else []
    keys = [spell(e, flat=True) for n, e in columns.items() if _feature(n, features) is None]
    if keys:
        lines.append(f"GROUP BY {', '.join(keys)}")
    windows = _windows(given)
    if windows:
        lines.append(f"WINDOW w AS (LAST {windows})")
    return fmt("\n".join(lines))


def _read(text: str) -> Notation:
    try:
        read = yaml.safe_load(text)
    except yaml.YAMLError:
        read = None
    if not isinstance(read, dict):
        try:
            read = ConfigFactory.parse_string(text).as_plain_ordered_dict()
        except (ConfigException, ParseBaseException, TypeError, ValueError) as error:
            reason = str(error).splitlines()[0] if str(error) else "it cannot be read"
            raise SqlError(f"this is neither HOCON nor YAML: {reason}") from None
    return dict(read)


def _check_keys(given: Notation, known: tuple[str, ...], where: str) -> None:
    for key in given:
        if key not in known:
            raise SqlError(
                f"{where} has an unknown key '{key}'", suggestion=did_you_mean(key, known)
            )


def _mapping(given: Notation, key: str) -> Notation:
    value = given.get(key)
    if not isinstance(value, Mapping) or not value:
        raise SqlError(f"the definition needs '{key}', with names and values in it")
    return value


def _query(source: Notation) -> exp.Select:
    text = source.get("query")
    if not isinstance(text, str):
        raise SqlError("source needs 'query', a SELECT")
    statements = parse(text)
    if len(statements) != 1 or not isinstance(statements[0].tree, exp.Select):
        raise SqlError("the query of a source is one SELECT")
    query = statements[0].tree
    for key in ("joins", "group", "having", "order", "limit", "distinct", "with_"):
        if query.args.get(key):
            raise SqlError("the query of a source selects columns of one table, with WHERE")
    return query


def _table(query: exp.Select, source: Notation) -> str:
    origin = query.args.get("from_")
    if origin is None or not isinstance(origin.this, exp.Table):
        raise SqlError("the query of a source reads one table", suggestion="add FROM table")
    table = spell(origin.this, flat=True)
    dependencies = source.get("dependencies")
    if dependencies is not None and table not in list(dependencies):
        raise SqlError(
            f"the query reads {table}, which is not among the dependencies",
            suggestion=f"add {table} to them",
        )
    return table


def _columns(query: exp.Select) -> dict[str, exp.Expr]:
    columns: dict[str, exp.Expr] = {}
    for item in query.expressions:
        inner = item.this if isinstance(item, exp.Alias) else item
        name = item.alias_or_name
        if not name or isinstance(inner, exp.Star):
            raise SqlError("the query of a source names its columns", suggestion="add AS name")
        columns[name] = inner
    return columns


def _features(given: Notation) -> dict[str, str]:
    features = _mapping(given, "features")
    for name, description in features.items():
        if not isinstance(description, str):
            raise SqlError(f"the feature '{name}' needs a description, a text")
    return {str(name): " ".join(d.split()) for name, d in features.items()}


def _feature(name: str, features: Mapping[str, str]) -> str | None:
    return next((f for f in features if f.casefold() == name.casefold()), None)


def _select(
    given: Notation, features: Mapping[str, str], columns: Mapping[str, exp.Expr]
) -> list[str]:
    operation = str(given.get("operation", "")).lower()
    operation = OPERATIONS.get(operation, operation)
    known = find_aggregate(operation)
    if known is None or known.arity != 1 or known.k == "required":
        raise SqlError(
            f"'{operation}' is not an operation"
            if operation
            else "the definition needs 'operation'",
            suggestion="write sum, count, avg, min, max, first or last",
        )
    over = " OVER w" if _windows(given) else ""
    items = []
    for name, inner in columns.items():
        if _feature(name, features) is None:
            text = spell(inner, flat=True)
            items.append((text if text == name else f"{text} AS {name}", ""))
    for feature, description in features.items():
        column = next(e for n, e in columns.items() if n.casefold() == feature.casefold())
        call = f"{known.spellings[0]}({spell(column, flat=True)})"
        items.append((f"{call}{over} AS {feature}", f" -- {description}" if description else ""))
    last = len(items) - 1
    return [f"{text}{',' if i < last else ''}{note}" for i, (text, note) in enumerate(items)]


def _windows(given: Notation) -> str:
    windows = given.get("windows") or []
    if not isinstance(windows, list):
        raise SqlError("'windows' is a list of durations", suggestion='write ["7d", "30d"]')
    try:
        return ", ".join(f"'{format_duration(parse_duration(str(w)))}'" for w in windows)
    except ValueError as error:
        raise SqlError(str(error)) from None


def _options(given: Notation) -> str:
    said = [(k, str(given[k])) for k in ("owner", "description") if given.get(k)]
    written = ", ".join(f"{k} = {spell(exp.Literal.string(v))}" for k, v in said)
    return f"WITH ({written})" if written else ""


def _bounded(node: exp.Expr, source: Notation) -> exp.Expr | None:
    """WHERE with the start in its place and no bounds by the end; None where nothing is left."""
    kept = []
    for part in node.flatten() if isinstance(node, exp.And) else [node]:
        part = part.copy()
        if isinstance(part, exp.Between) and _holds(part.args["high"], END):
            part = exp.GTE(this=part.this, expression=part.args["low"])
        if _holds(part, END):
            if not isinstance(part, exp.LT | exp.LTE):
                raise SqlError(f"{END} may only be an upper bound", suggestion="write ds <= ...")
            continue
        for literal in list(part.find_all(exp.Literal)):
            if literal.is_string and START in literal.name:
                literal.set("this", literal.name.replace(START, _start(source)))
            if literal.is_string and "{{" in literal.name:
                raise SqlError(f"'{literal.name}' has an unknown placeholder")
        kept.append(part)
    return exp.and_(*kept, copy=False, wrap=False) if kept else None


def _holds(node: exp.Expr, placeholder: str) -> bool:
    return any(n.is_string and placeholder in n.name for n in node.find_all(exp.Literal))


def _start(source: Notation) -> str:
    start = source.get("start_date")
    if start is None:
        raise SqlError(f"the query uses {START}, and source has no start_date")
    try:
        return str(dt.date.fromisoformat(str(start)))
    except ValueError:
        raise SqlError(
            f"start_date '{start}' is not a date", suggestion="write 2019-01-01"
        ) from None

"""What the parser makes of the words that SQL lacks: one node a construct.

They are sqlglot expressions, so that its visitors, equality and generator work on them. Standard
SQL keeps sqlglot's own nodes. A `Statement` is one tree with the text that it came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

PIN = "version_number"
"""The argument of a table that holds the number of `name@number`, a literal."""


class CreateSource(exp.Expression):
    """CREATE [OR REPLACE] EVENT | ENTITY SOURCE this (columns) clauses WITH (options)."""

    arg_types = {
        "this": True,
        "kind": True,  # "EVENT" or "ENTITY"
        "replace": False,
        "columns": False,  # ColumnDef; none: taken from the data
        "primary_key": False,  # identifiers
        "event_time": False,
        "changed_at": False,
        "static": False,
        "known_at": False,
        "sequence": False,
        "identity": False,  # identifiers
        "unit": False,  # a string literal
        "skip_null_times": False,
        "options": False,  # Option
    }


class CreateSet(exp.Expression):
    """CREATE [OR REPLACE] FEATURE | TRAINING SET this [WITH (options)] [ID (ids)] AS expression."""

    arg_types = {
        "this": True,
        "kind": True,  # "FEATURE" or "TRAINING"
        "replace": False,
        "options": False,
        "ids": False,
        "expression": True,
    }


class Option(exp.Expression):
    """`name = value` in WITH (...); the value is a literal, a boolean or a bracketed list."""

    arg_types = {"this": True, "expression": True}


class DropThing(exp.Expression):
    """DROP kind [IF EXISTS] this."""

    arg_types = {"this": True, "kind": True, "exists": False}


class ShowThings(exp.Expression):
    """SHOW kind; the kind is one of SHOWN."""

    arg_types = {"kind": True}


class DescribeThing(exp.Expression):
    """DESCRIBE this."""

    arg_types = {"this": True}


class ExplainQuery(exp.Expression):
    """EXPLAIN [ANALYZE] [STAGE stage] this."""

    arg_types = {"this": True, "analyze": False, "stage": False}


class Bucketed(exp.Expression):
    """`this BY expression`: one value of the aggregate for each value of the expression."""

    arg_types = {"this": True, "expression": True}


class Windows(exp.Expression):
    """LAST | NEXT item {, item} [LIMIT n ROWS], as the content of OVER (...) or of a WINDOW.

    An item is a string literal (a canonical duration) or `Rows`.
    """

    arg_types = {"expressions": True, "forward": False, "limit": False}


class Rows(exp.Expression):
    """`n ROWS` among the items of LAST."""

    arg_types = {"this": True}


class NamedWindows(exp.Expression):
    """`this AS (expression)` in the WINDOW clause, the expression being `Windows`."""

    arg_types = {"this": True, "expression": True}


class Label(exp.Expression):
    """LABEL this, in the select list of a training set."""

    arg_types = {"this": True}


class United(exp.Expression):
    """`a UNION ALL b [AS alias]` where a table may stand; the expressions are tables."""

    arg_types = {"expressions": True, "alias": False}


class AsOf(exp.Expression):
    """`this AS OF expression [AS alias]`: a feature set, named or a sub-query, at one time."""

    arg_types = {"this": True, "expression": True, "alias": False}


class TemporalJoin(exp.Join):
    """ASOF | LABEL, LEFT | INNER JOIN this MATCH_CONDITION (...) [ON | USING] [TOLERANCE ...].

    `side` is "LEFT" or `kind` is "INNER"; exactly one is set.
    """

    arg_types = {**exp.Join.arg_types, "tolerance": False}


SHOWN = (
    "EVENT SOURCES",
    "ENTITY SOURCES",
    "SOURCES",
    "FEATURE SETS",
    "TRAINING SETS",
    "TABLES",
)
"""What SHOW lists."""

DROPPED = ("EVENT SOURCE", "ENTITY SOURCE", "SOURCE", "FEATURE SET", "TRAINING SET", "TABLE")
"""What DROP takes away."""

STAGES = ("logical", "optimized", "tiled", "physical")
"""What EXPLAIN STAGE shows."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: its parse tree, and the whole text that its positions count in."""

    tree: exp.Expr
    text: str = field(repr=False)

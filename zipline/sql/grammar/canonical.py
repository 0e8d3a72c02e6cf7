"""One tree for one meaning: what the grammar lets a user spell in several ways.

A comma between tables is a CROSS JOIN, TRIM and POSITION become plain calls, names of functions and
units are in capitals. After this, equal trees are equal queries as far as spelling goes, which is
what makes the canonical text stable.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from bighead.zipline.sql import tree
from bighead.zipline.sql.grammar.foreign import from_foreign
from bighead.zipline.sql.located import node_error

TRIMS = {"LEADING": "LTRIM", "TRAILING": "RTRIM", "BOTH": "BTRIM", "": "BTRIM"}


def to_canonical(root: exp.Expr, text: str, dialect: str | None) -> exp.Expr:
    """The same statement in one spelling; changes the tree in place. Raises SqlError."""
    for kind, rule in RULES.items():
        for node in list(root.find_all(kind)):
            rule(node, text)
    return from_foreign(root, text, dialect)


def _join(join: exp.Expr, text: str) -> None:
    for name in join.args.get("using") or []:
        if not isinstance(name, exp.Identifier):
            raise node_error(text, name, "USING takes names of columns", "write USING (a, b)")
    if isinstance(join, tree.TemporalJoin):
        return
    if join.args.get("kind") in ("INNER", "OUTER"):
        join.set("kind", None)
    said = any(join.args.get(key) for key in ("on", "using", "method", "side", "kind"))
    if not said:
        join.set("kind", "CROSS")


def _call(call: exp.Expr, text: str) -> None:
    if isinstance(call.this, str):
        call.set("this", call.this.upper())


def _interval(interval: exp.Expr, text: str) -> None:
    unit = interval.args.get("unit")
    if isinstance(unit, exp.Var):
        unit.set("this", unit.name.upper().removesuffix("S"))


def _frame(spec: exp.Expr, text: str) -> None:
    for key in ("kind", "start_side", "end_side"):
        if isinstance(spec.args.get(key), str):
            spec.set(key, spec.args[key].upper())


def _trim(trim: exp.Expr, text: str) -> None:
    characters = trim.args.get("expression")
    name = TRIMS[trim.text("position").upper()]
    if characters is None and name == "BTRIM":
        name = "TRIM"
    _rename(trim, name, [trim.this, characters])


def _substring(call: exp.Expr, text: str) -> None:
    _rename(call, "SUBSTRING", [call.this, call.args.get("start"), call.args.get("length")])


def _position(call: exp.Expr, text: str) -> None:
    _rename(call, "STRPOS", [call.this, call.args.get("substr")])


def _rename(node: exp.Expr, name: str, arguments: list[exp.Expr | None]) -> None:
    given = [a for a in arguments if a is not None]
    call = exp.Anonymous(this=name, expressions=given)
    call.update_positions(node)
    node.replace(call)


def _alias(alias: exp.Expr, text: str) -> None:
    for column in alias.args.get("columns") or []:
        named = isinstance(column, exp.Identifier)
        if not named or not (column.args.get("quoted") or column.name.isidentifier()):
            raise node_error(text, column, "a column's new name is a name")


def _column(column: exp.Expr, text: str) -> None:
    """A name, or a star behind one."""
    parts = [column.this, *(column.args.get(key) for key in ("table", "db", "catalog"))]
    for part in parts:
        if part is not None and not isinstance(part, exp.Identifier | exp.Star):
            raise node_error(text, column, "a column is a name")


def _star(star: exp.Expr, text: str) -> None:
    for left_out in star.args.get("except_") or []:
        if not isinstance(left_out, exp.Identifier | exp.Column):
            raise node_error(text, left_out, "EXCEPT takes names of columns")


def _with(clause: exp.Expr, text: str) -> None:
    if clause.args.get("recursive"):
        raise node_error(text, clause, "WITH RECURSIVE is not answered by this version")


RULES: dict[type[exp.Expr], Callable[[exp.Expr, str], None]] = {
    exp.Join: _join,
    exp.Anonymous: _call,
    exp.Interval: _interval,
    exp.WindowSpec: _frame,
    exp.Trim: _trim,
    exp.Substring: _substring,
    exp.StrPosition: _position,
    exp.TableAlias: _alias,
    exp.Column: _column,
    exp.Star: _star,
    exp.With: _with,
}

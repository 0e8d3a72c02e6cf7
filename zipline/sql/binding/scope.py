"""Names: which relations a query sees, and what a column of one is in the plan.

Unquoted names match without case, quoted ones exactly. A relation offers columns by name; each is
an expression over the plan's row (a plain column, or what a feature set derives from several).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa
from sqlglot import exp

from bighead.zipline.catalog import Catalog, Definition
from bighead.zipline.errors import (
    BigheadError,
    CatalogError,
    ExpressionError,
    SqlError,
    did_you_mean,
)
from bighead.zipline.ir.expr import Column, Expr
from bighead.zipline.sql.located import node_error
from bighead.zipline.sql.tree import PIN

Barred = tuple[Expr, str]
"""An expression that may not be read, and why."""


@dataclass(frozen=True, slots=True)
class Context:
    """What every part of the binder needs: the text for messages, and the names of the catalog."""

    text: str
    catalog: Catalog

    def error(self, node: exp.Expr | None, reason: str, suggestion: str = "") -> SqlError:
        """An error that underlines a node."""
        return node_error(self.text, node, reason, suggestion)

    def moved(self, node: exp.Expr | None, error: BigheadError | ValueError) -> SqlError:
        """An error from below, now with its place."""
        if isinstance(error, ExpressionError | SqlError):
            return self.error(node, error.reason, error.suggestion)
        return self.error(node, str(error))

    def find(self, table: exp.Table) -> Definition:
        """What a name stands for. Raises SqlError where there is no such thing."""
        found = self.look(table)
        if found is None:
            name = dotted(table)
            raise self.error(
                table,
                f"no source, feature set or table '{name}'",
                did_you_mean(name, self.catalog.names()),
            )
        return found

    def look(self, table: exp.Table) -> Definition | None:
        """What a name stands for; None where there is no such thing.

        Raises SqlError where `name@3` names a version that does not exist.
        """
        try:
            return self.catalog.find(dotted(table))
        except CatalogError as error:
            raise self.moved(table, error) from error


def no_renaming(context: Context, node: exp.Expr) -> None:
    """Refuses `AS x(a, b)`, where the columns of a table keep their names."""
    alias = node.args.get("alias")
    if alias is not None and alias.args.get("columns"):
        name = alias.name
        raise context.error(
            alias,
            "the columns keep their names here",
            f"write AS {name}, or rename by SELECT ... AS",
        )


def dotted(table: exp.Table) -> str:
    """A name as it was written, with its dots and its version: `data.bookings@3`."""
    name = ".".join(part.name for part in table.parts)
    version = table.args.get(PIN)
    return f"{name}@{version.name}" if version is not None else name


@dataclass(frozen=True, slots=True)
class Relation:
    """What one name after FROM or JOIN offers."""

    alias: str
    columns: tuple[tuple[str, Expr], ...]
    features: tuple[str, ...] | None = None
    """What `alias.*` means, where it is not all the columns."""
    keys: tuple[tuple[str, Expr], ...] = ()
    """Columns that are meant by `alias.name` alone, never by `name` and never by a star."""

    @property
    def starred(self) -> tuple[tuple[str, Expr], ...]:
        """The columns of `alias.*`."""
        if self.features is None:
            return self.columns
        return tuple((n, e) for n, e in self.columns if n in self.features)


def of_schema(alias: str, schema: pa.Schema, prefix: str | None = None) -> Relation:
    """A relation whose columns are those of a node, called `prefix.name` there, or just `name`."""
    named = ((f.name, f"{prefix}.{f.name}" if prefix else f.name, f.type) for f in schema)
    return Relation(alias, tuple((name, Column(inner, kind)) for name, inner, kind in named))


def match(identifier: exp.Identifier, names: Iterable[str]) -> list[str]:
    """The names that an identifier stands for; an exact match alone counts."""
    known = list(names)
    if identifier.name in known:
        return [identifier.name]
    if identifier.quoted:
        return []
    folded = identifier.name.casefold()
    return [n for n in known if n.casefold() == folded]


@dataclass(frozen=True, slots=True)
class Scope:
    """The relations that an expression may name, and the columns that it may not read."""

    context: Context
    relations: tuple[Relation, ...]
    merged: tuple[str, ...] = ()
    """Columns that USING made one; a bare name means the first relation's."""
    forbidden: tuple[Barred, ...] = field(default=())
    """Expressions that may not be read here, each with the reason."""

    def with_relation(self, relation: Relation, merged: Sequence[str] = ()) -> Scope:
        """This scope and one more relation."""
        return replace(self, relations=(*self.relations, relation), merged=(*self.merged, *merged))

    def relation(self, name: exp.Identifier) -> Relation:
        """The relation of that name. Raises SqlError."""
        aliases = [r.alias for r in self.relations]
        found = match(name, aliases)
        if len(found) != 1:
            suggestion = did_you_mean(name.name, aliases)
            raise self.context.error(name, f"no table '{name.name}' in this query", suggestion)
        return next(r for r in self.relations if r.alias == found[0])

    def has_relation(self, name: exp.Identifier) -> bool:
        """There is a relation of that name."""
        return bool(match(name, (r.alias for r in self.relations)))

    def offers(self, name: exp.Identifier) -> bool:
        """Some relation has a column of that name."""
        return any(match(name, (n for n, _ in r.columns)) for r in self.relations)

    def column(self, column: exp.Column) -> Expr:
        """What a column means. Raises SqlError where it is unknown or ambiguous."""
        expr = self._lookup(column)
        for barred, reason in self.forbidden:
            if expr == barred:
                raise self.context.error(column, reason)
        return expr

    def _lookup(self, column: exp.Column) -> Expr:
        qualifier = column.args.get("table")
        if isinstance(qualifier, exp.Identifier):
            relation = self.relation(qualifier)
            return self._in_relation(relation, column)
        found = [
            (relation, name)
            for relation in self.relations
            for name in match(column.this, (n for n, _ in relation.columns))
        ]
        if not found:
            raise self._unknown(column, self.relations)
        if len(found) > 1 and column.name.casefold() not in {m.casefold() for m in self.merged}:
            where = " and ".join(f"{r.alias}.{n}" for r, n in found)
            raise self.context.error(
                column,
                f"'{column.name}' may be {where}",
                f"write {found[0][0].alias}.{found[0][1]}",
            )
        relation, name = found[0]
        return dict(relation.columns)[name]

    def _in_relation(self, relation: Relation, column: exp.Column) -> Expr:
        columns = dict((*relation.columns, *relation.keys))
        names = match(column.this, columns)
        if not names:
            raise self._unknown(column, (relation,))
        if len(names) > 1:
            raise self.context.error(
                column, f"{relation.alias} has {' and '.join(names)}", f'write "{names[0]}"'
            )
        return columns[names[0]]

    def _unknown(self, column: exp.Column, relations: Sequence[Relation]) -> SqlError:
        where = " or ".join(r.alias for r in relations) or "a query without FROM"
        names = [n for r in relations for n, _ in (*r.columns, *r.keys)]
        return self.context.error(
            column.this, f"no column '{column.name}' in {where}", did_you_mean(column.name, names)
        )

"""A feature set's query: which key, which events, which features.

The same shape stands behind CREATE FEATURE SET ... AS and unnamed on the right of an as-of join.
Without aggregates it is the last row of a key, a `Lookup`; with them it is a `View`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from bighead.zipline.errors import SqlError
from bighead.zipline.expressions import find
from bighead.zipline.ir.expr import Column, Expr, columns_of
from bighead.zipline.ir.nodes import Aggregate, Feature, Lookup, Versions, View
from bighead.zipline.sql import tree
from bighead.zipline.sql.binding.aggregate import (
    AggregateCall,
    Named,
    WindowList,
    bind_aggregate,
    bind_named_windows,
    holds_aggregate,
    unknown_function,
)
from bighead.zipline.sql.binding.chained import bind_rows
from bighead.zipline.sql.binding.derived import bind_derived
from bighead.zipline.sql.binding.enriched import with_static
from bighead.zipline.sql.binding.events import Origin
from bighead.zipline.sql.binding.expression import ExpressionBinder
from bighead.zipline.sql.binding.scope import Context, match
from bighead.zipline.sql.binding.shape import REFUSED
from bighead.zipline.sql.spelling.generator import spell
from bighead.zipline.windows import Window

PURPOSE = "a feature set reads events, or the rows of an entity"


@dataclass(frozen=True, slots=True)
class BoundSet:
    """Key and time to values, before it has a name."""

    view: View | Lookup
    keys: tuple[tuple[str, Expr], ...]
    """Names and expressions of the key, over the events."""
    columns: tuple[tuple[str, Expr], ...]
    """What is offered, over `view.schema`."""
    uses: tuple[str, ...]


@dataclass(slots=True)
class _Features:
    """The features of a view as they are found; equal parts are one feature."""

    found: list[Feature] = field(default_factory=list)
    parts: dict[tuple[Aggregate, Window], str] = field(default_factory=dict)

    def column(self, aggregate: Aggregate, window: Window, name: str | None) -> Column:
        """The feature as a column of the view; without a name it is a part of an expression."""
        known = self.parts.get((aggregate, window))
        if name is None and known is not None:
            name = known
        elif name is None:
            name = f"#{len(self.parts) + 1}"
        if name not in (f.name for f in self.found):
            self.found.append(Feature(name, aggregate, window))
            self.parts.setdefault((aggregate, window), name)
        feature = next(f for f in self.found if f.name == name)
        return Column(name, feature.type)


def bind_set(query: exp.Expr, context: Context, tail: int | None = None) -> BoundSet:
    """The view that a query describes. Raises SqlError."""
    if not isinstance(query, exp.Select):
        raise context.error(query, "a feature set is one SELECT", "unite its sources after FROM")
    for key, word in REFUSED.items():
        if key != "joins" and query.args.get(key):
            place = query.args[key]
            place = place[0] if isinstance(place, list) else place
            raise context.error(place, f"{word} does not belong to a feature set", _advice(key))
    origin_node = query.args.get("from_")
    if origin_node is None:
        raise context.error(query, "a feature set reads a source", "add FROM source")
    origin = bind_derived(origin_node.this, context, PURPOSE, bind_rows)
    if query.args.get("joins"):
        origin = with_static(origin, query.args["joins"], context)
    return _SetBinder(query, context, origin, tail).bind()


def _advice(key: str) -> str:
    return {
        "having": "filter the source by WHERE, or an aggregate by FILTER",
    }.get(key, "leave it to the query that reads the set")


class _SetBinder:
    """One SELECT of a set."""

    def __init__(
        self, query: exp.Select, context: Context, origin: Origin, tail: int | None
    ) -> None:
        self.query, self.context, self.tail = query, context, tail
        self.scope = origin.scope(context)
        self.binder = ExpressionBinder(self.scope)
        self.origin = self._where(origin)
        self.named: Named = bind_named_windows(context, query.args.get("windows") or [])
        self.features = _Features()

    def _where(self, origin: Origin) -> Origin:
        where = self.query.args.get("where")
        if where is None:
            return origin
        bad = next((n for n in where.walk() if n is not where and _is_aggregate(n)), None)
        if bad is not None:
            raise self.context.error(
                bad, "WHERE sees single rows, not aggregates", "write FILTER (WHERE ...)"
            )
        return origin.where(self.binder.predicate(where.this, "WHERE"))

    def bind(self) -> BoundSet:
        """The whole set."""
        keys = self._keys()
        aggregated = any(map(holds_aggregate, self.query.expressions))
        outputs = self._aggregated(keys) if aggregated else self._last_row(keys)
        names = {name.casefold() for name, _ in keys}
        for name, _, node in outputs:
            if name.casefold() in names:
                raise self.context.error(node, f"two columns are called '{name}'", "rename one: AS")
            if name.startswith("#"):
                raise self.context.error(node, "names with # are the plan's own", "rename it: AS")
            names.add(name.casefold())
        columns = tuple((name, expr) for name, expr, _ in outputs)
        exprs = tuple(expr for _, expr in keys)
        rows = self.origin.rows
        view: View | Lookup
        if aggregated:
            self._check_direction()
            view = View(rows, exprs, tuple(self.features.found), self.tail)
        else:
            if self.tail is not None:
                raise self.context.error(self.query, "tail rounds windows, and there are none")
            read = columns_of(*(e for _, e in columns))
            view = Lookup(rows, exprs, read)
        return BoundSet(view, keys, columns, self.origin.uses)

    def _check_direction(self) -> None:
        """A set looks back, or is one of labels: then all of it looks ahead."""
        forward = [f.window.forward for f in self.features.found]
        if not any(forward):
            return
        if not all(forward):
            raise self.context.error(
                self.query.find(tree.Windows) or self.query,
                "a set looks ahead or back: what looks ahead is a label",
                "make two sets, and give every aggregate of the labels OVER (NEXT '7d')",
            )
        if isinstance(self.origin.rows, Versions):
            raise self.context.error(
                self.query.find(tree.Windows) or self.query,
                f"labels look ahead at events, and {self.origin.rows.source} is an entity",
                "write LAST, or count the events of an event source",
            )
        if self.tail is not None:
            raise self.context.error(
                self.query, "tail rounds where windows begin that look back, and NEXT looks ahead"
            )

    # -- the key --------------------------------------------------------------------------------

    def _keys(self) -> tuple[tuple[str, Expr], ...]:
        group = self.query.args.get("group")
        if group is None:
            return ()
        if any(group.args.get(k) for k in ("all", "cube", "rollup", "grouping_sets", "totals")):
            raise self.context.error(group, "GROUP BY names the key of the set, column by column")
        keys: list[tuple[str, Expr]] = []
        for node in group.expressions:
            item = self._selected(node)
            expr = self.binder.bind(item)
            name = self._key_name(expr, item)
            if name.casefold() in (n.casefold() for n, _ in keys):
                raise self.context.error(node, f"the key '{name}' is there twice")
            keys.append((name, expr))
        return tuple(keys)

    def _selected(self, node: exp.Expr) -> exp.Expr:
        """What an item of GROUP BY means: an expression, or an item by its alias or number."""
        items = self.query.expressions
        if isinstance(node, exp.Literal) and not node.is_string:
            number = int(node.name) if node.name.isdecimal() else 0
            if not 0 < number <= len(items):
                raise self.context.error(node, f"there is no item {node.name} in the select list")
            return _unaliased(items[number - 1])
        if isinstance(node, exp.Column) and not node.table:
            known = self.scope.offers(node.this)
            aliased = [i for i in items if isinstance(i, exp.Alias) and match(node.this, [i.alias])]
            if not known and aliased:
                return _unaliased(aliased[0])
        return node

    def _key_name(self, expr: Expr, node: exp.Expr) -> str:
        for item in self.query.expressions:
            inner = _unaliased(item)
            if isinstance(inner, exp.Star) or _is_star(inner) or holds_aggregate(inner):
                continue
            if self.binder.bind(inner) == expr:
                name = _output_name(item)
                if name:
                    return name
        if isinstance(expr, Column):
            named = (n for r in self.scope.relations for n, e in r.columns if e == expr)
            return next(named, expr.name)
        raise self.context.error(node, "this key has no name", "select it with AS name")

    # -- outputs --------------------------------------------------------------------------------

    def _last_row(self, keys: Sequence[tuple[str, Expr]]) -> list[tuple[str, Expr, exp.Expr]]:
        outputs: list[tuple[str, Expr, exp.Expr]] = []
        key_exprs = [e for _, e in keys]
        for item in self.query.expressions:
            if isinstance(item, exp.Star) or _is_star(item):
                starred = self._star(item)
                outputs += [(n, e, item) for n, e in starred if e not in key_exprs]
                continue
            inner = _unaliased(item)
            if isinstance(inner, exp.Anonymous) and not _is_known(inner):
                raise unknown_function(self.context, inner)
            expr = self.binder.bind(inner)
            if expr in key_exprs:
                continue
            outputs.append((self._named(item), expr, item))
        if not outputs:
            raise self.context.error(self.query, "the set offers no column besides its key")
        return outputs

    def _star(self, item: exp.Expr) -> tuple[tuple[str, Expr], ...]:
        relations = self.scope.relations
        if isinstance(item, exp.Column):
            relations = (self.scope.relation(item.args["table"]),)
        star = item.this if isinstance(item, exp.Column) else item
        if any(star.args.get(k) for k in ("except_", "replace", "rename")):
            raise self.context.error(item, "a star has no exceptions here", "name the columns")
        columns: dict[str, tuple[str, Expr]] = {}
        for name, expr in (column for r in relations for column in r.starred):
            # What USING made one is there once; other names that repeat are found later.
            merged = name.casefold() in (m.casefold() for m in self.scope.merged)
            columns.setdefault(name.casefold() if merged else f"{len(columns)}", (name, expr))
        return tuple(columns.values())

    def _aggregated(self, keys: Sequence[tuple[str, Expr]]) -> list[tuple[str, Expr, exp.Expr]]:
        outputs: list[tuple[str, Expr, exp.Expr]] = []
        key_exprs = [e for _, e in keys]
        for item in self.query.expressions:
            inner = _unaliased(item)
            if not holds_aggregate(inner):
                self._check_key(inner, key_exprs)
                continue
            outputs += self._item(item, inner)
        return outputs

    def _check_key(self, node: exp.Expr, keys: Sequence[Expr]) -> None:
        if isinstance(node, exp.Star) or _is_star(node):
            raise self.context.error(node, "a star cannot stand beside aggregates")
        if isinstance(node, exp.Anonymous) and not _is_known(node):
            raise unknown_function(self.context, node)
        if self.binder.bind(node) not in keys:
            text = spell(node, flat=True)
            raise self.context.error(
                node,
                f"{text} is neither a key nor an aggregate",
                f"add it to GROUP BY, or write LAST({text})",
            )

    def _item(self, item: exp.Expr, inner: exp.Expr) -> list[tuple[str, Expr, exp.Expr]]:
        """One output for each window of the item's list."""
        lists = self._lists(inner)
        name = item.alias if isinstance(item, exp.Alias) else ""
        if not name:
            raise self.context.error(item, "a feature needs a name", "add AS name")
        if not lists:
            return [(name, self._over(inner, None, name), item)]
        windows = lists[0].windows
        outputs = []
        for window in windows:
            output = f"{name}_{window.suffix}"
            outputs.append((output, self._over(inner, window, output), item))
        return outputs

    def _lists(self, inner: exp.Expr) -> list[WindowList]:
        """The suffixing lists of windows in an expression, which must be the same."""
        lists: list[WindowList] = []
        for node, call in self._calls(inner):
            if call.over.suffixed and call.over not in lists:
                if lists:
                    raise self.context.error(
                        node,
                        "an expression has one list of windows, and this is another",
                        "give both the same list, or one of them a single window",
                    )
                lists.append(call.over)
        return lists

    def _calls(self, node: exp.Expr) -> list[tuple[exp.Expr, AggregateCall]]:
        call = bind_aggregate(node, self.scope, self.named)
        if call is not None:
            return [(node, call)]
        return [pair for child in node.iter_expressions() for pair in self._calls(child)]

    def _over(self, inner: exp.Expr, window: Window | None, name: str) -> Expr:
        """The expression with each aggregate replaced by its feature over the window."""

        def special(node: exp.Expr) -> Expr | None:
            call = bind_aggregate(node, self.scope, self.named)
            if call is None:
                if isinstance(node, exp.Column):
                    raise self._bare_column(node)
                return None
            chosen = window if call.over.suffixed and window is not None else call.over.windows[0]
            whole = name if node is stripped else None
            return self.features.column(call.aggregate, chosen, whole)

        stripped = inner
        while isinstance(stripped, exp.Paren):
            stripped = stripped.this
        return ExpressionBinder(self.scope, special).bind(inner)

    def _bare_column(self, node: exp.Column) -> SqlError:
        self.binder.bind(node)
        text = spell(node, flat=True)
        return self.context.error(
            node, f"{text} stands outside of an aggregate", f"write LAST({text}) or the like"
        )

    def _named(self, item: exp.Expr) -> str:
        name = _output_name(item)
        if not name:
            raise self.context.error(item, "this column needs a name", "add AS name")
        return name


def _is_aggregate(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and holds_aggregate(node)


def _is_known(node: exp.Anonymous) -> bool:
    return find(node.name) is not None or node.name == "STRUCT"


def _is_star(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and isinstance(node.this, exp.Star)


def _unaliased(item: exp.Expr) -> exp.Expr:
    inner = item.this if isinstance(item, exp.Alias) else item
    assert isinstance(inner, exp.Expr)
    return inner


def _output_name(item: exp.Expr) -> str:
    """The name of an output: its alias, or that of a plain column."""
    if isinstance(item, exp.Alias):
        return str(item.alias)
    return item.name if isinstance(item, exp.Column) else ""

"""One plain SELECT, in the order in which SQL means it.

FROM and joins, WHERE, GROUP BY and aggregates, HAVING, windows, QUALIFY, the select list, DISTINCT,
ORDER BY and LIMIT: each takes the node before it and gives the next one. An aggregate or a window
function becomes a column; what stands around it is computed by our own evaluator.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from bighead.zipline.errors import SqlError
from bighead.zipline.expressions import find as find_function
from bighead.zipline.ir.expr import Column, Expr, Literal
from bighead.zipline.ir.nodes import Filter, Node
from bighead.zipline.sql.bind_aggregate import unknown_function
from bighead.zipline.sql.bind_expression import CURRENT, ExpressionBinder
from bighead.zipline.sql.bind_spine import column_name, star_of
from bighead.zipline.sql.query_calls import (
    WINDOW_FUNCTIONS,
    Call,
    call_text,
    is_aggregate,
    only_in_sets,
    plain_call,
    wrong_argument,
)
from bighead.zipline.sql.query_from import FromBinder, Rows
from bighead.zipline.sql.relational import ROW, Steps, listed, numbered, quoted
from bighead.zipline.sql.scope import Context, Scope, match
from bighead.zipline.sql.spelling import spell

QUERIES = (exp.Subquery, exp.Exists)


@dataclass(slots=True)
class Output:
    """An item of the select list."""

    name: str
    node: exp.Expr | None
    """Its text; None for a column that a star brings."""
    expr: Expr | None


@dataclass(slots=True)
class SelectBinder:
    """Binds one SELECT; the node grows from clause to clause."""

    context: Context
    steps: Steps
    tables: FromBinder
    query: exp.Select
    node: Node = field(init=False)
    scope: Scope = field(init=False)
    known: dict[exp.Expr, Expr] = field(default_factory=dict)
    """What aggregates, windows and sub-queries of the text have become."""
    keys: list[Expr] | None = None
    """The grouping, over the rows before it; None where there is none."""
    grouped: list[Column] = field(default_factory=list)

    def bind(self) -> Rows:
        """The rows of the query."""
        chain = self.tables.bind(self.query)
        self.node, self.scope = chain.node, chain.scope
        self._filter("where", "WHERE")
        outputs = self._outputs()
        self._group(outputs)
        self._filter("having", "HAVING")
        self._windows(outputs)
        self._filter("qualify", "QUALIFY")
        for output in outputs:
            if output.node is not None:
                output.expr = self._expr(output.node)
        return self._ordered(outputs)

    # -- expressions ----------------------------------------------------------------------------

    def _expr(self, node: exp.Expr) -> Expr:
        return ExpressionBinder(self.scope, self._special).bind(node)

    def _special(self, node: exp.Expr) -> Expr | None:
        known = self.known.get(node)
        if known is not None:
            return known
        if only_in_sets(node):
            raise self.context.error(
                node,
                "windows back from t belong to a feature set",
                "join (SELECT ... GROUP BY key)",
            )
        if isinstance(node, QUERIES) or (isinstance(node, exp.In) and node.args.get("query")):
            return self._subquery(node)
        if isinstance(node, exp.Window):
            raise self.context.error(node, "a window function cannot stand here")
        call = plain_call(node)
        if call is not None and is_aggregate(call):
            raise self.context.error(
                node, f"the aggregate {call.name.removesuffix('(*)')} cannot stand here"
            )
        if self.keys is not None:
            return self._grouped_expr(node)
        if call is not None and isinstance(node, exp.Anonymous):
            return self._engine_function(node)
        return None

    def _grouped_expr(self, node: exp.Expr) -> Expr | None:
        """After GROUP BY: the keys, and nothing else of the rows before it."""
        assert self.keys is not None
        if isinstance(node, exp.Literal | exp.Interval | exp.DataType):
            return None
        holds_known = any(n in self.known for n in node.walk())
        if not holds_known:
            try:
                bound = ExpressionBinder(self.scope).bind(node)
            except SqlError:
                bound = None
            if bound is not None and bound in self.keys:
                return self.grouped[self.keys.index(bound)]
        if isinstance(node, exp.Column):
            self.scope.column(node)
            raise self.context.error(
                node,
                f"{spell(node, flat=True)} is neither in GROUP BY nor inside an aggregate",
                f"add it to GROUP BY, or write MAX({spell(node, flat=True)}) or the like",
            )
        if isinstance(node, exp.Anonymous):
            return self._engine_function(node)
        return None

    def _engine_function(self, node: exp.Anonymous) -> Expr | None:
        """A function outside the closed list is DataFusion's own."""
        called = node.name.upper()
        if find_function(called) is not None or called == "STRUCT" or called in CURRENT:
            return None
        if node.name.upper() in WINDOW_FUNCTIONS:
            raise self.context.error(node, f"{node.name.upper()} needs OVER (...)")
        exprs = [self._expr(part) for part in node.expressions]
        texts = self._texts(exprs, node.expressions)
        sql_call = f"{node.name}({', '.join(texts)})"
        names = list(self.node.schema.names)
        name = self.steps.fresh()
        kept = f"{listed(names)}, " if names else ""
        sql = f'SELECT {kept}{sql_call} AS {quoted(name)} FROM "rows"'
        try:
            self.node = self.tables.asked(node, sql, {"rows": self.node}, [*names, name])
        except SqlError as error:
            if "nvalid function" in error.reason or "o function matches" in error.reason:
                raise unknown_function(self.context, node) from None
            raise
        column = Column(name, self.node.schema.field(name).type)
        self.known[node] = column
        return column

    def _texts(self, exprs: Sequence[Expr], nodes: Sequence[exp.Expr]) -> list[str]:
        """Arguments for DataFusion: constants as they were written, the rest as columns."""
        columns = [e for e in exprs if not isinstance(e, Literal)]
        self.node, names = self.steps.columns(self.node, columns)
        left = iter(names)
        return [
            spell(n, flat=True) if isinstance(e, Literal) else quoted(next(left))
            for e, n in zip(exprs, nodes, strict=True)
        ]

    def _subquery(self, node: exp.Expr) -> Expr:
        """A scalar sub-query, IN or EXISTS: a column beside the rows."""
        inner = node.args["query"] if isinstance(node, exp.In) else node.this
        inner = inner.this if isinstance(inner, exp.Subquery) else inner
        try:
            rows = self.tables.ask(inner)
        except SqlError as error:
            raise self._correlated(inner, error) from None
        names = list(self.node.schema.names)
        name = self.steps.fresh()
        if not isinstance(node, exp.Exists) and len(rows.names) != 1:
            raise self.context.error(inner, "this sub-query gives one column", "select one column")
        (first, *_) = rows.node.schema.names
        if isinstance(node, exp.Exists):
            text = '(SELECT COUNT(*) > 0 FROM "inner")'
        elif isinstance(node, exp.In):
            value = self._expr(node.this)
            self.node, (column,) = self.steps.columns(self.node, [value])
            names = list(self.node.schema.names)
            # Three-valued, as IN is: true where found, else NULL where a NULL may be the one.
            there = (
                f'(SELECT COUNT(*) FROM "inner" AS i WHERE i.{quoted(first)} = r.{quoted(column)})'
            )
            nulls = f'(SELECT COUNT(*) FROM "inner" AS i WHERE i.{quoted(first)} IS NULL)'
            anything = '(SELECT COUNT(*) FROM "inner" AS i)'
            text = (
                f"CASE WHEN {there} > 0 THEN TRUE WHEN {anything} = 0 THEN FALSE "
                f"WHEN r.{quoted(column)} IS NULL OR {nulls} > 0 THEN NULL ELSE FALSE END"
            )
        else:
            text = '(SELECT * FROM "inner")'
        sql = (
            f"SELECT {listed(names, 'r')}, {text} AS {quoted(name)} "
            f"FROM {numbered('rows')} AS r ORDER BY r.{quoted(ROW)}"
        )
        tables = {"rows": self.node, "inner": rows.node}
        self.node = self.tables.asked(node, sql, tables, [*names, name])
        found = Column(name, self.node.schema.field(name).type)
        self.known[node] = found
        return found

    def _correlated(self, inner: exp.Expr, error: SqlError) -> SqlError:
        """A sub-query that reads the rows around it gets its own error."""
        for column in inner.find_all(exp.Column):
            try:
                self.scope.column(column)
            except SqlError:
                continue
            if error.line and column.name in error.reason:
                return self.context.error(
                    column,
                    f"the sub-query reads {spell(column, flat=True)} of the query around it",
                    "write it as a join",
                )
        return error

    # -- clauses --------------------------------------------------------------------------------

    def _filter(self, key: str, word: str) -> None:
        clause = self.query.args.get(key)
        if clause is None:
            return
        if key == "having" and self.keys is None:
            raise self.context.error(
                clause, "HAVING filters groups, and there are none", "use WHERE"
            )
        bound = ExpressionBinder(self.scope, self._special).predicate(clause.this, word)
        self.node = Filter(self.node, bound)

    def _outputs(self) -> list[Output]:
        outputs: list[Output] = []
        for item in self.query.expressions:
            starred = star_of(item, self.scope)
            if starred is not None:
                if not self.scope.relations:
                    raise self.context.error(item, "a star needs FROM")
                outputs += [Output(name, None, expr) for name, expr in starred]
            elif isinstance(item, exp.Alias):
                outputs.append(Output(item.alias, item.this, None))
            elif item.key == "label":
                raise self.context.error(item, "LABEL belongs to a training set")
            else:
                outputs.append(Output(self._default_name(item), item, None))
        return outputs

    def _default_name(self, item: exp.Expr) -> str:
        if isinstance(item, exp.Column):
            return column_name(item, self.scope)
        return spell(item, flat=True)

    def _alias(self, node: exp.Expr, outputs: Sequence[Output]) -> Output | None:
        """The output that a number, or an unqualified name, stands for."""
        if isinstance(node, exp.Literal) and not node.is_string and node.name.isdecimal():
            if not 0 < int(node.name) <= len(outputs):
                raise self.context.error(node, f"there is no column {node.name} in the select list")
            return outputs[int(node.name) - 1]
        if (
            isinstance(node, exp.Column)
            and not node.table
            and isinstance(node.this, exp.Identifier)
        ):
            named = [o for o in outputs if match(node.this, [o.name])]
            return named[0] if named else None
        return None

    # -- grouping -------------------------------------------------------------------------------

    def _group(self, outputs: Sequence[Output]) -> None:
        calls = self._aggregates(outputs)
        group = self.query.args.get("group")
        if group is None and not calls:
            return
        key_nodes = self._key_nodes(group, outputs)
        for output in outputs:
            if output.node is None:
                raise self.context.error(
                    self.query.expressions[0], "a star cannot stand beside GROUP BY"
                )
        keys = [self._expr(node) for node in key_nodes]
        self.node, names = self.steps.columns(self.node, keys)
        sets = self._grouping_sets(group, key_nodes, names)
        texts: list[tuple[exp.Expr, str]] = []
        for node, call in calls:
            texts.append((node, self._call_text(call, node, "")))
        added = [self.steps.fresh() for _ in texts]
        unique = list(dict.fromkeys(names))
        items = [quoted(n) for n in unique]
        items += [f"{text} AS {quoted(n)}" for (_, text), n in zip(texts, added, strict=True)]
        clause = f" GROUP BY {sets or listed(unique)}" if unique else ""
        sql = f'SELECT {", ".join(items) or "TRUE"} FROM "rows"{clause}'
        if not items:
            raise self.context.error(self.query, "GROUP BY without a column")
        self.node = self.tables.asked(self.query, sql, {"rows": self.node}, [*unique, *added])
        self.keys = keys
        schema = self.node.schema
        self.grouped = [Column(n, schema.field(n).type) for n in names]
        for (node, _), name in zip(texts, added, strict=True):
            self.known[node] = Column(name, schema.field(name).type)

    def _key_nodes(self, group: exp.Expr | None, outputs: Sequence[Output]) -> list[exp.Expr]:
        if group is None:
            return []
        if group.args.get("all"):
            return [o.node for o in outputs if o.node is not None and not self._holds_call(o.node)]
        nodes = [member for part in _parts(group) for member in _members(part)]
        return [self._key_node(node, outputs) for node in nodes]

    def _key_node(self, node: exp.Expr, outputs: Sequence[Output]) -> exp.Expr:
        """A column of the tables first, then an alias, as in PostgreSQL and DuckDB."""
        if isinstance(node, exp.Column) and not node.table:
            known = any(match(node.this, (n for n, _ in r.columns)) for r in self.scope.relations)
            if known:
                return node
        output = self._alias(node, outputs)
        return output.node if output is not None and output.node is not None else node

    def _grouping_sets(
        self, group: exp.Expr | None, nodes: Sequence[exp.Expr], names: Sequence[str]
    ) -> str:
        """GROUP BY with CUBE, ROLLUP or GROUPING SETS over the columns that the keys became."""
        parts = _parts(group) if group is not None else []
        if not any(type(part) in GROUPINGS for part in parts):
            return ""
        columns = iter(names)
        return ", ".join(_grouping(part, columns) for part in parts)

    def _sources_of_calls(self, outputs: Sequence[Output]) -> list[exp.Expr]:
        nodes = [o.node for o in outputs if o.node is not None]
        clauses = (self.query.args.get(key) for key in ("having", "qualify", "order"))
        return [*nodes, *(clause for clause in clauses if clause is not None)]

    def _aggregates(self, outputs: Sequence[Output]) -> list[tuple[exp.Expr, Call]]:
        found: dict[exp.Expr, Call] = {}
        for node in self._sources_of_calls(outputs):
            self._collect(node, found)
        return list(found.items())

    def _collect(self, node: exp.Expr, found: dict[exp.Expr, Call]) -> None:
        """Aggregates that are not themselves window functions, outermost first."""
        if isinstance(node, exp.Query | exp.Exists):
            return
        if isinstance(node, exp.Window):
            inner = plain_call(node.this)
            parts = [*(inner.arguments if inner else ()), *(node.args.get("partition_by") or [])]
            parts += [node.args["order"]] if node.args.get("order") else []
            parts += [inner.condition] if inner and inner.condition is not None else []
            for part in parts:
                self._collect(part, found)
            return
        call = plain_call(node)
        if call is not None and is_aggregate(call):
            for argument in call.arguments:
                if self._holds_call(argument):
                    raise self.context.error(
                        argument, "an aggregate cannot stand inside an aggregate"
                    )
            found[node] = call
            return
        for child in node.iter_expressions():
            self._collect(child, found)

    def _holds_call(self, node: exp.Expr) -> bool:
        found: dict[exp.Expr, Call] = {}
        self._collect(node, found)
        return bool(found)

    def _call_text(self, call: Call, node: exp.Expr, over: str) -> str:
        """The call over columns; its arguments and FILTER are computed beforehand."""
        for argument in call.arguments:
            if isinstance(argument, exp.Order | exp.Star):
                raise self.context.error(argument, f"{call.name} takes expressions")
        exprs = [self._expr(a) for a in call.arguments]
        wrong = wrong_argument(call, exprs)
        if wrong:
            raise self.context.error(call.node, wrong)
        texts = self._texts(exprs, call.arguments)
        tail = ""
        if call.condition is not None:
            bound = ExpressionBinder(self.scope, self._special).predicate(call.condition, "FILTER")
            self.node, (name,) = self.steps.columns(self.node, [bound])
            tail = f" FILTER (WHERE {quoted(name)})"
        text = call_text(call, texts, [e.type for e in exprs], tail + over)
        if text is None:
            raise self.context.error(
                call.node,
                f"{call.name} is an aggregate of feature sets, not of plain SELECT",
                "ask it of a feature set, by ASOF LEFT JOIN or AS OF TIMESTAMP",
            )
        return text

    # -- windows --------------------------------------------------------------------------------

    def _windows(self, outputs: Sequence[Output]) -> None:
        found: dict[exp.Window, None] = {}
        for node in self._sources_of_calls(outputs):
            for part in node.find_all(exp.Window):
                if not only_in_sets(part) and part.find_ancestor(exp.Query) is self.query:
                    found[part] = None
        if not found:
            return
        texts = [(node, self._window_text(node)) for node in found]
        names = list(self.node.schema.names)
        added = [self.steps.fresh() for _ in texts]
        items = [f"{t} AS {quoted(n)}" for (_, t), n in zip(texts, added, strict=True)]
        sql = (
            f"SELECT {listed(names)}{', ' if names else ''}{', '.join(items)} "
            f"FROM {numbered('rows')} ORDER BY {quoted(ROW)}"
        )
        self.node = self.tables.asked(self.query, sql, {"rows": self.node}, [*names, *added])
        for (node, _), name in zip(texts, added, strict=True):
            self.known[node] = Column(name, self.node.schema.field(name).type)

    def _window_text(self, node: exp.Window) -> str:
        call = plain_call(node.this)
        if call is None or not (is_aggregate(call) or call.name in WINDOW_FUNCTIONS):
            raise self.context.error(node, "OVER belongs to an aggregate or a window function")
        parts = []
        window = self._named_window(node)
        partition = [self._expr(p) for p in window.args.get("partition_by") or []]
        if partition:
            self.node, names = self.steps.columns(self.node, partition)
            parts.append(f"PARTITION BY {listed(names)}")
        order = window.args.get("order")
        if order is not None:
            parts.append(
                f"ORDER BY {self._order_text([(o, self._expr(o.this)) for o in order.expressions])}"
            )
        spec = window.args.get("spec")
        if spec is not None:
            parts.append(spell(spec, flat=True))
        return self._call_text(call, node, f" OVER ({' '.join(parts)})")

    def _named_window(self, node: exp.Window) -> exp.Window:
        """The window with what the WINDOW clause says of its name."""
        alias = node.args.get("alias")
        if alias is None:
            return node
        for window in self.query.args.get("windows") or []:
            if isinstance(window, exp.Window) and match(alias, [window.this.name]):
                merged = window.copy()
                for key in ("partition_by", "order", "spec"):
                    if node.args.get(key):
                        merged.set(key, node.args[key])
                return merged
            if not isinstance(window, exp.Window) and match(alias, [window.this.name]):
                raise self.context.error(
                    node,
                    "windows back from t belong to a feature set",
                    "join (SELECT ... GROUP BY key)",
                )
        raise self.context.error(alias, f"no window '{alias.name}'", "define it: WINDOW w AS (...)")

    def _order_text(self, items: Sequence[tuple[exp.Expr, Expr]]) -> str:
        texts = []
        for node, expr in items:
            self.node, (name,) = self.steps.columns(self.node, [expr])
            way = "DESC" if node.args.get("desc") else "ASC"
            nulls = "FIRST" if node.args.get("nulls_first") else "LAST"
            texts.append(f"{quoted(name)} {way} NULLS {nulls}")
        return ", ".join(texts)

    # -- the end --------------------------------------------------------------------------------

    def _ordered(self, outputs: Sequence[Output]) -> Rows:
        """DISTINCT, ORDER BY, LIMIT and OFFSET over the outputs."""
        names = tuple(o.name for o in outputs)
        exprs = [o.expr for o in outputs]
        assert all(e is not None for e in exprs)
        inner = [self.steps.fresh() for _ in outputs]
        order = self.query.args.get("order")
        distinct = self.query.args.get("distinct")
        if distinct is not None and (distinct.args.get("on") or distinct.expressions):
            raise self.context.error(
                distinct, "DISTINCT ON is not known", "use QUALIFY ROW_NUMBER()"
            )
        if distinct is not None:
            self.node = self.steps.picked(
                self.node, [(n, e) for n, e in zip(inner, exprs, strict=True) if e is not None]
            )
            columns = [Column(f.name, f.type) for f in self.node.schema]
            sql = f'SELECT DISTINCT {listed(inner)} FROM "rows"'
            if order is None:
                # The first of equal rows stays, in its place.
                sql = (
                    f"SELECT {listed(inner)} FROM {numbered('rows')} GROUP BY {listed(inner)} "
                    f"ORDER BY MIN({quoted(ROW)})"
                )
            self.node = self.tables.asked(self.query, sql, {"rows": self.node}, inner)
        else:
            columns = []
            pairs = [(n, e) for n, e in zip(inner, exprs, strict=True) if e is not None]
            keys = self._order_keys(order, outputs, None)
            extra = [(self.steps.fresh(), e) for _, e in keys]
            self.node = self.steps.picked(self.node, [*pairs, *extra])
            keys = [(o, Column(n, e.type)) for (o, e), (n, _) in zip(keys, extra, strict=True)]
        if distinct is not None:
            keys = self._order_keys(order, outputs, columns)
        node = sorted_and_cut(self, keys, inner)
        return Rows(node, names)

    def _order_keys(
        self, order: exp.Expr | None, outputs: Sequence[Output], columns: Sequence[Column] | None
    ) -> list[tuple[exp.Expr, Expr]]:
        """The expressions of ORDER BY; after DISTINCT only outputs."""
        keys: list[tuple[exp.Expr, Expr]] = []
        for item in order.expressions if order is not None else []:
            output = self._alias(item.this, outputs)
            if columns is not None:
                index = next(
                    (i for i, o in enumerate(outputs) if o is output or o.node == item.this), None
                )
                if index is None:
                    raise self.context.error(
                        item.this, "after DISTINCT, ORDER BY names columns of the select list"
                    )
                keys.append((item, columns[index]))
            elif output is not None and output.expr is not None:
                keys.append((item, output.expr))
            else:
                keys.append((item, self._expr(item.this)))
        return keys


GROUPINGS: dict[type[exp.Expr], str] = {
    exp.Cube: "CUBE",
    exp.Rollup: "ROLLUP",
    exp.GroupingSets: "GROUPING SETS",
}


def _parts(group: exp.Expr) -> list[exp.Expr]:
    """The items of GROUP BY, wherever the parser put them."""
    parts = list(group.expressions)
    for key in ("cube", "rollup", "grouping_sets"):
        parts += group.args.get(key) or []
    return parts


def _members(node: exp.Expr) -> list[exp.Expr]:
    """The expressions within CUBE, ROLLUP or GROUPING SETS, tuples taken apart."""
    if isinstance(node, exp.Paren):
        return _members(node.this)
    if isinstance(node, exp.Tuple) or type(node) in GROUPINGS:
        return [m for part in node.expressions for m in _members(part)]
    return [node]


def _grouping(part: exp.Expr, columns: Iterator[str]) -> str:
    """An item of GROUP BY over the columns that its expressions became."""
    if type(part) in GROUPINGS:
        inner = ", ".join(_grouping(p, columns) for p in part.expressions)
        return f"{GROUPINGS[type(part)]} ({inner})"
    if isinstance(part, exp.Tuple):
        return f"({', '.join(_grouping(p, columns) for p in part.expressions)})"
    if isinstance(part, exp.Paren):
        return f"({_grouping(part.this, columns)})"
    return quoted(next(columns))


def row_count(context: Context, clause: exp.Expr | None, word: str) -> int | None:
    """The number of LIMIT or OFFSET."""
    if clause is None:
        return None
    value = clause.expression
    if not isinstance(value, exp.Literal) or not value.name.isdecimal():
        raise context.error(value, f"{word} takes a whole number")
    return int(value.name)


def sorted_and_cut(
    binder: SelectBinder, keys: Sequence[tuple[exp.Expr, Expr]], inner: Sequence[str]
) -> Node:
    """The binder's node in the order of the keys, cut by LIMIT and OFFSET; ties stay in place."""
    query, context = binder.query, binder.context
    limit = row_count(context, query.args.get("limit"), "LIMIT")
    offset = row_count(context, query.args.get("offset"), "OFFSET")
    if not keys and limit is None and offset is None:
        return binder.node
    order = binder._order_text(keys)
    order = f"{order}, {quoted(ROW)}" if order else quoted(ROW)
    sql = f"SELECT {listed(inner)} FROM {numbered('rows')} ORDER BY {order}"
    sql += f" LIMIT {limit}" if limit is not None else ""
    sql += f" OFFSET {offset}" if offset is not None else ""
    return binder.tables.asked(query, sql, {"rows": binder.node}, list(inner))

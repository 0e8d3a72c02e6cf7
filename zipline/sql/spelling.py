"""From a parse tree to its canonical text, one clause a line and one select item a line.

A sqlglot generator without its pretty printer: every `..._sql` method gives text that may hold line
breaks, and whoever embeds such text indents it. Line breaks within literals and quoted names are
written as a mark until the end, so that indenting cannot touch them. Comments are not written here
(`fmt.py` puts them back by position).
"""

from __future__ import annotations

import textwrap
from typing import Any

from sqlglot import exp, generator
from sqlglot.errors import ErrorLevel

from bighead.zipline.sql import tree

WIDTH = 100
"""Where a line is broken, if it can be."""
INLINE = 60
"""The longest sub-query that stays in its line, and the widest item whose AS is aligned."""
BREAK = "\x00"
"""Stands for a line break within a literal; no SQL text may hold it (the parser refuses it)."""

TYPE_NAMES = {
    exp.DType.INT: "INTEGER",
    exp.DType.UINT: "UINTEGER",
    exp.DType.TEXT: "VARCHAR",
    exp.DType.VARBINARY: "BINARY",
    exp.DType.TIMESTAMPLTZ: "TIMESTAMPTZ",
}


class Spelling(generator.Generator):
    """The generator of the dialect; text for DataFusion comes from it too (see `emit.py`)."""

    TYPE_MAPPING = {**generator.Generator.TYPE_MAPPING, **TYPE_NAMES}
    flat = False
    """One line whatever its length."""

    # -- leaves ---------------------------------------------------------------------------------

    def literal_sql(self, expression: exp.Literal) -> str:
        """A literal, its line breaks marked."""
        if not expression.is_string:
            return expression.name
        return "'" + expression.name.replace("'", "''").replace("\n", BREAK) + "'"

    def identifier_sql(self, expression: exp.Identifier) -> str:
        """A name, quoted where it was."""
        if not expression.quoted:
            return expression.name
        return '"' + expression.name.replace('"', '""').replace("\n", BREAK) + '"'

    def datatype_sql(self, expression: exp.DataType) -> str:
        """A type as `ir.types.sql_name` spells it."""
        inner = [self.sql(e) for e in expression.expressions]
        kind = expression.this
        if kind == exp.DType.ARRAY or kind == exp.DType.LIST:
            return f"{inner[0]}[]" if inner else "ARRAY"
        name = TYPE_NAMES.get(kind) or self.TYPE_MAPPING.get(kind) or kind.value
        return f"{name}({', '.join(inner)})" if inner else name

    def columndef_sql(self, expression: exp.ColumnDef, sep: str = " ") -> str:
        """A column or field and its type."""
        return f"{self.sql(expression, 'this')}{sep}{self.sql(expression, 'kind')}"

    def interval_sql(self, expression: exp.Interval) -> str:
        """INTERVAL '2' HOUR."""
        unit = expression.args.get("unit")
        tail = f" {unit.name.upper().removesuffix('S')}" if unit is not None else ""
        return f"INTERVAL {self.sql(expression, 'this')}{tail}"

    def cast_sql(self, expression: exp.Cast, safe_prefix: str | None = None) -> str:
        """CAST(x AS type), and TIMESTAMP '...' for a literal."""
        kind, value = expression.to, expression.this
        short = (exp.DType.TIMESTAMP, exp.DType.DATE, exp.DType.TIMESTAMPTZ)
        if kind.this in short and isinstance(value, exp.Literal) and value.is_string:
            return f"{self.sql(kind)} {self.sql(value)}"
        return f"{safe_prefix or ''}CAST({self.sql(value)} AS {self.sql(kind)})"

    def anonymous_sql(self, expression: exp.Anonymous) -> str:
        """A call; an unquoted name in capitals."""
        name = expression.this
        spelled = self.sql(name) if isinstance(name, exp.Identifier) else str(name).upper()
        return f"{spelled}({self._list(expression.expressions)})"

    def distinct_sql(self, expression: exp.Distinct) -> str:
        """DISTINCT within a call, or after SELECT."""
        on = expression.args.get("on")
        items = self._list(expression.expressions)
        return "DISTINCT" + (f" ON {self.sql(on)}" if on else "") + (f" {items}" if items else "")

    def case_sql(self, expression: exp.Case) -> str:
        """CASE in one line."""
        words = ["CASE"]
        if expression.this:
            words.append(self.sql(expression, "this"))
        words += [
            f"WHEN {self.sql(branch, 'this')} THEN {self.sql(branch, 'true')}"
            for branch in expression.args["ifs"]
        ]
        if expression.args.get("default"):
            words.append(f"ELSE {self.sql(expression, 'default')}")
        return " ".join([*words, "END"])

    def ordered_sql(self, expression: exp.Ordered) -> str:
        """An ORDER BY item; NULLS only where they are not the default."""
        text = self.sql(expression, "this")
        if expression.args.get("desc"):
            text += " DESC"
        if expression.args.get("nulls_first"):  # they come last, unless told
            text += " NULLS FIRST"
        return text

    def not_sql(self, expression: exp.Not) -> str:
        """x IS NOT NULL, x NOT IN (...); else NOT x."""
        inner = expression.this
        words = {exp.In: "IN", exp.Between: "BETWEEN", exp.Like: "LIKE", exp.ILike: "ILIKE"}
        target = inner.this if isinstance(inner, exp.Escape) else inner
        if isinstance(inner, exp.Is):
            return f"{self.sql(inner, 'this')} IS NOT {self.sql(inner, 'expression')}"
        if type(target) in words:
            subject = self.sql(target, "this")
            rest = self.sql(inner).removeprefix(subject)
            return f"{subject} NOT{rest}"
        return f"NOT {self.sql(inner)}"

    def paren_sql(self, expression: exp.Paren) -> str:
        """Parentheses as written."""
        return f"({self.sql(expression, 'this')})"

    def _list(self, items: list[exp.Expr]) -> str:
        return ", ".join(self.sql(item) for item in items)

    # -- the dialect's own expressions ----------------------------------------------------------

    def bucketed_sql(self, expression: tree.Bucketed) -> str:
        """agg(...) BY expr."""
        return f"{self.sql(expression, 'this')} BY {self.sql(expression, 'expression')}"

    def filter_sql(self, expression: exp.Filter) -> str:
        """agg(...) FILTER (WHERE ...)."""
        condition = self.sql(expression.expression, "this")
        return f"{self.sql(expression, 'this')} FILTER (WHERE {condition})"

    def windows_sql(self, expression: tree.Windows) -> str:
        """LAST '7d', '14d' LIMIT 100 ROWS."""
        word = "NEXT" if expression.args.get("forward") else "LAST"
        limit = expression.args.get("limit")
        tail = f" LIMIT {self.sql(limit)} ROWS" if limit is not None else ""
        return f"{word} {self._list(expression.expressions)}{tail}"

    def rows_sql(self, expression: tree.Rows) -> str:
        """10 ROWS."""
        return f"{self.sql(expression, 'this')} ROWS"

    def namedwindows_sql(self, expression: tree.NamedWindows) -> str:
        """w AS (LAST ...)."""
        return f"{self.sql(expression, 'this')} AS ({self.sql(expression, 'expression')})"

    def label_sql(self, expression: tree.Label) -> str:
        """LABEL q.column."""
        return f"LABEL {self.sql(expression, 'this')}"

    def window_sql(self, expression: exp.Window) -> str:
        """OVER, with the dialect's windows or with SQL's own."""
        spec = expression.args.get("spec")
        if isinstance(spec, tree.Windows):
            return f"{self.sql(expression, 'this')} OVER ({self.sql(spec)})"
        return super().window_sql(expression)

    # -- tables and joins -----------------------------------------------------------------------

    def united_sql(self, expression: tree.United) -> str:
        """a UNION ALL b AS x."""
        names = " UNION ALL ".join(self.sql(e) for e in expression.expressions)
        return names + self._alias(expression)

    def asof_sql(self, expression: tree.AsOf) -> str:
        """x AS OF TIMESTAMP '...' AS y."""
        moment = self.sql(expression, "expression")
        return f"{self.sql(expression, 'this')} AS OF {moment}{self._alias(expression)}"

    def _alias(self, expression: exp.Expr) -> str:
        alias = self.sql(expression, "alias")
        return f" AS {alias}" if alias else ""

    def subquery_sql(self, expression: exp.Subquery, sep: str = " AS ") -> str:
        """A query in parentheses: in its line where it is short, else on lines of its own."""
        inner = self.wrapped(expression.this)
        parts = [inner + self._alias(expression)]
        parts += [self.sql(join) for join in expression.args.get("joins") or []]
        text = (" " if self.flat else "\n").join(parts)
        query = expression.copy() if any(expression.args.get(k) for k in MODIFIERS) else None
        return text + self._modifiers(query) if query is not None else text

    def wrapped(self, query: exp.Expr) -> str:
        """(query), flat or indented."""
        before, self.flat = self.flat, True
        one_line = self.sql(query)
        self.flat = before
        if self.flat or len(one_line) <= INLINE:
            return f"({one_line})"
        return f"(\n{textwrap.indent(self.sql(query), '  ')}\n)"

    def exists_sql(self, expression: exp.Exists) -> str:
        """EXISTS (query)."""
        inner = expression.this
        return f"EXISTS {self.wrapped(inner.this if isinstance(inner, exp.Subquery) else inner)}"

    def in_sql(self, expression: exp.In) -> str:
        """x IN (list or query)."""
        query = expression.args.get("query")
        if query is not None:
            inner = self.wrapped(query.this if isinstance(query, exp.Subquery) else query)
            return f"{self.sql(expression, 'this')} IN {inner}"
        return f"{self.sql(expression, 'this')} IN ({self._list(expression.expressions)})"

    def temporaljoin_sql(self, expression: tree.TemporalJoin) -> str:
        """ASOF LEFT JOIN x MATCH_CONDITION (...) ON ... TOLERANCE ..."""
        words = f"{expression.method} {expression.side or expression.kind} JOIN"
        tails = []
        if expression.args.get("match_condition"):
            tails.append(f"MATCH_CONDITION ({self.sql(expression, 'match_condition')})")
        tails += self._join_condition(expression)
        if expression.args.get("tolerance"):
            tails.append(f"TOLERANCE {self.sql(expression, 'tolerance')}")
        return self._broken([f"{words} {self.sql(expression, 'this')}", *tails])

    def join_sql(self, expression: exp.Join, join_op: str | None = None) -> str:
        """An ordinary join."""
        table = self.sql(expression, "this")
        words = [expression.method, expression.side, expression.kind, "JOIN"]
        head = " ".join(word for word in words if word)
        return self._broken([f"{head} {table}", *self._join_condition(expression)])

    def _join_condition(self, expression: exp.Join) -> list[str]:
        if expression.args.get("using"):
            return [f"USING ({self._list(expression.args['using'])})"]
        return [f"ON {self.sql(expression, 'on')}"] if expression.args.get("on") else []

    def _broken(self, parts: list[str]) -> str:
        line = " ".join(parts)
        if self.flat or len(line.rsplit("\n", 1)[-1]) <= WIDTH:
            return line
        return parts[0] + "".join(f"\n  {part}" for part in parts[1:])

    # -- queries --------------------------------------------------------------------------------

    def select_sql(self, expression: exp.Select) -> str:
        """A query, one clause a line."""
        head = "SELECT"
        if expression.args.get("distinct"):
            head += " " + self.sql(expression, "distinct")
        items = self._items(expression.expressions)
        lines = [self._hung(head, items)]
        if expression.args.get("from_"):
            lines.append(f"FROM {self.sql(expression.args['from_'], 'this')}")
        lines += [self.sql(join) for join in expression.args.get("joins") or []]
        text = (" " if self.flat else "\n").join(lines)
        return self.prepend_ctes(expression, text + self._modifiers(expression))

    def _items(self, items: list[exp.Expr]) -> list[str]:
        """The select list; AS is aligned among the items that are not too wide."""
        pairs = [
            (self.sql(e, "this"), self.sql(e, "alias"))
            if isinstance(e, exp.Alias)
            else (self.sql(e), "")
            for e in items
        ]
        single = [t for t, alias in pairs if alias and "\n" not in t and BREAK not in t]
        named = [len(text) for text in single]
        width = 0 if self.flat else max((n for n in named if n <= INLINE), default=0)
        return [
            f"{text:<{width if text in single else 0}} AS {alias}" if alias else text
            for text, alias in pairs
        ]

    def _hung(self, head: str, items: list[str]) -> str:
        """`head item,` with the other items below the first."""
        if self.flat:
            return f"{head} {', '.join(items)}"
        margin = " " * (len(head) + 1)
        text = textwrap.indent(",\n".join(items), margin, lambda _: True)
        return head + " " + text[len(margin) :]

    def _modifiers(self, expression: exp.Expr) -> str:
        """WHERE ... OFFSET, each on a line of its own, with what stands before the first."""
        args, lines = expression.args, []
        for key, word in (("where", "WHERE"), ("group", "GROUP BY"), ("having", "HAVING")):
            if args.get(key) is not None:
                lines.append(self._clause(key, word, args[key]))
        if args.get("windows"):
            lines.append(self._hung("WINDOW", [self.sql(w) for w in args["windows"]]))
        if args.get("qualify") is not None:
            lines.append(f"QUALIFY {self.sql(args['qualify'], 'this')}")
        if args.get("order") is not None:
            lines.append(f"ORDER BY {self._list(args['order'].expressions)}")
        tails = [
            f"{word} {self.sql(args[key], 'expression')}"
            for key, word in (("limit", "LIMIT"), ("offset", "OFFSET"))
            if args.get(key) is not None
        ]
        if tails:
            lines.append(" ".join(tails))
        gap = " " if self.flat else "\n"
        return "".join(gap + line for line in lines)

    def _clause(self, key: str, word: str, clause: exp.Expr) -> str:
        if key == "group":
            return self.group_sql(clause)  # type: ignore[arg-type]
        line = f"{word} {self.sql(clause, 'this')}"
        if self.flat or len(line) <= WIDTH or not isinstance(clause.this, exp.And):
            return line
        return f"{word} " + "\n  AND ".join(self.sql(e) for e in clause.this.flatten())

    def group_sql(self, expression: exp.Group) -> str:
        """GROUP BY, with sets of groupings where they were asked for."""
        if expression.args.get("all"):
            return "GROUP BY ALL"
        parts = [self.sql(e) for e in expression.expressions]
        for key in ("grouping_sets", "cube", "rollup"):
            parts += [self.sql(e) for e in expression.args.get(key) or []]
        return f"GROUP BY {', '.join(parts)}"

    def set_operations(self, expression: exp.SetOperation) -> str:
        """UNION and its kin, each branch below the last."""
        word = expression.key.upper() + ("" if expression.args.get("distinct") else " ALL")
        if expression.args.get("by_name"):
            word += " BY NAME"
        gap = " " if self.flat else "\n"
        text = gap.join([self.sql(expression, "this"), word, self.sql(expression, "expression")])
        return self.prepend_ctes(expression, text + self._modifiers(expression))

    def with_sql(self, expression: exp.With) -> str:
        """WITH a AS (...), b AS (...)."""
        word = "WITH RECURSIVE" if expression.recursive else "WITH"
        gap = " " if self.flat else "\n"
        return f"{word} " + f",{gap}".join(self.sql(e) for e in expression.expressions)

    def cte_sql(self, expression: exp.CTE) -> str:
        """a AS (...)."""
        return f"{self.sql(expression, 'alias')} AS {self.wrapped(expression.this)}"

    def prepend_ctes(self, expression: exp.Expr, sql: str) -> str:
        """The WITH clause before its query."""
        ctes = self.sql(expression, "with_")
        return f"{ctes}{' ' if self.flat else chr(10)}{sql}" if ctes else sql

    # -- statements -----------------------------------------------------------------------------

    def option_sql(self, expression: tree.Option) -> str:
        """name = value."""
        value = expression.expression
        word = str(value.this).lower() if isinstance(value, exp.Boolean) else self.sql(value)
        return f"{self.sql(expression, 'this')} = {word}"

    def array_sql(self, expression: exp.Array) -> str:
        """[a, b]."""
        return f"[{self._list(expression.expressions)}]"

    def _options(self, options: list[exp.Expr], margin: str) -> str:
        text = f"{margin}WITH ({self._list(options)})"
        if len(text) <= WIDTH:
            return text
        inner = f",\n{margin}  ".join(self.sql(o) for o in options)
        return f"{margin}WITH (\n{margin}  {inner}\n{margin})"

    def createsource_sql(self, expression: tree.CreateSource) -> str:
        """CREATE EVENT SOURCE name (columns) clauses, WITH on its own line."""
        args = expression.args
        words = f"CREATE {'OR REPLACE ' if args.get('replace') else ''}{args['kind']} SOURCE"
        head = f"{words} {self.sql(expression, 'this')}"
        clauses = " ".join(self._source_clauses(args))
        columns = args.get("columns") or []
        line = head + (f" ({self._list(columns)})" if columns else "")
        if len(line) > WIDTH:
            width = max(len(self.sql(c, "this")) for c in columns)
            named = [f"{self.sql(c, 'this'):<{width}} {self.sql(c, 'kind')}" for c in columns]
            line = f"{head} (\n  " + ",\n  ".join(named) + "\n)"
        joined = f"{line} {clauses}" if clauses else line
        if len(joined.rsplit("\n", 1)[-1]) > WIDTH:
            joined = f"{line}\n  {clauses}"
        options = args.get("options")
        return joined + (f"\n{self._options(options, '  ')}" if options else "")

    def _source_clauses(self, args: dict[str, Any]) -> list[str]:
        clauses = []
        if args.get("primary_key"):
            clauses.append(f"PRIMARY KEY ({self._list(args['primary_key'])})")
        for key in ("event_time", "changed_at", "static", "known_at", "sequence"):
            if args.get(key) is not None:
                word = key.replace("_", " ").upper()
                clauses.append(word if key == "static" else f"{word} {self.sql(args[key])}")
        if args.get("identity"):
            clauses.append(f"IDENTITY ({self._list(args['identity'])})")
        if args.get("unit") is not None:
            clauses.append(f"UNIT {self.sql(args['unit'])}")
        if args.get("skip_null_times"):
            clauses.append("SKIP NULL TIMES")
        return clauses

    def createset_sql(self, expression: tree.CreateSet) -> str:
        """CREATE FEATURE SET name WITH (...) AS, and the query below."""
        args = expression.args
        words = f"CREATE {'OR REPLACE ' if args.get('replace') else ''}{args['kind']} SET"
        head = f"{words} {self.sql(expression, 'this')}"
        if args.get("ids"):
            head += f" ID ({self._list(args['ids'])})"
        options = args.get("options")
        if options:
            line = f"{head} {self._options(options, '')}"
            fits = "\n" not in line and len(line) <= WIDTH - len(" AS")
            head = line if fits else f"{head}\n{self._options(options, '  ')}\n"
        gap = "" if head.endswith("\n") else " "
        return f"{head}{gap}AS\n{self.sql(expression, 'expression')}"

    def dropthing_sql(self, expression: tree.DropThing) -> str:
        """DROP kind IF EXISTS name."""
        exists = "IF EXISTS " if expression.args.get("exists") else ""
        return f"DROP {expression.args['kind']} {exists}{self.sql(expression, 'this')}"

    def showthings_sql(self, expression: tree.ShowThings) -> str:
        """SHOW kind."""
        return f"SHOW {expression.args['kind']}"

    def describething_sql(self, expression: tree.DescribeThing) -> str:
        """DESCRIBE name."""
        return f"DESCRIBE {self.sql(expression, 'this')}"

    def explainquery_sql(self, expression: tree.ExplainQuery) -> str:
        """EXPLAIN ANALYZE STAGE s, and the query below."""
        head = "EXPLAIN" + (" ANALYZE" if expression.args.get("analyze") else "")
        if expression.args.get("stage"):
            head += f" STAGE {expression.args['stage']}"
        return f"{head}\n{self.sql(expression, 'this')}"

    TRANSFORMS = {
        **generator.Generator.TRANSFORMS,
        exp.Literal: literal_sql,
        exp.Interval: interval_sql,
        exp.Cast: cast_sql,
        exp.Filter: filter_sql,
        exp.Union: set_operations,
        exp.Except: set_operations,
        exp.Intersect: set_operations,
        tree.Bucketed: bucketed_sql,
        tree.Windows: windows_sql,
        tree.Rows: rows_sql,
        tree.NamedWindows: namedwindows_sql,
        tree.Label: label_sql,
        tree.United: united_sql,
        tree.AsOf: asof_sql,
        tree.TemporalJoin: temporaljoin_sql,
        tree.Option: option_sql,
        tree.CreateSource: createsource_sql,
        tree.CreateSet: createset_sql,
        tree.DropThing: dropthing_sql,
        tree.ShowThings: showthings_sql,
        tree.DescribeThing: describething_sql,
        tree.ExplainQuery: explainquery_sql,
    }


MODIFIERS = ("where", "group", "having", "windows", "qualify", "order", "limit", "offset")


def spell(node: exp.Expr, *, flat: bool = False) -> str:
    """The canonical text of a tree; `flat` puts it in one line.

    Raises sqlglot's UnsupportedError where a part cannot be written.
    """
    spelling = Spelling(dialect="zipline", comments=False, unsupported_level=ErrorLevel.RAISE)
    spelling.flat = flat
    return spelling.generate(node).replace(BREAK, "\n")

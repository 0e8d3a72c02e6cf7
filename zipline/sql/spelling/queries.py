"""Queries in their canonical text: one clause a line, one select item a line.

Every method gives text that may hold line breaks, and whoever embeds such text indents it.
"""

from __future__ import annotations

import textwrap

from sqlglot import exp

from bighead.zipline.sql import tree
from bighead.zipline.sql.spelling.expressions import BREAK, ExpressionSpelling

WIDTH = 100
"""Where a line is broken, if it can be."""
INLINE = 60
"""The longest sub-query that stays in its line, and the widest item whose AS is aligned."""
MODIFIERS = ("where", "group", "having", "windows", "qualify", "order", "limit", "offset")


class QuerySpelling(ExpressionSpelling):
    """Tables, joins and SELECT."""

    flat = False
    """One line whatever its length."""

    # -- tables and joins -----------------------------------------------------------------------

    def table_parts(self, expression: exp.Table) -> str:
        """a.b@3."""
        version = self.sql(expression, tree.PIN)
        return super().table_parts(expression) + (f"@{version}" if version else "")

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

    TRANSFORMS = {
        **ExpressionSpelling.TRANSFORMS,
        exp.Union: set_operations,
        exp.Except: set_operations,
        exp.Intersect: set_operations,
        tree.United: united_sql,
        tree.AsOf: asof_sql,
        tree.TemporalJoin: temporaljoin_sql,
    }

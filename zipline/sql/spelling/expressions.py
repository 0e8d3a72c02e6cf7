"""Expressions in their canonical text, without line breaks of their own."""

from __future__ import annotations

from sqlglot import exp, generator

from bighead.zipline.sql import tree

BREAK = "\x00"
"""Stands for a line break within a literal; no SQL text may hold it (the parser refuses it)."""

TYPE_NAMES = {
    exp.DType.INT: "INTEGER",
    exp.DType.UINT: "UINTEGER",
    exp.DType.TEXT: "VARCHAR",
    exp.DType.VARBINARY: "BINARY",
    exp.DType.TIMESTAMPLTZ: "TIMESTAMPTZ",
}


class ExpressionSpelling(generator.Generator):
    """Literals, types, calls and operators."""

    TYPE_MAPPING = {**generator.Generator.TYPE_MAPPING, **TYPE_NAMES}

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

    TRANSFORMS = {
        **generator.Generator.TRANSFORMS,
        exp.Literal: literal_sql,
        exp.Interval: interval_sql,
        exp.Cast: cast_sql,
        exp.Filter: filter_sql,
        tree.Bucketed: bucketed_sql,
        tree.Windows: windows_sql,
        tree.Rows: rows_sql,
        tree.NamedWindows: namedwindows_sql,
        tree.Label: label_sql,
    }

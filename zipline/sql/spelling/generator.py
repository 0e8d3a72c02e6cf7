"""From a parse tree to its canonical text.

A sqlglot generator without its pretty printer. Line breaks within literals and quoted names are
written as a mark until the end, so that indenting cannot touch them. Comments are not written here
(`fmt.py` puts them back by position).
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp
from sqlglot.errors import ErrorLevel

from bighead.zipline.sql import tree
from bighead.zipline.sql.spelling.expressions import BREAK
from bighead.zipline.sql.spelling.queries import WIDTH, QuerySpelling


class Spelling(QuerySpelling):
    """The generator of the dialect."""

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
        **QuerySpelling.TRANSFORMS,
        tree.Option: option_sql,
        tree.CreateSource: createsource_sql,
        tree.CreateSet: createset_sql,
        tree.DropThing: dropthing_sql,
        tree.ShowThings: showthings_sql,
        tree.DescribeThing: describething_sql,
        tree.ExplainQuery: explainquery_sql,
    }


def spell(node: exp.Expr, *, flat: bool = False) -> str:
    """The canonical text of a tree; `flat` puts it in one line.

    Raises sqlglot's UnsupportedError where a part cannot be written.
    """
    spelling = Spelling(dialect="zipline", comments=False, unsupported_level=ErrorLevel.RAISE)
    spelling.flat = flat
    return spelling.generate(node).replace(BREAK, "\n")

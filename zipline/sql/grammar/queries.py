"""The grammar of queries: sqlglot's, with temporal joins, united sources and AS OF.

Only what `ALLOWED` (see `dialect.py`) lists may come out. `LEFT ASOF JOIN` is read as ASOF LEFT
JOIN.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, ClassVar

from sqlglot import Token, TokenType, exp, parser

from bighead.zipline.sql import tree
from bighead.zipline.sql.grammar.tokens import TYPES
from bighead.zipline.sql.grammar.windows import WindowParser
from bighead.zipline.sql.intervals import interval_microseconds

NAME_TOKENS = {
    TokenType.VAR,
    TokenType.IDENTIFIER,
    TokenType.FILTER,
    TokenType.RANGE,
    TokenType.ROW,
    TokenType.ROWS,
    TokenType.OFFSET,
    *TYPES.values(),
}
DEFAULT_SIDE = {"duckdb": "INNER", "spark": "INNER", "snowflake": "LEFT"}
"""What a bare ASOF JOIN does with rows without a match: INNER drops them, LEFT keeps them."""


class QueryParser(WindowParser):
    """SELECT and everything in it."""

    ID_VAR_TOKENS = NAME_TOKENS
    ALIAS_TOKENS = NAME_TOKENS
    TABLE_ALIAS_TOKENS = NAME_TOKENS - {TokenType.OFFSET}
    WINDOW_ALIAS_TOKENS = NAME_TOKENS - {TokenType.RANGE, TokenType.ROWS}
    # Every call keeps its name; the closed list is the binder's.
    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    FUNCTION_PARSERS = {
        name: parser.Parser.FUNCTION_PARSERS[name]
        for name in ("CAST", "TRY_CAST", "EXTRACT", "POSITION", "SUBSTRING", "TRIM")
    }
    NO_PAREN_FUNCTIONS: ClassVar[dict[TokenType, Any]] = {}
    NO_PAREN_FUNCTION_PARSERS = {"CASE": parser.Parser.NO_PAREN_FUNCTION_PARSERS["CASE"]}
    QUERY_MODIFIER_PARSERS = {
        token: parser.Parser.QUERY_MODIFIER_PARSERS[token]
        for token in (
            TokenType.WHERE,
            TokenType.GROUP_BY,
            TokenType.HAVING,
            TokenType.QUALIFY,
            TokenType.WINDOW,
            TokenType.ORDER_BY,
            TokenType.LIMIT,
            TokenType.OFFSET,
        )
    }
    STATEMENT_PARSERS: ClassVar[dict[TokenType, Any]] = {}

    origin: str | None = None
    """The engine whose meaning a bare ASOF JOIN has; None: this dialect, which refuses it."""

    # -- the select list ------------------------------------------------------------------------

    def _parse_projections(self) -> tuple[list[exp.Expr], list[exp.Expr] | None]:
        # DuckDB takes a comma behind the last item.
        end = TokenType.FROM if self.origin == "duckdb" else None
        projections = self._parse_csv(self._parse_expression, end=end)
        if not projections:
            raise self.refuse("SELECT needs columns", self._curr, "write SELECT *")
        return projections, None

    def _parse_ordered(
        self, parse_method: Callable[[], exp.Expr | None] | None = None
    ) -> exp.Ordered | None:
        def all_or_one() -> exp.Expr | None:
            if self._match(TokenType.ALL):
                return exp.var("ALL").update_positions(self._prev)
            return parse_method() if parse_method else self._parse_disjunction()

        return super()._parse_ordered(all_or_one)

    def _parse_expression(self) -> exp.Expr | None:
        follower = self._after(1)
        marks = follower is not None and (
            follower.token_type in (TokenType.VAR, TokenType.IDENTIFIER)
            and follower.text.upper() != "AS"
        )
        if marks and self._at("LABEL") and self._curr.token_type == TokenType.VAR:
            word = self._curr
            self._advance()
            column = self._parse_disjunction()
            marked = self.expression(tree.Label(this=column)).update_positions(word)
            return self._parse_alias(marked)
        return super()._parse_expression()

    def _parse_types(
        self,
        check_func: bool = False,
        schema: bool = False,
        allow_identifiers: bool = True,
        with_collation: bool = False,
    ) -> exp.Expr | None:
        if check_func and self._next.token_type == TokenType.L_PAREN:
            return None  # STRUCT(a, b) and DATE(x) are calls where an expression stands
        return super()._parse_types(check_func, schema, allow_identifiers, with_collation)

    # -- tables ---------------------------------------------------------------------------------

    def _parse_table(
        self,
        schema: bool = False,
        joins: bool = False,
        alias_tokens: Collection[TokenType] | None = None,
        parse_bracket: bool = False,
        is_db_reference: bool = False,
        parse_partition: bool = False,
        consume_pipe: bool = False,
    ) -> exp.Expr | None:
        united = self._parse_united()
        if united is not None:
            if joins:
                for join in self._parse_joins(alias_tokens=alias_tokens):
                    united.append("joins", join)
            return united
        table = super()._parse_table(
            schema,
            False,
            alias_tokens,
            parse_bracket,
            is_db_reference,
            parse_partition,
            consume_pipe,
        )
        if table is not None and self._at_time():
            table = self._parse_as_of(table)
        if table is not None and joins:
            for join in self._parse_joins(alias_tokens=alias_tokens):
                table.append("joins", join)
        return table

    def _parse_table_parts(
        self,
        schema: bool = False,
        is_db_reference: bool = False,
        wildcard: bool = False,
        fast: bool = False,
    ) -> exp.Table | exp.Dot | None:
        parts = super()._parse_table_parts(schema, is_db_reference, wildcard, fast)
        # The quick way ends in _parse_table_parts_fast, which has read the version.
        return self._parse_version_number(parts) if isinstance(parts, exp.Table) else parts

    def _parse_table_parts_fast(self) -> exp.Table | None:
        parts = super()._parse_table_parts_fast()
        return None if parts is None else self._parse_version_number(parts)

    def _parse_version_number(self, table: exp.Table) -> exp.Table:
        """`name@3`, without blanks: the third version of what has that name."""
        at, number = self._curr, self._next
        if table.args.get(tree.PIN) or not at or at.token_type != TokenType.PARAMETER:
            return table
        glued = self._prev.end + 1 == at.start and bool(number) and at.end + 1 == number.start
        if not glued or number.token_type != TokenType.NUMBER or not number.text.isdecimal():
            raise self.refuse("@ is followed by the number of a version", at, "write name@1")
        self._advance(2)
        table.set(tree.PIN, self.expression(exp.Literal.number(str(int(number.text))), number))
        return table

    def _parse_united(self) -> tree.United | None:
        """`a UNION ALL b [UNION ALL c] [AS x]`; None where no name follows UNION ALL."""
        index = self._index
        names: list[exp.Expr] = []
        while self._curr.token_type in (TokenType.VAR, TokenType.IDENTIFIER):
            name = self._parse_table_parts_fast()
            if name is None:
                break
            names.append(name)
            follower = self._after(2)
            more = self._at("UNION", "ALL") and follower is not None
            if not more or follower.token_type not in (TokenType.VAR, TokenType.IDENTIFIER):  # type: ignore[union-attr]
                break
            self._advance(2)
        if len(names) < 2:
            self._retreat(index)
            return None
        alias = self._parse_table_alias(alias_tokens=self.TABLE_ALIAS_TOKENS)
        return self.expression(tree.United(expressions=names, alias=alias))

    def _at_time(self) -> bool:
        """At AS OF followed by a time, and not by an alias named of."""
        if not self._at("AS", "OF"):
            return False
        follower = self._after(2)
        starts = (TokenType.TIMESTAMP, TokenType.TIMESTAMPTZ, TokenType.DATE, TokenType.STRING)
        return follower is not None and follower.token_type in starts

    def _parse_as_of(self, table: exp.Expr) -> exp.Expr:
        alias = table.args.get("alias")
        if alias is not None:
            raise self.refuse(
                "the alias comes after AS OF",
                self._curr,
                f"write AS OF TIMESTAMP '...' AS {alias.name}",
            )
        self._advance(2)
        moment = self._parse_bitwise()
        if isinstance(moment, exp.Literal):
            moment = exp.Cast(this=moment, to=exp.DataType.build("timestamp"))
        return self.expression(
            tree.AsOf(this=table, expression=moment, alias=self._parse_table_alias())
        )

    def _parse_table_alias(
        self, alias_tokens: Collection[TokenType] | None = None
    ) -> exp.TableAlias | None:
        if self._at_time():
            return None
        joins = ("LEFT", "INNER", "JOIN", "ASOF")
        if self._at("LABEL") and self._text_after(1) in joins:
            return None
        if self._at("TOLERANCE") and self._text_after(1) == "INTERVAL":
            return None
        return super()._parse_table_alias(alias_tokens)

    # -- joins ----------------------------------------------------------------------------------

    def _parse_join(
        self,
        skip_join_token: bool = False,
        parse_bracket: bool = False,
        alias_tokens: Collection[TokenType] | None = None,
    ) -> exp.Join | None:
        words = self._temporal_words()
        if words is None:
            comma = self._curr.token_type == TokenType.COMMA
            word = self._curr
            join = super()._parse_join(skip_join_token, parse_bracket, alias_tokens)
            if join is not None and join.args.get("match_condition") is not None:
                raise self.refuse(
                    "MATCH_CONDITION belongs to an as-of join", word, "write ASOF LEFT JOIN"
                )
            if join is not None and not comma and not self._has_condition(join):
                raise self.refuse(
                    "a JOIN needs ON or USING", word, "write CROSS JOIN to join each with each"
                )
            return join
        method, sides = words
        first = self._curr
        self._advance(len(sides) + 1)
        if not self._match(TokenType.JOIN):
            raise self.refuse(
                f"expected JOIN after {' '.join([method, *sides])}",
                self._curr,
                f"write {method} LEFT JOIN or {method} INNER JOIN",
            )
        side = self._join_side(method, sides, first)
        table = self._parse_table(parse_bracket=parse_bracket, alias_tokens=alias_tokens)
        if table is None:
            raise self.refuse(f"expected a table after {method} JOIN", self._curr)
        args: dict[str, Any] = {"this": table, "method": method}
        args["side" if side == "LEFT" else "kind"] = side
        if self._match(TokenType.MATCH_CONDITION):
            args["match_condition"] = self._parse_wrapped(self._parse_disjunction)
        if self._match_text_seq("TOLERANCE"):  # is also read before ON, and written behind it
            args["tolerance"] = self._parse_tolerance()
        if self._match(TokenType.ON):
            args["on"] = self._parse_disjunction()
        elif self._match(TokenType.USING):
            args["using"] = self._parse_using_identifiers()
        if "tolerance" not in args and self._match_text_seq("TOLERANCE"):
            args["tolerance"] = self._parse_tolerance()
        return self.expression(tree.TemporalJoin(**args).update_positions(first))

    def _has_condition(self, join: exp.Join) -> bool:
        said = any(join.args.get(key) for key in ("on", "using")) or join.kind == "CROSS"
        return said or join.method == "NATURAL" or isinstance(join.this, exp.Lateral | exp.Unnest)

    def _temporal_words(self) -> tuple[str, list[str]] | None:
        """The method and the other words before JOIN, in either order: ASOF LEFT, LEFT ASOF."""
        kinds = ("LEFT", "INNER", "RIGHT", "FULL", "OUTER", "CROSS", "SEMI", "ANTI")
        method, others = "", []
        for offset in range(4):
            word = self._text_after(offset)
            if not method and word in ("ASOF", "LABEL"):
                method = word
            elif word in kinds:
                others.append(word)
            else:
                break
        if method == "LABEL" and not others and self._text_after(1) != "JOIN":
            return None
        return (method, others) if method else None

    def _join_side(self, method: str, sides: Sequence[str], token: Token) -> str:
        given = [word for word in sides if word != "OUTER"]
        if given in (["LEFT"], ["INNER"]):
            return given[0]
        if given:
            raise self.refuse(
                f"{method} {' '.join(sides)} JOIN is not known",
                token,
                f"write {method} LEFT JOIN or {method} INNER JOIN",
            )
        if method == "LABEL":
            return "LEFT"
        if self.origin is not None:
            return DEFAULT_SIDE[self.origin]
        raise self.refuse(
            "a bare ASOF JOIN keeps unmatched rows in some engines and drops them in others",
            token,
            "write ASOF LEFT JOIN to keep them, ASOF INNER JOIN to drop them, or name the dialect",
        )

    def _parse_tolerance(self) -> exp.Expr:
        token = self._curr
        interval = self._parse_interval()
        if not isinstance(interval, exp.Interval):
            raise self.refuse(
                "TOLERANCE needs an interval", token, "write TOLERANCE INTERVAL '1' DAY"
            )
        try:
            interval_microseconds(interval)
        except ValueError as error:
            reason, _, suggestion = str(error).partition("; ")
            raise self.refuse(reason, token, suggestion) from None
        return interval

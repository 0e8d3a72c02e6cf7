"""The grammar of queries: sqlglot's, with windows, buckets and temporal joins where SQL has none.

Only what `ALLOWED` (see `dialect.py`) lists may come out. Spellings that mean the same become one
tree here: `RANGE INTERVAL '30' DAY PRECEDING` is LAST '30d', FILTER stands behind BY, `LEFT ASOF
JOIN` is ASOF LEFT JOIN.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, ClassVar, TypeVar

from sqlglot import Token, TokenType, exp, parser
from sqlglot.errors import ParseError

from bighead.zipline.sql import tree
from bighead.zipline.sql.tokens import TYPES
from bighead.zipline.windows import format_duration, parse_duration

_T = TypeVar("_T")

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
INTERVAL_UNITS = {
    "MICROSECOND": "us",
    "MILLISECOND": "ms",
    "SECOND": "s",
    "MINUTE": "m",
    "HOUR": "h",
    "DAY": "d",
    "WEEK": "w",
}
CALENDAR = {"MONTH": "'30d'", "QUARTER": "'90d'", "YEAR": "'1y', which is 365 days"}
DEFAULT_SIDE = {"duckdb": "INNER", "spark": "INNER", "snowflake": "LEFT"}
"""What a bare ASOF JOIN does with rows without a match: INNER drops them, LEFT keeps them."""


class Refused(ParseError):
    """A parse error with its token and a next step; sqlglot backtracks over it as over its own."""

    def __init__(self, reason: str, token: Token | None, suggestion: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.token = token or None  # sqlglot's mark for the end of the tokens is false
        self.suggestion = suggestion


def interval_text(node: exp.Interval) -> str:
    """The duration that an INTERVAL means: '30d' for INTERVAL '30' DAY. ValueError if it has none.

    >>> from sqlglot import parse_one
    >>> interval_text(parse_one("INTERVAL '2' HOUR"))
    '2h'
    """
    return format_duration(parse_duration(_interval_words(node)))


def interval_microseconds(node: exp.Interval) -> int:
    """Microseconds of an INTERVAL, zero included. ValueError if it has no fixed length.

    >>> from sqlglot import parse_one
    >>> interval_microseconds(parse_one("INTERVAL '0' DAY"))
    0
    """
    words = _interval_words(node)
    return 0 if words.rstrip("usmhdwy").strip("0") == "" else parse_duration(words)


def _interval_words(node: exp.Interval) -> str:
    value, unit = node.this, node.args.get("unit")
    if not isinstance(value, exp.Literal):
        raise ValueError("an interval is written as INTERVAL '2' HOUR")
    number = value.name.strip()
    if unit is None:
        return number
    word = unit.name.upper().removesuffix("S")
    if word in CALENDAR:
        raise ValueError(f"a {word.lower()} has no fixed length; write {CALENDAR[word]}")
    if word not in INTERVAL_UNITS:
        raise ValueError(f"unknown unit {unit.name}; the units are {', '.join(INTERVAL_UNITS)}")
    if not number.isdecimal():
        raise ValueError(f"'{number}' is not a whole number; write smaller units, such as '90m'")
    return number + INTERVAL_UNITS[word]


class QueryParser(parser.Parser):
    """SELECT and everything in it."""

    ID_VAR_TOKENS = NAME_TOKENS
    ALIAS_TOKENS = NAME_TOKENS
    TABLE_ALIAS_TOKENS = NAME_TOKENS - {TokenType.OFFSET}
    WINDOW_ALIAS_TOKENS = NAME_TOKENS - {TokenType.RANGE, TokenType.ROWS}
    FUNCTIONS: ClassVar[
        dict[str, Any]
    ] = {}  # every call keeps its name; the closed list is the binder's
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

    def raise_error(self, message: str, token: Token | None = None) -> None:
        """Stops at the first error, with the token that it is about."""
        raise Refused(message, token or self._curr or None)

    def refuse(self, reason: str, token: Token | None, suggestion: str = "") -> Refused:
        """An error of this grammar's own."""
        return Refused(reason, token, suggestion)

    def _parse_csv(
        self, parse_method: Callable[[], _T | None], sep: TokenType = TokenType.COMMA
    ) -> list[_T]:
        """Items between commas; a comma with nothing behind it is a text that breaks off."""
        first = parse_method()
        items = [first] if first is not None else []
        while self._match(sep):
            item = parse_method()
            if item is None:
                raise self.refuse("something is missing after the comma", self._curr)
            items.append(item)
        return items

    def _at(self, *words: str) -> bool:
        return self._match_text_seq(*words, advance=False)

    def _after(self, offset: int) -> Token | None:
        index = self._index + offset
        return self._tokens[index] if 0 <= index < self._tokens_size else None

    def _text_after(self, offset: int) -> str:
        token = self._after(offset)
        return token.text.upper() if token and token.token_type != TokenType.STRING else ""

    # -- the select list ------------------------------------------------------------------------

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

    # -- windows --------------------------------------------------------------------------------

    def _parse_window(self, this: exp.Expr | None, alias: bool = False) -> exp.Expr | None:
        if alias:
            index = self._index
            if self._match(TokenType.ALIAS) and self._match(TokenType.L_PAREN):
                windows = self._parse_windows()
                if windows is not None:
                    self._match_r_paren()
                    return self.expression(tree.NamedWindows(this=this, expression=windows))
            self._retreat(index)
            return super()._parse_window(this, alias=True)
        this = self._parse_bucket_and_filter(this)
        if self._curr.token_type == TokenType.OVER and self._next.token_type == TokenType.L_PAREN:
            index = self._index
            self._advance(2)
            windows = self._parse_windows()
            if windows is not None:
                self._match_r_paren()
                return self.expression(exp.Window(this=this, spec=windows, over="OVER"))
            self._retreat(index)
        return super()._parse_window(this)

    def _parse_bucket_and_filter(self, this: exp.Expr | None) -> exp.Expr | None:
        """`BY expr` and `FILTER (...)` in either order, as Filter(Bucketed(this))."""
        bucket: exp.Expr | None = None
        condition: exp.Expr | None = None
        while True:
            follower = self._after(1)
            if bucket is None and self._at("BY") and follower is not None:
                ends = (TokenType.COMMA, TokenType.FROM, TokenType.R_PAREN)
                if follower.token_type in ends:
                    break  # an alias named by
                self._advance()
                bucket = self._parse_bitwise()
                if bucket is None:
                    raise self.refuse("BY needs an expression", self._curr)
            elif condition is None and self._match_pair(TokenType.FILTER, TokenType.L_PAREN):
                self._match(TokenType.WHERE)
                condition = self._parse_where(skip_where_token=True)
                self._match_r_paren()
            else:
                break
        if bucket is not None:
            this = self.expression(tree.Bucketed(this=this, expression=bucket))
        if condition is not None:
            this = self.expression(exp.Filter(this=this, expression=condition))
        return this

    def _parse_windows(self) -> tree.Windows | None:
        """LAST ... | NEXT ... | RANGE INTERVAL ... PRECEDING; None where none of them stands."""
        if self._at("LAST") or self._at("NEXT"):
            follower = self._after(1)
            if follower is None or follower.token_type not in (TokenType.STRING, TokenType.NUMBER):
                if follower is None or follower.token_type == TokenType.R_PAREN:
                    return None  # a window of that name
                raise self.refuse(
                    f"{self._curr.text.upper()} needs a duration or a number of rows, not "
                    f"{follower.text!r}",
                    follower,
                    "write LAST '7d' or LAST 10 ROWS",
                )
            forward = self._curr.text.upper() == "NEXT"
            word = self._curr
            self._advance()
            items = self._parse_csv(self._parse_window_item)
            limit = None
            if self._match_text_seq("LIMIT"):
                limit = self._parse_row_count()
            node = tree.Windows(expressions=items, forward=forward, limit=limit)
            return self.expression(node.update_positions(word))
        if self._at("RANGE") or self._at("ROWS"):
            return self._parse_preceding()
        return None

    def _parse_window_item(self) -> exp.Expr:
        if self._curr.token_type == TokenType.NUMBER:
            return self.expression(tree.Rows(this=self._parse_row_count()))
        if self._curr.token_type != TokenType.STRING:
            raise self.refuse("expected a duration or a number of rows", self._curr, "write '7d'")
        token = self._curr
        self._advance()
        return exp.Literal.string(self._canonical(token.text, token)).update_positions(token)

    def _canonical(self, text: str, token: Token) -> str:
        try:
            return format_duration(parse_duration(text))
        except ValueError as error:
            reason, _, suggestion = str(error).partition("; ")
            raise self.refuse(reason, token, suggestion) from None

    def _parse_row_count(self) -> exp.Expr:
        token = self._curr
        if token.token_type != TokenType.NUMBER:
            raise self.refuse("expected a number of rows", token, "write 10 ROWS")
        if not token.text.isdecimal() or int(token.text) == 0:
            raise self.refuse("a number of rows is a whole number of at least 1", token)
        self._advance()
        if not self._match_text_seq("ROWS") and not self._match_text_seq("ROW"):
            raise self.refuse(
                "expected ROWS after the number", self._curr or token, f"write {token.text} ROWS"
            )
        return exp.Literal.number(str(int(token.text))).update_positions(token)

    def _parse_preceding(self) -> tree.Windows | None:
        """`RANGE INTERVAL '30' DAY PRECEDING`, SQL's short frame, without an order of its own."""
        index, word = self._index, self._curr
        self._advance()
        interval = self._parse_interval() if word.text.upper() == "RANGE" else None
        if isinstance(interval, exp.Interval) and self._match_text_seq("PRECEDING"):
            try:
                item = exp.Literal.string(interval_text(interval)).update_positions(word)
            except ValueError as error:
                reason, _, suggestion = str(error).partition("; ")
                raise self.refuse(reason, word, suggestion) from None
            return self.expression(tree.Windows(expressions=[item]).update_positions(word))
        self._retreat(index)
        return None

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
        if self._match(TokenType.ON):
            args["on"] = self._parse_disjunction()
        elif self._match(TokenType.USING):
            args["using"] = self._parse_using_identifiers()
        if self._match_text_seq("TOLERANCE"):
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
            interval_text(interval)
        except ValueError as error:
            reason, _, suggestion = str(error).partition("; ")
            raise self.refuse(reason, token, suggestion) from None
        return interval

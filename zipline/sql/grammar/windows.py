"""The grammar of windows: LAST, NEXT, RANGE ... PRECEDING, with BY and FILTER before OVER.

Spellings of one meaning become one tree: `RANGE INTERVAL '30' DAY PRECEDING` is LAST '30d', and
FILTER stands behind BY.
"""

from __future__ import annotations

from sqlglot import Token, TokenType, exp

from bighead.zipline.sql import tree
from bighead.zipline.sql.grammar.reader import Reader
from bighead.zipline.sql.intervals import interval_text
from bighead.zipline.windows import format_duration, parse_duration


class WindowParser(Reader):
    """Calls with windows, and the WINDOW clause."""

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

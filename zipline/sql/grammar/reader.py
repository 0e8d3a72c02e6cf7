"""What all parts of the grammar read with: look-ahead, lists, and errors with a next step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlglot import Token, TokenType, parser
from sqlglot.errors import ParseError

_T = TypeVar("_T")


class Refused(ParseError):
    """A parse error with its token and a next step; sqlglot backtracks over it as over its own."""

    def __init__(self, reason: str, token: Token | None, suggestion: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.token = token or None  # sqlglot's mark for the end of the tokens is false
        self.suggestion = suggestion


class Reader(parser.Parser):
    """sqlglot's parser with the errors of this dialect."""

    def raise_error(self, message: str, token: Token | None = None) -> None:
        """Stops at the first error, with the token that it is about."""
        raise Refused(message, token or self._curr or None)

    def refuse(self, reason: str, token: Token | None, suggestion: str = "") -> Refused:
        """An error of this grammar's own."""
        return Refused(reason, token, suggestion)

    def _parse_csv(
        self,
        parse_method: Callable[[], _T | None],
        sep: TokenType = TokenType.COMMA,
        end: TokenType | None = None,
    ) -> list[_T]:
        """Items between commas; a comma with nothing behind it is a text that breaks off.

        `end`: the token before which a comma may stand all the same.
        """
        first = parse_method()
        items = [first] if first is not None else []
        while self._match(sep):
            if end is not None and items and self._match(end, advance=False):
                break
            item = parse_method()
            if item is None:
                clause = self._match_set((TokenType.FROM, TokenType.R_PAREN), advance=False)
                advice = "leave out the comma" if clause else ""
                raise self.refuse("something is missing after the comma", self._curr, advice)
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

"""The dialect as sqlglot sees it, and the way from text to parse trees.

sqlglot accepts far more than this dialect means. Two things keep that out: the tokenizer knows only
the dialect's keywords, and a tree may hold only the nodes in `ALLOWED`. Whatever goes wrong in
reading a text becomes an `SqlError` that shows the place.
"""

from __future__ import annotations

import itertools

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, SqlglotError, TokenError

from bighead.zipline.errors import SqlError, did_you_mean
from bighead.zipline.ir.types import NAMES
from bighead.zipline.sql import tree
from bighead.zipline.sql.grammar.canonical import to_canonical
from bighead.zipline.sql.grammar.foreign import DIALECTS
from bighead.zipline.sql.grammar.reader import Refused
from bighead.zipline.sql.grammar.statements import StatementParser
from bighead.zipline.sql.grammar.tokens import WORDS
from bighead.zipline.sql.grammar.tokens import Tokenizer as ZiplineTokenizer
from bighead.zipline.sql.located import error_at, node_error
from bighead.zipline.sql.spelling.generator import Spelling, spell
from bighead.zipline.sql.tree import Statement


class Zipline(Dialect):
    """SQL with temporal joins, windows as of a time, and definitions of sources and sets."""

    SUPPORTS_USER_DEFINED_TYPES = False
    NULL_ORDERING = "nulls_are_last"
    SUPPORTS_LIMIT_ALL = True
    Tokenizer = ZiplineTokenizer
    Parser = StatementParser
    Generator = Spelling


QUERY_NODES: tuple[type[exp.Expr], ...] = (
    exp.Select, exp.From, exp.Join, exp.Where, exp.Group, exp.Having, exp.Qualify, exp.Order,
    exp.Ordered, exp.Limit, exp.Offset, exp.Distinct, exp.With, exp.CTE, exp.Union, exp.Except,
    exp.Intersect, exp.Subquery, exp.Table, exp.TableAlias, exp.Values, exp.Cube, exp.Rollup,
    exp.GroupingSets, exp.Lateral, exp.Unnest,
)  # fmt: skip
EXPRESSION_NODES: tuple[type[exp.Expr], ...] = (
    exp.Identifier, exp.Column, exp.Dot, exp.Star, exp.Alias, exp.Literal, exp.Null, exp.Boolean,
    exp.Paren, exp.Tuple, exp.Array, exp.Bracket, exp.Slice, exp.Add, exp.Sub, exp.Mul, exp.Div,
    exp.Mod, exp.Neg, exp.DPipe, exp.Not, exp.And, exp.Or, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT,
    exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Is, exp.In, exp.Between, exp.Like, exp.ILike,
    exp.Escape, exp.Case, exp.If, exp.Cast, exp.TryCast, exp.Extract, exp.StrPosition,
    exp.Substring, exp.Trim, exp.Anonymous, exp.Interval, exp.Var, exp.DataType, exp.ColumnDef,
    exp.DataTypeParam, exp.Filter, exp.Window, exp.WindowSpec, exp.Exists, exp.AtTimeZone,
    exp.Struct, exp.PropertyEQ,
    exp.IgnoreNulls, exp.RespectNulls, exp.All, exp.Any,
)  # fmt: skip
OWN_NODES: tuple[type[exp.Expr], ...] = (
    tree.CreateSource, tree.CreateSet, tree.Option, tree.DropThing, tree.ShowThings,
    tree.DescribeThing, tree.ExplainQuery, tree.Bucketed, tree.Windows, tree.Rows,
    tree.NamedWindows, tree.Label, tree.United, tree.AsOf, tree.TemporalJoin,
)  # fmt: skip
WORDLIKE = (TokenType.VAR, TokenType.NUMBER, TokenType.IDENTIFIER)
ALLOWED = frozenset(QUERY_NODES + EXPRESSION_NODES + OWN_NODES)


def tokenize(text: str) -> list[Token]:
    """The tokens of a text; an open quote or comment is an SqlError."""
    if "\x00" in text:
        raise error_at(text, (text.index("\x00"), text.index("\x00") + 1), "a NUL character")
    try:
        tokens = Zipline().tokenize(text)
    except TokenError as error:
        raise _unclosed(text, error) from None
    for token, follower in itertools.pairwise(tokens):
        glued = token.end + 1 == follower.start
        if glued and token.token_type == TokenType.NUMBER and follower.token_type in WORDLIKE:
            said = text[token.start : follower.end + 1]
            raise error_at(
                text,
                (token.start, follower.end + 1),
                f"{said!r} is not a number",
                f"a duration is written {said!r}" if said[-1].isalpha() else "",
            )
    return tokens


def _unclosed(text: str, error: TokenError) -> SqlError:
    """Which quote or comment is never closed: the last one that opens outside of the others."""
    for closer, what in (("'", "text"), ('"', "quoted name"), ("*/", "comment")):
        try:
            Zipline().tokenize(text + closer)
        except TokenError:
            continue
        opener = "/*" if closer == "*/" else closer
        start = max(text.rfind(opener), 0)
        return error_at(text, (start, len(text)), f"this {what} is never closed", f"write {closer}")
    place = (error.start or 0, max(error.end or 0, (error.start or 0) + 1))
    return error_at(text, place, "this text cannot be read")


def parse(text: str, dialect: str | None = None) -> list[Statement]:
    """The statements of a text, in order; an empty text has none.

    `dialect` is None, "duckdb", "snowflake" or "spark": the engine whose reading of a bare ASOF
    JOIN is meant. Raises SqlError.

    >>> [s.tree.key for s in parse("SHOW SOURCES; SELECT 1")]
    ['showthings', 'select']
    """
    if dialect is not None and dialect not in DIALECTS:
        raise SqlError(f"unknown dialect '{dialect}'", suggestion=did_you_mean(dialect, DIALECTS))
    tokens = tokenize(text)
    statements = []
    for chunk in _split(tokens):
        root = _parse_one(chunk, text, dialect)
        if not _is_understood(root):
            place = (chunk[0].start, chunk[-1].end + 1)
            raise error_at(text, place, "some words of this statement have no meaning here")
        statements.append(Statement(root, text))
    return statements


def _is_understood(root: exp.Expr) -> bool:
    """The tree survives being spelled and read again.

    sqlglot reads more than this dialect has words for; what it read beyond them gets lost on the
    way out, and must not be lost in silence.
    """
    try:
        text = spell(root)
        return _parse_one(tokenize(text), text, None) == root
    except (SqlError, SqlglotError, AttributeError, TypeError, ValueError, KeyError, IndexError):
        return False


def _split(tokens: list[Token]) -> list[list[Token]]:
    chunks: list[list[Token]] = [[]]
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            chunks.append([])
        else:
            chunks[-1].append(token)
    return [chunk for chunk in chunks if chunk]


def _parse_one(tokens: list[Token], text: str, dialect: str | None) -> exp.Expr:
    parser = StatementParser(dialect=Zipline())
    parser.origin = dialect
    try:
        (root,) = parser.parse(tokens, text)
        assert root is not None
        root = to_canonical(root, text, dialect)
    except Refused as error:
        raise _refusal(error, tokens, text) from None
    except ParseError as error:
        raise error_at(text, _span(parser._curr or tokens[-1]), _plain(str(error))) from None
    except RecursionError:
        raise error_at(text, _span(tokens[0]), "this statement is nested too deeply") from None
    except (AttributeError, TypeError, ValueError, KeyError, IndexError, AssertionError):
        # sqlglot's parser trips over some broken input; it stands near what it cannot read.
        place = parser._curr or parser._prev or tokens[-1]
        raise error_at(text, _span(place), f"cannot read this near {place.text!r}") from None
    for node in root.walk():
        if isinstance(node, exp.Parameter):
            raise node_error(text, node, "@ has no meaning here", "a version is written name@1")
        if type(node) not in ALLOWED:
            name = node.key.upper()
            raise node_error(text, node, f"{name} is not part of this dialect")
    return root


def _span(token: Token) -> tuple[int, int]:
    return token.start, token.end + 1


def _refusal(error: Refused, tokens: list[Token], text: str) -> SqlError:
    """sqlglot's terse reasons in plain words; the end of the text where no token is left."""
    token, reason, suggestion = error.token, _plain(error.reason), error.suggestion
    if token is None:
        end = tokens[-1].end + 1
        early = reason in ("unexpected", "something is missing here")
        said = "the statement ends too early" if early else f"{reason}, but the statement ends here"
        return error_at(text, (end, end), said, suggestion)
    if reason == "unexpected":
        reason = f"unexpected {token.text!r}"
        at = tokens.index(token)
        before, behind = tokens[max(at - 1, 0)], tokens[min(at + 1, len(tokens) - 1)]
        if f"{token.text}_{behind.text}".upper() == "MATCH_CONDITION":
            suggestion = "write MATCH_CONDITION (left.ts > right.event_time)"
        suggestion = suggestion or _keyword_like(token.text) or _keyword_like(before.text)
    elif reason == "unknown type":
        reason = f"unknown type {token.text!r}"
        suggestion = did_you_mean(token.text.upper(), NAMES)
    elif reason.startswith("expected ") and not suggestion and len(reason.split()) == 2:
        reason = f"{reason}, not {token.text!r}"
    return error_at(text, _span(token), reason, suggestion)


def _plain(reason: str) -> str:
    """The words of this dialect's errors for the few that sqlglot's parser has."""
    if reason.startswith("Invalid expression"):
        return "unexpected"
    if reason.startswith(("Required keyword", "Required argument")):
        return "something is missing here"
    if reason.startswith("Expected table name"):
        return "expected a table"
    if reason == "Expected TYPE after CAST":
        return "unknown type"
    for word in ("Expecting", "Expected"):
        if reason.startswith(word):
            return "expected" + reason.removeprefix(word)
    return reason


def _keyword_like(word: str) -> str:
    """A suggestion where a word is nearly, and not quite, one of the keywords."""
    known = [*(w for w in WORDS if w != "FOR"), "MATCH_CONDITION", "TOLERANCE"]
    hint = did_you_mean(word.upper(), known) if len(word) > 2 and word.upper() not in known else ""
    return hint if hint.startswith("did you mean") else ""

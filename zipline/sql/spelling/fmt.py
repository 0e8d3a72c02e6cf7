"""The canonical text of a text, with its comments.

The layout comes from the parse tree alone, so it does not depend on how the input was laid out.
Comments are not in the tree: they are read from the gaps between the input's tokens and put back
beside the same tokens of the output, found by aligning the two rows of tokens. So none is lost,
wherever it stood. A comment behind a token goes to the end of that token's line; one on a line of
its own stands above the line of the token that follows it.
"""

from __future__ import annotations

import bisect
import difflib
from dataclasses import dataclass

from sqlglot import Token, TokenType

from bighead.zipline.sql.grammar.dialect import parse, tokenize
from bighead.zipline.sql.spelling.generator import spell


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment and the place in the row of tokens where it stands."""

    text: str
    """With its marks: `-- why`, or a block as it was written."""
    before: int
    """The index of the token that follows it."""
    own_line: bool
    """It stands on a line of its own, so it speaks of what follows."""


def fmt(text: str, from_: str | None = None) -> str:
    """The canonical spelling of a text; each statement ends with a semicolon.

    `from_` is a dialect as in `parse`. Formatting what is formatted changes nothing. Raises
    SqlError.

    >>> print(fmt("select a, sum(b) as total -- all of it\\nfrom t group by a"), end="")
    SELECT a,
           SUM(b) AS total  -- all of it
    FROM t
    GROUP BY a;
    """
    statements = parse(text, from_)
    tokens = tokenize(text)
    comments = _comments(text, tokens)
    plain = "\n\n".join(f"{spell(s.tree)};" for s in statements)
    if not comments:
        return plain + "\n" if plain else ""
    return _with_comments(plain, tokens, comments)


def _comments(text: str, tokens: list[Token]) -> list[Comment]:
    """All comments of the text, in order."""
    found = []
    edges = [0, *(t.end + 1 for t in tokens)]
    starts = [*(t.start for t in tokens), len(text)]
    for before, (low, high) in enumerate(zip(edges, starts, strict=True)):
        line_is_new = before == 0
        at = low
        while at < high:
            if text[at] == "\n":
                line_is_new = True
            elif text.startswith("--", at):
                end = text.find("\n", at)
                end = high if end == -1 else min(end, high)
                words = text[at + 2 : end].strip()
                found.append(Comment(f"-- {words}".rstrip(), before, line_is_new))
                at = end
                continue
            elif text.startswith("/*", at):
                end = _block_end(text, at)
                found.append(_block(text[at:end], before, line_is_new))
                at = end
                continue
            at += 1
    return found


def _block_end(text: str, start: int) -> int:
    """Behind the end of a block comment; blocks nest."""
    depth, at = 0, start
    while at < len(text):
        if text.startswith("/*", at):
            depth, at = depth + 1, at + 2
        elif text.startswith("*/", at):
            depth, at = depth - 1, at + 2
            if depth == 0:
                return at
        else:
            at += 1
    return at


def _block(text: str, before: int, line_is_new: bool) -> Comment:
    """A block of one line becomes a line comment; a longer one stands on its own lines."""
    if "\n" in text:
        return Comment(text, before, own_line=True)
    return Comment(f"-- {text[2:-2].strip()}".rstrip(), before, line_is_new)


def _with_comments(plain: str, tokens: list[Token], comments: list[Comment]) -> str:
    if not plain:
        return "".join(f"{comment.text}\n" for comment in comments)
    lines = plain.split("\n")
    news = tokenize(plain)
    places = _align(tokens, news)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    first, last = _line_bounds(lines, starts, news)
    above: dict[int, list[str]] = {}
    behind: dict[int, list[str]] = {}
    for comment in comments:
        after = places[comment.before - 1] if comment.before else None
        following = places[comment.before] if comment.before < len(tokens) else None
        if comment.own_line and (following is not None or after is None):
            place = first[following] if following is not None else 0
            above.setdefault(place, []).append(comment.text)
        elif comment.own_line:
            above.setdefault(len(lines), []).append(comment.text)
        else:
            place = last[after] if after is not None else 0
            behind.setdefault(place, []).append(comment.text)
    return _woven(lines, above, behind)


def _woven(lines: list[str], above: dict[int, list[str]], behind: dict[int, list[str]]) -> str:
    out = []
    for number, line in enumerate([*lines, ""]):
        margin = line[: len(line) - len(line.lstrip())]
        out += [margin + comment for comment in above.get(number, [])]
        if number < len(lines):
            tail = " ".join(behind.get(number, []))
            out.append(f"{line}  {tail}" if tail and line else line + tail)
    return "\n".join(out) + "\n"


def _key(token: Token) -> tuple[str, str]:
    if token.token_type == TokenType.STRING:
        return "'", token.text
    return "", token.text.upper()


def _align(olds: list[Token], news: list[Token]) -> list[int | None]:
    """For each old token the new one that it became, or the nearest one before it."""
    matcher = difflib.SequenceMatcher(
        None, [_key(t) for t in olds], [_key(t) for t in news], autojunk=False
    )
    places: list[int | None] = [None] * len(olds)
    for block in matcher.get_matching_blocks():
        for i in range(block.size):
            places[block.a + i] = block.b + i
    nearest: int | None = None
    for i, place in enumerate(places):
        nearest = nearest if place is None else place
        places[i] = nearest
    return places


def _line_bounds(
    lines: list[str], starts: list[int], tokens: list[Token]
) -> tuple[list[int], list[int]]:
    """For each token the line to put a comment above, and the one to put it behind.

    Neither may lie within a literal that holds line breaks, so such lines count as one.
    """
    joined_to_next = [False] * (len(lines) + 1)
    for token in tokens:
        low = bisect.bisect_right(starts, token.start) - 1
        high = bisect.bisect_right(starts, token.end) - 1
        for line in range(low, high):
            joined_to_next[line] = True
    first, last = [], []
    for token in tokens:
        line = bisect.bisect_right(starts, token.start) - 1
        while line > 0 and joined_to_next[line - 1]:
            line -= 1
        first.append(line)
        line = bisect.bisect_right(starts, token.end) - 1
        while joined_to_next[line]:
            line += 1
        last.append(line)
    return first, last

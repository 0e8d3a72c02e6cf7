"""Errors that show where: from a node or a range of a text to line, column and snippet."""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from bighead.zipline.errors import SqlError

Span = tuple[int, int]
"""Offsets of the first character and of the one after the last."""


def span_of(node: exp.Expr | None) -> Span | None:
    """The smallest range that holds all positioned tokens of a node, else of its nearest parent."""
    while node is not None:
        spans = list(_positions(node))
        if spans:
            return min(s for s, _ in spans), max(e for _, e in spans)
        node = node.parent
    return None


def _positions(node: exp.Expr) -> Iterable[Span]:
    for part in node.walk():
        meta = part._meta
        if meta and meta.get("start") is not None and meta.get("end") is not None:
            yield meta["start"], meta["end"] + 1


def error_at(text: str, span: Span | None, reason: str, suggestion: str = "") -> SqlError:
    """An error that underlines a range of the text, up to the end of its first line.

    >>> error_at("SELECT\\n  pric", (9, 13), "no column 'pric'").line
    2
    """
    if span is None:
        return SqlError(reason, text=text, suggestion=suggestion)
    start = min(span[0], len(text))
    end = max(min(span[1], len(text)), start)
    # str.splitlines, which the snippet uses, knows more line ends than "\n": count as it does.
    before = (text[:start] + "x").splitlines()
    newline = text.find("\n", start)
    last = end if newline == -1 else min(end, newline)
    return SqlError(
        reason,
        text=text,
        line=len(before),
        column=len(before[-1]),
        length=max(last - start, 1),
        suggestion=suggestion,
    )


def node_error(text: str, node: exp.Expr | None, reason: str, suggestion: str = "") -> SqlError:
    """An error that underlines a node."""
    return error_at(text, span_of(node), reason, suggestion)

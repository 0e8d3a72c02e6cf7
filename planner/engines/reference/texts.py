"""Functions of text: code points, counted from 1."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from bighead.planner.engines.reference.calls import bad
from bighead.zipline.ir.expr import Call

LONGEST = 2**24
"""More characters than this no padding makes."""


def mapped(change: Callable[[str], str]) -> Callable[..., str]:
    """LOWER or UPPER, character by character: what would become several characters stays."""

    def function(call: Call, s: str) -> str:
        return "".join(c if len(change(c)) != 1 else change(c) for c in s)

    return function


def trimmed(strip: Callable[[str, str], str]) -> Callable[..., str]:
    """TRIM at one end or both."""
    return lambda call, s, characters: strip(s, characters) if characters else s


def substr(call: Call, s: str, start: int, length: int | None = None) -> str:
    """The characters at the positions `[start, start + length)` that exist."""
    if length is not None and length < 0:
        raise bad(call, s, start, length)
    stop = len(s) + 1 if length is None else start + length
    return "".join(c for i, c in enumerate(s, 1) if start <= i < stop)


def left(call: Call, s: str, n: int) -> str:
    """The first n characters, or all but the last -n."""
    return s[:n] if n >= 0 else s[: max(len(s) + n, 0)]


def right(call: Call, s: str, n: int) -> str:
    """The last n characters, or all but the first -n."""
    return s[max(len(s) - n, 0) :] if n >= 0 else s[min(-n, len(s)) :]


def like(call: Call, s: str, pattern: str, escape: str = "") -> bool:
    """LIKE: % is any text, _ any one character."""
    parts, rest = [], iter(pattern)
    for c in rest:
        if c == escape:
            c = next(rest, "")
            if not c:
                raise bad(call, s, pattern, escape)
            parts.append(re.escape(c))
        else:
            parts.append({"%": ".*", "_": "."}.get(c, re.escape(c)))
    return re.fullmatch("".join(parts), s, re.DOTALL) is not None


def split_part(call: Call, s: str, separator: str, n: int) -> str:
    """The n-th part, from 1, or from the end where n is negative; '' where there is none."""
    if n == 0:
        raise bad(call, s, separator, n)
    parts = s.split(separator) if separator else [s]
    place = n - 1 if n > 0 else len(parts) + n
    return parts[place] if 0 <= place < len(parts) else ""


def padded(at_start: bool) -> Callable[..., str]:
    """LPAD or RPAD."""

    def function(call: Call, s: str, n: int, fill: str) -> str:
        if n > LONGEST:
            raise bad(call, s, n, fill)
        if n <= len(s) or not fill:
            return s[: max(n, 0)]
        filling = "".join(fill[i % len(fill)] for i in range(n - len(s)))
        return filling + s if at_start else s + filling

    return function


TEXTS: dict[str, Callable[..., Any]] = {
    "lower": mapped(str.lower),
    "upper": mapped(str.upper),
    "length": lambda call, s: len(s),
    "trim": trimmed(str.strip),
    "ltrim": trimmed(str.lstrip),
    "rtrim": trimmed(str.rstrip),
    "substr": substr,
    "left": left,
    "right": right,
    "concat_op": lambda call, a, b: a + b,
    "replace": lambda call, s, old, new: s.replace(old, new) if old else s,
    "starts_with": lambda call, s, part: s.startswith(part),
    "ends_with": lambda call, s, part: s.endswith(part),
    "contains": lambda call, s, part: part in s,
    "like": like,
    "split_part": split_part,
    "strpos": lambda call, s, part: s.find(part) + 1,
    "lpad": padded(at_start=True),
    "rpad": padded(at_start=False),
}

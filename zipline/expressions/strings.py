"""Functions of text. Positions and lengths count characters (code points), from 1.

Text is UTF-8 and compares byte by byte; no function looks at a locale. LOWER and UPPER map
character by character (Unicode's simple mapping): UPPER('ß') stays one character. NULL arguments
give NULL, but for CONCAT, which leaves them out.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pyarrow as pa

from bighead.zipline.errors import ExpressionError
from bighead.zipline.expressions.arrow import (
    Array,
    Datum,
    as_type,
    compute,
    is_all_true,
    matches,
    padded,
    place_of,
    replaced_text,
    scalar,
    sliced,
    tested,
    trimmed,
)
from bighead.zipline.expressions.casts import cast
from bighead.zipline.expressions.datum import each, rows_of, spread
from bighead.zipline.expressions.function import BadValueError, Bind, Function
from bighead.zipline.expressions.typing import implicit_cast, is_nested, is_null, is_text
from bighead.zipline.ir.expr import Call, Expr, Literal
from bighead.zipline.ir.types import BIGINT, BINARY, BOOLEAN, VARCHAR, is_integer, sql_name

Kinds = str
"""One letter an argument: t for text, n for a whole number."""


def text(title: str, arg: Expr) -> Expr:
    """VARCHAR; a bare NULL is one."""
    if is_null(arg.type):
        return Literal(None, VARCHAR)
    if not is_text(arg.type):
        raise ExpressionError(
            f"{title} takes VARCHAR, not {sql_name(arg.type)}", "write CAST(... AS VARCHAR)"
        )
    return arg


def whole(title: str, arg: Expr) -> Expr:
    """A whole number, as BIGINT."""
    if not (is_integer(arg.type) or is_null(arg.type)):
        raise ExpressionError(
            f"{title} takes a whole number, not {sql_name(arg.type)}", "write CAST(... AS BIGINT)"
        )
    return implicit_cast(arg, BIGINT)


def _binder(name: str, title: str, kinds: Kinds, result: pa.DataType, *defaults: Literal) -> Bind:
    def bind(args: tuple[Expr, ...]) -> Expr:
        missing = len(kinds) - len(args)
        full = (*args, *(defaults[len(defaults) - missing :] if missing else ()))
        typed = (
            text(title, a) if kind == "t" else whole(title, a)
            for kind, a in zip(kinds, full, strict=False)
        )
        return Call(name, tuple(typed), result)

    return bind


def constant_text(call: Call, position: int) -> str | None:
    """The argument's text where it is a constant that is not NULL."""
    arg = call.args[position]
    return arg.value if isinstance(arg, Literal) and isinstance(arg.value, str) else None


def constant_number(call: Call, position: int) -> int | None:
    """The argument's number where it is a constant that is not NULL."""
    arg = call.args[position]
    return arg.value if isinstance(arg, Literal) and isinstance(arg.value, int) else None


def simple_lower(value: str) -> str:
    """Lower case, one character for one; what would become several stays."""
    return "".join(m if len(m := c.lower()) == 1 else c for c in value)


def simple_upper(value: str) -> str:
    """Upper case, one character for one; what would become several stays.

    >>> simple_upper("süß")
    'SÜß'
    """
    return "".join(m if len(m := c.upper()) == 1 else c for c in value)


def _run_case_map(call: Call, args: tuple[Datum, ...]) -> Datum:
    texts = spread(args[0], 1)
    if is_all_true(compute("string_is_ascii", texts)):
        return compute(f"ascii_{call.function}", texts)
    # Arrow's mapping of other letters differs from Unicode's: its capital of ß is a letter of 2017.
    return each(simple_lower if call.function == "lower" else simple_upper, args, VARCHAR)


def _bind_length(args: tuple[Expr, ...]) -> Expr:
    (arg,) = args
    if is_nested(arg.type) and not pa.types.is_struct(arg.type):
        return Call("list_length", (arg,), BIGINT)
    return Call("length", (text("LENGTH", arg),), BIGINT)


def _run_length(call: Call, args: tuple[Datum, ...]) -> Datum:
    return as_type(compute("utf8_length", args[0]), BIGINT)


def _run_trim(call: Call, args: tuple[Datum, ...]) -> Datum:
    characters = constant_text(call, 1)
    subject = spread(args[0], rows_of(args))
    if characters is not None:
        return trimmed(f"utf8_{call.function}", subject, characters) if characters else subject
    strip: Callable[[str, str], str] = {
        "trim": str.strip, "ltrim": str.lstrip, "rtrim": str.rstrip
    }[call.function]  # fmt: skip
    return each(lambda s, c: strip(s, c) if c else s, args, VARCHAR)


def _bind_substr(args: tuple[Expr, ...]) -> Expr:
    kinds = (text("SUBSTR", args[0]), *(whole("SUBSTR", a) for a in args[1:]))
    return Call("substr", kinds, VARCHAR)


def substring(value: str, start: int, length: int | None = None) -> str:
    """The characters at the positions [start, start + length) that exist.

    >>> substring("hello", 2, 3), substring("hello", 0, 2), substring("hello", -2)
    ('ell', 'h', 'hello')
    """
    if length is not None and length < 0:
        raise BadValueError("has a negative length")
    stop = len(value) if length is None else start - 1 + length
    return value[max(start - 1, 0) : max(stop, 0)]


def _run_substr(call: Call, args: tuple[Datum, ...]) -> Datum:
    start = constant_number(call, 1)
    length = constant_number(call, 2) if len(args) > 2 else None
    if start is None or (len(args) > 2 and length is None) or _far(start) or _far(length):
        return each(substring, args, VARCHAR)
    if length is not None and length < 0:
        return each(substring, args, VARCHAR)
    stop = None if length is None else max(start - 1 + length, 0)
    return sliced(spread(args[0], 1), max(start - 1, 0), stop)


def _far(position: int | None) -> bool:
    return position is not None and abs(position) > 2**30


def _run_left(call: Call, args: tuple[Datum, ...]) -> Datum:
    count = constant_number(call, 1)
    if count is None or _far(count):
        return each(lambda s, n: s[:n], args, VARCHAR)
    return sliced(spread(args[0], 1), 0, count)


def _run_right(call: Call, args: tuple[Datum, ...]) -> Datum:
    count = constant_number(call, 1)
    if count is not None and count != 0 and not _far(count):
        return sliced(spread(args[0], 1), -count, None)
    return each(lambda s, n: s[max(len(s) - n, 0) :] if n >= 0 else s[-n:], args, VARCHAR)


def _written(title: str, arg: Expr) -> Expr:
    """Single values are written as CAST writes them."""
    if is_nested(arg.type) or pa.types.is_binary(arg.type):
        raise ExpressionError(f"{title} takes single values, not {sql_name(arg.type)}")
    return cast(arg, VARCHAR)


def _bind_concat(args: tuple[Expr, ...]) -> Expr:
    return Call("concat", tuple(_written("CONCAT", a) for a in args), VARCHAR)


def _run_concat(call: Call, args: tuple[Datum, ...]) -> Datum:
    present = [compute("coalesce", a, scalar("", VARCHAR)) for a in args]
    return compute("binary_join_element_wise", *present, scalar("", VARCHAR))


def _bind_join(args: tuple[Expr, ...]) -> Expr:
    if all(pa.types.is_binary(a.type) for a in args):
        return Call("concat_op", args, BINARY)
    a, b = (_written("||", a) for a in args)
    return Call("concat_op", (a, b), VARCHAR)


def _run_join(call: Call, args: tuple[Datum, ...]) -> Datum:
    return compute("binary_join_element_wise", *args, scalar("", call.type))


def _run_replace(call: Call, args: tuple[Datum, ...]) -> Datum:
    old, new = constant_text(call, 1), constant_text(call, 2)
    subject = spread(args[0], 1)
    if old == "":
        return subject if len(subject) == rows_of(args) and new is not None else _replace(args)
    if old is None or new is None:
        return _replace(args)
    return replaced_text(subject, old, new)


def _replace(args: tuple[Datum, ...]) -> Array:
    return each(lambda s, a, b: s.replace(a, b) if a else s, args, VARCHAR)


TESTS: dict[str, Callable[[str, str], bool]] = {
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "contains": lambda s, part: part in s,
}


def _run_test(call: Call, args: tuple[Datum, ...]) -> Datum:
    part = constant_text(call, 1)
    if part is None:
        return each(TESTS[call.function], args, BOOLEAN)
    kernel = "match_substring" if call.function == "contains" else call.function
    return tested(kernel, spread(args[0], 1), part)


def like_regex(pattern: str, escape: str | None = None) -> str:
    """LIKE's pattern as a regular expression for the whole text (Python's and RE2's alike).

    >>> like_regex("a%b_c."), like_regex("10!%", "!")
    ('(?s)^a.*b.c\\\\.$', '(?s)^10%$')
    """
    parts, rest = [], iter(pattern)
    for character in rest:
        if escape and character == escape:
            escaped = next(rest, None)
            if escaped is None:
                raise BadValueError("ends with its escape character")
            parts.append(_literal(escaped))
        else:
            parts.append({"%": ".*", "_": "."}.get(character) or _literal(character))
    return f"(?s)^{''.join(parts)}$"


def _literal(character: str) -> str:
    return re.sub(r"[][\\.*+?^$|(){}]", r"\\\g<0>", character)


def _bind_like(name: str, args: tuple[Expr, ...]) -> Expr:
    typed = tuple(text(name.upper(), a) for a in args)
    if len(typed) == 3:
        escape = typed[2]
        if not (isinstance(escape, Literal) and isinstance(escape.value, str)):
            raise ExpressionError("the character after ESCAPE is a constant", "write ESCAPE '!'")
        if len(escape.value) != 1:
            raise ExpressionError(
                f"ESCAPE takes one character, not '{escape.value}'", "write ESCAPE '!'"
            )
    if name == "ilike":
        typed = (_lowered(typed[0]), _lowered(typed[1]), *typed[2:])
    return Call("like", typed, BOOLEAN)


def _lowered(arg: Expr) -> Expr:
    """Lower case; of a constant already now, so that the pattern is one."""
    if isinstance(arg, Literal):
        value = arg.value
        return Literal(simple_lower(value) if isinstance(value, str) else None, VARCHAR)
    return Call("lower", (arg,), VARCHAR)


def _run_like(call: Call, args: tuple[Datum, ...]) -> Datum:
    escape = constant_text(call, 2) if len(args) > 2 else None
    pattern = constant_text(call, 1)
    if pattern is None:

        def is_like(value: str, wanted: str) -> bool:
            return re.fullmatch(_body(like_regex(wanted, escape)), value, re.DOTALL) is not None

        return each(is_like, args[:2], BOOLEAN)
    subject = spread(args[0], 1)
    plain = re.fullmatch(r"(%?)([^%_]*)(%?)", pattern) if not escape else None
    if plain is not None:
        before, part, after = plain.groups()
        if before and after:
            return tested("match_substring", subject, part)
        if after:
            return tested("starts_with", subject, part)
        if before:
            return tested("ends_with", subject, part)
        return compute("equal", subject, scalar(part, VARCHAR))
    return matches(subject, like_regex(pattern, escape))


def _body(regex: str) -> str:
    return regex.removeprefix("(?s)^").removesuffix("$")


def split_part(value: str, separator: str, number: int) -> str:
    """The number-th part, from 1, or from the end where negative; '' where there is none.

    >>> split_part("a-b-c", "-", 2), split_part("a-b-c", "-", -1), split_part("a", "-", 9)
    ('b', 'c', '')
    """
    if number == 0:
        raise BadValueError("has no part 0; parts count from 1")
    parts = value.split(separator) if separator else [value]
    index = number - 1 if number > 0 else len(parts) + number
    return parts[index] if 0 <= index < len(parts) else ""


def _run_split_part(call: Call, args: tuple[Datum, ...]) -> Datum:
    return each(split_part, args, VARCHAR)


def _run_strpos(call: Call, args: tuple[Datum, ...]) -> Datum:
    part, subject = constant_text(call, 1), spread(args[0], 1)
    if part is not None and is_all_true(compute("string_is_ascii", subject)):
        return as_type(compute("add", place_of(subject, part), scalar(1, pa.int32())), BIGINT)
    return each(lambda s, part: s.find(part) + 1, args, BIGINT)


LONGEST = 2**24
"""More characters than this LPAD, RPAD and REPEAT do not make."""


def pad(value: str, length: int, fill: str, left: bool) -> str:
    """The text brought to that length; longer text loses its end.

    >>> pad("7", 3, "0", True), pad("hello", 2, " ", False)
    ('007', 'he')
    """
    if length > LONGEST:
        raise BadValueError(f"is longer than {LONGEST} characters")
    missing = length - len(value)
    if missing <= 0 or not fill:
        return value[: max(length, 0)]
    padding = (fill * (missing // len(fill) + 1))[:missing]
    return padding + value if left else value + padding


def _run_pad(call: Call, args: tuple[Datum, ...]) -> Datum:
    left = call.function == "lpad"
    count, filler = constant_number(call, 1), constant_text(call, 2)
    if count is not None and 0 < count <= LONGEST and filler is not None and len(filler) == 1:
        full = padded(f"utf8_{call.function}", spread(args[0], 1), count, filler)
        return sliced(full, 0, count)
    return each(lambda s, n, fill: pad(s, n, fill, left), args, VARCHAR)


SPACE = Literal(" ", VARCHAR)


def _trim(name: str, doc: str, *examples: str) -> Function:
    title = name.upper()
    spellings = (title, "BTRIM") if name == "trim" else (title,)
    return Function(
        name, spellings, f"{title}(s [, characters])", 1, 2, doc, examples,
        _binder(name, title, "tt", VARCHAR, SPACE), _run_trim,
    )  # fmt: skip


def _test(name: str, doc: str, *examples: str) -> Function:
    title = name.upper()
    return Function(
        name, (title,), f"{title}(s, part)", 2, 2, doc, examples,
        _binder(name, title, "tt", BOOLEAN), _run_test,
    )  # fmt: skip


def _pad(name: str, doc: str, *examples: str) -> Function:
    title = name.upper()
    return Function(
        name, (title,), f"{title}(s, n [, fill])", 2, 3, doc, examples,
        _binder(name, title, "tnt", VARCHAR, SPACE), _run_pad,
    )  # fmt: skip


STRINGS = (
    Function(
        "lower", ("LOWER", "LCASE"), "LOWER(s)", 1, 1, "Character by character.",
        ("LOWER('ÄB') = 'äb'",), _binder("lower", "LOWER", "t", VARCHAR), _run_case_map,
    ),
    Function(
        "upper", ("UPPER", "UCASE"), "UPPER(s)", 1, 1, "Character by character.",
        ("UPPER('äb') = 'ÄB'",), _binder("upper", "UPPER", "t", VARCHAR), _run_case_map,
    ),
    Function(
        "length", ("LENGTH", "CHAR_LENGTH", "CHARACTER_LENGTH", "LEN"), "LENGTH(s)", 1, 1,
        "The number of characters; of a list or a map the number of its items.",
        ("LENGTH('Zürich') = 6",), _bind_length, _run_length,
    ),
    _trim("trim", "Without spaces, or these characters, at both ends.", "TRIM('  a ') = 'a'"),
    _trim("ltrim", "TRIM at the start only.", "LTRIM('xxa', 'x') = 'a'"),
    _trim("rtrim", "TRIM at the end only.", "RTRIM('a  ') = 'a'"),
    Function(
        "substr", ("SUBSTR", "SUBSTRING"), "SUBSTR(s, from [, n])", 2, 3,
        "The n characters from position `from` on; positions before 1 exist but are empty. A"
        " negative"
        " n is an error.",
        ("SUBSTR('hello', 2, 3) = 'ell'", "SUBSTR('hello', 0, 2) = 'h'"), _bind_substr, _run_substr,
    ),
    Function(
        "left", ("LEFT",), "LEFT(s, n)", 2, 2,
        "The first n characters; with a negative n all but the last -n.",
        ("LEFT('hello', 2) = 'he'", "LEFT('hello', -2) = 'hel'"),
        _binder("left", "LEFT", "tn", VARCHAR), _run_left,
    ),
    Function(
        "right", ("RIGHT",), "RIGHT(s, n)", 2, 2,
        "The last n characters; with a negative n all but the first -n.",
        ("RIGHT('hello', 2) = 'lo'",), _binder("right", "RIGHT", "tn", VARCHAR), _run_right,
    ),
    Function(
        "concat", ("CONCAT",), "CONCAT(a, b, ...)", 1, None,
        "The texts in a row, NULLs left out; other single values are written as CAST writes them.",
        ("CONCAT('a', NULL, 1) = 'a1'",), _bind_concat, _run_concat,
    ),
    Function(
        "concat_op", ("||",), "a || b", 2, 2, "As CONCAT, but NULL where one is NULL.",
        ("'a' || 'b' = 'ab'", "('a' || NULL) IS NULL"), _bind_join, _run_join,
    ),
    Function(
        "replace", ("REPLACE",), "REPLACE(s, old, new)", 3, 3,
        "Every occurrence of old, from left to right; an empty old changes nothing.",
        ("REPLACE('a-b', '-', '+') = 'a+b'",), _binder("replace", "REPLACE", "ttt", VARCHAR),
        _run_replace,
    ),
    _test("starts_with", "Byte by byte.", "STARTS_WITH('hello', 'he')"),
    _test("ends_with", "Byte by byte.", "ENDS_WITH('hello', 'lo')"),
    _test("contains", "Byte by byte.", "CONTAINS('hello', 'ell')"),
    Function(
        "like", ("LIKE",), "s LIKE pattern [ESCAPE c]", 2, 3,
        "% is any text, _ any one character, case counts; nothing escapes without ESCAPE.",
        ("'hello' LIKE 'h%o'", "'10%' LIKE '10!%' ESCAPE '!'"),
        lambda args: _bind_like("like", args), _run_like,
    ),
    Function(
        "ilike", ("ILIKE",), "s ILIKE pattern [ESCAPE c]", 2, 3, "LOWER(s) LIKE LOWER(pattern).",
        ("'Hello' ILIKE 'h%O'",), lambda args: _bind_like("ilike", args), None,
    ),
    Function(
        "split_part", ("SPLIT_PART",), "SPLIT_PART(s, separator, n)", 3, 3,
        "The n-th part, from 1, or from the end where n is negative; '' where there is none.",
        ("SPLIT_PART('a-b', '-', 2) = 'b'",), _binder("split_part", "SPLIT_PART", "ttn", VARCHAR),
        _run_split_part,
    ),
    Function(
        "strpos", ("STRPOS", "INSTR"), "STRPOS(s, part)", 2, 2,
        "The position of the first occurrence, from 1; 0 where there is none.",
        ("STRPOS('hello', 'l') = 3",), _binder("strpos", "STRPOS", "tt", BIGINT), _run_strpos,
    ),
    _pad("lpad", "Filled at the start to n characters; longer text loses its end.",
         "LPAD('7', 3, '0') = '007'"),
    _pad("rpad", "Filled at the end; as LPAD.", "RPAD('7', 3, '.') = '7..'"),
)  # fmt: skip

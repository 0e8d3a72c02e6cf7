"""Packed messages: which of them are one JSON object each, and those joined as lines.

`scan` looks at each message by itself in one pass, without the GIL; a `Fault` says what is wrong
with one. `scan.h` has the grammar. `fields` says of joined lines what kind of value some fields
have.
"""

from enum import IntEnum

from bighead.kernels.messages._messages import MOST_PATHS, fields, scan


class Fault(IntEnum):
    """What is wrong with a message."""

    SOUND = 0
    EMPTY = 1
    NO_OBJECT = 2
    CUT_SHORT = 3
    SYNTAX = 4
    ENCODING = 5
    DEEP = 6
    TRAILING = 7
    NOTHING = 8


class Kind(IntEnum):
    """What kind of value a field has."""

    ABSENT = 0
    NULL = 1
    BOOLEAN = 2
    INTEGER = 3
    """Fits 64 bits."""
    LARGE = 4
    """Fits 64 bits without a sign."""
    HUGE = 5
    """An integer that fits neither."""
    FRACTION = 6
    """With a point or an exponent, NaN or an infinity."""
    TEXT = 7
    OBJECT = 8
    ARRAY = 9
    SEVERAL = 10
    """The object has the field more than once."""


__all__ = ["MOST_PATHS", "Fault", "Kind", "fields", "scan"]

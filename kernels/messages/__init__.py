"""Packed messages: which of them are one JSON object each, and those joined as lines.

`scan` looks at each message by itself in one pass, without the GIL; a `Fault` says what is wrong
with one. `scan.h` has the grammar.
"""

from enum import IntEnum

from bighead.kernels.messages._messages import MOST_PATHS, scan


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


__all__ = ["MOST_PATHS", "Fault", "scan"]

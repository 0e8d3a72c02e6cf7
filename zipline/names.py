"""Names of definitions: dotted or not, alone or with the number of a version."""

from __future__ import annotations


def versioned(name: str) -> tuple[str, int] | None:
    """The name and the number of `name@number`; None for a name alone.

    >>> versioned("data.bookings@3"), versioned("bookings")
    (('data.bookings', 3), None)
    """
    base, _, number = name.rpartition("@")
    return (base, int(number)) if base and number.isascii() and number.isdecimal() else None

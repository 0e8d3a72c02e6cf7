"""Names, of columns and of definitions: quoted, dotted, alone or with the number of a version."""

from __future__ import annotations


def quoted(name: str) -> str:
    """A name in double quotes, as SQL reads it whatever it holds.

    >>> print(quoted('a"b'))
    "a""b"
    """
    return '"' + name.replace('"', '""') + '"'


def spelled(name: str) -> str:
    """The name of a definition as SQL reads it whatever it holds, with its version.

    >>> print(spelled("data.bookings@3"))
    "data"."bookings"@3
    """
    base, at, version = name.partition("@")
    return ".".join(map(quoted, base.split("."))) + at + version


def versioned(name: str) -> tuple[str, int] | None:
    """The name and the number of `name@number`; None for a name alone.

    >>> versioned("data.bookings@3"), versioned("bookings")
    (('data.bookings', 3), None)
    """
    base, _, number = name.rpartition("@")
    return (base, int(number)) if base and number.isascii() and number.isdecimal() else None

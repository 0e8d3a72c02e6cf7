"""Whether text is UTF-8, which files may say and not keep.

Neither Parquet nor JSON readers look. Bytes below 128 are UTF-8 however they are cut, and the
greatest byte of a whole column is found in a hundredth of the time that it takes to read it; only
columns with others are looked at text by text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from bighead.zipline.errors import DataError

SHOWN = 24
"""Bytes of a value that a message shows."""


def check_text(column: pa.ChunkedArray[Any], name: str, place: str) -> None:
    """Raises DataError where text in a column of one of the plan's types is not UTF-8.

    >>> latin = pa.array([b"Z\\xfcrich"]).view(pa.string())
    >>> check_text(pa.chunked_array([latin]), "city", "hosts.parquet")
    Traceback (most recent call last):
        ...
    bighead.zipline.errors.DataError: column 'city' of hosts.parquet holds text that is not UTF-8, \
b'Z\\xfcrich'; write it in UTF-8
    """
    for chunk in column.chunks:
        for texts in _texts(chunk):
            if _is_ascii(texts) or _is_valid(texts):
                continue
            bad = _first_bad(texts)
            shown = repr(bad[:SHOWN]) + ("..." if len(bad) > SHOWN else "")
            raise DataError(
                f"column '{name}' of {place} holds text that is not UTF-8, {shown}; "
                "write it in UTF-8"
            )


def _texts(array: Any) -> Iterator[pa.StringArray]:
    """The texts of an array, also those in lists, structs and maps."""
    if pa.types.is_string(array.type):
        yield array
    elif pa.types.is_list(array.type):
        yield from _texts(array.flatten())
    elif pa.types.is_struct(array.type):
        for child in array.flatten():  # NULL where the whole struct is
            yield from _texts(child)
    elif pa.types.is_map(array.type):
        yield from _texts(array.keys)
        yield from _texts(array.items)


def _is_ascii(texts: pa.StringArray) -> bool:
    starts: Any
    characters: Any
    _, starts, characters = texts.buffers()
    if not len(texts) or characters is None:
        return True
    ends = np.frombuffer(starts, np.int32, len(texts) + 1, 4 * texts.offset)
    held = np.frombuffer(characters, np.uint8)[ends[0] : ends[-1]]
    return not held.size or int(held.max()) < 128


def _is_valid(texts: pa.StringArray) -> bool:
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _first_bad(texts: pa.StringArray) -> bytes:
    first, end = 0, len(texts)  # the first bad one lies in [first, end)
    while end - first > 1:
        middle = (first + end) // 2
        if _is_valid(texts.slice(first, middle - first)):
            first = middle
        else:
            end = middle
    bad = texts.slice(first, 1).view(pa.binary())[0].as_py()
    assert bad is not None, "NULL is no text"
    return bad

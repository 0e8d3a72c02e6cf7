"""Which rows of two tables are equal, value by value, however nested.

NULL equals NULL and NaN equals NaN, because the question is whether something has changed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

pc: Any = pyarrow.compute
"""Its stubs do not know scalars beside columns."""

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]


def equal_rows(rows: pa.Table, others: pa.Table, ours: Places, theirs: Places) -> Mask:
    """For pairs of rows, by their places: whether they are equal in all columns of `rows`.

    The columns that `rows` has are of the same types in `others`.
    """
    equal = np.ones(len(ours), np.bool_)
    places: tuple[Any, Any] = (pa.array(ours), pa.array(theirs))
    for part in rows.schema:
        if not len(ours):
            break
        a = rows[part.name].take(places[0]).combine_chunks()
        b = others[part.name].take(places[1]).combine_chunks()
        equal &= equal_values(a, b)
    return equal


def equal_values(a: Any, b: Any) -> Mask:
    """For two arrays of one type and length, where they hold the same.

    >>> equal_values(pa.array([[1, None], [2]]), pa.array([[1, None], [3]])).tolist()
    [True, False]
    """
    empty = _mask(pc.is_null(a)) & _mask(pc.is_null(b))
    there = _mask(pc.is_valid(a)) & _mask(pc.is_valid(b))
    if pa.types.is_struct(a.type):
        for one, two in zip(a.flatten(), b.flatten(), strict=True):
            there &= equal_values(one, two)
        return empty | there
    if pa.types.is_nested(a.type):
        return empty | _equal_items(a, b, there)
    same = _mask(pc.fill_null(pc.equal(a, b), False))
    if pa.types.is_floating(a.type):
        same |= there & _mask(
            pc.and_(pc.is_null(a, nan_is_null=True), pc.is_null(b, nan_is_null=True))
        )
    return empty | same


def _equal_items(a: Any, b: Any, there: Mask) -> Mask:
    """Of lists and maps, those that are there in both and have the same items in the same order."""
    alike = there.copy()
    place = np.flatnonzero(there)
    one, two = a.take(pa.array(place)), b.take(pa.array(place))
    alike[place] = long = _lengths(one) == _lengths(two)
    place = place[long]
    one, two = a.take(pa.array(place)), b.take(pa.array(place))
    ends = np.r_[0, np.cumsum(_lengths(one))]
    unequal = np.r_[0, np.cumsum(~equal_values(_items(one), _items(two)))]
    alike[place] = unequal[ends[1:]] == unequal[ends[:-1]]
    return alike


def _lengths(lists: Any) -> Places:
    if pa.types.is_fixed_size_list(lists.type):
        return np.full(len(lists), lists.type.list_size, np.int64)
    found: Places = np.diff(lists.offsets.to_numpy()).astype(np.int64)
    return found


def _items(lists: Any) -> Any:
    """The items of lists without NULLs among them, in a row; of maps their entries."""
    if not pa.types.is_map(lists.type):
        return lists.flatten()
    start, end = lists.offsets[0].as_py(), lists.offsets[-1].as_py()
    entries = [part.slice(start, end - start) for part in (lists.keys, lists.items)]
    return pa.StructArray.from_arrays(entries, ["key", "value"])


def _mask(array: Any) -> Mask:
    found: Mask = array.to_numpy(zero_copy_only=False)
    return found

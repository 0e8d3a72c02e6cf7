"""The door of messages; see `bighead.kernels.wire`."""

from collections.abc import Sequence

from bighead.kernels.aggregates.arrow_door import ArrowArray

def message(result: ArrowArray, head: bytes, place: int, widths: Sequence[int]) -> bytes:
    """A record batch as Arrow sends it, of a struct whose fields are its columns.

    head: the metadata of a batch of as many rows in which each column has a bitmap of validity, and
    then its values, each padded to 8 bytes. place: where in it the counts of the columns stand:
    pairs of the rows and the NULLs, of which the second are written. widths: the bits of each
    column's values. Raises ValueError where the struct has other columns than that.
    """

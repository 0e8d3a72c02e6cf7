"""The door of the messages; see `bighead.kernels.messages`."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

MOST_PATHS: int

def scan(
    data: bytes | memoryview | npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    null_too: bool,
    paths: Sequence[Sequence[str]],
    faults: npt.NDArray[np.uint8],
    places: npt.NDArray[np.int64],
    present: npt.NDArray[np.uint64],
    joined: npt.NDArray[np.uint8],
) -> int:
    """Look at the messages `data[starts[i]:ends[i]]`; how many bytes of `joined` were written.

    starts, ends, places: int64; faults: uint8; present: uint64; data, joined: bytes. `null_too`:
    the word null is a message that says nothing. paths: fields that are looked for, each as the
    names that lead to it; bit p of `present[i]` says whether message i has that of `paths[p]`.
    `places[i]` is where a fault stands. `joined` takes the messages without one, a line each, and
    needs room for all messages and a byte more each. Raises ValueError where the sizes do not fit.
    """

def fields(
    lines: npt.NDArray[np.uint8],
    names: Sequence[str],
    kinds: npt.NDArray[np.uint8],
    values: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
) -> int:
    """Look at fields of joined lines, as `scan` writes them; how many lines there were.

    kinds, values, places: a row for each line and a column for each name. A `Kind` says what the
    value of a field is; of an INTEGER, and of a LARGE one as if it were negative, `values` has it;
    `places` is where it begins in `lines`, -1 where it is absent. Raises ValueError where the
    shapes do not fit.
    """

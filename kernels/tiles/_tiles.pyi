"""The door of the tiles; see `bighead.kernels.tiles`.

All arrays are single Arrow arrays (combine chunks first), not chunked ones. Times are int64
microseconds. A `Get` gives the block of a level and number of one key, or None; what it raises
comes out of the call.
"""

from collections.abc import Sequence
from typing import Protocol

from bighead.kernels.tiles.specs import Changes, Get, Partial

class ArrowArray(Protocol):
    """Anything that exports one Arrow array, such as pyarrow.Array."""

    def __arrow_c_array__(
        self, requested_schema: object | None = None
    ) -> tuple[object, object]: ...

class ArrowType(Protocol):
    """Anything that exports an Arrow type, such as pyarrow.DataType."""

    def __arrow_c_schema__(self) -> object: ...

class Result:
    """An Arrow array owned by the kernel; `pyarrow.array(result)` takes it without a copy."""

    def __arrow_c_array__(
        self, requested_schema: object | None = None
    ) -> tuple[object, object]: ...
    def __arrow_c_schema__(self) -> object: ...
    def __len__(self) -> int: ...

ROOT: int
LOG: int
UNTIMED: int
"""The levels of a key's root, of its log, and of its rows without a time; their number is 0."""

def encode_keys(columns: Sequence[ArrowArray], rows: int) -> list[bytes | None]:
    """For each row the bytes of its key: equal keys have equal bytes; None where a part is NULL or
    NaN. -0.0 is 0.0. Text and bytes stand after their length, all else in the bytes of its order.
    """

def digest_rows(columns: Sequence[ArrowArray], rows: int) -> list[int]:
    """A 64-bit hash of each row; NULL equals NULL, NaN equals NaN, -0.0 equals 0.0."""

class Layout:
    """What is kept of the rows of one feature set.

    types: the Arrow types of the columns of a row: what `States` takes, lists of numbers among
        them. partials: the states of a tile. sizes: of tiles, in microseconds, growing, each a
        multiple of the one before. leaf: how many rows a block holds before it is split. logged:
        how many rows wait in a key's log. sequence: position of the column that orders rows of one
        time. identity: of that which tells rows of one time and beginning apart.
    """

    def __init__(
        self,
        types: Sequence[ArrowType],
        partials: Sequence[Partial],
        sizes: Sequence[int],
        *,
        leaf: int = 256,
        logged: int = 64,
        sequence: int | None = None,
        identity: int | None = None,
    ) -> None: ...
    def group(
        self,
        keys: Sequence[ArrowArray],
        time: ArrowArray,
        columns: Sequence[ArrowArray],
        begin: ArrowArray | None = None,
        until: ArrowArray | None = None,
    ) -> list[tuple[bytes, RowBlock]]:
        """The rows of each key, in the order in which keys come up; rows without a key are left
        out.

        time: NULL is no time, which rows of entities may have. begin: a row counts for t after it;
        NULL: never, and the row is left out; None: the time. until: where it ends; NULL: never.
        """

    def insert(self, get: Get, rows: RowBlock, keep: bool = False) -> tuple[Changes, int]:
        """Add rows to a key; the changes, and how many rows were dropped for coming too late.

        keep: rows of times that have been swept enter the base, the tile of all that was.
        """

    def replace(
        self, get: Get, added: RowBlock | None, removed: RowBlock | None, keep: bool = False
    ) -> tuple[Changes, int]:
        """Add rows to a key's tree and take others away, which are found by time, beginning and
        identity; StateError where one is not there."""

    def flush(self, get: Get, keep: bool = False) -> tuple[Changes, int]:
        """Move the rows of a key's log into its tree."""

    def trim(self, get: Get, before: int, keep: bool = False) -> tuple[Changes, int]:
        """Drop the rows before a time from a key's tree, whose log must be empty; how many.

        keep: their states remain as the key's base.
        """

    def verify(self, get: Get) -> tuple[int, int]:
        """Check that each tile of a key is that of its rows; how many rows of the tree are open,
        and how many blocks it has. StateError where one is not, or a block is missing."""

    def rows(self, block: bytes) -> RowBlock:
        """The rows of a block; none of one that holds tiles."""

class RowBlock:
    """Rows in the columns of a layout."""

    def __init__(self, layout: Layout) -> None: ...
    def __len__(self) -> int: ...
    def arrays(self) -> list[Result]:
        """Times, beginnings and ends as int64, then the columns."""

    def take(self, rows: Sequence[int]) -> RowBlock:
        """Some of them, by number."""

    def gather(self, get: Get, last: int, low: int, wanted: int, whenever: bool = False) -> int:
        """Append rows of a key that are seen at the last moment: those of times from `low` on, from
        the newest until there are `wanted`, and whatever lies in blocks with them; how many.

        whenever: whatever their times, and those without. Raises NotKept where rows that were
        wanted may have been dropped.
        """

class Rings:
    """What the windows of questions hold; one question after the other, then the answers."""

    def __init__(self, layout: Layout) -> None: ...
    def __len__(self) -> int: ...
    @property
    def blocks(self) -> int:
        """How many blocks were read."""

    def ask(
        self, get: Get, last: int, lows: Sequence[int], at: int, whenever: bool = False
    ) -> None:
        """One question to a key: its windows `[low, last]`, from the narrowest to the widest.

        at: the time as of which decayed states are finished. whenever: the last window holds every
        row that is seen, whatever its time. Raises NotKept where rows that are needed were dropped.
        """

    def hold(self, rows: RowBlock, at: int) -> None:
        """One question whose only window holds these rows; they are of a layout of equal types."""

    def skip(self) -> None:
        """One question whose windows are empty."""

    def held(self, window: int) -> list[int]:
        """How many rows a window of each question holds."""

    def finish(
        self,
        partial: int,
        window: int,
        kind: str,
        *,
        k: int | None = None,
        p: tuple[int, int] | None = None,
        half_life: int | None = None,
    ) -> tuple[Result, Result | None, list[int], list[tuple[int, str]]]:
        """A state in a window of each question, as an aggregate that it serves shows it.

        Returns the values, one a question; with buckets one a bucket, then the buckets, and where
        those of each question end (else None, and the questions counted). Last, the questions that
        have no answer: 'overflow' of a sum, 'lengths' of vectors that differ; their value is that
        of an empty window.
        """

"""The door of the tiles; see `bighead.kernels.tiles`.

All arrays are single Arrow arrays (combine chunks first), not chunked ones. Times are int64
microseconds. A `Get` gives the block of a level and number of one key, or None; what it raises
comes out of the call.
"""

from collections.abc import Sequence

from bighead.kernels.aggregates.arrow_door import ArrowArray as ArrowArray
from bighead.kernels.aggregates.arrow_door import ArrowType as ArrowType
from bighead.kernels.aggregates.arrow_door import Result as Result
from bighead.kernels.tiles.specs import Changes, Get, Output, Partial

ROOT: int
LOG: int
UNTIMED: int
"""The levels of a key's root, of its log, and of its rows without a time; their number is 0."""
PARTS: int
"""Of rows that wait."""

def encode_keys(columns: Sequence[ArrowArray], rows: int) -> list[bytes | None]:
    """For each row the bytes of its key: equal keys have equal bytes; None where a part is NULL or
    NaN. -0.0 is 0.0. Text and bytes stand after their length, all else in the bytes of its order.
    """

def deal(
    columns: Sequence[ArrowArray], rows: int, bounds: Sequence[bytes], *, sized: bool = False
) -> ArrowArray:
    """For each row how many of the bounds its key is not less than, as int64; 0 where a part is
    NULL or NaN.

    bounds: bytes of keys, growing. sized: the shorter key is the lesser one, as among the names of
    blocks; else keys order by their bytes alone.
    """

def digest_rows(columns: Sequence[ArrowArray], rows: int) -> list[int]:
    """A 64-bit hash of each row; NULL equals NULL, NaN equals NaN, -0.0 equals 0.0."""

def message(answers: ArrowArray, head: bytes, place: int, widths: Sequence[int]) -> bytes:
    """A record batch as Arrow sends it, of a struct whose fields are its columns.

    head: the metadata of a batch of as many rows in which each column has a bitmap of validity, and
    then its values, each padded to 8 bytes. place: where in it the counts of the columns stand:
    pairs of the rows and the NULLs, of which the second are written. widths: the bits of each
    column's values. Raises ValueError where the struct has other columns than that.
    """

class Layout:
    """What is kept of the rows of one feature set.

    types: the Arrow types of the columns of a row: what `States` takes, lists of numbers among
        them. partials: the states of a tile. sizes: of tiles, in microseconds, growing, each a
        multiple of the one before. leaf: how many rows a block holds before it is split. sequence:
        position of the column that orders rows of one time. identity: of that which tells rows of
        one time and beginning apart.
    """

    def __init__(
        self,
        types: Sequence[ArrowType],
        partials: Sequence[Partial],
        sizes: Sequence[int],
        *,
        leaf: int = 256,
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

    def gather(self, get: Get, last: int, low: int, wanted: int) -> None:
        """Append rows of a key that are seen at the last moment: those of times from `low` on, from
        the newest until there are `wanted`, and whatever lies in blocks with them.

        Raises NotKept where rows that were wanted may have been dropped.
        """

class Windows:
    """How the windows of a set are read, and what is shown of them."""

    def __init__(
        self,
        layout: Layout,
        widths: Sequence[int | None],
        outputs: Sequence[Output] = (),
        *,
        tail: int | None = None,
        whenever: bool = False,
        entity: bool = False,
    ) -> None:
        """widths: in microseconds, growing; None, the last: all history. tail: the grid to which
        lower bounds are rounded down. whenever: the last window holds every row that is seen,
        whatever its time. entity: rows are versions, of which a horizon drops none that counts."""

class Shelf:
    """The blocks of one request: those that came, and those that are wanted next."""

    def __init__(self) -> None: ...
    @property
    def blocks(self) -> int:
        """How many came."""

    def wanted(self) -> list[bytes]:
        """The names of the blocks that are wanted; none: there are enough."""

    def give(self, blocks: list[bytes | None]) -> None:
        """The blocks that were wanted, in that order; None: there is none of that name."""

class Intake:
    """Rows of a batch on their way to the blocks of their keys; served like a request, then
    finished."""

    def __init__(
        self,
        layout: Layout,
        shelf: Shelf,
        prefix: bytes,
        keys: Sequence[ArrowArray],
        time: ArrowArray,
        columns: Sequence[ArrowArray],
        begin: ArrowArray | None = None,
        *,
        logged: int = 64,
        keep: bool = False,
    ) -> None:
        """keys: a column for each part; rows with a NULL in it are left out. begin: a row counts
        for t after it; NULL: never, and the row is left out; None: the time. logged: so many rows
        of a key wait in its log. keep: rows of times that have been swept enter the base, the tile
        of all that was."""

    def advance(self) -> None:
        """Go on with the blocks that came."""

    def finish(self) -> tuple[list[tuple[bytes, bytes | None]], int]:
        """Blocks to write by name, None: to drop; and how many rows came too late to be kept."""

class Request:
    """Questions to the keys of a set. Give what the shelf wants and advance, until it wants no
    more; then answer."""

    def __init__(
        self,
        windows: Windows,
        shelf: Shelf,
        prefix: bytes,
        keys: Sequence[ArrowArray],
        time: ArrowArray | int,
        *,
        inclusive: bool = False,
        horizon: int = ...,
    ) -> None:
        """keys: a column for each part. time: int64 microseconds; NULL, or a NULL in the key: all
        windows are empty. A number is the time of all, of as many questions as there are keys.
        inclusive: rows at the time itself are seen. horizon: rows of earlier times may be gone."""

    def advance(self) -> None:
        """Go on with the blocks that came."""

    @property
    def late(self) -> list[int]:
        """The questions whose rows are gone."""

    @property
    def questions(self) -> list[int]:
        """Those that have a key, a time, and rows that are kept."""

    def answer(
        self,
    ) -> tuple[Result, list[tuple[Result, Result, list[int]]], list[tuple[int, int, str]]]:
        """The outputs: those without buckets as the fields of one struct, the others as their
        values, their buckets, and where those of each question end; each in the order of outputs.

        Last, what has no answer: the output, the question, and 'overflow' of a sum or 'lengths' of
        vectors that differ; the value is that of an empty window.
        """

    def held(self, ring: int) -> list[int]:
        """How many rows a window of each question holds, once it is answered."""

class Collection:
    """The newest rows of questions of a request; it is served like one."""

    def __init__(
        self,
        request: Request,
        questions: Sequence[int],
        width: int | None,
        wanted: int,
        whenever: bool = False,
    ) -> None:
        """width: of the window; None: all history. wanted: of the newest rows there are so many, as
        far as they exist, and whatever lies in blocks with them. whenever: all rows that are seen,
        whatever their time, and those without."""

    def advance(self) -> None:
        """Go on with the blocks that came."""

    @property
    def late(self) -> list[int]:
        """The questions whose rows are gone."""

    def answer(self, partial: bool = False) -> tuple[RowBlock, Result]:
        """The rows, and the question of each. partial: what is left of those that are late too."""

class Chosen:
    """Rows that were chosen for questions, as what the one window of each holds."""

    def __init__(
        self,
        layout: Layout,
        rows: RowBlock,
        questions: ArrowArray,
        which: ArrowArray,
        request: Request,
    ) -> None:
        """layout: of columns like those of the rows. questions, which: int64, a row and the
        question for which it was chosen."""

    def finish(
        self, output: Output
    ) -> tuple[Result, Result | None, list[int], list[tuple[int, str]]]:
        """The values, one a question; with buckets one a bucket, then the buckets, and where those
        of each question end (else None, and the questions counted). Last, the questions that have
        no answer, and why."""

class Waiting:
    """Rows of a set that commits brought and no tree holds yet, found by key.

    Their keys are dealt into `PARTS` parts, of which one is folded after the other: the n-th fold
    is of part n mod `PARTS`. folds: how many there were.
    """

    def __init__(self, layout: Layout, folds: int = 0) -> None: ...
    @property
    def folds(self) -> int:
        """How many folds there were."""

    @property
    def rows(self) -> int:
        """How many rows wait."""

    @property
    def memory(self) -> int:
        """The memory that they take, about."""

    def size(self, more: int) -> int:
        """The memory that the part of the fold after `more` others takes, about."""

    def keys(self) -> list[bytes]:
        """The keys of rows that wait, as `encode_keys` gives them, each once."""

    def split(
        self,
        keys: Sequence[ArrowArray],
        time: ArrowArray,
        columns: Sequence[ArrowArray],
        begin: ArrowArray | None = None,
        *,
        folds: int,
        most: int,
    ) -> tuple[bytes | None, Result | None]:
        """What becomes of the rows of a commit: those that are to wait as a segment, and the
        numbers, as int64, of those whose keys have more than `most` rows then; None: there are
        none. The arrays are those of an `Intake`. folds: that come before the segment."""

    def note(self, segment: bytes, commit: int) -> None:
        """Take in a segment of a commit that is later than all before; StateError where it is cut
        or mangled."""

    def fold(self) -> None:
        """Let the rows of the next part go; they are in the trees of their keys."""

    def intake(
        self, shelf: Shelf, prefix: bytes, more: int = 0, *, logged: int = 64, keep: bool = False
    ) -> Intake | None:
        """The rows of the part of the fold after `more` others, on their way to the blocks of their
        keys; None: there are none. None may be noted until it is finished."""

    def seen(self, commit: int) -> Seen:
        """What waits as of a commit, whatever is noted and folded later."""

class Seen:
    """What waits as of a commit."""

    def hold(self, shelf: Shelf, prefix: int) -> None:
        """Lay the rows of the keys of a request on its shelf. prefix: the length of what stands
        before the keys of the set."""

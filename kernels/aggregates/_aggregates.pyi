"""The door of the states; see `bighead.kernels.aggregates`.

All arrays are single Arrow arrays (combine chunks first), not chunked ones.
"""

from collections.abc import Sequence

from bighead.kernels.aggregates.arrow_door import ArrowArray as ArrowArray
from bighead.kernels.aggregates.arrow_door import ArrowType as ArrowType
from bighead.kernels.aggregates.arrow_door import Result as Result

class States:
    """An array of states of one aggregate, each the state of no rows to begin with.

    kind: a name in KINDS. types: the Arrow types of its arguments. size: how many states.
    k, p, half_life: as in `bighead.kernels.temporal.Spec`.

    Adding and merging are associative and commutative with the empty state as zero: exactly for all
    but approx_top_k, whose counts are so within their bound, and decayed ones, within rounding.
    """

    def __init__(
        self,
        kind: str,
        types: Sequence[ArrowType] = (),
        size: int = 1,
        *,
        k: int | None = None,
        p: tuple[int, int] | None = None,
        half_life: int | None = None,
    ) -> None: ...
    @classmethod
    def from_binary(
        cls,
        kind: str,
        types: Sequence[ArrowType],
        array: ArrowArray,
        *,
        k: int | None = None,
        p: tuple[int, int] | None = None,
        half_life: int | None = None,
    ) -> States:
        """States from what `to_binary` gave; NULL is the empty state. Bytes that are cut off, of
        another aggregate or of an unknown version raise StateError."""

    def __len__(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def invertible(self) -> bool:
        """Whether rows and states can be taken away again."""

    def resize(self, size: int) -> None:
        """More empty states at the end, or fewer."""

    def add(
        self,
        groups: ArrowArray,
        args: Sequence[ArrowArray] = (),
        time: ArrowArray | None = None,
        sequence: ArrowArray | None = None,
    ) -> None:
        """Add each row to the state that `groups` (int64) names; rows of a NULL group, and rows
        with NULL or NaN in an argument, count nowhere.

        time: int64 microseconds or timestamp[us], without NULLs; first, last, first_k, last_k,
        min_by, max_by and decayed ones need it. sequence: breaks ties of equal time, NULL first.
        """

    def remove(
        self,
        groups: ArrowArray,
        args: Sequence[ArrowArray] = (),
        time: ArrowArray | None = None,
        sequence: ArrowArray | None = None,
    ) -> None:
        """Take away what `add` with the same rows added; StateError where there is no inverse."""

    def merge(self, other: States, groups: ArrowArray | None = None) -> None:
        """Merge each state of `other` into the one that `groups` names, by default into its own
        place."""

    def subtract(self, other: States, groups: ArrowArray | None = None) -> None:
        """Take away what `merge` of these states merged; StateError where there is no inverse."""

    def finish(self, at: ArrowArray | None = None) -> Result:
        """The value of each state, by the rules of `Timeline.aggregate`, but values themselves
        where that gives event rows: lists are large_list, histogram and approx_top_k large_list of
        struct<value, count>.

        at: int64 or timestamp[us], one time a state, later than its rows: decayed ones need it.
        Raises Overflow and UnequalLengths, which name the state.
        """

    def to_binary(self) -> Result:
        """The states as an array of large_binary: the same bytes for the same rows in any order,
        but for approx_top_k and decayed ones."""

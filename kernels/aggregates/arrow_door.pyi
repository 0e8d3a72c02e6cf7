"""What `arrow_door.pxi` gives to each door that includes it."""

from typing import Protocol

class ArrowArray(Protocol):
    """Anything that exports one Arrow array, such as pyarrow.Array."""

    def __arrow_c_array__(
        self, requested_schema: object | None = None
    ) -> tuple[object, object]: ...

class ArrowType(Protocol):
    """Anything that exports an Arrow type, such as pyarrow.DataType."""

    def __arrow_c_schema__(self) -> object: ...

class Result:
    """An Arrow array owned by the kernel; `pyarrow.array(result)` takes it without a copy.

    It can be exported any number of times; the buffers live as long as any taker.
    """

    def __arrow_c_array__(
        self, requested_schema: object | None = None
    ) -> tuple[object, object]: ...
    def __arrow_c_schema__(self) -> object: ...
    def __len__(self) -> int: ...

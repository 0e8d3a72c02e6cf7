"""The door of nested values; see `bighead.kernels.nested`."""

from bighead.kernels.aggregates.arrow_door import ArrowArray, ArrowType, Result

def encode(array: ArrowArray) -> Result:
    """A column of lists, structs or maps as LargeBinary whose bytes order like the values.

    NULL stays NULL; -0.0 is 0.0. Raises Unsupported (a StateError) for types that have no such
    bytes: dictionaries, decimals of 256 bits, views.

    >>> import pyarrow as pa
    >>> pa.array(encode(pa.array([[1, None], []], pa.list_(pa.int64())))).to_pylist()
    [b'\\x01\\x01\\x80\\x00\\x00\\x00\\x00\\x00\\x00\\x01\\x01\\x00\\x00', b'\\x00']
    """

def decode(array: ArrowArray, arrow: ArrowType) -> Result:
    """The column of a type that `encode` was given. Its buffers are of that type, but fields have
    no names and no flags: import it with the type.

    Raises StateError for bytes that are not of such values.
    """

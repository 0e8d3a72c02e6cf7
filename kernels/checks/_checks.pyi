"""The door of the checks; see `bighead.kernels.checks`."""

from _typeshed import ReadableBuffer

def crc32(data: ReadableBuffer, value: int = 0) -> int:
    """The CRC-32 of contiguous bytes that follow others whose check is `value`.

    The number is that of `zlib.crc32`. The GIL is released meanwhile. Raises BufferError and
    TypeError for what is no run of bytes.

    >>> hex(crc32(b"123456789"))
    '0xcbf43926'
    >>> crc32(b"6789", crc32(b"12345")) == crc32(b"123456789")
    True
    """

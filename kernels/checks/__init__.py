"""Checks of bytes: CRC-32 at the speed of memory.

crc32(b"6789", crc32(b"12345")) == zlib.crc32(b"123456789")
"""

from bighead.kernels.checks._checks import crc32

__all__ = ["crc32"]

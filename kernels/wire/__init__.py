"""Answers as Arrow's messages, put together without an Arrow library.

message(result, head, place, widths) is the bytes of an encapsulated record batch.
"""

from bighead.kernels.wire._wire import message

__all__ = ["message"]

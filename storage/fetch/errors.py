"""What a request can run into: errors with the kind that each door spells in its own way."""

from __future__ import annotations

from enum import Enum

from bighead.zipline.errors import BigheadError


class Kind(Enum):
    """Of an error, by what its caller can do; the values are the names of gRPC's codes."""

    WRONG = "INVALID_ARGUMENT"
    UNKNOWN = "NOT_FOUND"
    TOO_LARGE = "RESOURCE_EXHAUSTED"
    TOO_LATE = "DEADLINE_EXCEEDED"
    WITHOUT_TOKEN = "UNAUTHENTICATED"
    FORBIDDEN = "PERMISSION_DENIED"
    DAMAGED = "DATA_LOSS"
    UNREADY = "UNAVAILABLE"
    BUG = "INTERNAL"


class FetchError(BigheadError):
    """A request without an answer."""

    def __init__(self, kind: Kind, message: str) -> None:
        self.kind = kind
        super().__init__(message)

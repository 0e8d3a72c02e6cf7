"""What can go wrong between this program and its registry."""

from __future__ import annotations

from bighead.zipline.errors import BigheadError


class RegistryError(BigheadError):
    """The registry cannot be reached, read or written."""


class Conflict(RegistryError):
    """Somebody else's apply came between reading the registry and writing to it."""

"""What can go wrong with a store."""

from bighead.zipline.errors import BigheadError


class StoreError(BigheadError):
    """A store that cannot be opened, does not hold what is asked for, or does not fit its sets."""


class LockedError(StoreError):
    """A store that another process writes."""


class FormatError(StoreError):
    """A store that another version wrote, in a format that this one does not read."""


class SilentError(StoreError):
    """Whoever was asked does not answer; he may later."""


class DamagedError(StoreError):
    """A block that is missing, or is not what its rows make of it."""

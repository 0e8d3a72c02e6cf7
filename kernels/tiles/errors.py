"""What can go wrong with tiles, beside what can go wrong with states."""

from bighead.kernels.aggregates.errors import StateError


class NotKept(StateError):
    """Rows that a question needs were dropped; `before` is the time from which they are kept."""

    def __init__(self, before: int) -> None:
        super().__init__(f"rows before {before} are no longer kept")
        self.before = before

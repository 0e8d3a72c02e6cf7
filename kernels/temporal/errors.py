"""What can go wrong inside the temporal kernel, as data.

Each error carries the position of the fault as plain integers; the engine, which knows names and
keys, turns them into sentences for a user. All derive from ValueError.
"""


class TemporalError(ValueError):
    """Something in the input of the temporal kernel is wrong."""


class NullTime(TemporalError):
    """An event of a key that the spine asks for has no event time, or a change no time of change.

    `row` is the least such row.
    """

    def __init__(
        self, row: int, reason: str = "a NULL event time and a key that the spine holds"
    ) -> None:
        super().__init__(f"event row {row} has {reason}")
        self.row = row


class Overflow(TemporalError):
    """A sum does not fit its result type: BIGINT, or DECIMAL(38, s).

    `spec` and `window` are positions in what `aggregate` was given, `row` is a spine row. The least
    (spec, window, row) is reported.
    """

    def __init__(self, spec: int, window: int, row: int) -> None:
        super().__init__(f"aggregate {spec} overflows in window {window} of spine row {row}")
        self.spec = spec
        self.window = window
        self.row = row


class UnequalLengths(TemporalError):
    """The vectors of a window differ in length, so there is no element-wise sum.

    `spec` and `window` are positions in what `aggregate` was given, `row` is a spine row. The least
    (spec, window, row) is reported.
    """

    def __init__(self, spec: int, window: int, row: int) -> None:
        super().__init__(
            f"aggregate {spec} adds up vectors of unequal lengths: window {window}, spine row {row}"
        )
        self.spec = spec
        self.window = window
        self.row = row


class Unsupported(TemporalError, TypeError):
    """A column's type, or a combination of kind and type, that the kernel does not take."""

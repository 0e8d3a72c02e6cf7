"""What can go wrong with states of aggregates. All derive from ValueError."""


class StateError(ValueError):
    """Something given to states does not fit them, or bytes are not those of a state."""


class Unsupported(StateError, TypeError):
    """A type, or a combination of aggregate and type, that states do not take."""


class Overflow(StateError):
    """A sum does not fit its result type, BIGINT or DECIMAL(38, s); `state` says whose."""

    def __init__(self, state: int) -> None:
        super().__init__(f"the sum of state {state} overflows")
        self.state = state


class UnequalLengths(StateError):
    """The vectors of a state differ in length, so there is no element-wise sum."""

    def __init__(self, state: int) -> None:
        super().__init__(f"state {state} adds up vectors of unequal lengths")
        self.state = state

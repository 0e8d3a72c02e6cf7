"""The algebra of aggregates: states that rows are added to, that merge, and that finish to values.

    states = States("avg", [pyarrow.float64()], size=2)
    states.add(groups, [prices])
    states.merge(States.from_binary("avg", [pyarrow.float64()], stored))
    pyarrow.array(states.finish())

The headers here are also what the batch kernel computes with, so that the state of any parts of a
window gives what the kernel gives for the window. `algebra.h` describes the bytes of a state.
"""

from bighead.kernels.aggregates._aggregates import States
from bighead.kernels.aggregates.errors import Overflow, StateError, UnequalLengths, Unsupported
from bighead.kernels.aggregates.kinds import KINDS

__all__ = ["KINDS", "Overflow", "StateError", "States", "UnequalLengths", "Unsupported"]

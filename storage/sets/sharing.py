"""Sets that differ in their windows only: they are read from the same blocks.

Tiles and rows do not depend on windows. So a set whose columns and states another one keeps already
needs nothing of its own: it is another way to read, over all the history that is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bighead.storage.sets.definitions import LEAST, Definition
from bighead.storage.sets.set_plan import SetPlan, share
from bighead.zipline.ir.nodes import Lookup, View


@dataclass(frozen=True, slots=True)
class Shared:
    """A set that keeps all that another one reads, but perhaps not for long enough."""

    owner: Definition
    plan: SetPlan
    """How the other is read."""
    enough: bool
    """Its history goes back as far as the windows of the other."""


def find_shared(
    right: View | Lookup, held: Mapping[str, tuple[Definition, SetPlan]], leaf: int, now: int
) -> Shared | None:
    """The set of which another one can be read, of those with blocks of their own."""
    found = None
    for owner, plan in held.values():
        made = share(right, plan, leaf=leaf, sizes=owner.sizes)
        if made is not None:
            enough = _reaches_back(owner, plan, made, now)
            if enough:
                return Shared(owner, made, True)
            found = Shared(owner, made, False)
    return found


def _reaches_back(owner: Definition, kept: SetPlan, asked: SetPlan, now: int) -> bool:
    """Whether what a set keeps holds all that another one counts from now on."""
    if owner.horizon == LEAST:
        return True
    if asked.newest != 0 or (asked.keep and not kept.keep):
        return False
    return asked.reach <= now - owner.horizon


def with_windows_of(plan: SetPlan, others: list[SetPlan]) -> SetPlan:
    """The plan of a set from whose blocks others are read: it keeps what they count, too."""
    also = tuple(window for other in others for window in other.windows)
    return plan if also == plan.also else replace(plan, also=also)

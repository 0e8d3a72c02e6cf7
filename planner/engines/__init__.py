"""The engines by name."""

from __future__ import annotations

from collections.abc import Callable

from bighead.planner.engine import Engine
from bighead.planner.engines.datafusion import DataFusionEngine
from bighead.planner.spill.memory import Limits
from bighead.zipline.errors import BigheadError, did_you_mean


def _reference(_limits: Limits) -> Engine:
    # Who runs the other engine has no need of what this one is made of.
    from bighead.planner.engines.datafusion.relational import run_relational  # noqa: PLC0415
    from bighead.planner.engines.reference import ReferenceEngine  # noqa: PLC0415

    return ReferenceEngine(run_relational)


ENGINES: dict[str, Callable[[Limits], Engine]] = {
    "datafusion": lambda limits: DataFusionEngine(limits=limits),
    "reference": _reference,
}
"""Name: what makes the engine."""


UNLIMITED = frozenset({"reference"})
"""The engines that hold everything in memory."""


def engine_named(name: object, limits: Limits | None = None) -> Engine:
    """A new engine; BigheadError where there is none of that name, or it knows no limits."""
    if not isinstance(name, str) or name not in ENGINES:
        raise BigheadError(f"there is no engine '{name}'; {did_you_mean(str(name), ENGINES)}")
    if limits is not None and name in UNLIMITED:
        raise BigheadError(
            f"the engine '{name}' holds all rows in memory and takes no limit; use 'datafusion'"
        )
    return ENGINES[name](limits if limits is not None else Limits())

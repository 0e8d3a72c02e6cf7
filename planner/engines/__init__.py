"""The engines by name."""

from __future__ import annotations

from collections.abc import Callable

from bighead.planner.engine import Engine
from bighead.planner.engines.datafusion import DataFusionEngine
from bighead.planner.engines.datafusion.relational import run_relational
from bighead.planner.engines.reference import ReferenceEngine
from bighead.zipline.errors import BigheadError, did_you_mean

ENGINES: dict[str, Callable[[], Engine]] = {
    "datafusion": DataFusionEngine,
    "reference": lambda: ReferenceEngine(run_relational),
}
"""Name: what makes the engine."""


def engine_named(name: object) -> Engine:
    """A new engine; BigheadError where there is none of that name."""
    if not isinstance(name, str) or name not in ENGINES:
        raise BigheadError(f"there is no engine '{name}'; {did_you_mean(str(name), ENGINES)}")
    return ENGINES[name]()

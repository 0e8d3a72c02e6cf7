"""The engines by name; the code of one is loaded when it is asked for."""

from __future__ import annotations

from bighead.planner.engine import Engine
from bighead.zipline.errors import BigheadError, did_you_mean


def _datafusion() -> Engine:
    from bighead.planner.engines.datafusion import DataFusionEngine  # noqa: PLC0415

    return DataFusionEngine()


def _reference() -> Engine:
    from bighead.planner.engines.datafusion.relational import run_relational  # noqa: PLC0415
    from bighead.planner.engines.reference import ReferenceEngine  # noqa: PLC0415

    return ReferenceEngine(run_relational)


ENGINES = {"datafusion": _datafusion, "reference": _reference}
"""Name: what makes the engine."""


def engine_named(name: object) -> Engine:
    """A new engine; BigheadError where there is none of that name."""
    if not isinstance(name, str) or name not in ENGINES:
        raise BigheadError(f"there is no engine '{name}'; {did_you_mean(str(name), ENGINES)}")
    return ENGINES[name]()

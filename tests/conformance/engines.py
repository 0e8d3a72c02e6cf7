"""The engines that are held against the reference, by name."""

from __future__ import annotations

from collections.abc import Callable

from bighead.planner.engine import Engine
from bighead.planner.engines.datafusion import DataFusionEngine

ENGINES: dict[str, Callable[[], Engine]] = {"datafusion": DataFusionEngine}

"""The default engine; see `engine.py`."""

from bighead.planner.engines.datafusion.engine import DataFusionEngine

__all__ = ["DataFusionEngine"]

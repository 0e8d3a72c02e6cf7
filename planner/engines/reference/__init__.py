"""The engine that is the specification; see `engine.py`."""

from bighead.planner.engines.reference.engine import ReferenceEngine, RunSql

__all__ = ["ReferenceEngine", "RunSql"]

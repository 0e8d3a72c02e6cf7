"""The engines, and the session that runs queries on them.

`Session` is looked up when it is first used, so that `import bighead.planner` loads nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bighead.planner.session import Session

__all__ = ["Session"]

if not TYPE_CHECKING:  # a type checker shall see this name, and no others

    def __getattr__(name):
        if name == "Session":
            globals()[name] = value = import_module("bighead.planner.session").Session
            return value
        raise AttributeError(f"module 'bighead.planner' has no attribute {name!r}")

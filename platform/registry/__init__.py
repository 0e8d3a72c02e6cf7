"""The registry: definitions with their versions, owners and lineage, in SQLite or PostgreSQL.

`Registry` is the way in; `records` are what it is told and what it tells. It is looked up when it
is first used, so that who has records alone loads no database.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from bighead.platform.registry.errors import Conflict, RegistryError
from bighead.platform.registry.records import (
    Action,
    Column,
    Edge,
    Entry,
    Event,
    Input,
    Link,
    Match,
    Place,
    State,
    Version,
)

if TYPE_CHECKING:
    from bighead.platform.registry.registry import Registry

__all__ = [
    "Action",
    "Column",
    "Conflict",
    "Edge",
    "Entry",
    "Event",
    "Input",
    "Link",
    "Match",
    "Place",
    "Registry",
    "RegistryError",
    "State",
    "Version",
]

if not TYPE_CHECKING:  # a type checker shall see this name, and no others

    def __getattr__(name):
        if name == "Registry":
            found = import_module("bighead.platform.registry.registry").Registry
            globals()[name] = found
            return found
        raise AttributeError(f"module 'bighead.platform.registry' has no attribute {name!r}")

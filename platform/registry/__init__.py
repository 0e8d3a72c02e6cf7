"""The registry: definitions with their versions, owners and lineage, in SQLite or PostgreSQL.

`Registry` is the way in; `records` are what it is told and what it tells.
"""

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

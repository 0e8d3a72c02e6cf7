"""What a bound statement asks for; binding changes nothing, the catalog's holder carries it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bighead.zipline.catalog import FeatureSet, TrainingSet
from bighead.zipline.ir.nodes import Node
from bighead.zipline.ir.sources import EntitySource, EventSource

Shown = Literal[
    "EVENT SOURCES", "ENTITY SOURCES", "SOURCES", "FEATURE SETS", "TRAINING SETS", "TABLES"
]
Stage = Literal["logical", "optimized", "tiled", "physical"]


@dataclass(frozen=True, slots=True)
class CreateSource:
    """CREATE [OR REPLACE] EVENT | ENTITY SOURCE."""

    source: EventSource | EntitySource
    replace: bool
    sql: str
    """The statement in canonical spelling, without OR REPLACE."""


@dataclass(frozen=True, slots=True)
class CreateFeatureSet:
    """CREATE [OR REPLACE] FEATURE SET."""

    feature_set: FeatureSet
    replace: bool


@dataclass(frozen=True, slots=True)
class CreateTrainingSet:
    """CREATE [OR REPLACE] TRAINING SET."""

    training_set: TrainingSet
    replace: bool


@dataclass(frozen=True, slots=True)
class Drop:
    """DROP of something that exists (else `name` is None, after IF EXISTS)."""

    kind: str
    """'event source', 'feature set', ... as the statement says it."""
    name: str | None


@dataclass(frozen=True, slots=True)
class Show:
    """SHOW: names and kinds of what there is."""

    what: Shown


@dataclass(frozen=True, slots=True)
class Describe:
    """DESCRIBE of something that exists."""

    name: str


@dataclass(frozen=True, slots=True)
class Query:
    """Rows."""

    plan: Node
    sql: str
    """The query in canonical spelling."""


@dataclass(frozen=True, slots=True)
class Explain:
    """EXPLAIN of a query, at a stage or at all of them."""

    query: Query
    stage: Stage | None
    analyze: bool


Command = (
    CreateSource | CreateFeatureSet | CreateTrainingSet | Drop | Show | Describe | Explain | Query
)

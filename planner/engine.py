"""What an engine is to the rest of the planner: it says what it can do, compiles, and runs.

An engine gets an optimised plan and the data behind its scans, and gives Arrow batches in the order
that the plan means. All engines give equal rows; `bighead.planner.engines.reference` says which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from bighead.planner.sources.dataset import Dataset
from bighead.zipline.ir.nodes import Node
from bighead.zipline.ir.sources import Source

Open = Callable[[Source], Dataset]
"""Finds the data of a source: what a session registered under its name, or its `batch` option."""


Report = Callable[[str, int, int], None]
"""Hears what is being done, in a few words, to how many rows it is done, and of about how many."""


def _unseen(_what: str, _rows: int, _of: int) -> None:
    """Nobody looks."""


@dataclass(slots=True)
class Run:
    """What is known of one execution; EXPLAIN ANALYZE prints it.

    `seconds` and `rows` are by the label of a physical step; `facts` are remarks such as
    "ordered path" or "12 rows skipped: NULL event time in bookings".
    """

    seconds: dict[str, float] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    facts: list[str] = field(default_factory=list)
    report: Report = field(default=_unseen)


class Engine(Protocol):
    """One way to run a plan."""

    @property
    def name(self) -> str:
        """'reference', 'datafusion', ..."""
        ...

    def supports(self, node: Node) -> str | None:
        """None where the engine runs this node (its inputs aside), else the reason, for users."""
        ...

    def compile(self, plan: Node) -> Node:
        """The physical plan: what `run` will do, as nodes that EXPLAIN STAGE physical prints."""
        ...

    def foresee(self, plan: Node, open_source: Open) -> list[str]:
        """What is known of a run before it begins, for users: that it will go to disk, and why."""
        ...

    def run(self, plan: Node, open_source: Open, run: Run) -> pa.Table:
        """The rows of a compiled plan."""
        ...

    def stream(self, plan: Node, open_source: Open, run: Run) -> Iterator[pa.Table]:
        """The same rows in order, piece by piece; at least one piece, maybe empty."""
        ...

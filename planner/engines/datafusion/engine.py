"""The default engine: Arrow and DataFusion scan, filter and project, the temporal kernel joins.

Joins as of a time are never lowered to an ordinary join: the kernel sorts spine and events once and
sweeps them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import pyarrow as pa

from bighead.planner.engine import Open, Run
from bighead.planner.engines.datafusion.execution import Execution
from bighead.planner.engines.datafusion.physical import to_physical
from bighead.zipline.ir.nodes import Lookup, Node, Versions


@dataclass(frozen=True, slots=True)
class DataFusionEngine:
    """Runs plans on one machine.

    Parameters
    ----------
    threads: how many the kernel uses; by default one a core.
    """

    threads: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))
    name: str = field(default="datafusion", init=False)

    def supports(self, node: Node) -> str | None:
        """The reason where this engine does not run a node."""
        if isinstance(node, Lookup) and node.forward and isinstance(node.events, Versions):
            return (
                "a row of an entity is looked up as it was before a time, not after it; "
                "write MATCH_CONDITION with > or >="
            )
        return None

    def compile(self, plan: Node) -> Node:
        """The operators that run, with scans of the same rows made one."""
        return to_physical(plan)

    def run(self, plan: Node, open_source: Open, run: Run) -> pa.Table:
        """The rows of a compiled plan, in the order that it means."""
        table = Execution(open_source, run, self.threads).rows(plan)
        return pa.Table.from_arrays(table.columns, schema=plan.schema)

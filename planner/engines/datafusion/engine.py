"""The default engine: Arrow and DataFusion scan, filter and project, the temporal kernel joins.

Joins as of a time are never lowered to an ordinary join: the kernel sorts spine and events once and
sweeps them. Where a plan would take more memory than it may, its joins go through files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from bighead.planner.engine import Open, Run
from bighead.planner.engines.datafusion.estimate import Sizes
from bighead.planner.engines.datafusion.execution import Execution
from bighead.planner.engines.datafusion.physical import to_physical
from bighead.planner.spill.memory import Limits, allowed, spelled
from bighead.zipline.errors import BigheadError
from bighead.zipline.ir.nodes import Lookup, Node, TemporalJoin, Versions, walk


@dataclass(frozen=True, slots=True)
class DataFusionEngine:
    """Runs plans on one machine.

    Parameters
    ----------
    threads: how many the kernel uses; by default one a core.
    limits: what a query may take; by default a share of what is free when it starts.
    """

    threads: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))
    limits: Limits = field(default_factory=Limits)
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

    def foresee(self, plan: Node, open_source: Open) -> list[str]:
        """Whether a compiled plan goes to disk, and why."""
        sizes = Sizes(open_source)
        memory = self._too_little(plan, sizes)
        return [] if memory is None else [_goes_to_disk(sizes.memory(plan), memory)]

    def run(self, plan: Node, open_source: Open, run: Run) -> pa.Table:
        """The rows of a compiled plan, in the order that it means.

        Raises BigheadError where they take more memory than they may, whatever goes to disk.
        """
        sizes = Sizes(open_source)
        memory = self._too_little(plan, sizes)
        if memory is None:
            return self._held(plan, open_source, run)
        if sizes.output(plan) > memory:
            raise BigheadError(
                f"the rows of this query take about {spelled(sizes.output(plan))} and may take "
                f"{spelled(memory)}; write them with write_parquet() (--output rows.parquet), read "
                "them by to_batches(), raise the memory limit, or take fewer of them"
            )
        pieces = list(self._spilled(plan, open_source, run, sizes, memory))
        return pa.concat_tables(pieces)

    def stream(self, plan: Node, open_source: Open, run: Run) -> Iterator[pa.Table]:
        """The rows of a compiled plan in pieces, where they do not fit into memory."""
        sizes = Sizes(open_source)
        memory = self._too_little(plan, sizes)
        if memory is None:
            yield self._held(plan, open_source, run)
        else:
            yield from self._spilled(plan, open_source, run, sizes, memory)

    def _held(self, plan: Node, open_source: Open, run: Run) -> pa.Table:
        table = Execution(open_source, run, self.threads).rows(plan)
        return pa.Table.from_arrays(table.columns, schema=plan.schema)

    def _spilled(
        self, plan: Node, open_source: Open, run: Run, sizes: Sizes, memory: int
    ) -> Iterator[pa.Table]:
        # Most plans fit into memory, and start without this.
        from bighead.planner.engines.datafusion.streaming import Streaming  # noqa: PLC0415
        from bighead.planner.spill.folder import opened  # noqa: PLC0415

        run.facts.append(_goes_to_disk(sizes.memory(plan), memory))
        with opened(self.limits) as folder:
            streaming = Streaming(open_source, run, self.threads, folder, memory, sizes)
            for piece in streaming.rows(plan):
                yield pa.Table.from_arrays(piece.columns, schema=plan.schema)

    def _too_little(self, plan: Node, sizes: Sizes) -> int | None:
        """The memory that may be taken, where the plan takes more and can do with less."""
        if not any(isinstance(node, TemporalJoin) for node in walk(plan)):
            return None
        memory = allowed(self.limits)
        return memory if memory is not None and sizes.memory(plan) > memory else None


def _goes_to_disk(need: int, memory: int) -> str:
    return (
        f"goes to disk: it would take about {spelled(need)} of memory, and may take "
        f"{spelled(memory)}"
    )

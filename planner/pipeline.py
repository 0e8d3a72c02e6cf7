"""From a logical plan to the one that runs: stages with names, passes in an order to be read.

A pass is a function `Node -> Node` that keeps the rows and gives the same object back where there
is nothing to do; each has a file of its own in `passes/`. EXPLAIN (`explain.py`) can stop at any
stage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

from bighead.planner.passes.merge_joins import merge_joins
from bighead.planner.passes.merge_projects import merge_projects
from bighead.planner.passes.prune_columns import prune_columns
from bighead.planner.passes.prune_times import prune_times
from bighead.planner.passes.push_filters import push_filters
from bighead.planner.passes.share import share
from bighead.planner.passes.simplify import simplify
from bighead.planner.passes.to_tiles import to_tiles
from bighead.zipline.ir.nodes import Node

Stage = Literal["logical", "optimized", "tiled", "physical"]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""`logical` is what the text says, once where it says it twice; `optimized` what the engines of one
machine and of a cluster compile, `tiled` what a store of tiles serves, `physical` what an engine
does."""

Pass = Callable[[Node], Node]

PASSES: tuple[Pass, ...] = (
    share,
    simplify,
    push_filters,
    merge_joins,
    prune_columns,
    merge_projects,
    prune_times,
)
"""From `logical` to `optimized`."""

TILING: tuple[Pass, ...] = (to_tiles,)
"""From `optimized` to `tiled`."""


def optimize(plan: Node, until: Stage = "optimized") -> Node:
    """The plan at a stage; `physical` is an engine's to make, from `optimized`."""
    assert until != "physical", "an engine compiles the physical plan"
    if until == "logical":
        return share(plan)
    for step in PASSES + (TILING if until == "tiled" else ()):
        plan = step(plan)
    return plan

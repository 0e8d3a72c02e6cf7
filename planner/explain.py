"""What EXPLAIN prints: the plan at a stage, and after a run what it did and how long it took."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from bighead.planner.engine import Engine, Run
from bighead.planner.pipeline import Stage, optimize
from bighead.zipline.ir.format import format_plan
from bighead.zipline.ir.nodes import Node, walk


@runtime_checkable
class Step(Protocol):
    """A physical node that is counted and timed under a label."""

    @property
    def label(self) -> str:
        """Its key in `Run.rows` and `Run.seconds`."""
        ...


def explain(
    plan: Node, stage: Stage = "optimized", engine: Engine | None = None, run: Run | None = None
) -> str:
    """The text of a logical plan at a stage; with `run` also rows, seconds and facts of that run.

    `engine` is needed for the stage `physical`.
    """
    if stage == "physical":
        assert engine is not None, "only an engine knows the physical plan"
        shown = engine.compile(optimize(plan))
    else:
        shown = optimize(plan, until=stage)

    facts = [] if run is None else run.facts

    def measured(node: Node) -> str:
        if run is None or not isinstance(node, Step):
            return ""
        parts = []
        if node.label in run.rows:
            rows = run.rows[node.label]
            parts.append(f"{rows:,} row{'' if rows == 1 else 's'}")
        if node.label in run.seconds:
            parts.append(f"{run.seconds[node.label]:.3f} s")
        about = (f.removeprefix(f"{node.label}: ") for f in facts if _label(f) == node.label)
        return "\n".join([", ".join(parts), *about])

    labels = {node.label for node in walk(shown) if isinstance(node, Step)}
    loose = [fact for fact in facts if _label(fact) not in labels]
    return "\n".join([format_plan(shown, measured), *(f"-- {fact}" for fact in loose)])


def _label(fact: str) -> str:
    """The step that a remark begins with: 'KernelJoin 1: ordered path'."""
    return fact.partition(": ")[0]

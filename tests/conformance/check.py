"""One question to two engines: run a case on both, compare, and make a failing case small.

Where the reference refuses, the other engine must refuse with an error of the same class. Where
only the other one refuses, the reference must know of a bad row that nothing sees: such a row may
be refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from bighead.planner.engine import Engine, Run
from bighead.planner.engines.reference import ReferenceEngine
from bighead.planner.engines.reference.events import UNSEEN
from bighead.planner.pipeline import optimize
from bighead.planner.sources.changes import open_changes
from bighead.planner.sources.dataset import Dataset
from bighead.planner.sources.opener import Place, open_source
from bighead.zipline.errors import BigheadError
from bighead.zipline.ir.expr import Call
from bighead.zipline.ir.nodes import Aggregate, Relational, TemporalJoin, View
from bighead.zipline.ir.sources import EntitySource, Source
from tests.conformance.cases import Case
from tests.conformance.compare import difference
from tests.conformance.magnitudes import magnitudes


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an engine answered: rows or an error."""

    table: pa.Table | None
    error: BigheadError | None
    unseen: bool
    """Whether there is a bad row that nothing sees."""


def no_sql(node: Relational, tables: object) -> pa.Table:
    """Cases have no plain SQL."""
    raise AssertionError(node.sql)


REFERENCE = ReferenceEngine(no_sql)


def ask(engine: Engine, case: Case) -> Outcome:
    """Run a case on an engine: on the reference as it is meant, on others after all passes."""

    def find(source: Source) -> Dataset:
        data = open_source(case.tables[source.name], source.name, Place(), source.schema)
        if isinstance(source, EntitySource) and source.deletes:
            return open_changes(source, data, Place(), lambda _: None)
        return data

    run = Run()
    try:
        plan = case.plan if engine is REFERENCE else optimize(case.plan)
        table = engine.run(engine.compile(plan), find, run)
    except BigheadError as error:
        return Outcome(None, error, unseen=False)
    return Outcome(table, None, any(fact.startswith(UNSEEN) for fact in run.facts))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What two engines make of a case."""

    disagreement: str | None
    """In a sentence."""
    refused: bool = False
    """Both say that it is an error."""


def judge(engine: Engine, case: Case) -> Verdict:
    """Whether the engine and the reference agree."""
    wanted, got = ask(REFERENCE, case), ask(engine, case)
    if wanted.error is not None:
        if got.error is None:
            return Verdict(f"no error came, but the reference says: {wanted.error}")
        if type(got.error) is not type(wanted.error):
            return Verdict(f"{type(got.error).__name__}: {got.error}\nnot {wanted.error!r}")
        return Verdict(None, refused=True)
    if got.error is not None:
        allowed = wanted.unseen
        return Verdict(None if allowed else f"{type(got.error).__name__}: {got.error}", allowed)
    assert got.table is not None
    assert wanted.table is not None
    return Verdict(difference(case.plan, got.table, wanted.table, lambda: sizes(case)))


def sizes(case: Case) -> pa.Table:
    """The magnitudes of the terms of rounded aggregates, by the reference."""
    with magnitudes():
        outcome = ask(REFERENCE, case)
    assert outcome.table is not None, outcome.error
    return outcome.table


def check(engine: Engine, case: Case) -> int:
    """Assert that both agree; how many cases were compared.

    A case that both refuse is asked again without what can be too large.
    """
    verdict = judge(engine, case)
    if verdict.disagreement is not None:
        small = shrink(case, lambda c: judge(engine, c).disagreement is not None)
        raise AssertionError(f"{judge(engine, small).disagreement}\n{small}")
    if not verdict.refused:
        return case.size
    calmer = calmed(case)
    return 1 + (0 if calmer is None else check(engine, calmer))


def calmed(case: Case) -> Case | None:
    """The case without sums and casts that can be too large; None where it has none."""
    if not isinstance(case.plan, TemporalJoin) or not isinstance(case.plan.right, View):
        return None
    right = case.plan.right
    calm = tuple(f for f in right.features if not _is_risky(f.aggregate))
    if len(calm) == len(right.features):
        return None
    return replace(case, plan=replace(case.plan, right=replace(right, features=calm)))


def _is_risky(asked: Aggregate) -> bool:
    if asked.function in ("vector_sum", "vector_avg"):
        return True
    sums = asked.function in ("sum", "avg") and not pa.types.is_floating(asked.args[0].type)
    return sums or any(isinstance(a, Call) and a.function == "cast" for a in asked.args)


def shrink(case: Case, fails: Callable[[Case], bool]) -> Case:
    """A case that still fails, with one feature and as few rows as can be."""
    if isinstance(case.plan, TemporalJoin) and isinstance(case.plan.right, View):
        right = case.plan.right
        for feature in right.features:
            alone = replace(case.plan, right=replace(right, features=(feature,)))
            if fails(replace(case, plan=alone)):
                case = replace(case, plan=alone)
                break
    for name in case.tables:
        case = _fewer_rows(case, name, fails)
    return case


def _fewer_rows(case: Case, name: str, fails: Callable[[Case], bool]) -> Case:
    step = max(case.tables[name].num_rows // 2, 1)
    while step:
        start = 0
        while start < (rows := case.tables[name].num_rows):
            kept = np.r_[0:start, min(start + step, rows) : rows]
            fewer = case.tables[name].take(pa.array(kept, pa.int64()))
            smaller = replace(case, tables={**case.tables, name: fewer})
            if fails(smaller):
                case = smaller
            else:
                start += step
        step //= 2
    return case

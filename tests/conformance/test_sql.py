"""The same cases written as SQL and run by a session: text, binder, passes and engine together.

The plan that a case was made with says what is right; the reference runs it as it stands.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pyarrow as pa
import pytest

from bighead.planner.session import Session
from bighead.zipline.errors import BigheadError
from bighead.zipline.ir.nodes import TemporalJoin, View
from bighead.zipline.ir.sources import EventSource
from bighead.zipline.windows import format_duration
from tests.conformance.cases import Case, operand, sql
from tests.conformance.check import REFERENCE, Outcome, ask, calmed, sizes
from tests.conformance.compare import difference
from tests.conformance.draw_tables import KEYS, KNOWLEDGE, MATCHES, Keys, Knowledge, Match
from tests.conformance.generate import lookup_case, windows_case
from tests.conformance.user import Bag, Mixed, Reach

SOAK_SEEDS = 6


def session(case: Case, engine: str) -> Session:
    """A session that holds the tables of a case, declared as the case says."""
    s = Session(engine=engine)
    s.register_aggregate(Bag, Mixed, Reach)
    s.register("spine", case.tables["spine"])
    for source in case.sources:
        known = None if source.known_at is None else "known"
        data = case.tables[source.name]
        if isinstance(source, EventSource):
            s.register(
                source.name,
                data,
                event_time="ts",
                known_at=known,
                sequence=source.sequence,
                identity=source.identity or None,
                skip_null_times=source.skip_null_times,
            )
        else:
            s.register(
                source.name,
                data,
                primary_key=source.primary_key,
                changed_at="ts",
                known_at=known,
                sequence=source.sequence,
            )
    return s


def sayable(case: Case) -> Case:
    """The case as far as plain SQL can say it: windows look ahead in training sets only."""
    plan = case.plan
    assert isinstance(plan, TemporalJoin)
    right = plan.right
    if isinstance(right, View):
        back = tuple(f for f in right.features if not f.window.forward)
        return replace(case, plan=replace(plan, right=replace(right, features=back)))
    return case


def check_sql(made: Case, engine: str) -> None:
    """Assert that the session gives the rows of the case's plan."""
    case = sayable(made)
    plan = case.plan
    assert isinstance(plan, TemporalJoin)
    if isinstance(plan.right, View) and not plan.right.features:
        return
    s = session(case, engine)
    text = sql(plan)
    if isinstance(plan.right, View) and plan.right.tail is not None:
        tail = format_duration(plan.right.tail)
        inside = operand(plan.right)
        s.sql(f"CREATE FEATURE SET b WITH (tail = '{tail}') AS {inside.strip('()')}")
        text = text.replace(f"{inside} AS b", "b")
    wanted = ask(REFERENCE, case)
    found = disagreement(case, wanted, answer(s, text))
    assert found is None, f"{found}\n{case.label}\n{text}"
    calmer = None if wanted.error is None else calmed(case)
    if calmer is not None:
        check_sql(calmer, engine)


def answer(s: Session, text: str) -> pa.Table | BigheadError:
    """The rows, or why there are none."""
    try:
        return s.sql(text).to_arrow()
    except BigheadError as error:
        return error


def disagreement(case: Case, wanted: Outcome, got: pa.Table | BigheadError) -> str | None:
    """What differs, in a sentence."""
    if isinstance(got, BigheadError):
        if wanted.unseen or type(got) is type(wanted.error):
            return None
        return f"{type(got).__name__}: {got}"
    if wanted.table is None:
        return f"no error came, but the reference says: {wanted.error}"
    names = [n.removeprefix("b.") for n in wanted.table.column_names]
    if got.column_names != names:
        return f"columns are {got.column_names}, not {names}"
    renamed = got.rename_columns(wanted.table.column_names)
    return difference(case.plan, renamed, wanted.table, lambda: sizes(case))


ASKED: list[tuple[str, Keys]] = [
    *(("datafusion", keys) for keys in KEYS),
    ("reference", "composite"),
    ("reference", "none"),
]
"""The reference is asked after all passes, which is a test of these."""


@pytest.mark.parametrize(("engine", "keys"), ASKED)
@pytest.mark.parametrize("knowledge", ["none", "unordered"])
@pytest.mark.parametrize("match", MATCHES)
def test_sql_means_the_plan(engine: str, match: Match, keys: Keys, knowledge: Knowledge) -> None:
    check_sql(windows_case(500, match, keys, knowledge), engine)
    for seed in (500, 501):
        check_sql(lookup_case(seed, match, keys, knowledge), engine)


@pytest.mark.soak
@pytest.mark.parametrize("engine", ["datafusion", "reference"])
@pytest.mark.parametrize("seed", range(600, 600 + SOAK_SEEDS))
def test_sql_means_the_plan_for_many_seeds(engine: str, seed: int) -> None:
    for match, keys, knowledge in product(MATCHES, KEYS, KNOWLEDGE):
        check_sql(windows_case(seed, match, keys, knowledge), engine)
        check_sql(lookup_case(seed, match, keys, knowledge), engine)

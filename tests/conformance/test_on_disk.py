"""What goes to disk comes back as it would have been: the same cases, in many small parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle, product
from pathlib import Path

import pyarrow as pa
import pytest

from bighead.planner.engine import Open, Run
from bighead.planner.engines.datafusion import DataFusionEngine
from bighead.planner.engines.datafusion.estimate import Sizes
from bighead.planner.engines.datafusion.streaming import Streaming
from bighead.planner.spill.folder import opened
from bighead.planner.spill.memory import Limits
from bighead.zipline.ir.nodes import Node
from tests.conformance.check import check
from tests.conformance.draw_tables import KEYS, KNOWLEDGE, MATCHES, Keys, Knowledge
from tests.conformance.generate import lookup_case, windows_case
from tests.conformance.generate_chains import chain_case, large_case


@dataclass(frozen=True, slots=True)
class OnDisk:
    """The engine with a part of the memory that a plan takes."""

    folder: Path
    share: int = 9
    """One of so many parts of the memory that a plan takes is what it gets."""
    rows: int = 5
    """Rows that are worked on at a time, at least."""
    engine: DataFusionEngine = field(default_factory=DataFusionEngine)
    name: str = "datafusion on disk"

    def supports(self, node: Node) -> str | None:
        """What the engine supports."""
        return self.engine.supports(node)

    def compile(self, plan: Node) -> Node:
        """What the engine compiles."""
        return self.engine.compile(plan)

    def foresee(self, plan: Node, open_source: Open) -> list[str]:
        """It always goes to disk."""
        return [f"{self.name}: {len(plan.schema.names)} columns of {open_source}"]

    def run(self, plan: Node, open_source: Open, run: Run) -> pa.Table:
        """All pieces."""
        return pa.concat_tables(list(self.stream(plan, open_source, run)))

    def stream(self, plan: Node, open_source: Open, run: Run) -> Iterator[pa.Table]:
        """The rows of a plan, all of its joins through files."""
        sizes = Sizes(open_source)
        memory = max(1, sizes.memory(plan) // self.share)
        with opened(Limits(folder=self.folder)) as folder:
            streaming = Streaming(open_source, run, 2, folder, memory, sizes, self.rows)
            for piece in streaming.rows(plan):
                yield pa.Table.from_arrays(piece.columns, schema=plan.schema)


@pytest.mark.parametrize(("keys", "knowledge"), list(zip(KEYS, cycle(KNOWLEDGE), strict=False)))
def test_windows_equal_the_reference(keys: Keys, knowledge: Knowledge, tmp_path: Path) -> None:
    check(OnDisk(tmp_path), windows_case(2, MATCHES[len(keys) % len(MATCHES)], keys, knowledge))


@pytest.mark.parametrize("keys", KEYS)
def test_look_ups_equal_the_reference(keys: Keys, tmp_path: Path) -> None:
    for seed, (match, knowledge) in enumerate(product(MATCHES, KNOWLEDGE)):
        check(OnDisk(tmp_path), lookup_case(seed, match, keys, knowledge))


@pytest.mark.parametrize("part", range(4))
def test_whole_plans_equal_the_reference(part: int, tmp_path: Path) -> None:
    for seed in range(1000 + 10 * part, 1010 + 10 * part):
        check(OnDisk(tmp_path), chain_case(seed))


def test_hot_keys_are_cut(tmp_path: Path) -> None:
    case = large_case(1, 3000, 20)
    for share in (3, 40):
        check(OnDisk(tmp_path, share, rows=500), case)
    assert list(tmp_path.iterdir()) == [tmp_path / "lock"]

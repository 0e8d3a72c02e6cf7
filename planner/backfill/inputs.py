"""The files behind a plan, each with a mark that changes when the file does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bighead.planner.backfill.manifest import Inputs
from bighead.planner.sources.dataset import Dataset
from bighead.zipline.catalog import TrainingSet
from bighead.zipline.ir.nodes import Scan, walk
from bighead.zipline.ir.sources import Source

Open = Callable[[Source], Dataset]


def inputs_of(training_set: TrainingSet, open_source: Open, base: Path) -> Inputs:
    """By source: its files, relative to `base` where they lie below it, and their marks.

    The mark of a local file is its size and the time of its last change. Objects of a store are
    listed without one, and rows in memory not at all: a change there is not noticed.
    """
    found: dict[str, dict[str, str]] = {}
    base = base.resolve()
    for node in walk(training_set.plan):
        if isinstance(node, Scan) and node.source.name not in found:
            files = open_source(node.source).files
            found[node.source.name] = dict(_marked(file, base) for file in files)
    return found


def _marked(file: str, base: Path) -> tuple[str, str]:
    if "://" in file:
        return file, "an object"
    path = Path(file).resolve()
    stat = path.stat()
    shown = path.relative_to(base) if path.is_relative_to(base) else path
    return str(shown), f"{stat.st_size} bytes, {stat.st_mtime_ns} ns"

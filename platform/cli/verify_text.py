"""What a verification found, as tables and as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from rich import box
from rich.table import Table

from bighead.platform.cli.console import print_table, show
from bighead.platform.features.verify.report import (
    OUTCOMES,
    Example,
    Found,
    RowTold,
    SetFound,
)
from bighead.zipline.ir.expr import Literal
from bighead.zipline.ir.format_expr import format_expr
from bighead.zipline.ir.types import TIMESTAMP


def print_found(found: Found) -> None:
    """A table a set, what explains it, and examples, on standard output."""
    for each in found.sets:
        _print_set(each)
    if found.cut:
        show(
            f"{found.cut} files of the log were left by processes that were killed: rows of their "
            "last moments may be missing in it"
        )
    for remark in remarks(found):
        show(remark)
    show(summary(found))


def remarks(found: Found) -> list[str]:
    """Which rows of the log were not compared, and why; and which may be of another store."""
    said = []
    for each in found.left_out:
        when = f"served {moment(each.first)} to {moment(each.last)}"
        if each.shared is None:
            why = f"they are of another store ({each.origin})"
        else:
            why = (
                f"they read commits after {each.shared:,}, the last that this store shares with "
                f"the one from which they were served ({each.origin})"
            )
        said.append(f"{_rows(each.rows)} of the log, {when}, left out: {why}")
    if found.unnamed:
        said.append(
            f"{_rows(found.unnamed)} of the log without a store's name: taken to be of this one"
        )
    return said


def summary(found: Found) -> str:
    """The outcome in a line."""
    if not found.total:
        return "nothing was served in that time"
    rows = sum(s.rows for s in found.sets)
    drawn = f"{rows:,} of {found.total:,} rows" if rows < found.total else _rows(rows)
    counts = ", ".join(
        f"{sum(s.count(o) for s in found.sets):,} {o}"
        for o in OUTCOMES
        if o == "equal" or any(s.count(o) for s in found.sets)
    )
    values = sum(s.compared for s in found.sets)
    return f"{drawn} of the log, {values:,} values: {counts}"


def _print_set(each: SetFound) -> None:
    share = "" if each.share >= 1 else f", of {100 * each.share:g} % of the keys"
    show(f"{each.name}: {_rows(each.rows)}{share}")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    errors = any(f.faults for f in each.features)
    for title in ("feature", "class", "compared", *OUTCOMES, *(["errors"] if errors else [])):
        table.add_column(title, justify="left" if title in ("feature", "class") else "right")
    for f in each.features:
        numbers = [f.compared, *(f.counts[o] for o in OUTCOMES), *([f.faults] if errors else [])]
        table.add_row(f.name, f.accuracy, *(f"{n:,}" if n else "-" for n in numbers))
    print_table(table, sys.stdout)
    for source, rows in sorted(each.late.items()):
        show(f"{_rows(rows)} of {source} came later than a fetch that they would have changed")
    for source, rows in sorted(each.missing.items()):
        show(f"{_rows(rows)} of {source} never came")
    for source, rows in sorted(each.ahead.items()):
        show(
            f"{_rows(rows)} of {source} came and lie in no offline source yet; load them there, or "
            "verify what was served before, by --until"
        )
    for remark in each.remarks:
        show(remark)
    for example in each.examples:
        _print_example(example)


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def example_text(example: Example) -> str:
    """What was asked, served and expected, in a line."""
    asked = "".join(f"{name} = {_text(value)}, " for name, value in example.given.items())
    return (
        f"{example.outcome}: {example.feature} ({asked}as of {moment(example.as_of)}, commit "
        f"{example.commit:,}): served {_text(example.served)}, offline "
        + (example.reason or _text(example.expected))
    )


def _print_example(example: Example) -> None:
    show(example_text(example))
    for row in example.rows:
        show(f"  {row_text(row)}")
    if example.more:
        show(f"  and {_rows(example.more)} more")


def row_text(row: RowTold) -> str:
    """What became of a row, in a line."""
    named = ", ".join(f"{name} = {_text(value)}" for name, value in row.row.items())
    when = "" if row.arrival is None else f", at {moment(row.arrival)}"
    if row.what == "missing" and row.commit is None:
        became = "never came"
    elif row.what == "missing":
        became = f"came in commit {row.commit:,}, before the set was kept"
    elif row.what == "ahead":
        became = f"came{_in(row.commit)}{when}, and is not offline"
    elif row.what == "changed":
        became = "differs from the row of this identity that came" + when
    elif row.commit is None:
        became = "came with a later upload"
    else:
        became = f"came in commit {row.commit:,}{when}"
    return f"{row.source} ({named}) {became}"


def _in(commit: int | None) -> str:
    return "" if not commit else f" in commit {commit:,}"


def moment(microseconds: int) -> str:
    """A time as SQL spells it."""
    return format_expr(Literal(microseconds, TIMESTAMP)).removeprefix("TIMESTAMP ").strip("'")


def _text(value: object) -> str:
    if value is None:
        return "NULL"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def found_record(found: Found, failed: bool) -> dict[str, Any]:
    """The same for a script; times in microseconds."""
    return {
        "failed": failed,
        "logged": found.total,
        "cut_files": found.cut,
        "left_out": [
            {
                "origin": each.origin,
                "shared_commit": each.shared,
                "rows": each.rows,
                "first_served_at": each.first,
                "last_served_at": each.last,
            }
            for each in found.left_out
        ],
        "rows_of_no_store": found.unnamed,
        "sets": [_set_record(each) for each in found.sets],
    }


def _set_record(each: SetFound) -> dict[str, Any]:
    return {
        "set": each.name,
        "address": each.address,
        "share": each.share,
        "rows": each.rows,
        "features": [
            {
                "name": f.name,
                "class": f.accuracy,
                "compared": f.compared,
                **{outcome: f.counts[outcome] for outcome in OUTCOMES},
                "errors": f.faults,
            }
            for f in each.features
        ],
        "late_rows": dict(each.late),
        "missing_rows": dict(each.missing),
        "ahead_rows": dict(each.ahead),
        "remarks": each.remarks,
        "examples": [_example_record(e) for e in each.examples],
    }


def _example_record(example: Example) -> Mapping[str, Any]:
    return {
        "feature": example.feature,
        "outcome": example.outcome,
        "given": dict(example.given),
        "as_of": example.as_of,
        "served_at": example.served_at,
        "commit": example.commit,
        "served": example.served,
        "offline": example.expected,
        "reason": example.reason or None,
        "rows": [
            {
                "source": r.source,
                "what": r.what,
                "row": dict(r.row),
                "commit": r.commit,
                "arrival": r.arrival,
            }
            for r in example.rows
        ],
        "more_rows": example.more,
    }

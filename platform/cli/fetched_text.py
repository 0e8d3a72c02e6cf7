"""What was fetched, as a table, and what a set needs."""

from __future__ import annotations

import sys
from collections import Counter

from rich import box
from rich.table import Table

from bighead.platform.cli.console import out, print_table
from bighead.platform.cli.table import print_table as print_rows
from bighead.proto.v1 import fetch_pb2 as pb
from bighead.storage.fetch.answers import Answer
from bighead.storage.fetch.packing import arrow_type
from bighead.zipline.ir.expr import Literal
from bighead.zipline.ir.format_expr import format_expr
from bighead.zipline.ir.types import TIMESTAMP, sql_name


def print_answer(answer: Answer) -> None:
    """The rows, then how each group stands, then what is wrong with single entities."""
    print_rows(answer.to_arrow(), len(answer), None, upright=True)
    target = out()
    for name, group in answer.groups.items():
        counts = Counter(group.statuses)
        told = ", ".join(f"{counts[s]} {s}" for s in ("FRESH", "STALE", "MISSING") if counts[s])
        ages = group.ages[group.ages >= 0]
        oldest = f"; at most {_span(int(ages.max()))} behind" if ages.any() else ""
        target.print(f"{name}: {told or 'nothing asked'}{oldest}", markup=False)
        for source, newest in group.sources.items():
            until = "no row has come" if newest is None else f"rows up to {_moment(newest)}"
            target.print(f"  {source}: {until}", markup=False)
    target.print(f"{answer.set} as of commit {answer.commit:,}", markup=False)
    for error in answer.errors:
        columns = f" ({', '.join(error.columns)})" if error.columns else ""
        target.print(f"entity {error.entity}{columns}: {error.message}", markup=False)


def _moment(microseconds: int) -> str:
    return format_expr(Literal(microseconds, TIMESTAMP)).removeprefix("TIMESTAMP ").strip("'")


def _span(microseconds: int) -> str:
    """A length of time in its largest whole unit.

    >>> _span(90_000_000), _span(12)
    ('1 min', '12 us')
    """
    units = (("d", 86_400_000_000), ("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000))
    for unit, size in (*units, ("ms", 1000)):
        if microseconds >= size:
            return f"{microseconds // size:,} {unit}"
    return f"{microseconds} us"


def print_needs(told: pb.DescribeResponse) -> None:
    """The columns that a set is given and gives."""
    out().print(f"{told.set}, as of {told.time or 'the time of the request'}", markup=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("", "column", "type", "note"):
        table.add_column(title)
    for given in told.inputs:
        note = "tells the time; else the request's, or now" if given.optional else ""
        table.add_row("needs", given.name, _type(given.type), note)
    for gives in told.outputs:
        table.add_row("gives", gives.name, _type(gives.type), ", ".join(gives.groups))
    print_table(table, sys.stdout)


def _type(message: pb.ColumnType) -> str:
    arrow = arrow_type(message)
    return message.nested if arrow is None else sql_name(arrow)

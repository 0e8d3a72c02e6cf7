"""What a backfill would compute, as text and for scripts."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from bighead.planner.backfill.plan import Plan
from bighead.platform.cli.backfilling import size

SHOWN = 12
"""So many columns are named."""


def backfill_record(name: str, output: Path, plan: Plan) -> dict[str, object]:
    """The plan for a script."""
    return {
        "training_set": name,
        "output": str(output),
        "days": len(plan.days),
        "rows": plan.rows,
        "days_to_write": sum(not d.idle for d in plan.days),
        "days_to_read_again": sum(d.spine for d in plan.days),
        "values": plan.values,
        "values_kept": plan.rows * len(plan.shape.columns) - plan.values,
        "bytes": plan.bytes,
        "bytes_sorted": dict(plan.projections),
        "columns": {
            column: [
                {"reason": reason, "days": days, "rows": rows}
                for reason, (days, rows) in sorted(reasons.items())
            ]
            for column, reasons in plan.reasons.items()
        },
        "work": [
            {
                "day": str(d.day),
                "rows": d.rows,
                "spine": d.spine,
                "columns": list(d.columns),
            }
            for d in plan.days
            if not d.idle
        ],
    }


def backfill_text(name: str, output: Path, plan: Plan) -> Text:
    """The plan for a person."""
    text = Text()
    text.append("backfill ", "cyan")
    text.append(name, "bold cyan")
    text.append(f" -> {output}\n")
    busy = [d for d in plan.days if not d.idle]
    if not busy:
        text.append(f"    nothing: {_days(len(plan.days))}, {plan.rows:,} rows are up to date\n")
        return text
    read = [d for d in busy if d.spine]
    if read:
        rows = sum(d.rows for d in read)
        text.append(f"    read    the spine's rows of {_days(len(read))}: {rows:,} rows\n")
    again = len(read) > _new_days(plan)
    for line in _lines(plan):
        text.append(f"    compute {line}\n")
    for source, bytes_ in plan.projections.items():
        text.append(f"    keep    {source} sorted: about {size(bytes_)}, for columns added later\n")
    total = plan.rows * len(plan.shape.columns)
    text.append(
        f"    {'at most ' if again else ''}{plan.values:,} of {total:,} values, about "
        f"{size(plan.bytes)} before packing, are computed"
        f"{', fewer where the rows of the spine are as they were' if again else ''}; "
        f"{_days(len(busy))} of {len(plan.days):,} are written\n"
    )
    return text


def _new_days(plan: Plan) -> int:
    """How many days were not there before; the rows of the others may turn out as they were."""
    return max((r["new day"][0] for r in plan.reasons.values() if "new day" in r), default=0)


def _lines(plan: Plan) -> list[str]:
    """Columns with the same reasons, days and rows share a line."""
    groups: dict[tuple[tuple[str, tuple[int, int]], ...], list[str]] = {}
    for column, reasons in plan.reasons.items():
        groups.setdefault(tuple(sorted(reasons.items())), []).append(column)
    lines = []
    for why, columns in groups.items():
        more = f" and {len(columns) - SHOWN} more" if len(columns) > SHOWN else ""
        said = "; ".join(f"{_days(days)}, {rows:,} rows ({reason})" for reason, (days, rows) in why)
        lines.append(f"{', '.join(columns[:SHOWN])}{more}: {said}")
    return lines


def _days(count: int) -> str:
    return f"{count:,} day{'' if count == 1 else 's'}"

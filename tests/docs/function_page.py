"""The page of functions, written from their own declarations."""

from __future__ import annotations

from bighead.zipline.aggregates import FAMILIES as AGGREGATE_FAMILIES
from bighead.zipline.aggregates import AggregateFunction
from bighead.zipline.expressions import FAMILIES

HEAD = """# Functions

The closed list of scalar functions: each with its rule, and examples that are true. They mean the
same in features, in derived columns and in plain queries. [Aggregates](#aggregates) come last.
"""
AGGREGATES_HEAD = """
# Aggregates

Over windows, in feature sets ([how](sql.md#aggregates)). *Exact* is equal to the bit on every
engine. Where an aggregate can take a row out of its state again, a window costs one step for each
row that comes or goes; the others keep trees or queues of states. A state that *grows* holds more
the more rows, or different values, a window has; the others have a size that does not depend on the
data, but for k.
"""


def function_page() -> str:
    """The Markdown of docs/functions.md."""
    parts = [HEAD]
    for family, functions in FAMILIES.items():
        parts += [f"\n## {family}\n", "\n| function | rule | true |\n|---|---|---|\n"]
        for function in functions:
            examples = "<br>".join(f"`{_cell(e)}`" for e in function.examples)
            others = [s for s in function.spellings[1:] if s.isidentifier()]
            also = f" Also {', '.join(others)}." if others else ""
            rule = _cell(function.doc + also)
            parts.append(f"| `{_cell(function.signature)}` | {rule} | {examples} |\n")
    parts.append(AGGREGATES_HEAD)
    for family, aggregates in AGGREGATE_FAMILIES.items():
        parts.append(f"\n## {family}\n\n")
        parts.append("| aggregate | rule | class, bound | state | takes rows out |\n")
        parts.append("|---|---|---|---|---|\n")
        parts += map(_aggregate, aggregates)
    return "".join(parts)


def _aggregate(function: AggregateFunction) -> str:
    others = [s for s in function.spellings[1:] if s.isidentifier()]
    also = f" Also {', '.join(others)}." if others else ""
    exact = function.accuracy == "exact"
    bound = function.accuracy if exact else f"{function.accuracy}: {function.bound}"
    state = function.state if function.bounded else f"{function.state}; *grows*"
    cells = (function.doc + also, bound, state, "yes" if function.invertible else "no")
    return f"| `{_cell(function.signature)}` | {' | '.join(map(_cell, cells))} |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")

"""The page of functions, written from their own declarations."""

from __future__ import annotations

from bighead.zipline.expressions import FAMILIES

HEAD = """# Functions

The closed list of scalar functions: each with its rule, and examples that are true. They mean the
same in features, in derived columns and in plain queries. Aggregates are in the
[SQL reference](sql.md#aggregates).
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
    return "".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")

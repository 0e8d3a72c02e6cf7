"""Lineage to look at: a tree for a terminal, Mermaid and DOT for pictures, a record for scripts."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from bighead.platform.cli.tracing import Traced
from bighead.platform.registry import Link, Place

if TYPE_CHECKING:
    from rich.tree import Tree


def tree(traced: Traced) -> Tree:
    """A branch a column; below it what it comes from, or what comes from it."""
    from rich.text import Text
    from rich.tree import Tree

    below = _below(traced)
    version = traced.version
    root = Tree(Text(f"{version.kind} {version.name}@{version.number}", "bold"))
    types = {c.name: c.type for c in version.columns}

    def grow(branch: Tree, place: Place, path: tuple[Place, ...]) -> None:
        for link in below[_name(place, traced)]:
            far = traced.far(link)
            role = "" if link.role == "value" else f"  {link.role}"
            grown = branch.add(Text.assemble(str(far), (role, "dim")))
            if far not in path:
                grow(grown, far, (*path, far))

    for place in traced.columns:
        grow(
            root.add(Text.assemble((place.column, "bold"), (f"  {types[place.column]}", "dim"))),
            place,
            (place,),
        )
    return root


def mermaid(traced: Traced) -> str:
    """A flow chart, from the origins to what comes from them; a box a definition."""
    numbers, boxes = _numbered(traced)
    lines = ["flowchart LR"]
    for box, places in boxes.items():
        lines.append(f'  subgraph {numbers[places[0]]}_ ["{_quoted(box)}"]')
        lines += [f'    {numbers[p]}["{_quoted(p.column)}"]' for p in places]
        lines.append("  end")
    for link in traced.links:
        arrow = "-->" if link.role == "value" else f"-. {link.role} .->"
        lines.append(f"  {numbers[link.origin]} {arrow} {numbers[link.column]}")
    return "\n".join(lines) + "\n"


def dot(traced: Traced) -> str:
    """The same for Graphviz."""
    numbers, boxes = _numbered(traced)
    lines = ["digraph lineage {", "  rankdir=LR; node [shape=box];"]
    for box, places in boxes.items():
        lines.append(f'  subgraph "cluster_{numbers[places[0]]}" {{ label="{_escaped(box)}";')
        lines += [f'    {numbers[p]} [label="{_escaped(p.column)}"];' for p in places]
        lines.append("  }")
    for link in traced.links:
        style = "" if link.role == "value" else f' [style=dashed, label="{link.role}"]'
        lines.append(f"  {numbers[link.origin]} -> {numbers[link.column]}{style};")
    return "\n".join([*lines, "}"]) + "\n"


def record(traced: Traced) -> dict[str, object]:
    """The lineage for a script."""
    return {
        "name": traced.version.name,
        "version": traced.version.number,
        "kind": traced.version.kind,
        "direction": traced.direction,
        "columns": [p.column for p in traced.columns],
        "links": [
            {"column": _place(k.column), "origin": _place(k.origin), "role": k.role}
            for k in traced.links
        ],
    }


def _place(place: Place) -> dict[str, object]:
    return {"name": place.name, "version": place.version, "column": place.column}


def _name(place: Place, traced: Traced) -> tuple[str, int, str]:
    version = place.version if traced.direction == "upstream" else 0
    return place.name, version, place.column


def _below(traced: Traced) -> dict[tuple[str, int, str], list[Link]]:
    below: dict[tuple[str, int, str], list[Link]] = defaultdict(list)
    for link in traced.links:
        below[_name(traced.near(link), traced)].append(link)
    return below


def _numbered(traced: Traced) -> tuple[dict[Place, str], dict[str, list[Place]]]:
    """A short name for each column, and the columns of each definition."""
    ends = [p for k in traced.links for p in (k.origin, k.column)]
    places = list(dict.fromkeys([*traced.columns, *ends]))
    boxes: dict[str, list[Place]] = defaultdict(list)
    for place in places:
        boxes[f"{place.name}@{place.version}"].append(place)
    return {p: f"c{i}" for i, p in enumerate(places)}, boxes


def _quoted(text: str) -> str:
    return text.replace('"', "#quot;")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')

"""How large the terms of a sum are whose error is measured by them, and not by the sum.

A decayed sum of large terms that nearly cancel is small, and may be off by more than what is left
of it. So beside it the same sum is computed over the magnitudes of its terms, for values that
differ.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bighead.zipline.aggregates.closeness import magnitude
from bighead.zipline.ir.expr import Column
from bighead.zipline.ir.nodes import Feature, View
from bighead.zipline.serving import Group, Serving

SIZE = "#size."


def with_sizes(served: Serving) -> tuple[Serving, dict[str, str]]:
    """A set with such sums beside its own, and by feature how its one is called."""
    groups = tuple(_with_sizes(group) for group in served.groups)
    added = {
        f"{group.name}.{f.name.removeprefix(SIZE)}": Column(f"{group.name}.{f.name}", f.type)
        for group in groups
        for f in _features(group)
        if f.name.startswith(SIZE)
    }
    sizes: list[Any] = [
        (f"{SIZE}{name}", added[expr.name])
        for name, expr in served.columns
        if isinstance(expr, Column) and expr.name in added
    ]
    names = {name.removeprefix(SIZE): name for name, _ in sizes}
    return replace(served, groups=groups, columns=(*served.columns, *sizes)), names


def _with_sizes(group: Group) -> Group:
    right = group.right
    if not isinstance(right, View):
        return group
    added = [
        replace(f, name=f"{SIZE}{f.name}", aggregate=sized)
        for f in right.features
        if (sized := magnitude(f.aggregate)) is not None
    ]
    return replace(group, right=replace(right, features=(*right.features, *added)))


def _features(group: Group) -> tuple[Feature, ...]:
    return group.right.features if isinstance(group.right, View) else ()

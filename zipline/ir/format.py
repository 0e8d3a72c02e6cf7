"""A plan as an indented tree: one line a node with what matters, and below it its features.

Windows are printed as they are written (`LAST '7d'`) beside the bounds that they mean under their
join (`[t - 7d, t)`), because that is what a reader wants to check. A node of another layer, such as
a step of an engine, takes part by a method `describe() -> Description`.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol, runtime_checkable

from bighead.zipline.ir.common import Common, Within, readers
from bighead.zipline.ir.expr import Column, Expr, Literal
from bighead.zipline.ir.format_expr import (
    format_aggregate,
    format_expr,
    format_name,
    format_operand,
    format_selection,
)
from bighead.zipline.ir.nodes import (
    Events,
    Filter,
    Keys,
    Lookup,
    Node,
    Project,
    Reach,
    Relational,
    Scan,
    StaticJoin,
    TemporalJoin,
    UnionAll,
    Versions,
    View,
)
from bighead.zipline.ir.tiled import TiledView
from bighead.zipline.tiling import most_tiles
from bighead.zipline.windows import END_OF_TIME, Window, format_duration

WIDTH = 100
"""Longer lists of columns go on, indented, on the next line."""


@dataclass(frozen=True, slots=True)
class Description:
    """What is printed of a node: a headline, then rows of cells, aligned in columns.

    An empty row prints nothing and begins columns of other widths.
    """

    head: str
    rows: tuple[tuple[str, ...], ...] = ()


@runtime_checkable
class Described(Protocol):
    """A node that says itself what is printed of it."""

    def describe(self) -> Description:
        """The headline and the rows below it."""
        ...


Note = Callable[[Node], str]
"""What is remarked of a node: its first line beside the headline, others below; '' for nothing."""


def format_plan(node: Node, note: Note | None = None) -> str:
    """The plan as text, without a newline at the end.

    >>> from bighead.zipline.ir.sources import Table
    >>> from bighead.zipline.ir.types import BIGINT
    >>> import pyarrow as pa
    >>> scan = Scan(Table("t", pa.schema([("a", BIGINT)])), ("a",))
    >>> print(format_plan(Filter(scan, Column("a", pa.bool_()))))
    Filter a
    └─ Scan t: a
    """
    return "\n".join(_Printing(note or (lambda _: ""), readers(node)).lines(node, False))


def bounds(
    window: Window, inclusive: bool = False, tail: int | None = None, versions: bool = False
) -> str:
    """The event times that a window holds as of t; `versions`: among the rows valid then.

    >>> bounds(Window(7 * 86_400_000_000)), bounds(Window(rows=10), inclusive=True)
    ('[t - 7d, t)', '(-inf, t] newest 10 rows')
    >>> bounds(Window(86_400_000_000), tail=3_600_000_000)
    '[floor(t - 1d, 1h), t)'
    """
    if versions and window.width is None and window.rows is None:
        return "every row valid at t"
    width = None if window.width is None else format_duration(window.width)
    if window.forward:
        # A label joined by >= starts at t itself and leaves the end out; by > it is the other way.
        start, end = ("[t", ")") if inclusive else ("(t", "]")
        text = f"{start}, +inf)" if width is None else f"{start}, t + {width}{end}"
    else:
        low = "(-inf" if width is None else f"[t - {width}"
        if width is not None and tail is not None:
            low = f"[floor(t - {width}, {format_duration(tail)})"
        text = f"{low}, t{']' if inclusive else ')'}"
    return text if window.rows is None else f"{text} newest {window.rows} rows"


@dataclass(frozen=True, slots=True)
class _Printing:
    """One plan; what several nodes read is printed where it comes first."""

    note: Note
    readers: Counter[int]
    printed: set[int] = field(default_factory=set)

    def lines(self, node: Node, inclusive: bool) -> list[str]:
        described = describe(node, inclusive)
        head, *more = described.head.split("\n")
        if isinstance(node, Common):
            if node.number in self.printed:
                return [f"{head.partition(':')[0]}, as above"]
            self.printed.add(node.number)
            head += f", used {self.readers[node.number]} times"
        remark, *remarks = self.note(node).split("\n")
        lines = [f"{head}  -- {remark}" if remark else head]
        more += [f"-- {remark}" for remark in remarks]
        margin = "│  " if node.inputs else "   "
        lines += [margin + line for line in (*more, *align(described.rows))]
        within = node.inclusive if isinstance(node, TemporalJoin) else inclusive
        for i, below in enumerate(node.inputs):
            first, rest = ("└─ ", "   ") if i == len(node.inputs) - 1 else ("├─ ", "│  ")
            inner = self.lines(below, within)
            lines += [first + inner[0], *(rest + line for line in inner[1:])]
        return lines


def align(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Cells padded so that columns stand below each other, two blanks apart."""
    if () in rows:
        at = rows.index(())
        return [*align(rows[:at]), *align(rows[at + 1 :])]
    widths: dict[int, int] = {}
    for row in rows:
        for i, cell in enumerate(row):
            widths[i] = max(widths.get(i, 0), len(cell))
    return ["  ".join(c.ljust(widths[i]) for i, c in enumerate(row)).rstrip() for row in rows]


def describe(node: Node, inclusive: bool = False) -> Description:
    """What is printed of one node, without its inputs; `inclusive` is that of the join above it."""
    if isinstance(node, Described):
        return node.describe()
    if isinstance(node, TiledView):
        return _tiled(node, inclusive)
    if isinstance(node, View):
        return _view(node, inclusive)
    say = _DESCRIBE.get(type(node))
    assert say is not None, f"{type(node).__name__} has no format"
    return Description(say(node))


def _scan(node: Scan) -> str:
    text = _listed(f"Scan {node.source.name}: ", map(format_name, node.columns))
    if node.predicate is not None:
        text += f"\nwhere {format_expr(node.predicate)}"
    if node.reach is not None:
        text += f"\nwithin {_reach(node.reach)}"
    return f"{text}\nonly the newest" if node.newest else text


def _reach(reach: Reach) -> str:
    low, high = "(-inf", "+inf)"
    if reach.back is not None:
        low = f"[first t - {format_duration(reach.back)}" if reach.back else "[first t"
    if reach.ahead is not None:
        high = f"last t + {format_duration(reach.ahead)}]" if reach.ahead else "last t]"
    return f"{low}, {high}"


def _filter(node: Filter) -> str:
    return f"Filter {format_expr(node.predicate)}"


def _project(node: Project) -> str:
    return _listed("Project ", (_as(name, expr) for name, expr in node.columns))


def _relational(node: Relational) -> str:
    names = ", ".join(format_name(name) for name, _ in node.tables)
    head = f"Relational over {names}" if names else "Relational"
    return "\n".join([head, *textwrap.dedent(node.sql).strip().splitlines()])


def _events(node: Events) -> str:
    parts = [f"time {format_expr(node.event_time)}"]
    if node.known_at is not None:
        parts.append(f"known at {format_expr(node.known_at)}")
    if node.sequence is not None:
        parts.append(f"sequence {format_expr(node.sequence)}")
    if node.identity:
        parts.append(f"identity ({', '.join(map(format_name, node.identity))})")
    if node.skip_null_times:
        parts.append("skip null times")
    return f"Events {node.source}: {', '.join(parts)}"


def _versions(node: Versions) -> str:
    parts = [f"changed at {format_expr(node.changed_at)}"]
    if node.event_time is not None:
        parts.append(f"time {format_expr(node.event_time)}")
    if node.known_at is not None:
        parts.append(f"known at {format_expr(node.known_at)}")
    if node.sequence is not None:
        parts.append(f"sequence {format_expr(node.sequence)}")
    if node.deleted is not None:
        parts.append(f"deleted if {format_expr(node.deleted)}")
    key = ", ".join(map(format_name, node.primary_key))
    text = f"Versions {node.source} ({key}): {', '.join(parts)}"
    return text if node.where is None else f"{text}\nwhere {format_expr(node.where)}"


def _union(node: UnionAll) -> str:
    return "UnionAll"


def _view(node: View, inclusive: bool) -> Description:
    head = f"View{_by(node.keys)}"
    if node.tail is not None:
        tail = format_duration(node.tail)
        head += f", tail {tail}: a window may reach less than {tail} further back"
    rows = tuple(
        (
            format_name(f.name),
            format_aggregate(f.aggregate),
            str(f.window),
            bounds(f.window, inclusive, node.tail, isinstance(node.events, Versions)),
        )
        for f in node.features
    )
    return Description(head, rows)


def _tiled(node: TiledView, inclusive: bool) -> Description:
    view = _view(node, inclusive)
    sizes = ", ".join(map(format_duration, node.levels))
    partials = []
    for p in node.partials:
        read = [*map(format_expr, p.args), *([str(p.k)] if p.k is not None else [])]
        read += [f"'{format_duration(p.half_life)}'"] if p.half_life is not None else []
        state = p.state if p.user is None else p.user
        text = f"{state}({', '.join(read)})" if read else state
        partials.append((p.name, text + format_selection(p.bucket, p.filter)))
    features = [
        (name, ", ".join(finish) or "rows", *rest)
        for (name, *rest), finish in zip(view.rows, node.finishes, strict=True)
    ]
    windows = dict.fromkeys(
        f.window for f, finish in zip(node.features, node.finishes, strict=True) if finish
    )
    covers: list[tuple[str, ...]] = [
        (bounds(w, inclusive, node.tail), _cover(w, node, inclusive)) for w in windows
    ]
    head = f"{view.head}, from tiles of {sizes}"
    parts = node.events.events if isinstance(node.events, UnionAll) else (node.events,)
    if any(part.known_at is not None for part in parts):
        late = f"known {'>' if inclusive else '>='} t"
        covers += [(), (f"rows instead of a tile that holds one {late}",)]
    return Description(head, (*partials, (), *features, (), *covers))


def _cover(window: Window, node: TiledView, inclusive: bool) -> str:
    """What a read of a window takes at most."""
    levels = node.levels
    if window.width is None:
        # From the base on, tiles are missed on the side of t alone.
        counts = [large // small - 1 for small, large in pairwise(levels)]
        first, rows = [f"the base, tiles of {format_duration(levels[-1])}"], "rows before t"
    else:
        counts = list(most_tiles(window.width + inclusive, levels, node.tail))
        first, rows = [], "rows before t" if node.tail is not None else "rows at both ends"
    sized = zip(counts, levels, strict=False)
    tiles = [f"{n} x {format_duration(size)}" for n, size in sized if n]
    return ", ".join([*first, *tiles[::-1], rows]) if first or tiles else "rows"


def _lookup(node: Lookup) -> str:
    text = f"Lookup {'next' if node.forward else 'last'} row{_by(node.keys)}"
    if node.tolerance is not None:
        text += f", within {format_duration(node.tolerance) if node.tolerance else '0us'}"
    text = _listed(f"{text}: ", map(format_name, node.columns))
    if node.residual is not None:
        text += f"\nwhere {format_expr(node.residual)}"
    return text


def _temporal(node: TemporalJoin) -> str:
    right = node.right
    forward = isinstance(right, Lookup) and right.forward
    if isinstance(right, View) and right.features:
        forward = all(f.window.forward for f in right.features)
    sign = (">" if forward else "<") + ("=" if node.inclusive else "")
    moment = "changed" if isinstance(right.inputs[0], Versions) else "event"
    seen = f"{moment} {sign} t"
    if not (forward and isinstance(right, View)):
        known = "<=" if node.inclusive else "<"
        sources = right.inputs[0].events if isinstance(right.inputs[0], UnionAll) else right.inputs
        stated = any(isinstance(e, Events | Versions) and e.known_at is not None for e in sources)
        seen += f", known {known} t" if stated else ""
    on = _on(node.keys, tuple(format_operand(k) for k in right.keys))
    word = "inclusive" if node.inclusive else "strict"
    name = format_name(node.alias)
    return f"TemporalJoin {node.kind} {name}: t = {_moment(node.time)}, {word} ({seen}){on}"


def _moment(time: Expr) -> str:
    if isinstance(time, Literal) and time.value == END_OF_TIME:
        return "the end of time"
    return format_expr(time)


def _static(node: StaticJoin) -> str:
    on = _on(node.keys, tuple(map(format_name, node.primary_key)))
    text = _listed(
        f"StaticJoin {node.kind} {format_name(node.alias)}{on.replace(', on', ' on', 1)}: ",
        map(format_name, node.columns),
    )
    if node.residual is not None:
        text += f"\nwhere {format_expr(node.residual)}"
    return text


def _keys(node: Keys) -> str:
    return _listed("Keys ", (_as(name, expr) for name, expr in node.keys))


def _common(node: Common) -> str:
    text = f"Common {node.number}: computed once"
    return text if node.reach is None else f"{text} within {_reach(node.reach)}"


def _within(node: Within) -> str:
    return f"Within {_reach(node.reach)} by {format_expr(node.time)}"


_DESCRIBE: dict[type[Node], Callable[..., str]] = {
    Scan: _scan,
    Filter: _filter,
    Project: _project,
    Relational: _relational,
    Events: _events,
    UnionAll: _union,
    Versions: _versions,
    Lookup: _lookup,
    TemporalJoin: _temporal,
    StaticJoin: _static,
    Keys: _keys,
    Common: _common,
    Within: _within,
}


def _as(name: str, expr: Expr) -> str:
    if isinstance(expr, Column) and expr.name == name:
        return format_name(name)
    return f"{format_expr(expr)} AS {format_name(name)}"


def _by(keys: tuple[Expr, ...]) -> str:
    return f" by {', '.join(map(format_expr, keys))}" if keys else ""


def _on(ours: tuple[Expr, ...], theirs: tuple[str, ...]) -> str:
    pairs = [f"{format_operand(a)} = {b}" for a, b in zip(ours, theirs, strict=True)]
    return f", on {' AND '.join(pairs)}" if pairs else ""


def _listed(head: str, items: Iterable[str]) -> str:
    """`head a, b, c`, wrapped between the items; what goes on is indented."""
    texts = list(items)
    lines, line = [], head
    for i, item in enumerate(texts):
        piece = item + ("," if i < len(texts) - 1 else "")
        if line.strip() and line != head and len(line) + 1 + len(piece) > WIDTH:
            lines.append(line)
            line = "  " + piece
        else:
            line = line + piece if line == head else f"{line} {piece}"
    return "\n".join([*lines, line.rstrip().removesuffix(":")])

"""How a store keeps a feature set and answers for it: compiled once from the plan of a version.

Features that tiles serve share states; windows that end at the same time are nested, so each width
is a ring. What is cut to a number of rows, a look-up, and what a user's class aggregates are
computed from rows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal as OneOf

import pyarrow as pa

from bighead.kernels import tiles
from bighead.storage.sets.exports import exported
from bighead.storage.sets.prepare import sequence_of, source_of, stored_type
from bighead.zipline.errors import UnsupportedError
from bighead.zipline.ir.expr import Column, Expr
from bighead.zipline.ir.nodes import Events, Feature, Lookup, UnionAll, Versions, View
from bighead.zipline.ir.sources import Source
from bighead.zipline.ir.tiled import Partial, State
from bighead.zipline.tiled_view import states_of, tiled_view
from bighead.zipline.tiling import LEVELS
from bighead.zipline.windows import MILLISECOND, SECOND, Window

FINEST = (1, 2, 50, MILLISECOND, 20 * MILLISECOND, 500 * MILLISECOND, 10 * SECOND)
SIZES = (*FINEST, *LEVELS, 32 * LEVELS[-1])
"""The sizes of tiles; the tree of a key goes no deeper than its rows ask for."""

KINDS: dict[State, str] = {
    "rows": "count_rows",
    "count": "count",
    "sum": "sum",
    "moments": "var_pop",
    "flags": "bool_and",
    "least": "bottom_k",
    "greatest": "top_k",
    "oldest": "first_k",
    "newest": "last_k",
    "least_by": "min_by",
    "greatest_by": "max_by",
    "values": "histogram",
    "powers": "skewness",
    "distinct": "array_agg_distinct",
    "registers": "approx_count_distinct",
    "buckets": "approx_quantile",
    "vectors": "vector_sum",
}
"""The aggregate whose state in the kernel is the state of the plan; those that decay go by name."""

Way = OneOf["tiles", "rows", "user"]


@dataclass(frozen=True, slots=True)
class Kept:
    """A column of a row as it is kept."""

    expr: Expr
    vector: bool = False
    """A list of numbers that is added up item by item; other nested values are kept as bytes."""

    @property
    def type(self) -> pa.DataType:
        """The type of the column in a block."""
        return stored_type(self.expr.type, self.vector)


@dataclass(frozen=True, slots=True)
class Answer:
    """How a feature is made: of a state in a ring, of chosen rows, or by a user's class."""

    feature: Feature
    way: Way
    output: tiles.Output | None = None
    """Of what shows a state: none of a user's class."""
    cut: tiles.Layout | None = None
    """Where the window is cut: a layout of equal columns whose one state is the feature's."""
    ties: tuple[int, ...] = ()
    """The columns that order rows of one time and sequence."""
    args: tuple[int, ...] = ()
    filter: int | None = None
    bucket: int | None = None
    """Of a user's class: the columns that it reads."""


@dataclass(frozen=True, slots=True)
class SetPlan:
    """A compiled feature set, or a row look-up."""

    right: View | Lookup
    parts: tuple[Events | Versions, ...]
    columns: tuple[Kept, ...]
    """What is kept of a row, beside times; SEQUENCE and an entity's identity follow."""
    layout: tiles.Layout
    ordered: bool
    """Whether there is a SEQUENCE."""
    rings: tuple[int | None, ...]
    """The widths of windows, growing; None: all history."""
    answers: tuple[Answer, ...]
    read: tiles.Windows
    """How the kernel reads the windows, and what it shows of them."""
    logged: int
    """How many rows of a key wait in its log."""
    shown: pa.Schema | None = None
    """Of all features, where the kernel gives them as they are; None: they are put together."""
    partials: tuple[tiles.Partial, ...] = ()
    """The states of a tile."""
    also: tuple[Window, ...] = ()
    """The windows of other sets that are read from the same blocks."""

    def only(self, names: Collection[str]) -> SetPlan:
        """The same set, of which some columns alone are wanted."""
        right = self.right
        if isinstance(right, Lookup):
            return replace(self, right=replace(right, columns=_some(right.columns, names)))
        answers = tuple(a for a in self.answers if a.feature.name in names)
        read = _windows(right, self.layout, self.rings, answers, self.entity)
        return replace(self, answers=answers, read=read, shown=_shown(answers, read))

    @property
    def sources(self) -> tuple[Source, ...]:
        """What it reads, each once."""
        found = {source.name: source for source in (source_of(p.input) for p in self.parts)}
        return tuple(found.values())

    @property
    def entity(self) -> bool:
        """The rows are versions, which end."""
        return isinstance(self.parts[0], Versions)

    @property
    def windows(self) -> tuple[Window, ...]:
        """Of all features; none of a look-up."""
        return tuple(f.window for f in self.right.features) if isinstance(self.right, View) else ()

    @property
    def keep(self) -> bool:
        """Some window is all history, so that nothing counts too late."""
        return any(map(_unbounded, (*self.windows, *self.also)))

    @property
    def whenever(self) -> bool:
        """The widest window holds rows whatever their time."""
        return self.entity and any(map(_unbounded, self.windows))

    @property
    def keeps_late(self) -> bool:
        """Rows of times that have been swept enter the base, the tile of all that was."""
        return self.keep or self.newest is None

    @property
    def keeps_all(self) -> bool:
        """No row ever goes: a user's class aggregates all history, whose states are not kept."""
        return self.newest is None and not self.entity

    @property
    def reach(self) -> int:
        """The greatest width of a window that has one."""
        counted = (*self.windows, *self.also)
        return max((w.width for w in counted if w.width is not None), default=0)

    @property
    def newest(self) -> int | None:
        """So many of a key's newest rows are kept however old they are; None: all of them."""
        if any(a.way == "user" and a.feature.window.width is None for a in self.answers):
            return None
        counted = (*self.windows, *self.also)
        counts = [w.rows for w in counted if w.width is None and w.rows is not None]
        return max(counts, default=0 if self.windows else 1)


class _Columns:
    """The columns of a row in the making."""

    def __init__(self, held: Sequence[Kept] = ()) -> None:
        self.position: dict[Kept, int] = {kept: i for i, kept in enumerate(held)}

    def place(self, expr: Expr, vector: bool = False) -> int:
        kept = Kept(expr, vector)
        return self.position.setdefault(kept, len(self.position))

    def optional(self, expr: Expr | None) -> int | None:
        return None if expr is None else self.place(expr)

    def partial(self, held: Partial) -> tiles.Partial:
        decayed = "decayed_sum" if held.args else "decayed_count"
        return tiles.Partial(
            decayed if held.state == "decayed" else KINDS[held.state],
            tuple(self.place(a, held.state == "vectors") for a in held.args),
            self.optional(held.filter),
            self.optional(held.bucket),
            held.k,
            held.half_life,
        )


def compile_set(
    right: View | Lookup,
    *,
    leaf: int = 256,
    logged: int = 64,
    sizes: tuple[int, ...] = SIZES,
    over: SetPlan | None = None,
) -> SetPlan:
    """Lay out what is kept for a view or a look-up.

    leaf: the most rows of a block. logged: how many wait in a key's log. sizes: of tiles. over: a
    set whose columns and states come first.
    Raises UnsupportedError for what looks ahead, and for sets over joins.
    """
    events = right.events
    parts = events.events if isinstance(events, UnionAll) else (events,)
    for part in parts:
        source_of(part.input)
    columns = _Columns() if over is None else _Columns(over.columns)
    partials: list[tiles.Partial] = []
    answers: list[Answer] = []
    cuts: dict[int, tiles.Partial] = {}
    rings: tuple[int | None, ...] = ()
    if isinstance(right, View):
        if any(f.window.forward for f in right.features):
            raise UnsupportedError("a window that looks ahead is a label, which is not kept online")
        rings = _rings(right)
        held = () if over is None else over.partials
        partials, answers, cuts = _answers(right, rings, columns, held)
    else:
        if right.forward:
            raise UnsupportedError("a look-up that looks ahead is not kept online")
        for name in events.schema.names:
            columns.place(Column(name, events.schema.field(name).type))
    types = [kept.type for kept in columns.position]
    orders = [t for t in map(sequence_of, parts) if t is not None]
    types += [stored_type(t) for t in orders[:1]]
    entity = isinstance(parts[0], Versions)
    types += [pa.large_binary()] if entity else []

    def layout(held: list[tiles.Partial]) -> tiles.Layout:
        return tiles.Layout(
            types,
            held,
            sizes,
            leaf=leaf,
            sequence=len(columns.position) if orders else None,
            identity=len(types) - 1 if entity else None,
        )

    answers = [replace(a, cut=layout([cuts[i]])) if i in cuts else a for i, a in enumerate(answers)]
    laid = layout(partials)
    kept = tuple(columns.position)
    read = _windows(right, laid, rings, answers, entity)
    plan = SetPlan(right, parts, kept, laid, bool(orders), rings, tuple(answers), read, logged)
    return replace(plan, partials=tuple(partials), shown=_shown(answers, read))


def _shown(answers: Sequence[Answer], read: tiles.Windows) -> pa.Schema | None:
    plain = all(a.way == "tiles" and a.feature.aggregate.bucket is None for a in answers)
    if not plain or not answers:
        return None
    schema = pa.schema([pa.field(a.feature.name, a.feature.type) for a in answers])
    nothing = tiles.Request(read, tiles.Shelf(), b"", [], pa.array([], pa.int64()))
    given = exported(nothing.answer()[0]).type
    return schema if given == pa.struct(list(schema)) else None


def share(
    right: View | Lookup, owner: SetPlan, *, leaf: int = 256, sizes: tuple[int, ...] = SIZES
) -> SetPlan | None:
    """How a view is read from the blocks of another set; None: they do not hold all of it.

    leaf, sizes: those of the other.
    """
    known = owner.right
    if not isinstance(right, View) or not isinstance(known, View):
        return None
    if (right.events, right.keys, right.tail) != (known.events, known.keys, known.tail):
        return None
    if any(_way(f) == "user" or f.window.forward for f in right.features):
        return None
    made = compile_set(right, leaf=leaf, logged=owner.logged, sizes=sizes, over=owner)
    same = (made.columns, made.partials) == (owner.columns, owner.partials)
    return made if same else None


def _windows(
    right: View | Lookup,
    layout: tiles.Layout,
    rings: tuple[int | None, ...],
    answers: Sequence[Answer],
    entity: bool,
) -> tiles.Windows:
    unbounded = isinstance(right, View) and any(_unbounded(f.window) for f in right.features)
    return tiles.Windows(
        layout,
        rings,
        [a.output for a in answers if a.way == "tiles" and a.output is not None],
        tail=right.tail if isinstance(right, View) else None,
        whenever=entity and unbounded,
        entity=entity,
    )


def _some(columns: tuple[str, ...], names: Collection[str]) -> tuple[str, ...]:
    return tuple(c for c in columns if c in names)


def _unbounded(window: Window) -> bool:
    return window.width is None and window.rows is None


def _rings(view: View) -> tuple[int | None, ...]:
    """The widths that tiles serve, and that of the window which holds a row where any does."""
    versions = isinstance(view.events, Versions)
    widest = max((f.window for f in view.features), key=lambda w: w.breadth(versions)).width
    served = [f.window.width for f in view.features if _way(f) == "tiles"]
    widths = sorted({w for w in (*served, widest) if w is not None})
    return (*widths, None) if widest is None else tuple(widths)


def _answers(
    view: View,
    rings: tuple[int | None, ...],
    columns: _Columns,
    held: Sequence[tiles.Partial] = (),
) -> tuple[list[tiles.Partial], list[Answer], dict[int, tiles.Partial]]:
    """The states of a tile, how each feature is made, and the states of those that are cut."""
    tiled = tiled_view(view)
    named = {p.name: p for p in tiled.partials}
    places: dict[str, int] = {}
    partials = list(held)
    answers: list[Answer] = []
    cuts: dict[int, tiles.Partial] = {}
    schema = view.events.schema
    for feature, finish in zip(view.features, tiled.finishes, strict=True):
        aggregate = feature.aggregate
        way = _way(feature)
        if way == "tiles":
            name = finish[0]
            if name not in places:
                wanted = columns.partial(named[name])
                place = next((i for i, p in enumerate(held) if _serves(p, wanted)), len(partials))
                places[name] = place
                if place == len(partials):
                    partials.append(wanted)
            ring = rings.index(feature.window.width)
            answers.append(Answer(feature, way, _output(feature, places[name], ring)))
            continue
        reads = [Column(n, schema.field(n).type) for n in schema.names if n in aggregate.reads]
        ties = tuple(columns.place(c) for c in reads)
        if way == "rows":
            cuts[len(answers)] = columns.partial(states_of(aggregate)[0])
            answers.append(Answer(feature, way, _output(feature, 0, 0), ties=ties))
            continue
        args = tuple(columns.place(a) for a in aggregate.args)
        chosen, bucket = columns.optional(aggregate.filter), columns.optional(aggregate.bucket)
        answers.append(Answer(feature, way, None, None, ties, args, chosen, bucket))
    return partials, answers, cuts


def _serves(held: tiles.Partial, wanted: tiles.Partial) -> bool:
    """A state of the k first values serves for fewer of them."""
    if held.k is None or wanted.k is None:
        return held == wanted
    return held.k >= wanted.k and replace(held, k=wanted.k) == wanted


def _output(feature: Feature, partial: int, ring: int) -> tiles.Output:
    aggregate = feature.aggregate
    p = None if aggregate.p is None else aggregate.p.as_integer_ratio()
    return tiles.Output(
        partial, ring, aggregate.function, aggregate.k, p, aggregate.half_life, feature.name
    )


def _way(feature: Feature) -> Way:
    if feature.aggregate.user is not None:
        return "user"
    return "rows" if feature.window.rows is not None else "tiles"

"""The trees of tiles: equal answers whatever the order, and bytes that are checked when read."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pytest

from bighead.kernels.aggregates import KINDS, StateError
from bighead.kernels.tiles import (
    LOG,
    PARTS,
    ROOT,
    Changes,
    Collection,
    Intake,
    Layout,
    Output,
    Partial,
    Request,
    RowBlock,
    Seen,
    Shelf,
    Waiting,
    Windows,
    digest_rows,
    encode_keys,
)

Rows = list[tuple[Any, ...]]
SIZES = (1, 4, 20, 100, 1000)
TYPES: list[pa.DataType] = [
    pa.int64(),
    pa.float64(),
    pa.string(),
    pa.bool_(),
    pa.list_(pa.float64()),
]
PARTIALS = [
    Partial("count_rows"),
    Partial("sum", (0,)),
    Partial("sum", (1,), filter=3),
    Partial("last_k", (2,), k=2),
    Partial("histogram", (2,)),
    Partial("sum", (0,), bucket=2),
    Partial("vector_sum", (4,)),
]


class Blocks(dict[tuple[int, int], bytes]):
    """The blocks of one key."""

    def find(self, level: int, number: int) -> bytes | None:
        return self.get((level, number))

    def put(self, changes: tuple[Changes, int]) -> int:
        for level, number, data in changes[0]:
            if data is None:
                self.pop((level, number), None)
            else:
                self[level, number] = data
        return changes[1]

    def settle(self, shelf: Shelf, asking: Intake | Request | Collection) -> None:
        """Give what is wanted, round by round."""
        while names := shelf.wanted():
            assert len(set(names)) == len(names)
            shelf.give([self.get(place(name)) for name in names])
            asking.advance()

    def insert(self, made: Layout, rows: Rows, logged: int = 2) -> None:
        """Take rows of the key."""
        shelf = Shelf()
        intake = Intake(
            made, shelf, b"", [keys_of(rows)], times_of(rows), columns_of(rows), logged=logged
        )
        self.settle(shelf, intake)
        changes, dropped = intake.finish()
        assert self.put(([(*place(name), data) for name, data in changes], dropped)) == 0


def place(name: bytes) -> tuple[int, int]:
    """The level and number of a block, after the key."""
    return name[-9], int.from_bytes(name[-8:], "big") - 2**63


def keys_of(rows: Rows) -> pa.Array[Any]:
    return pa.array([7] * len(rows), pa.int64())


def times_of(rows: Rows) -> pa.Array[Any]:
    return pa.array([row[0] for row in rows], pa.int64())


def columns_of(rows: Rows) -> list[pa.Array[Any]]:
    columns = list(zip(*rows, strict=True))[1:]
    return [pa.array(c, t) for c, t in zip(columns, TYPES, strict=True)]


def layout(leaf: int = 3) -> Layout:
    return Layout(TYPES, PARTIALS, SIZES, leaf=leaf)


def rows_of(chance: random.Random, count: int) -> Rows:
    return [
        (
            chance.choice([-1001, -1, 0, 1, 99, 100, chance.randrange(-3000, 3000)]),
            chance.choice([None, 1, -5, 2**40]),
            chance.choice([None, 0.1, float("nan"), 1e300, -1e300]),
            chance.choice([None, "", "a", "b"]),
            chance.choice([None, True, False]),
            chance.choice([None, [1.0, 2.0], [0.5, None]]),
        )
        for _ in range(count)
    ]


def block(made: Layout, rows: Rows) -> RowBlock:
    [(_, found)] = made.group([keys_of(rows)], times_of(rows), columns_of(rows))
    return found


def answers(
    made: Layout,
    blocks: Blocks,
    last: int,
    low: int,
    all_history: bool = False,
    waiting: Seen | None = None,
) -> Any:
    """What a narrow and a wide window hold; None: the rows are gone."""
    widths = [min(50, last + 1 - low), None if all_history else last + 1 - low]
    outputs = [Output(i, 1, p.kind, k=p.k) for i, p in enumerate(PARTIALS)]
    windows, shelf = Windows(made, widths, outputs), Shelf()
    key, at = pa.array([7], pa.int64()), pa.array([last + 1], pa.int64())
    request = Request(windows, shelf, b"", [key], at)
    if waiting is not None:
        waiting.hold(shelf, 0)
    blocks.settle(shelf, request)
    plain, bucketed, faults = request.answer()
    if request.late:
        return None
    shown: Any = pa.array(plain)  # type: ignore[call-overload]
    found: list[Any] = [request.held(0), request.held(1), faults]
    found += [array.to_pylist() for array in shown.flatten()]
    for values, names, ends in bucketed:
        pair: list[Any] = [pa.array(values), pa.array(names)]  # type: ignore[call-overload]
        found += [*(array.to_pylist() for array in pair), ends]
    return found


@pytest.mark.parametrize("seed", range(20))
def test_any_order_and_shape_of_the_tree_give_the_same(seed: int) -> None:
    chance = random.Random(seed)
    rows = rows_of(chance, 120)
    deep, flat = Blocks(), Blocks()
    made, whole = layout(), layout(leaf=1000)
    flat.insert(whole, rows, logged=0)
    chance.shuffle(rows)
    for first in range(0, len(rows), 7):
        deep.insert(made, rows[first : first + 7])
    deep.put(made.flush(deep.find))
    counted, blocks = made.verify(deep.find)
    assert counted == len(rows)
    assert blocks == len(deep)
    assert len(flat) == 1
    for _ in range(20):
        last = chance.choice(rows)[0] + chance.choice([-1, 0, 1])
        low = last - chance.choice([0, 1, 19, 100, 5000])
        assert answers(made, deep, last, low) == answers(whole, flat, last, low)


@pytest.mark.parametrize("seed", range(10))
def test_a_key_that_is_asked_again_has_the_answer_of_its_time(seed: int) -> None:
    chance = random.Random(seed)
    made, blocks = layout(), Blocks()
    blocks.insert(made, rows_of(chance, 80))
    blocks.put(made.trim(blocks.find, -500, keep=True))
    few = [chance.randrange(-600, 600) for _ in range(3)]
    times = [chance.choice([None, *few]) for _ in range(12)]
    outputs = [Output(i, w, p.kind, k=p.k) for i, p in enumerate(PARTIALS) for w in (0, 1)]
    windows = Windows(made, [20, 300], outputs)

    def asked(times: Sequence[int | None] | int, count: int = 1) -> tuple[list[Any], list[int]]:
        at: Any = times
        if not isinstance(times, int):
            at, count = pa.array(times, pa.int64()), len(times)
        shelf, keys = Shelf(), pa.array([7] * count, pa.int64())
        request = Request(windows, shelf, b"", [keys], at)
        blocks.settle(shelf, request)
        plain, bucketed, faults = request.answer()
        shown: Any = pa.array(plain)  # type: ignore[call-overload]
        found: list[Any] = [list(zip(*(a.to_pylist() for a in shown.flatten()), strict=True))]
        found += [request.held(0), request.held(1)]
        for values, names, ends in bucketed:
            held: list[Any] = [pa.array(values), pa.array(names)]  # type: ignore[call-overload]
            pairs = list(zip(*(array.to_pylist() for array in held), strict=True))
            found.append([pairs[a:b] for a, b in zip([0, *ends], ends, strict=False)])
        found.append([[(o, r) for o, q, r in faults if q == i] for i in range(count)])
        return list(zip(*found, strict=True)), request.late

    together, late = asked(times)
    assert asked(few[:1] * 3) == asked(few[0], 3)
    each = [asked([at]) for at in times]
    assert together == [found for [found], _ in each]
    assert late == [i for i, (_, gone) in enumerate(each) if gone]


NUMBERS: dict[str, list[float | None]] = {
    "close": [1.5, -2.25, 3.0, 0.0, -0.0, 1e-3],
    "missing": [None, float("nan"), 7.0, 0.125],
    "tiny": [5e-324, -5e-324, 2.2e-308, 0.0],
    "tiny and small": [5e-324, 1e-300, None],
    "huge": [1.7e308, -1.7e308, 1e307],
    "as far as integers of 64 bits go": [1.0, 2.0**10 + 2**-42, -(2.0**10) + 2**-43],
    "further": [1.0, 2.0**11 + 2**-41, float(2**60)],
    "too far": [1.0, 1e-30, 1e30],
    "infinite": [1.0, float("inf"), None],
    "both infinities": [1.0, float("inf"), float("-inf")],
    "none": [None, float("nan")],
    "zeros": [0.0, -0.0],
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_many_numbers_at_once_come_to_what_they_do_one_by_one(kind: str) -> None:
    chance = random.Random(kind)
    kinds = ("sum", "avg", "var_pop", "max", "min", "last", "first", "top_k", "bottom_k")
    parts = [Partial(k, (0,), k=3 if k.endswith("_k") else None) for k in kinds]
    rows = [(chance.randrange(40), chance.choice(NUMBERS[kind])) for _ in range(60)]
    times = pa.array([t for t, _ in rows], pa.int64())
    values = pa.array([v for _, v in rows], pa.float64())

    def held(leaf: int) -> list[list[Any]]:
        made, blocks, shelf = (
            Layout([pa.float64()], parts, (1, 10, 100), leaf=leaf),
            Blocks(),
            Shelf(),
        )
        keys = pa.array([7] * len(rows), pa.int64())
        intake = Intake(made, shelf, b"", [keys], times, [values], logged=0)
        blocks.settle(shelf, intake)
        blocks.put(([(*place(n), d) for n, d in intake.finish()[0]], 0))
        outputs = [Output(i, w, p.kind, k=p.k) for i, p in enumerate(parts) for w in (0, 1)]
        at = pa.array([5, 33, 41], pa.int64())
        request = Request(
            Windows(made, [7, None], outputs), shelf := Shelf(), b"", [keys.slice(0, 3)], at
        )
        blocks.settle(shelf, request)
        shown: Any = pa.array(request.answer()[0])  # type: ignore[call-overload]
        return [[repr(v) for v in a.to_pylist()] for a in shown.flatten()]

    assert held(1000) == held(1)


def test_a_trimmed_tree_answers_from_then_on() -> None:
    chance = random.Random(1)
    rows = rows_of(chance, 200)
    made, blocks = layout(), Blocks()
    blocks.insert(made, rows)
    before = answers(made, blocks, 2500, 2450, all_history=True)
    gone = blocks.put(made.trim(blocks.find, 50, keep=True))
    assert gone == sum(r[0] < 50 for r in rows)
    assert answers(made, blocks, 2500, 2450, all_history=True) == before
    assert answers(made, blocks, 2500, 50) is not None
    assert answers(made, blocks, 2500, 49) is None
    late = block(made, [(0, 1, 0.5, "a", True, None)])
    blocks.put(made.replace(blocks.find, late, None, keep=True))
    after = answers(made, blocks, 2500, 2450, all_history=True)
    assert after[1] == [before[1][0] + 1]


@pytest.mark.parametrize("seed", range(5))
def test_mangled_bytes_are_an_error(seed: int) -> None:
    chance = random.Random(seed)
    made, blocks = layout(), Blocks()
    blocks.insert(made, rows_of(chance, 60))
    names = list(blocks)
    for _ in range(400):
        name = chance.choice(names)
        held = blocks[name]
        data = bytearray(held)
        place = chance.randrange(len(data))
        data[place] ^= 1 << chance.randrange(8)
        blocks[name] = bytes(data[:place] if chance.random() < 0.5 else data)
        try:
            made.rows(blocks[name])
            made.verify(blocks.find)
            answers(made, blocks, 2000, 0)
        except StateError:
            pass
        blocks[name] = held
    made.verify(blocks.find)


def test_a_block_of_the_smallest_tiles_that_is_no_leaf_is_an_error() -> None:
    made, blocks = Layout(TYPES, PARTIALS, SIZES[1:], leaf=3), Blocks()
    rows: Rows = [(time, 1, 0.5, "a", True, None) for time in range(8)]
    blocks.insert(made, rows)
    assert answers(made, blocks, 100, 2)[1] == [6]
    assert (0, 0) in blocks
    blocks[0, 0] = blocks[1, 0]  # a node with tiles below it

    def newest() -> None:
        windows, shelf = Windows(made, [None]), Shelf()
        request = Request(
            windows, shelf, b"", [pa.array([7], pa.int64())], pa.array([101], pa.int64())
        )
        blocks.settle(shelf, request)
        request.answer()
        blocks.settle(shelf, Collection(request, [0], None, 9))

    acts: list[Callable[[], object]] = [
        newest,
        lambda: answers(made, blocks, 100, 2),
        lambda: blocks.insert(made, rows[:1], logged=0),
        lambda: made.replace(blocks.find, block(made, rows[:1]), None),
        lambda: made.trim(blocks.find, 2),
        lambda: made.verify(blocks.find),
        lambda: RowBlock(made).gather(blocks.find, 100, 0, 9),
    ]
    for act in acts:
        with pytest.raises(StateError, match="cut off or mangled"):
            act()


def segment_of(waiting: Waiting, rows: Rows, most: int = 1000) -> bytes:
    segment, direct = waiting.split(
        [keys_of(rows)], times_of(rows), columns_of(rows), folds=waiting.folds, most=most
    )
    assert segment is not None
    assert direct is None
    return segment


@pytest.mark.parametrize("seed", range(5))
def test_rows_that_wait_are_seen_as_of_each_commit_and_after_the_fold(seed: int) -> None:
    chance = random.Random(seed)
    made = layout()
    pieces = [rows_of(chance, 12) for _ in range(6)]
    waiting, kept, blocks = Waiting(made), Blocks(), Blocks()
    seen = [waiting.seen(0)]
    for commit, piece in enumerate(pieces, 1):
        waiting.note(segment_of(waiting, piece), commit)
        seen.append(waiting.seen(commit))
    assert (waiting.rows, len(waiting.keys())) == (72, 1)
    part = next(n for n in range(PARTS) if waiting.size(n))
    shelf = Shelf()
    intake = waiting.intake(shelf, b"", part)
    assert intake is not None
    blocks.settle(shelf, intake)
    changes, dropped = intake.finish()
    blocks.put(([(*place(name), data) for name, data in changes], dropped))
    for _ in range(part + 1):
        waiting.fold()
    assert waiting.rows == 0
    after = waiting.seen(6)
    for commit in range(7):
        rows = [row for piece in pieces[:commit] for row in piece]
        plain = Blocks()
        if rows:
            plain.insert(made, rows)
        for _ in range(5):
            last, low = chance.randrange(-3000, 3000), -4000
            expected = answers(made, plain, last, low)
            assert answers(made, kept, last, low, waiting=seen[commit]) == expected
            if commit == 6:
                assert answers(made, blocks, last, low, waiting=after) == expected


def test_segments_of_before_a_fold_wait_no_more_where_they_are_read_again() -> None:
    made, chance = layout(), random.Random(3)
    waiting = Waiting(made)
    early = segment_of(waiting, rows_of(chance, 4))
    waiting.note(early, 1)
    part = next(n for n in range(PARTS) if waiting.size(n))
    for folds, rows in ((part, 4), (part + 1, 0), (part + PARTS, 0)):
        again = Waiting(made, folds)
        again.note(early, 1)
        late = segment_of(again, rows_of(chance, 2))
        again.note(late, 2)
        assert again.rows == rows + 2


def test_rows_of_a_key_of_which_many_wait_go_on() -> None:
    made, chance = layout(), random.Random(4)
    waiting, rows = Waiting(made), rows_of(chance, 10)
    waiting.note(segment_of(waiting, rows[:6]), 1)
    given: Any = ([keys_of(rows[6:])], times_of(rows[6:]), columns_of(rows[6:]))
    segment, direct = waiting.split(*given, folds=0, most=9)
    assert segment is None
    assert pa.array(direct).to_pylist() == [0, 1, 2, 3]  # type: ignore[call-overload]
    assert waiting.split(*given, folds=0, most=10)[1] is None


@pytest.mark.parametrize("types", [TYPES[:2], [*TYPES, TYPES[0]], [pa.int32(), *TYPES[1:]]])
def test_rows_that_wait_are_those_of_the_layout_that_is_asked(types: list[pa.DataType]) -> None:
    waiting = Waiting(Layout(types, [], SIZES))
    columns = [pa.array([None], arrow) for arrow in types]
    key, time = pa.array([7], pa.int64()), pa.array([5], pa.int64())
    segment, _ = waiting.split([key], time, columns, folds=0, most=9)
    assert segment is not None
    waiting.note(segment, 1)
    with pytest.raises(StateError, match="are of another layout"):
        answers(layout(), Blocks(), 10, 0, waiting=waiting.seen(1))


@pytest.mark.parametrize("seed", range(3))
def test_a_mangled_segment_is_an_error(seed: int) -> None:
    chance = random.Random(seed)
    made = layout()
    good = segment_of(Waiting(made), rows_of(chance, 20))
    refused = 0
    for _ in range(300):
        data = bytearray(good)
        at = chance.randrange(len(data))
        data[at] ^= 1 << chance.randrange(8)
        try:
            Waiting(made).note(bytes(data[:at] if chance.random() < 0.5 else data), 1)
        except StateError:
            refused += 1
    assert refused > 100
    with pytest.raises(StateError, match="a segment of version 9"):
        Waiting(made).note(b"\x09" + good[1:], 1)


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(StateError, match="there is no column 9"):
        Layout(TYPES, [Partial("sum", (9,))], SIZES)
    with pytest.raises(StateError, match="each size of tiles is a multiple"):
        Layout(TYPES, [], (2, 3))
    wrong = [pa.array(["x"])] * len(TYPES)
    made = layout()
    with pytest.raises(StateError, match="not of the layout's type"):
        made.group([pa.array([1])], pa.array([0], pa.int64()), wrong)
    shelf, rows = Shelf(), rows_of(random.Random(1), 2)
    given: Any = (made, shelf, b"", [keys_of(rows)], times_of(rows), columns_of(rows))
    Intake(*given)
    with pytest.raises(StateError, match="needs a shelf of its own"):
        Intake(*given)
    with pytest.raises(StateError, match="as many blocks are given as were wanted"):
        shelf.give([])
    request = Request(Windows(made, [5]), Shelf(), b"", [keys_of(rows)], times_of(rows))
    with pytest.raises(StateError, match="there is no window 0 among 0"):
        request.held(0)  # it has not been answered
    with pytest.raises(StateError, match="as many as their keys, and there is none"):
        Request(Windows(made, [5]), Shelf(), b"", [], 7)
    with pytest.raises(ZeroDivisionError):
        layout().verify(lambda _level, _number: bytes([1 // 0]))
    assert {LOG, ROOT} == {254, 255}
    assert all(p.kind in KINDS for p in PARTIALS)


def test_keys_and_digests_go_by_value() -> None:
    numbers = pa.array([0.0, -0.0, float("nan"), None])
    one, other, nan, null = encode_keys([numbers], 4)
    assert one == other
    assert nan is None
    assert null is None
    first, second, third, fourth = digest_rows([numbers], 4)
    assert first == second
    assert len({first, third, fourth}) == 3
    pairs = encode_keys([pa.array(["a", "ab"]), pa.array(["bc", "c"])], 2)
    assert pairs[0] != pairs[1]

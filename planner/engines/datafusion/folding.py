"""User-defined aggregates over many windows: every row is added a few times, whatever their width.

Three ways, chosen by what the rows and the class allow. `sweep` adds and removes, where the class
has an inverse. `slide` needs merging alone, for ranges whose two ends only move on: two stacks, one
of which holds what the rows up to the turn merge to (the trick behind a queue of two stacks). For
rows that come and go in any order `climb` keeps a tree in which each node holds what its leaves
merge to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

Rows = Sequence[tuple[Any, ...]]
"""The arguments of each row, in order of time."""
Found = Iterator[tuple[int, Any]]
"""The number of a question and the value of its window, where the window holds a row."""


@dataclass(slots=True)
class Changes:
    """When rows come and go, by the number of the question before which they do."""

    come: list[list[int]]
    go: list[list[int]]

    @classmethod
    def of(cls, first: Sequence[int], last: Sequence[int], questions: int) -> Changes:
        """Of rows that the questions `[first, last)` see, among so many questions."""
        changes = cls([[] for _ in range(questions)], [[] for _ in range(questions + 1)])
        for row, (start, end) in enumerate(zip(first, last, strict=True)):
            if start < end:
                changes.come[start].append(row)
                changes.go[end].append(row)
        return changes


def sweep(made: Any, rows: Rows, changes: Changes) -> Found:
    """The value of each question over the rows that it sees, by adding and removing."""
    state, held, value, fresh = made.zero(), 0, None, False
    for question, (come, go) in enumerate(zip(changes.come, changes.go, strict=False)):
        for row in come:
            state = made.add(state, *rows[row])
        for row in go:
            state = made.remove(state, *rows[row])
        held += len(come) - len(go)
        fresh = fresh and not come and not go
        if held:
            value = value if fresh else made.finish(state)
            fresh = True
            yield question, value


def slide(made: Any, rows: Rows, low: Sequence[int], high: Sequence[int]) -> Found:
    """The value of each question over rows `[low, high)`, neither of which ever decreases.

    Rows up to the turn lie in `front`, whose entry at a row holds what that row and those after it
    merge to; those behind it are added to one state.
    """
    front: list[Any] = []  # of the rows before the turn, the last of them first
    turn, end = 0, 0
    back: Any = made.zero()
    before: tuple[int, int] | None = None
    value: Any = None
    for question, (start, stop) in enumerate(zip(low, high, strict=True)):
        if start >= stop:
            continue
        if (start, stop) == before:
            yield question, value
            continue
        before = (start, stop)
        if start >= end:  # nothing of what was added is wanted any more
            front, back, turn, end = [], made.zero(), start, start
        while end < stop:
            back = made.add(back, *rows[end])
            end += 1
        if start >= turn and turn < end and (start > turn or not front):
            front, back, turn = _turned(made, rows, start, end), made.zero(), end
        del front[turn - start :]
        if turn == end:
            state = front[-1]
        else:
            state = made.merge(front[-1], back) if front else back
        value = made.finish(state)
        yield question, value


def _turned(made: Any, rows: Rows, start: int, end: int) -> list[Any]:
    """What the rows from each on merge to, the last first."""
    front: list[Any] = []
    for row in range(end - 1, start - 1, -1):
        one = made.add(made.zero(), *rows[row])
        front.append(made.merge(one, front[-1]) if front else one)
    return front


@dataclass(slots=True)
class Tree:
    """What the rows of every range merge to; a row that is not there has no state."""

    made: Any
    size: int
    nodes: list[Any] = field(init=False)
    there: list[bool] = field(init=False)

    def __post_init__(self) -> None:
        self.nodes = [None] * (2 * self.size)
        self.there = [False] * (2 * self.size)

    def put(self, row: int, values: tuple[Any, ...] | None) -> None:
        """The row comes with its values, or goes."""
        at = row + self.size
        self.there[at] = values is not None
        self.nodes[at] = None if values is None else self.made.add(self.made.zero(), *values)
        while at > 1:
            at //= 2
            self._join(at)

    def _join(self, at: int) -> None:
        left, right = 2 * at, 2 * at + 1
        self.there[at] = self.there[left] or self.there[right]
        if self.there[left] and self.there[right]:
            self.nodes[at] = self.made.merge(self.nodes[left], self.nodes[right])
        else:
            self.nodes[at] = self.nodes[left] if self.there[left] else self.nodes[right]

    def merged(self, low: int) -> tuple[bool, Any]:
        """Whether a row from `low` on is there, and what all of them merge to."""
        at, end = low + self.size, 2 * self.size
        parts: list[int] = []
        later: list[int] = []
        while at < end:
            if at & 1:
                parts.append(at)
                at += 1
            if end & 1:
                end -= 1
                later.append(end)
            at //= 2
            end //= 2
        state, found = None, False
        for part in (*parts, *reversed(later)):
            if self.there[part]:
                state = self.made.merge(state, self.nodes[part]) if found else self.nodes[part]
                found = True
        return found, state


def climb(made: Any, rows: Rows, changes: Changes, low: Sequence[int]) -> Found:
    """The value of each question over the rows from `low` on that it sees, by a tree."""
    tree = Tree(made, max(len(rows), 1))
    for question, (come, go) in enumerate(zip(changes.come, changes.go, strict=False)):
        for row in come:
            tree.put(row, rows[row])
        for row in go:
            tree.put(row, None)
        if low[question] < len(rows):
            found, state = tree.merged(low[question])
            if found:
                yield question, made.finish(state)

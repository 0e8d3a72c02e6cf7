"""The store: sets defined by their plans, rows that come in commits, answers as of any kept time.

One process writes; each commit is one atomic batch of rows, blocks, identities and stream offsets,
so that a store which opens again holds what was committed and knows up to where it has read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import pyarrow as pa

from bighead.storage.database.commits import committed, mark
from bighead.storage.database.database import Batch, Database
from bighead.storage.database.database import View as Snapshot
from bighead.storage.database.keys import after, identity_prefix, set_prefix
from bighead.storage.database.origins import note_copy, note_origin
from bighead.storage.database.rocks import BUFFER, Rocks
from bighead.storage.errors import StoreError
from bighead.storage.reading.fetching import Fetch, Fetched
from bighead.storage.reading.moment import Moment, Seen
from bighead.storage.sets.definitions import (
    FORMAT,
    Definition,
    check_format,
    definition_of,
    definitions,
    mirrored,
    set_key,
)
from bighead.storage.sets.numbers import last_number, note_number
from bighead.storage.sets.prepare import source_of
from bighead.storage.sets.set_plan import SIZES, SetPlan, compile_set, share
from bighead.storage.sets.sharing import Shared, find_shared, with_windows_of
from bighead.storage.sets.source_versions import placed
from bighead.storage.upkeep.checking import Counts, count_set, verify_set
from bighead.storage.upkeep.sweeping import Sweep, Swept
from bighead.storage.writing.arrival import Arrival, stamped
from bighead.storage.writing.ingesting import Ingest, Report, Stamp, read_offset
from bighead.storage.writing.newest import newest_time
from bighead.storage.writing.recent import Recent
from bighead.storage.writing.sources_gone import forget_source
from bighead.storage.writing.stamps import begin_reign, miss_stamp
from bighead.zipline.errors import did_you_mean
from bighead.zipline.expressions.arrow import Array
from bighead.zipline.ir.nodes import Lookup, Node, Scan, View
from bighead.zipline.ir.rewrite import transform_plan
from bighead.zipline.windows import DAY

_IDENTITIES = 100_000
"""Looked at at once."""
_LOOKS = 100
"""For what waits as of a commit that another thread is just writing."""
_FOLDED = 16
"""Parts of what waits that one commit folds where all of it is to be folded."""


_NOBODY = pa.table({"": pa.nulls(0)})
"""The spine of those who ask without one."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a store lays out its blocks, and how it writes."""

    leaf: int = 256
    """Rows of a block before it is split."""
    logged: int = 64
    """Rows that wait in a key's log."""
    sizes: tuple[int, ...] = SIZES
    """Of the tiles of new sets; a set keeps those that it was defined with."""
    sync: bool = False
    """Each commit survives a loss of power, not only the end of the process."""
    buffer: int = BUFFER
    """Bytes of each table that wait in memory before they become a file."""
    recent: int = 64 << 20
    """Bytes of memory for rows that wait for their blocks, also in a follower; 0: none wait."""
    waiting: int = 128
    """Rows of a key that may wait when a part of a commit brings more of them."""
    stamps: int | None = 30 * DAY
    """For so many microseconds it is kept when each row came, so that what was served can be
    checked; None: it is not kept."""


@dataclass(slots=True)
class Looked:
    """How far the logs of streams have been looked through for what may go."""

    at: dict[str, int | None] = field(default_factory=dict)
    """By source the last commit that was looked at; None: all of them were. Empty: nobody looks."""
    commit: int = 0
    """The last commit when they had been looked through."""


@dataclass(slots=True)
class Store:
    """An open store."""

    database: Database
    settings: Settings = field(default_factory=Settings)
    sets: dict[str, Definition] = field(default_factory=dict)
    plans: dict[str, SetPlan] = field(default_factory=dict)
    _narrow: dict[tuple[str, frozenset[str]], SetPlan] = field(default_factory=dict)
    """Plans of which some columns alone are wanted, as they were asked for."""
    _seen: dict[str, tuple[bytes, Definition]] = field(default_factory=dict)
    """Definitions by what lies in the database, so that each is read once."""
    _latest: dict[str, tuple[int, Definition, SetPlan]] = field(default_factory=dict)
    """The sets as of the commit at which each was read last."""
    wanted: frozenset[str] = frozenset()
    """Sets that whoever writes the store is going to serve: they are not cleared."""
    recent: Recent = field(init=False, repr=False)
    waits: Seen = field(default_factory=Seen, init=False, repr=False)
    """What waits as of the last commit."""
    looked: Looked = field(default_factory=Looked, init=False, repr=False)
    guards: dict[str, bytes] = field(default_factory=dict, init=False, repr=False)
    """Sources some of whose identities guard no row any more, and where to go on forgetting."""

    def __post_init__(self) -> None:
        self.recent = Recent(self.settings.recent, self.settings.waiting)

    @classmethod
    def open(
        cls,
        path: Path,
        settings: Settings | None = None,
        *,
        create: bool = True,
        read_only: bool = False,
    ) -> Self:
        """The store in a folder.

        Raises StoreError where there is none, where another process writes to it, and where it is
        of another format.
        """
        given = settings or Settings()
        rocks = Rocks(path, create=create, read_only=read_only, buffer=given.buffer)
        try:
            return cls.over(rocks, given)
        except BaseException:
            rocks.close()
            raise

    @classmethod
    def over(cls, database: Database, settings: Settings | None = None) -> Self:
        """A store in a database."""
        store = cls(database, settings or Settings())
        store.reload()
        return store

    def reload(self) -> None:
        """Take definitions and the rows that wait from the database, which another process writes.

        Raises StoreError where the database is of another format, DamagedError where it cannot be
        read.
        """
        check_format(self.database)
        found = definitions(self.database)
        plans: dict[str, SetPlan] = {}
        for definition in sorted(found.values(), key=lambda d: d.of != ""):
            known = self.sets.get(definition.name)
            plans[definition.name] = (
                self.plans[definition.name]
                if known is not None and _read_alike(known, definition)
                else self._planned(definition, plans)
            )
        self.sets, self.plans = found, plans
        self._settle()
        kept = self.owned().values()
        self.waits = self.recent.follow(self.database, self.committed, kept)

    def _planned(self, definition: Definition, plans: Mapping[str, SetPlan]) -> SetPlan:
        """How a set is read: from blocks of its own, or of one of these."""
        if not definition.of:
            return self.compiled(definition.right, definition.sizes)
        owner, leaf = plans[definition.of], self.settings.leaf
        made = share(definition.right, owner, leaf=leaf, sizes=definition.sizes)
        assert made is not None, f"{definition.of} does not hold what {definition.name} reads"
        return made

    def _settle(self) -> None:
        """What follows from which sets there are."""
        self._narrow, self._latest = {}, {}
        for name in self.owned():
            readers = [self.plans[d.name] for d in self.sets.values() if d.of == name]
            self.plans[name] = with_windows_of(self.plans[name], readers)

    def owned(self) -> dict[str, tuple[Definition, SetPlan]]:
        """The sets that have blocks of their own, by name: these are written."""
        return {n: (d, self.plans[n]) for n, d in self.sets.items() if not d.of}

    def owner(self, name: str) -> str:
        """The set from whose blocks one is read. Raises StoreError where the store keeps none."""
        definition, _ = self.plan(name)
        return definition.of or name

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what is pending and let go of the files."""
        self.database.close()

    def compiled(self, right: View | Lookup, sizes: tuple[int, ...]) -> SetPlan:
        """How a set is kept and read."""
        given = self.settings
        return compile_set(right, leaf=given.leaf, logged=given.logged, sizes=sizes)

    def define(self, name: str, right: View | Lookup) -> None:
        """Keep a set from now on; the same again changes nothing.

        One that differs from another in its windows only has no blocks of its own, where the rows
        of the other go back as far as it counts. A source that the store has under the same name
        and by another declaration is read beside it, as a new version.

        Raises StoreError where the name is another set's, UnsupportedError for what is not kept.
        """
        right = self.placed(right)
        known = self.sets.get(name)
        if known is not None:
            if known.right == right:
                return
            raise StoreError(f"the store keeps another set as {name}; give this one another name")
        batch: Batch = {("meta", b"format"): str(FORMAT).encode()}
        shared = self.shared(right)
        if shared is not None and shared.enough:
            plan = shared.plan
            definition = replace(shared.owner, name=name, right=right, of=shared.owner.name)
        else:
            plan = self.compiled(right, self.settings.sizes)
            number = last_number(self.database) + 1
            definition = Definition(name, number, 1, right, self.settings.sizes)
            self.recent.of(self.database, definition, plan)
            note_number(batch, number)
        if self.settings.stamps is not None and not definition.of:
            now = time.time_ns() // 1000
            begin_reign(batch, self.committed + 1, definition.number, 1, None, now)
        for source in {source_of(p.input).name for p in plan.parts} - self.sources():
            batch.update(forget_source(self.database, source))
        definition.write(batch)
        self.commit(batch)
        self.sets[name], self.plans[name] = definition, plan
        self._settle()

    def placed(self, right: View | Lookup) -> View | Lookup:
        """A view or look-up as it is kept: over the sources that the store has."""
        held = [source_of(p.input) for _, plan in self.owned().values() for p in plan.parts]
        return placed(cast("View | Lookup", transform_plan(right, _without_reach)), held)

    def sources(self) -> set[str]:
        """The names of the sources that its sets read."""
        return {source_of(p.input).name for _, plan in self.owned().values() for p in plan.parts}

    def shared(self, right: View | Lookup, but: str = "") -> Shared | None:
        """The set that keeps what a view counts, perhaps not for long enough; None: none does.

        but: another set than this.
        """
        held = {name: set_ for name, set_ in self.owned().items() if name != but}
        now = time.time_ns() // 1000
        return find_shared(self.placed(right), held, self.settings.leaf, now)

    def plan(self, name: str) -> tuple[Definition, SetPlan]:
        """A set by name. Raises StoreError where the store does not keep it."""
        if name not in self.sets:
            hint = did_you_mean(name, self.sets) or "define it first"
            raise StoreError(f"the store keeps no set '{name}'; {hint}")
        return self.sets[name], self.plans[name]

    def seen(self, name: str, view: Snapshot) -> tuple[Definition, SetPlan]:
        """A set as it is in a view, which may be older than the store, or newer.

        Raises StoreError where the store does not keep it.
        """
        definition, plan = self.plan(name)
        data = view.get("meta", set_key(name))
        if data is None:
            if definition.of:
                definition = mirrored(definition, self.seen(definition.of, view)[0])
            return definition, plan
        known = self._seen.get(name)
        if known is None or known[0] != data:
            found = definition_of(name, data)
            if found.right == definition.right:  # told from then on by being the same object
                found = replace(found, right=definition.right)
            known = self._seen[name] = (data, found)
        found = known[1]
        if found.of:
            return mirrored(found, self.seen(found.of, view)[0]), plan
        if not _read_alike(found, definition):
            plan = self.compiled(found.right, found.sizes)
        return found, plan

    def _at(self, name: str, moment: Moment) -> tuple[Definition, SetPlan]:
        """A set as it is at a moment; it changes with a commit only."""
        known, commit = self._latest.get(name), moment.seen.commit
        if known is not None and known[0] == commit != 0:
            return known[1:]
        found = self.seen(name, moment)
        self._latest[name] = (commit, *found)
        return found

    def kept(self, right: View | Lookup) -> str | None:
        """The name of the set that is this view or look-up; None where there is none."""
        right = self.placed(right)
        return next((name for name, known in self.sets.items() if known.right == right), None)

    def snapshot(self) -> Moment:
        """The store as it is now; what is fetched from it is of one commit."""
        while True:
            seen, view = self.waits, self.database.snapshot()
            if committed(view) == seen.commit:
                return Moment(view, seen)
            if self.waits is seen:  # another thread is between the commit and what waits after it
                time.sleep(0)

    def _now(self, view: Snapshot) -> Moment:
        """The store as it is now, read as it stands."""
        for _ in range(_LOOKS):
            seen = self.waits
            if committed(view) == seen.commit:
                return Moment(view, seen)
            time.sleep(0)
        return Moment(view, Seen())

    @property
    def committed(self) -> int:
        """The number of the last commit; 0: none."""
        return committed(self.database)

    def newest(self, name: str, snapshot: Moment | None = None) -> int | None:
        """Up to which time rows of a set's sources have come; None where one has none yet.

        Of several sources it is that of the one which is furthest behind.
        """
        _, plan = self.plan(name)
        view = snapshot or self.database
        times = [newest_time(view, source_of(part.input).name) for part in plan.parts]
        return None if None in times else min(t for t in times if t is not None)

    def commit(self, batch: Batch) -> int:
        """Write a batch as the next commit; its number."""
        number = self.committed + 1
        mark(batch, number)
        note_origin(batch, self.database, number)
        self.recent.take(batch, number)
        try:
            self.database.write(batch, self.settings.sync)
        except BaseException:
            self.recent.sets.clear()
            kept = self.owned().values()
            self.waits = self.recent.follow(self.database, self.committed, kept)
            raise
        self.waits = self.recent.seen(number)
        return number

    def fold(self) -> None:
        """Put all rows that wait into the blocks of their keys; the next ones wait again."""
        for waiting in list(self.recent.sets.values()):
            while waiting.segments:
                folding = Ingest(self.database, self.recent, [])
                folding.fold(waiting, _FOLDED)
                self.commit(folding.batch)

    def offset(self, source: str, partition: str) -> int:
        """Where to go on reading a partition of a source's stream; 0: at its start."""
        return read_offset(self.database, source, partition)

    def ingest(
        self,
        source: str,
        rows: pa.Table,
        stamp: Stamp | None = None,
        *,
        refuse: bool = False,
        arrival: Arrival | None = None,
        also: Callable[[Report], Batch] | None = None,
    ) -> Report:
        """Take rows of a source into all sets over it, as one commit.

        rows: the columns that a scan of the source gives. stamp: where in its stream they stand;
        rows before the offset that has been committed are left out. refuse: rows that break a rule
        are told of in the report, and the others taken. arrival: when they came. also: what else
        the commit writes, by what became of the rows. Raises DataError for a row that breaks a
        rule; then nothing of the batch is taken.
        """
        over = self._over(source)
        arrived = None if arrival is None else arrival.time
        came = time.time_ns() // 1000 if arrived is None else arrived
        taking = Ingest(self.database, self.recent, over, refuse, arrived)
        if self.settings.stamps is not None:
            taking.stamped = came
        rows = stamped(rows, arrival)
        report = taking.run(source, rows, stamp)
        if taking.stamped is None and taking.batch:
            miss_stamp(taking.batch, self.database, source, came)
        report.commit = self.committed + 1
        if also is not None:
            taking.batch.update(also(report))
        report.commit = self.commit(taking.batch) if taking.batch else self.committed
        return report

    def _over(self, source: str) -> list[tuple[Definition, SetPlan]]:
        found = [
            (definition, plan)
            for definition, plan in self.owned().values()
            if any(source_of(part.input).name == source for part in plan.parts)
        ]
        if not found:
            hint = did_you_mean(source, self.sources()) or "define a set over it first"
            raise StoreError(f"no set of the store reads '{source}'; {hint}")
        return found

    def fetch(
        self,
        name: str,
        keys: Sequence[Array],
        times: Array,
        *,
        inclusive: bool = False,
        spine: pa.Table | None = None,
        alias: str = "b",
        only: Collection[str] | None = None,
        snapshot: Moment | None = None,
        pause: Callable[[], None] | None = None,
    ) -> Fetched:
        """A set's features for keys as of times.

        keys: a column for each part of the key. times: int64 microseconds; NULL: an empty window.
        inclusive: events at t itself are seen. spine: of a look-up whose condition reads it.
        only: the columns that are wanted; None: all. pause: called before each round of reads; what
        it raises ends the fetch.
        """

        def run(moment: Moment) -> Fetched:
            definition, plan = self._at(name, moment)
            prefix = set_prefix(definition.generation, definition.number)
            waiting = moment.waiting(prefix, plan)
            plan = plan if only is None else self._only(name, plan, frozenset(only))
            horizon = definition.horizon
            fetch = Fetch(plan, moment, prefix, waiting, horizon, inclusive, keys, times, pause)
            return fetch.run(_NOBODY if spine is None else spine, alias)

        if snapshot is not None:
            return run(snapshot)
        fetched = self.database.at_once(lambda view: run(self._now(view)))
        return run(self.snapshot()) if fetched is None else fetched

    def _only(self, name: str, plan: SetPlan, columns: frozenset[str]) -> SetPlan:
        if plan is not self.plans[name]:  # of an older view
            return plan.only(columns)
        known = self._narrow.get((name, columns))
        if known is None:
            known = self._narrow[name, columns] = plan.only(columns)
        return known

    def sweep(self, name: str, horizon: int, keys: int | None = None) -> Swept:
        """Drop what no question from `horizon` on reads, `keys` keys at most; None: of all.

        Rows that wait are folded first where all keys are asked for; else they go when they are
        folded, where the sweep has been at their keys, or with the next one.
        A sweep that stopped goes on where it was, with its own horizon. Questions whose windows
        begin before the horizon are refused from the start of the sweep on.
        """
        definition, plan = self.plan(self.owner(name))
        if keys is None:
            self.fold()
        sweep = Sweep(self.database, definition, plan, self.remember)
        return sweep.run(horizon, keys)

    def remove(self, name: str, batch: Batch) -> None:
        """Keep a set no more, nor what only it needs of its sources.

        batch: what the same commit writes, which sees to its blocks.
        """
        _, plan = self.plan(name)
        batch["meta", set_key(name)] = None
        note_number(batch, last_number(self.database))
        self.commit(batch)
        del self.sets[name], self.plans[name]
        self._settle()
        for source in {source_of(p.input).name for p in plan.parts} - self.sources():
            self.commit(forget_source(self.database, source))

    def expire_identities(self, source: str) -> int:
        """Forget which events of a source have come where no set can count them any more.

        Returns how many were forgotten. A set that counts all history, or the newest rows however
        old, never forgets.
        """
        gone = 0
        at: bytes | None = b""
        while at is not None:
            some, at = self.expire_some(source, at, _IDENTITIES)
            gone += some
        return gone

    def expire_some(self, source: str, start: bytes, most: int) -> tuple[int, bytes | None]:
        """Forget some of them, of `most` from a key on (empty: the first one).

        Returns how many were forgotten, and from where to go on; None: those were the last.
        """
        over = self._over(source)
        if any(plan.keep or plan.newest != 0 for _, plan in over):
            return 0, None
        horizon = min(definition.horizon for definition, _ in over)
        prefix = identity_prefix(source)
        batch: Batch = {}
        key = b""
        seen = 0
        for key, said in self.database.scan("identities", start or prefix, after(prefix)):
            if int.from_bytes(said[8:], "big", signed=True) < horizon:
                batch["identities", key] = None
            seen += 1
            if seen == most:
                break
        gone = len(batch)
        if batch:
            self.commit(batch)
        return gone, key + b"\0" if seen == most else None

    def counts(self) -> list[Counts]:
        """What is held of each set; reads all of it."""
        view = self.database.snapshot()
        return [count_set(view, *held) for _, held in sorted(self.owned().items())]

    def verify(self) -> int:
        """How many blocks were checked. Raises DamagedError for the first that is not right."""
        view = self.database.snapshot()
        return sum(verify_set(view, *held) for _, held in sorted(self.owned().items()))

    def backup(self, folder: Path) -> None:
        """A copy that can be opened, in a folder that does not exist yet; writing may go on."""
        self.database.backup(folder)
        copy = Rocks(folder, create=False)
        note_copy(copy)
        copy.close()

    def compact(self) -> None:
        """Fold all rows that wait, and rewrite the files without what has been deleted.

        Reading may go on meanwhile.
        """
        self.fold()
        self.database.compact()

    def remember(self, definition: Definition, batch: Batch) -> None:
        """Commit a batch together with a set's definition, which holds from then on."""
        definition.write(batch)
        known, plan = self.plan(definition.name)
        alike = _read_alike(known, definition)
        if not alike:
            plan = self.compiled(definition.right, definition.sizes)
        if not definition.of:
            self.recent.of(self.database, definition, plan)
        self.commit(batch)
        self.sets[definition.name], self.plans[definition.name] = definition, plan
        if not alike:
            self._settle()
        for reader in list(self.sets.values()):
            if reader.of == definition.name:
                self.sets[reader.name] = mirrored(reader, definition)


def _read_alike(one: Definition, other: Definition) -> bool:
    return (one.right, one.sizes, one.of) == (other.right, other.sizes, other.of)


def _without_reach(node: Node) -> Node:
    """How far a spine reaches is no part of what is kept."""
    return replace(node, reach=None, newest=False) if isinstance(node, Scan) else node

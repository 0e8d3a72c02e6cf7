"""The store: sets defined by their plans, rows that come in commits, answers as of any kept time.

One process writes; each commit is one atomic batch of rows, blocks, identities and stream offsets,
so that a store which opens again holds what was committed and knows up to where it has read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self

import pyarrow as pa

from bighead.storage.closing import Closing
from bighead.storage.database.commits import committed, mark
from bighead.storage.database.database import Batch, Database
from bighead.storage.database.database import View as Snapshot
from bighead.storage.database.keys import set_prefix
from bighead.storage.database.origins import note_copy, note_origin
from bighead.storage.database.rocks import BUFFER, Rocks
from bighead.storage.reading.fetching import Fetch, Fetched
from bighead.storage.reading.moment import Moment, Seen
from bighead.storage.reading.times import Times
from bighead.storage.sets.definitions import FORMAT, Definition, check_format, set_key
from bighead.storage.sets.numbers import last_number, note_number
from bighead.storage.sets.set_plan import SIZES, SetPlan
from bighead.storage.sets.sets import Kept, Sets, read_alike
from bighead.storage.sets.sharing import Shared
from bighead.storage.upkeep.checking import Counts, count_set, verify_set
from bighead.storage.upkeep.expiring import expired
from bighead.storage.upkeep.sweeping import Sweep, Swept
from bighead.storage.writing.arrival import Arrival, stamped
from bighead.storage.writing.folding import Folded, fold
from bighead.storage.writing.ingesting import Ingest, Report, Stamp, read_offset
from bighead.storage.writing.newest import newest_time
from bighead.storage.writing.recent import Recent
from bighead.storage.writing.sources_gone import forget_source
from bighead.storage.writing.stamps import begin_reign, miss_stamp
from bighead.zipline.expressions.arrow import Array
from bighead.zipline.ir.nodes import Lookup, View
from bighead.zipline.windows import DAY

_IDENTITIES = 100_000
"""Looked at at once."""
_LOOKS = 100
"""For what waits as of a commit that another thread is just writing."""
_FOLDED = 4 << 20
"""Bytes of rows that one commit folds where all that wait are to be folded."""

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
class Store(Closing):
    """An open store: a database, the sets that it keeps, and the rows that wait for their blocks.

    `define` and `remove` say which sets there are; `ingest` takes rows of a source into all that
    read it; `fetch` answers from one of them, as of any time. All that is written goes through
    `commit`. `snapshot` holds on to a moment while others are committed. What looks after a store
    is done between commits: `fold`, `sweep`, `expire_identities`, `compact`; and `verify`,
    `counts` and `backup` read it whole.

    One thread writes; any number of them read.
    """

    database: Database
    settings: Settings = field(default_factory=Settings)
    sets: Sets = field(init=False)
    recent: Recent = field(init=False, repr=False)
    waits: Seen = field(default_factory=Seen, init=False, repr=False)
    """What waits as of the last commit."""
    wanted: frozenset[str] = frozenset()
    """Sets that whoever writes the store is going to serve: they are not cleared."""
    looked: Looked = field(default_factory=Looked, init=False, repr=False)
    guards: dict[str, bytes] = field(default_factory=dict, init=False, repr=False)
    """Sources some of whose identities guard no row any more, and where to go on forgetting."""

    def __post_init__(self) -> None:
        self.sets = Sets(self.settings.leaf, self.settings.logged)
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

    def close(self) -> None:
        """Write what is pending and let go of the files."""
        self.database.close()

    def reload(self) -> None:
        """Take definitions and the rows that wait from the database, which another process writes.

        Raises StoreError where the database is of another format, DamagedError where it cannot be
        read.
        """
        check_format(self.database)
        self.sets.load(self.database)
        self._follow()

    def _follow(self) -> None:
        """Go on to what waits as of the last commit."""
        kept = self.sets.owned().values()
        self.waits = self.recent.follow(self.database, self.committed, kept)

    @property
    def plans(self) -> Mapping[str, SetPlan]:
        """How each set is written and read."""
        return self.sets.plans

    def plan(self, name: str) -> Kept:
        """A set by name. Raises StoreError where the store does not keep it."""
        return self.sets.plan(name)

    def owner(self, name: str) -> str:
        """The set from whose blocks one is read. Raises StoreError where the store keeps none."""
        return self.sets.owner(name)

    def owned(self) -> dict[str, Kept]:
        """The sets that have blocks of their own, by name: these are written."""
        return self.sets.owned()

    def sources(self) -> set[str]:
        """The names of the sources that its sets read."""
        return self.sets.sources()

    def kept(self, right: View | Lookup) -> str | None:
        """The name of the set that is this view or look-up; None where there is none."""
        return self.sets.find(right)

    def shared(self, right: View | Lookup, but: str = "") -> Shared | None:
        """The set that keeps what a view counts, perhaps not for long enough; None: none does.

        but: another set than this.
        """
        return self.sets.shared(right, _now(), but)

    def define(self, name: str, right: View | Lookup) -> None:
        """Keep a set from now on; the same again changes nothing.

        One that differs from another in its windows only has no blocks of its own, where the rows
        of the other go back as far as it counts. A source that the store has under the same name
        and by another declaration is read beside it, as a new version.

        Raises StoreError where the name is another set's, UnsupportedError for what is not kept.
        """
        number = last_number(self.database) + 1
        drawn = self.sets.drawn(name, right, number, self.settings.sizes, _now())
        if drawn is None:
            return
        definition, plan = drawn
        batch: Batch = {("meta", b"format"): str(FORMAT).encode()}
        if not definition.of:
            self.recent.of(self.database, definition, plan)
            note_number(batch, number)
            if self.settings.stamps is not None:
                begin_reign(batch, self.committed + 1, number, 1, None, _now())
        for source in {source.name for source in plan.sources} - self.sources():
            batch.update(forget_source(self.database, source))
        definition.write(batch)
        self.commit(batch)
        self.sets.keep(definition, plan)

    def remember(self, definition: Definition, batch: Batch) -> None:
        """Commit a batch together with a set's definition, which holds from then on."""
        definition.write(batch)
        known, plan = self.plan(definition.name)
        if not read_alike(known, definition):
            plan = self.sets.compiled(definition.right, definition.sizes)
        if not definition.of:
            self.recent.of(self.database, definition, plan)
        self.commit(batch)
        self.sets.keep(definition, plan)

    def remove(self, name: str, batch: Batch) -> None:
        """Keep a set no more, nor what only it needs of its sources.

        batch: what the same commit writes, which sees to its blocks.
        """
        _, plan = self.plan(name)
        batch["meta", set_key(name)] = None
        note_number(batch, last_number(self.database))
        self.commit(batch)
        self.sets.drop(name)
        for source in {source.name for source in plan.sources} - self.sources():
            self.commit(forget_source(self.database, source))

    @property
    def committed(self) -> int:
        """The number of the last commit; 0: none."""
        return committed(self.database)

    def commit(self, batch: Batch) -> int:
        """Write a batch as the next commit; its number."""
        number = self.committed + 1
        if self.waits.commit != number - 1:  # a commit failed, and they could not be read then
            self._follow()
        mark(batch, number)
        note_origin(batch, self.database, number)
        self.recent.take(batch, number)
        try:
            self.database.write(batch, self.settings.sync)
        except BaseException as error:
            self._read_again(error)
            raise
        self.waits = self.recent.seen(number)
        return number

    def _read_again(self, why: BaseException) -> None:
        """Read what waits anew, after a commit that failed.

        Where that fails, too, `why` is still what is raised; readers look the rows up meanwhile,
        and the next commit tries again.
        """
        self.recent.sets.clear()
        self.waits = Seen()
        try:
            self._follow()
        except Exception:  # noqa: BLE001  # it is the context of the first one
            raise why  # noqa: B904

    def fold(self) -> None:
        """Put all rows that wait into the blocks of their keys; the next ones wait again."""
        while self.fold_some(_FOLDED) is not None:
            pass

    def fold_some(self, most: int) -> Folded | None:
        """Put some of the rows that wait into the blocks of their keys, by one commit.

        most: bytes of memory that they take, about. None: no rows wait.
        """
        found = self.recent.some(most)
        if found is None:
            return None
        waiting, parts = found
        batch: Batch = {}
        expired = fold(waiting, parts, partial(self.database.get_many, "blocks"), batch)
        self.commit(batch)
        return Folded(tuple(source.name for source in waiting.plan.sources), expired)

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
        over = self.sets.over(source)
        arrived = None if arrival is None else arrival.time
        came = _now() if arrived is None else arrived
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

    def snapshot(self) -> Moment:
        """The store as it is now; what is fetched from it is of one commit."""
        return self._moment(self.database.snapshot)

    def _moment(self, view: Callable[[], Snapshot]) -> Moment:
        """A view with what waits as of its commit."""
        for _ in range(_LOOKS):
            seen, found = self.waits, view()
            if committed(found) == seen.commit:
                return Moment(found, seen)
            time.sleep(0)  # another thread is between the commit and what waits after it
        return Moment(found, Seen())

    def newest(self, name: str, snapshot: Moment | None = None) -> int | None:
        """Up to which time rows of a set's sources have come; None where one has none yet.

        Of several sources it is that of the one which is furthest behind.
        """
        times = self.newest_of(name, snapshot).values()
        return None if None in times else min(t for t in times if t is not None)

    def newest_of(self, name: str, snapshot: Moment | None = None) -> dict[str, int | None]:
        """By source of a set, up to which time rows of it have come; None: none has."""
        _, plan = self.plan(name)
        view = snapshot or self.database
        return {source.name: newest_time(view, source.name) for source in plan.sources}

    def fetch(
        self,
        name: str,
        keys: Sequence[Array],
        times: Times,
        *,
        inclusive: bool = False,
        spine: pa.Table | None = None,
        alias: str = "b",
        only: Collection[str] | None = None,
        snapshot: Moment | None = None,
        pause: Callable[[], None] | None = None,
    ) -> Fetched:
        """A set's features for keys as of times.

        keys: a column for each part of the key. times: int64 microseconds, NULL an empty
        window; or one for all, where there is a key.
        inclusive: events at t itself are seen. spine: of a look-up whose condition reads it.
        only: the columns that are wanted; None: all. pause: called before each round of reads; what
        it raises ends the fetch.
        """

        def run(moment: Moment) -> Fetched:
            definition, plan = self.sets.as_of(name, moment, moment.seen.commit)
            prefix = set_prefix(definition.generation, definition.number)
            waiting = moment.waiting(prefix, plan)
            if only is not None:
                plan = self.sets.narrowed(name, plan, frozenset(only))
            horizon = definition.horizon
            fetch = Fetch(plan, moment, prefix, waiting, horizon, inclusive, keys, times, pause)
            return fetch.run(_NOBODY if spine is None else spine, alias)

        if snapshot is not None:
            return run(snapshot)
        fetched = self.database.at_once(lambda view: run(self._moment(lambda: view)))
        return run(self.snapshot()) if fetched is None else fetched

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
        found = expired(self.database, source, self.sets.over(source), start, most)
        gone = len(found.batch)
        if gone:
            self.commit(found.batch)
        return gone, found.after

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
        with closing(Rocks(folder, create=False)) as copy:
            note_copy(copy)

    def compact(self) -> None:
        """Fold all rows that wait, and rewrite the files without what has been deleted.

        Reading may go on meanwhile.
        """
        self.fold()
        self.database.compact()


def _now() -> int:
    """In microseconds."""
    return time.time_ns() // 1000

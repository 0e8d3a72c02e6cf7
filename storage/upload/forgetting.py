"""Which of the rows that streams brought are kept no longer: those that no generation will ask for.

A row stays while a generation that may be read again has not had it. It goes when each set over its
source has it in the batch of an upload by its cut, or when it is older than what the sets keep. Of
sets that count all history, or the newest rows however old, and of entities, nothing is too old.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from bighead.storage.database.database import Batch
from bighead.storage.sets.definitions import LEAST, Definition
from bighead.storage.sets.set_plan import SetPlan
from bighead.storage.store import Store
from bighead.storage.upload.switching import switches
from bighead.storage.writing.meeting import is_in_batch
from bighead.storage.writing.stream_log import Entry, entries, forgotten, note_forgotten
from bighead.zipline.ir.sources import EntitySource, EventSource, Source

_LAST = 2**63
EVERY, MOST = 256, 64
"""After so many commits the logs are looked through again, so many commits' rows a turn."""


def forget_streams(store: Store) -> int:
    """Drop what is kept of streams and asked for no more; how many commits' rows went."""
    gone = 0
    for source, sets in _sources(store):
        dropped, _ = _look(store, source, sets, 0, None)
        gone += dropped
    return gone


def forget_some(store: Store) -> int:
    """The same a piece at a time, for whoever writes the store: it is called between commits.

    The logs are looked through from their beginning to their end, and again after some commits.
    """
    looked = store.looked
    if not looked.at and store.committed - looked.commit < EVERY:
        return 0
    gone = ended = 0
    sources = _sources(store)
    for source, sets in sources:
        at = looked.at.get(source.name, 0)
        if at is not None:
            dropped, looked.at[source.name] = _look(store, source, sets, at, MOST)
            gone += dropped
        ended += looked.at[source.name] is None
    if ended == len(sources):
        looked.at, looked.commit = {}, store.committed
    return gone


def _sources(store: Store) -> list[tuple[Source, list[tuple[Definition, SetPlan]]]]:
    """The sources, each with the sets over it."""
    over: dict[str, tuple[Source, list[tuple[Definition, SetPlan]]]] = {}
    for held in store.owned().values():
        for source in held[1].sources:
            over.setdefault(source.name, (source, []))[1].append(held)
    return list(over.values())


def _look(
    store: Store,
    source: Source,
    sets: Sequence[tuple[Definition, SetPlan]],
    begin: int,
    most: int | None,
) -> tuple[int, int | None]:
    """Drop what may go of a source's log after a commit, of so many commits.

    Gives how many commits' rows went, and the last commit that was looked at; None: there are no
    more.
    """
    view = store.database
    coming = {s.set: s.to.left for s in switches(view)}
    asked = min(_asked_after(d, coming) for d, _ in sets)
    batch: Batch = {}
    time, written = forgotten(view, source.name)
    last: int | None = None
    for entry in islice(entries(view, [source.name], begin), most):
        if entry.commit > asked:
            last = None
            break
        last = entry.commit
        if all(_is_done(entry, source, d, p) for d, p in sets):
            batch["meta", entry.key] = None
            time, written = max(time, entry.last_time), max(written, entry.last_written)
    gone = len(batch)
    if batch:
        if isinstance(source, EventSource):
            by_cut = source.option("cut") is True
            note_forgotten(batch, source.name, time, written if by_cut else LEAST)
        store.commit(batch)
    return gone, last


def _asked_after(definition: Definition, coming: Mapping[str, int]) -> int:
    """A set asks for all entries after this commit.

    coming: by set, up to where a generation that it is switched to has them.
    """
    if definition.upload is None and definition.horizon == LEAST:
        return 0
    before = definition.previous
    left = _LAST if before is None else before.left
    return min(left, coming.get(definition.name, _LAST))


def _is_done(entry: Entry, source: Source, definition: Definition, plan: SetPlan) -> bool:
    """Whether a set will not ask for an entry that its generations have had."""
    if is_in_batch(entry, source, definition.upload):
        return True
    ages = not plan.keep and plan.newest == 0 and not isinstance(source, EntitySource)
    return ages and entry.last_time < definition.horizon

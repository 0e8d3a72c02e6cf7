"""Which of the rows that streams brought are kept no longer: those that no generation will ask for.

A row stays while a generation that may be read again has not had it. It goes when each set over its
source has it in the batch of an upload by its cut, or when it is older than what the sets keep. Of
sets that count all history, or the newest rows however old, and of entities, nothing is too old.
"""

from __future__ import annotations

from bighead.storage.database.database import Batch
from bighead.storage.sets.definitions import LEAST, Definition
from bighead.storage.sets.prepare import source_of
from bighead.storage.sets.set_plan import SetPlan
from bighead.storage.store import Store
from bighead.storage.upload.switching import switches
from bighead.storage.writing.meeting import is_in_batch
from bighead.storage.writing.stream_log import Entry, entries, forgotten, note_forgotten
from bighead.zipline.ir.sources import EntitySource, EventSource, Source


def forget_streams(store: Store) -> int:
    """Drop what is kept of streams and asked for no more; how many commits' rows went."""
    over: dict[str, tuple[Source, list[tuple[Definition, SetPlan]]]] = {}
    for held in store.owned().values():
        for part in held[1].parts:
            source = source_of(part.input)
            over.setdefault(source.name, (source, []))[1].append(held)
    view = store.database
    coming = {s.set: s.to.left for s in switches(view)}
    gone = 0
    for source, sets in over.values():
        batch: Batch = {}
        time, written = forgotten(view, source.name)
        for entry in entries(view, [source.name], 0):
            if all(_is_done(entry, source, d, p, coming) for d, p in sets):
                batch["meta", entry.key] = None
                time, written = max(time, entry.last_time), max(written, entry.last_written)
        if batch:
            gone += len(batch)
            if isinstance(source, EventSource):
                by_cut = source.option("cut") is True
                note_forgotten(batch, source.name, time, written if by_cut else LEAST)
            store.commit(batch)
    return gone


def _is_done(
    entry: Entry,
    source: Source,
    definition: Definition,
    plan: SetPlan,
    coming: dict[str, int],
) -> bool:
    """Whether a set will never ask for an entry again."""
    if entry.commit > coming.get(definition.name, entry.commit):
        return False
    previous = definition.previous
    if previous is not None and entry.commit > previous.left:
        return False
    if is_in_batch(entry, source, definition.upload):
        return True
    ages = not plan.keep and plan.newest == 0 and not isinstance(source, EntitySource)
    return ages and entry.last_time < definition.horizon

"""Which rows of an offline source the store had, as of each of its commits.

A row is matched by its IDENTITY, else as a whole, with the stamps that the store keeps of what its
streams brought. What an upload brought is there as long as its generation is read: the rows of
batch below the upload's time, by `cut` without those that were written to the stream too late for
it, and where the generation is still at hand those of known identity. Of entities the first of
equal changes counts, and one that came later and was new then was in no upload; equal events
without an identity are as many events, and those that came first are taken for those that lie
offline.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bighead.kernels import tiles
from bighead.storage.database.database import View
from bighead.storage.database.keys import identity_prefix, set_prefix
from bighead.storage.sets.definitions import Definition
from bighead.storage.sets.prepare import integers, source_of, stored, values, whole
from bighead.storage.writing.meeting import identity_of, uploaded_identities
from bighead.storage.writing.stamps import (
    LEAST,
    Digests,
    Reign,
    digests_of,
    fresh_bit,
    reigns,
    stamps,
    unstamped_before,
)
from bighead.storage.writing.stream_log import time_of
from bighead.zipline.ir.nodes import Lookup, UnionAll
from bighead.zipline.ir.nodes import View as Windows
from bighead.zipline.ir.sources import EventSource, Source

NEVER = 2**62
"""The commit of a row that the store has not got."""
EVER = NEVER - 1
"""As of this it has all rows that it ever got."""
Integers = npt.NDArray[np.int64]
Masks = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Known:
    """What a store knows of the rows of one source for one set."""

    view: View
    definition: Definition | None
    """Of the set; None: the store keeps it no more."""
    source: str
    """As the store calls it."""

    @classmethod
    def of(
        cls, view: View, definition: Definition | None, right: Windows | Lookup, source: Source
    ) -> Known:
        """What is known of a source that a group reads."""
        name = source.name
        if definition is not None:
            pairs = zip(sources_in(right), sources_in(definition.right), strict=False)
            name = next((kept.name for ours, kept in pairs if ours.name == name), name)
        return cls(view, definition, name)

    def reigns(self) -> list[Reign]:
        """The generations of the set; of a store that kept none, the one that is read."""
        if self.definition is None:
            return [Reign(0, 0, 1, None)]
        found = reigns(self.view, self.definition.number)
        if found:
            return found
        upload = self.definition.upload
        as_of = None if upload is None else upload.as_of
        instant = None if upload is None else upload.instant
        return [Reign(0, 0, self.definition.generation, as_of, instant)]


def sources_in(right: Windows | Lookup) -> list[Source]:
    """The sources of a view or look-up, in the order of its parts."""
    events = right.events
    parts = events.events if isinstance(events, UnionAll) else (events,)
    return [source_of(part.input) for part in parts]


@dataclass(slots=True)
class Presence:
    """When each of some rows came to the store, for one set."""

    times: Integers
    """Of the events or changes, in microseconds."""
    commits: Integers
    """In which a stream brought them; NEVER: none did, 0: before stamps were kept."""
    arrivals: Integers
    """When, in microseconds; LEAST: unknown."""
    written: Integers
    """When they were written to the stream, where the rows that an upload has go by that; LEAST:
    they never were, or it is not known."""
    changed: Masks
    """The row of this identity that came was another one."""
    fresh: Masks
    """Changes of an entity that the set had not got before, by an upload either."""
    reigns: list[Reign] = field(default_factory=list)
    uploaded: dict[int, Masks] = field(default_factory=dict)
    """By generation, the rows that its upload held."""

    def visible(self, commit: int, rows: Integers | None = None) -> Masks:
        """Which rows, of these or of all, the set had as of a commit."""
        which = slice(None) if rows is None else rows
        commits = self.commits[which]
        reign = max((r for r in self.reigns if r.commit <= commit), key=lambda r: r.commit,
                    default=self.reigns[0])  # fmt: skip
        there: Masks = commits <= commit
        if reign.as_of is None:
            since = min(r.commit for r in self.reigns if r.generation == reign.generation)
            # A set that is kept later than another over its source begins empty.
            there &= (commits > since) | (commits == 0)
            return there
        there |= self.uploaded[reign.generation][which]
        return there


def presence_of(known: Known, source: Source, rows: pa.Table) -> Presence:
    """When rows of an offline source came. rows: all columns that a scan of it gives."""
    count = rows.num_rows
    time = time_of(source)
    times = np.full(count, LEAST, np.int64)
    if time is not None:
        times = np.asarray(integers(values(time, rows)).fill_null(LEAST))
    digests = digests_of(source, rows)
    found = Presence(
        times,
        np.full(count, NEVER, np.int64),
        np.full(count, LEAST, np.int64),
        np.full(count, LEAST, np.int64),
        np.zeros(count, np.bool_),
        np.zeros(count, np.bool_),
    )
    _match(found, known, source, digests)
    _presume(found, known, source, rows)
    found.reigns = known.reigns()
    for reign in found.reigns:
        if reign.as_of is not None and reign.generation not in found.uploaded:
            there = times < reign.as_of
            held = _uploaded(known, reign, source, rows)
            if held is not None:
                there &= held
            if reign.instant is not None:
                there &= found.written < reign.instant
            there &= ~(found.fresh & (found.commits > reign.commit))
            found.uploaded[reign.generation] = there
    return found


def _match(found: Presence, known: Known, source: Source, digests: Digests) -> None:
    """The stamp of each row."""
    waiting: dict[int, list[int]] = defaultdict(list)
    for row, name in enumerate(digests.names.tolist()):
        waiting[name].append(row)
    once = not isinstance(source, EventSource) or digests.named
    wanted = np.unique(digests.names)
    number = 0 if known.definition is None else known.definition.number
    bit = np.uint64(fresh_bit(number))
    for came in stamps(known.view, known.source):
        inside = np.flatnonzero(np.isin(came.digests.names, wanted))
        for at in inside.tolist():
            rows = waiting.get(int(came.digests.names[at]))
            if not rows:
                continue  # as many have come as there are offline
            for row in rows if once else rows[:1]:
                found.commits[row] = came.commit
                found.arrivals[row] = came.arrival
                if came.written is not None:
                    found.written[row] = came.written[at]
                if came.fresh is not None:
                    found.fresh[row] = bool(came.fresh[at] & bit)
                found.changed[row] = (
                    came.digests.named and digests.rows[row] != came.digests.rows[at]
                )
            del rows[: len(rows) if once else 1]


def _presume(found: Presence, known: Known, source: Source, rows: pa.Table) -> None:
    """Rows that may have come before stamps were kept, or whose stamps are kept no longer."""
    lost = unstamped_before(known.view, known.source)
    if lost == LEAST:
        return
    identity = identity_of(source)
    bare = found.commits == NEVER
    if identity:
        columns = [stored(whole(rows.column(name))) for name in identity]
        names = tiles.encode_keys(columns, rows.num_rows)
        prefix = identity_prefix(known.source)
        asked = [prefix + (name or b"\0") for name in names]
        held = known.view.get_many("identities", asked)
        there = np.array([h is not None for h in held], np.bool_)
        found.commits[bare & there] = 0
    else:
        found.commits[bare & (found.times < lost)] = 0


def _uploaded(known: Known, reign: Reign, source: Source, rows: pa.Table) -> Masks | None:
    """The rows whose identity an upload had; None: that is not known any more."""
    definition, identity = known.definition, identity_of(source)
    if definition is None or not identity:
        return None
    previous = definition.previous
    if reign.generation not in (definition.generation, previous and previous.number):
        return None
    prefix = set_prefix(reign.generation, definition.number)
    kept = _called(source, known.source)
    held = uploaded_identities(known.view, prefix, kept, identity, rows)
    return np.array([h is not None for h in held], np.bool_)


def _called(source: Source, name: str) -> Source:
    """The source under the name that the store has for it."""
    return source if source.name == name else replace(source, name=name)

"""Where batch meets stream: which rows of a stream a generation does not have from batch already.

By IDENTITY: those of another identity than all rows of the batch. By `cut`: the batch has exactly
the rows of times below that of the upload which were written to the stream before its instant. An
entity's changes are told apart by themselves, and may come from both.
"""

from __future__ import annotations

import pyarrow as pa

from bighead.kernels import tiles
from bighead.storage.database.database import View
from bighead.storage.database.keys import identity_prefix
from bighead.storage.errors import StoreError
from bighead.storage.sets.generations import Upload
from bighead.storage.sets.prepare import integers, kept, stored, values, whole
from bighead.storage.writing.arrival import WRITTEN
from bighead.storage.writing.stream_log import Entry, forgotten
from bighead.zipline.expressions.arrow import compute, make, scalar
from bighead.zipline.ir.sources import EntitySource, EventSource, Source
from bighead.zipline.ir.types import BIGINT, BOOLEAN


def identity_of(source: Source) -> tuple[str, ...]:
    """The columns that tell its rows apart; none where there are none."""
    if isinstance(source, EventSource):
        return source.identity
    return source.primary_key if isinstance(source, EntitySource) and source.static else ()


def meets_by_cut(source: Source) -> bool:
    """Whether times tell which of its rows are in a batch."""
    by_cut = isinstance(source, EventSource) and source.option("cut") is True
    return by_cut and not identity_of(source)


def check_meets(source: Source) -> None:
    """Raises StoreError where nothing says which rows of a batch are in the stream too."""
    if not (isinstance(source, EntitySource) or identity_of(source) or meets_by_cut(source)):
        raise StoreError(
            f"{source.name} has a batch and a stream, and nothing says which rows are in both; "
            "declare it with IDENTITY (columns) or with cut = true"
        )


def beside_batch(
    view: View, prefix: bytes, upload: Upload, source: Source, rows: pa.Table
) -> pa.Table:
    """The rows of a stream that the batch of an upload does not hold.

    prefix: before the keys of the generation. rows: with the times at which they were written.
    """
    check_meets(source)
    if isinstance(source, EntitySource) and not source.static:
        return rows
    if identity := identity_of(source):
        held = uploaded_identities(view, prefix, source, identity, rows)
        if not any(h is not None for h in held):
            return rows
        return kept(rows, make([h is None for h in held], BOOLEAN))
    assert isinstance(source, EventSource)
    as_of, instant = scalar(upload.as_of, BIGINT), scalar(upload.instant, BIGINT)
    below = compute("less", integers(values(source.event_time, rows)), as_of)
    before = compute("less", whole(rows.column(WRITTEN)), instant)
    both = compute("coalesce", compute("and", below, before), scalar(False, BOOLEAN))
    return kept(rows, compute("invert", both))


def is_in_batch(entry: Entry, source: Source, upload: Upload | None) -> bool:
    """Whether all of an entry's rows are in the batch of an upload by its cut."""
    if upload is None or not meets_by_cut(source):
        return False
    return entry.last_time < upload.as_of and entry.last_written < upload.instant


def check_remembered(view: View, source: Source, upload: Upload) -> None:
    """Raises StoreError where an upload asks for rows of a stream that have been dropped."""
    time, written = forgotten(view, source.name)
    if time >= upload.as_of or written >= upload.instant:
        raise StoreError(
            f"rows of {source.name} are kept no longer that its stream brought since the upload's "
            "time; upload as of a later time than the last upload"
        )


def identity_key(prefix: bytes, source: str, name: bytes) -> bytes:
    """Of an identity that a batch had, in a generation.

    A generation's number begins with a zero byte and no source's name does, so that these keys lie
    apart from those of streams.
    """
    return prefix + identity_prefix(source) + name


def uploaded_identities(
    view: View, prefix: bytes, source: Source, identity: tuple[str, ...], rows: pa.Table
) -> list[bytes | None]:
    """What is known of each row's identity in a batch; None: the batch had none such."""
    columns = [stored(whole(rows.column(n))) for n in identity]
    names = tiles.encode_keys(columns, rows.num_rows)
    asked = [identity_key(prefix, source.name, n) for n in names if n is not None]
    found = iter(view.get_many("identities", asked))
    return [None if n is None else next(found) for n in names]

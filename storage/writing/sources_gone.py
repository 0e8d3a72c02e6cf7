"""What a store knows of a source that no set reads any more goes: it may come back as another one.

How far its streams were read, which rows have come, when, what they were and which could not be
taken are true of the rows that the sets had. A set over a source that none of the others reads
begins at its beginning.
"""

from __future__ import annotations

from bighead.storage.database.database import Batch, Database, Table
from bighead.storage.database.keys import after, file_key, identity_prefix, offset_key
from bighead.storage.writing.letters import letters
from bighead.storage.writing.newest import newest_key
from bighead.storage.writing.stamps import stamp_prefix, unstamped_key
from bighead.storage.writing.stream_log import forgotten_key, stream_prefix


def forget_source(database: Database, source: str) -> Batch:
    """Forget what there is much of, and what a commit has to delete beside."""
    _drop(database, "identities", identity_prefix(source))
    _drop(database, "meta", stream_prefix(source))
    _drop(database, "meta", stamp_prefix(source))
    keys = [newest_key(source), forgotten_key(source), unstamped_key(source)]
    for prefix in (offset_key(source, ""), file_key(source, "")):
        keys += [key for key, _ in database.scan("meta", prefix, after(prefix))]
    keys += [kept.key for kept in letters(database, source)]
    return {("meta", key): None for key in keys}


def _drop(database: Database, table: Table, prefix: bytes) -> None:
    end = after(prefix)
    assert end is not None
    database.drop(table, prefix, end)

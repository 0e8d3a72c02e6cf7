"""What a store knows of a source that no set reads any more goes: it may come back as another one.

How far its streams were read, which rows have come, what they were and which could not be taken
are true of the rows that the sets had. A set over a source that none of the others reads begins at
its beginning.
"""

from __future__ import annotations

from bighead.storage.database.database import Batch, Database
from bighead.storage.database.keys import after, file_key, identity_prefix, offset_key
from bighead.storage.writing.letters import letters
from bighead.storage.writing.newest import newest_key
from bighead.storage.writing.stream_log import forgotten_key, stream_prefix


def forget_source(database: Database, source: str) -> Batch:
    """Forget its identities, and what a commit has to delete beside."""
    identities = identity_prefix(source)
    end = after(identities)
    assert end is not None
    database.drop("identities", identities, end)
    keys = [newest_key(source), forgotten_key(source)]
    for prefix in (offset_key(source, ""), file_key(source, ""), stream_prefix(source)):
        keys += [key for key, _ in database.scan("meta", prefix, after(prefix))]
    keys += [kept.key for kept in letters(database, source)]
    return {("meta", key): None for key in keys}

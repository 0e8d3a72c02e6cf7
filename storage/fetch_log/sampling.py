"""Which keys are logged: those of the least hashes, so that a key is always in, or always out.

The hash is of the key alone, and so the same in every process, on every machine and in every set
that has such a key. What a key was answered over time is therefore there as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence

from bighead.kernels import tiles
from bighead.storage.errors import StoreError
from bighead.storage.fetch.asking import Asked
from bighead.storage.sets.prepare import stored
from bighead.zipline.expressions.arrow import Array

_ALL = 1 << 64


def check_share(share: float) -> None:
    """Raises StoreError for what is no share of the keys."""
    if not 0 < share <= 1:
        raise StoreError(f"a share of {share} of the keys is none; give more than 0 and at most 1")


def chosen(keys: Sequence[Array], rows: int, share: float) -> list[int]:
    """Those of the rows whose key is among the share.

    >>> import pyarrow as pa
    >>> keys = pa.array(range(1000))
    >>> some = chosen([keys], 1000, 0.1)
    >>> 50 < len(some) < 150, set(some) < set(chosen([keys], 1000, 0.2))
    (True, True)
    """
    limit = int(share * _ALL)
    hashes = tiles.digest_rows([stored(k) for k in keys], rows)
    return [row for row, digest in enumerate(hashes) if digest < limit]


def sampled(asked: Asked, names: Sequence[str], share: float) -> Sequence[int] | None:
    """The entities of a request that are logged; None: all.

    names: of the columns that make the key; of a set without a key the time is hashed instead.
    """
    if share >= 1:
        return None
    keys = [asked.columns[name] for name in names] or [asked.times]
    return chosen(keys, asked.entities, share)

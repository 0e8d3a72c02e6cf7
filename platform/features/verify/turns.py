"""Requests that were answered as of different commits, computed by few queries.

One query over the rows that the store had as of a commit would do for the requests that read it;
but each request may have read a commit of its own. What a request can read are the rows of its
keys, so requests of different keys are computed together, each over what its own commit had; only
those of one key that saw different rows of it take a turn each.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from bighead.platform.features.verify.candidates import Candidates, Key
from bighead.platform.features.verify.presence import Integers, Masks

_SEEN, _FREE = 1, 2
"""Of a row: it is to be there, or nobody of this turn reads it; 0: it is to be left out."""
Turn = tuple[list[int], list[Masks]]
"""Requests by their numbers, and of each source the rows that are there for them."""


def turns(
    candidates: Sequence[Candidates], commits: Sequence[int], keys: Mapping[str, Sequence[Key]]
) -> Iterator[Turn]:
    """All requests, each in one turn.

    commits: that each has read. keys: by group, what each asked it for; of groups that are not
    there all rows may be read.
    """
    whole = [c.presence for c in candidates if c.group.name not in keys]
    saw = {commit: _digest([p.visible(commit) for p in whole]) for commit in set(commits)}

    def reads(request: int) -> Iterator[tuple[int, Integers, Masks]]:
        """By candidates, the rows that it can read, and which of them were there."""
        for at, each in enumerate(candidates):
            key = keys[each.group.name][request] if each.group.name in keys else None
            if key is not None:
                rows = each.of_key(key)
                yield at, rows, each.presence.visible(commits[request], rows)

    # Requests of one key take turns by what they saw of it; what they saw of all rows is one.
    ranked: dict[bytes, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    known: dict[tuple[object, ...], dict[bytes, int]] = defaultdict(dict)
    for request, commit in enumerate(commits):
        ranks = known[saw[commit], *(asked[request] for asked in keys.values())]
        rank = ranks.setdefault(_digest([seen for _, _, seen in reads(request)]), len(ranks))
        ranked[saw[commit]][rank].append(request)
    for by_rank in ranked.values():
        left: list[int] = []
        for rank in range(len(commits)):
            waiting = [*left, *by_rank.get(rank, ())]
            if not waiting:
                break
            state = [np.full(c.rows.num_rows, _FREE, np.int8) for c in candidates]
            taken, left = [], []
            for request in waiting:
                found = list(reads(request))
                if all(_fits(state[at][rows], seen) for at, rows, seen in found):
                    for at, rows, seen in found:
                        state[at][rows] = seen
                    taken.append(request)
                else:  # a change of an entity counts for several keys
                    left.append(request)
            commit = commits[taken[0]]
            yield (
                taken,
                [
                    held == _SEEN if c.group.name in keys else c.presence.visible(commit)
                    for c, held in zip(candidates, state, strict=True)
                ],
            )


def _fits(state: npt.NDArray[np.int8], seen: Masks) -> bool:
    return bool(np.all((state == _FREE) | (state == seen)))


def _digest(masks: Sequence[Masks]) -> bytes:
    told = hashlib.blake2b(digest_size=16)
    for mask in masks:
        told.update(np.packbits(mask).tobytes())
    return told.digest()

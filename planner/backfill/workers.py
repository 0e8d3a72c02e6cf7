"""Threads that stop early where something fails, or somebody stops the run."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def workers(count: int) -> Iterator[ThreadPoolExecutor]:
    """So many threads at most; all is done when the block ends.

    Where it ends with an exception, what was begun is waited for, since it may use what the block
    cleans up, and what was not is left undone: nobody would see what came of it.

    >>> with workers(2) as threads:
    ...     list(threads.map(abs, [-1, 2]))
    [1, 2]
    """
    with ThreadPoolExecutor(count) as threads:
        try:
            yield threads
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise

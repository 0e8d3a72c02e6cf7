"""Logs answers while they are served: an observer that never waits, and a thread that writes.

An answer is noted as it is, without a copy; once a second the thread makes rows of what was noted,
puts them into the journal of their set and hour, and closes journals that are old or large. Where
more is noted than may wait, answers are left out and counted: fetching goes before logging.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Literal as OneOf
from urllib.parse import quote

from bighead.storage.errors import StoreError
from bighead.storage.fetch.answering import Answered
from bighead.storage.fetch.asking import Asked
from bighead.storage.fetch.served import Offer
from bighead.storage.fetch.shelf import Reading
from bighead.storage.fetch_log.journal import PARQUET, Journal
from bighead.storage.fetch_log.keeping import LEAST, complete_left, forget
from bighead.storage.fetch_log.layout import Entry, Layout
from bighead.storage.fetch_log.sampling import check_share, sampled
from bighead.zipline.windows import DAY, HOUR, MINUTE

_NUMBERS = count()
"""Of journals, in this process."""

Fate = OneOf["written", "dropped", "failed"]
Tell = Callable[[str, Fate, int], None]
"""Hears of a set's rows what became of them."""
Report = Callable[..., None]
"""Hears an event with its level and facts, as `Log.write` does."""
_Place = tuple[tuple[str, str, str], int]
"""Of a file: the place of its layout, and the hour."""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Where and how fetches are logged; times in microseconds."""

    folder: Path
    share: float = 1.0
    """Of the keys."""
    keep: int = 30 * DAY
    """Files whose hour ended so long ago are removed."""
    flush: int = 1_000_000
    """How long an answer waits at most until a killed process does not lose it."""
    rotate: int = 5 * MINUTE
    """How long a journal stays open at most until its rows are in a Parquet file."""
    size: int = 32 << 20
    """Bytes of a journal from which on it is closed sooner."""
    most: int = 1 << 16
    """Entities whose answers may wait to be written."""

    def check(self) -> None:
        """Raises StoreError for settings that mean nothing, and where nothing can be written."""
        check_share(self.share)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            probe = self.folder / f".{os.getpid()}.new"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise StoreError(
                f"cannot write the log of fetches in {self.folder}: {error.strerror}; name another "
                "folder"
            ) from error


def _untold(_set: str, _fate: Fate, _rows: int) -> None:
    """Nobody asks."""


def _unsaid(_event: str, _level: str = "info", **_facts: object) -> None:
    """Nobody reads."""


@dataclass(slots=True)
class FetchLog:
    """The log that one process writes. Raises StoreError where it cannot begin."""

    settings: LogSettings
    tell: Tell = _untold
    report: Report = _unsaid
    clock: Callable[[], int] = lambda: time.time_ns() // 1000
    _layouts: dict[str, tuple[Offer, str, Layout]] = field(default_factory=dict)
    _noted: list[tuple[Layout, Entry]] = field(default_factory=list)
    _waiting: int = 0
    """Entities of what was noted."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ending: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread = field(init=False)
    _journals: dict[_Place, Journal] = field(default_factory=dict)
    _swept: int = 0
    _walked: int = 0
    """When journals of all hours were looked for; else only of the last ones."""
    _failure: Exception | None = None
    """The first of this turn, until it is told."""
    _complaint: str = ""
    """What kind of failure the turn before had."""

    def __post_init__(self) -> None:
        self.settings.check()
        self._thread = threading.Thread(target=self._run, name="fetch-log", daemon=True)
        self._thread.start()

    def observe(self, reading: Reading, offer: Offer, asked: Asked, answered: Answered) -> None:
        """Notes an answer, if its keys are among the share."""
        entities = asked.entities
        layout = self._layout(offer, reading.origin)
        rows = sampled(asked, layout.keys, self.settings.share)
        if not entities or (rows is not None and not rows):
            return
        entry = Entry(self.clock(), reading.commit, asked, answered, rows)
        with self._lock:
            fits = self._waiting + entities <= self.settings.most
            if fits:
                self._waiting += entities
                self._noted.append((layout, entry))
        if not fits:
            self.tell(offer.name, "dropped", entities if rows is None else len(rows))

    def close(self) -> None:
        """Writes what was noted and closes all files."""
        self._ending.set()
        self._thread.join()

    def _layout(self, offer: Offer, origin: str) -> Layout:
        known = self._layouts.get(offer.name)
        if known is None or known[0] is not offer or known[1] != origin:
            made = Layout.of(offer, self.settings.share, origin)
            known = self._layouts[offer.name] = (offer, origin, made)
        return known[2]

    # What follows runs in the thread.

    def _run(self) -> None:
        while not self._ending.wait(self.settings.flush / 1e6):
            self._turn(self.clock())
        self._turn(self.clock(), last=True)

    def _turn(self, now: int, last: bool = False) -> None:
        with self._trying():
            self._write(now)
        with self._trying():
            self._rotate(now, last)
        with self._trying():
            self._sweep(now)
        self._complain()

    @contextmanager
    def _trying(self) -> Iterator[None]:
        """Whatever fails in it keeps nothing else from being done, and is told after the turn."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 fetching goes on
            self._failure = self._failure or error

    def _complain(self) -> None:
        """Tell a failure, unless the turn before had one of the kind."""
        error, self._failure, kind = self._failure, None, ""
        if error is not None:
            kind = f"{type(error).__name__} {getattr(error, 'errno', '')}"
            if kind != self._complaint:
                reason = f"{type(error).__name__}: {error}"
                self.report("fetch-log-failed", "error", reason=reason)
        self._complaint = kind

    def _write(self, now: int) -> None:
        with self._lock:
            noted, self._noted = self._noted, []
        by_file: dict[_Place, tuple[Layout, list[Entry]]] = {}
        for layout, entry in noted:
            hour = entry.served_at // HOUR
            by_file.setdefault((layout.place, hour), (layout, []))[1].append(entry)
        for place, (layout, entries) in by_file.items():
            fate: Fate = "failed"
            with self._trying():
                block = layout.block(entries)
                journal = self._journal(place, layout, now)
                try:
                    journal.write(block)
                except Exception:
                    del self._journals[place]
                    journal.give_up()
                    raise
                fate = "written"
            self.tell(layout.facts.set, fate, sum(_rows(e) for e in entries))
        with self._lock:
            self._waiting -= sum(e.asked.entities for _, e in noted)

    def _journal(self, place: _Place, layout: Layout, now: int) -> Journal:
        found = self._journals.get(place)
        if found is None:
            name = f"{now}-{os.getpid()}-{next(_NUMBERS)}{PARQUET}"
            path = folder_of(self.settings.folder, layout.facts.set, place[1]) / name
            found = self._journals[place] = Journal.open(path, now, layout.schema)
        return found

    def _rotate(self, now: int, last: bool) -> None:
        for place, journal in list(self._journals.items()):
            old = now - journal.opened >= self.settings.rotate or now // HOUR > place[1]
            if last or old or journal.size >= self.settings.size:
                del self._journals[place]
                with self._trying():
                    journal.close()

    def _sweep(self, now: int) -> None:
        if now - self._swept < self.settings.rotate:
            return
        self._swept = now
        since = now - 2 * HOUR
        if now - self._walked >= DAY:
            since, self._walked = LEAST, now
        with self._trying():
            for path, rows in complete_left(self.settings.folder, since):
                remark = "rows of its last moment may be missing"
                self.report("fetch-log-recovered", file=str(path), rows=rows, remark=remark)
        gone = forget(self.settings.folder, now - self.settings.keep)
        if gone:
            self.report("fetch-log-swept", files=gone)


def folder_of(folder: Path, name: str, hour: int) -> Path:
    """Where the rows of a set lie that were served in an hour, counted since 1970."""
    moment = datetime.fromtimestamp(hour * 3600, UTC)
    return folder / quote(name, "@") / f"ds={moment:%Y-%m-%d}" / f"hour={moment:%H}"


def _rows(entry: Entry) -> int:
    return entry.answered.batch.num_rows if entry.rows is None else len(entry.rows)

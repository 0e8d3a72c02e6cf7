"""The doors of a store's sources, which come and go with its sets while an ingester runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bighead.storage.ingest.door import Door
from bighead.storage.ingest.ingester import Ingester
from bighead.storage.ingest.sources import sources_of
from bighead.storage.ingest.streams import StreamDoor
from bighead.zipline.errors import BigheadError
from bighead.zipline.ir.sources import Source


@dataclass(slots=True)
class Doors:
    """A door for each source that names a stream, and one for all producers."""

    open: Callable[[Source], Door | None]
    """None: the source names no stream. Raises BigheadError where it cannot be read."""
    note: Callable[[str], None]
    producers: StreamDoor | None = None
    again: float = 5.0
    """Seconds until a source is tried again that could not be read."""
    clock: Callable[[], float] = time.monotonic
    held: dict[str, Door | None] = field(default_factory=dict, init=False)
    """By source."""
    faults: dict[str, str] = field(default_factory=dict, init=False)
    """By source, why it cannot be read."""
    _tried: float = field(default=float("-inf"), init=False)

    @property
    def all(self) -> list[Door]:
        """Those that are open."""
        found: list[Door] = [door for door in self.held.values() if door is not None]
        return found if self.producers is None else [*found, self.producers]

    def begin(self, sources: Mapping[str, Source]) -> None:
        """Open a door for each source. Raises BigheadError where one does not open."""
        for name, source in sources.items():
            self.held[name] = self.open(source)

    def follow(self, ingester: Ingester) -> None:
        """Open the doors of sources that came since, and close those of sources that went.

        One that does not open is told of once and tried again, and the others go on.
        """
        sources = sources_of(ingester.store)
        due = bool(self.faults) and self.clock() - self._tried >= self.again
        if sources == ingester.sources and not due:
            return
        self._tried = self.clock()
        for name in [name for name in self.held if name not in sources]:
            door = self.held.pop(name)
            self.faults.pop(name, None)
            if door is not None:
                door.close()
        for name in [name for name in sources if name not in self.held or name in self.faults]:
            self._try(name, sources[name])
        if self.producers is not None:
            self.producers.change(sources)
        ingester.change(sources, self.all)

    def _try(self, name: str, source: Source) -> None:
        try:
            self.held[name] = self.open(source)
        except BigheadError as error:
            self.held[name] = None
            if self.faults.get(name) != str(error):
                self.note(f"the stream of {name} is not read: {error}")
            self.faults[name] = str(error)
            return
        if self.faults.pop(name, None) is not None:
            self.note(f"the stream of {name} is read now")

    def close(self) -> None:
        """Nothing comes any more."""
        for door in self.all:
            door.close()
        self.held.clear()

"""What `bighead up` shows: a picture in place on a terminal, plain lines elsewhere, or JSON lines.

What happened is written above the picture and stays; the picture below it says how things stand.
"""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self
from urllib.parse import urlencode

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bighead.platform.cli.console import err
from bighead.platform.cli.ingesting import told
from bighead.platform.features.screen import Level, SourceState, State, Told
from bighead.storage.fetch.logs import Log
from bighead.storage.ingest.counters import Counters

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

ADDRESS = "127.0.0.1:7654"
"""Where 'bighead fetch' asks that is not told otherwise."""
COLOURS = {"waits": "yellow", "uploading": "yellow", "served": "green", "failed": "bold red"}
STYLES: dict[Level, str] = {"error": "bold red", "warning": "yellow"}
_EPOCH = 1_000_000


@dataclass(slots=True)
class Lines:
    """A line an event, and one of counts now and then where something came."""

    every: float = 10.0
    """Seconds between lines of counts."""
    console: Console = field(default_factory=err)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _places: dict[str, str] = field(default_factory=dict)
    _said: float = field(default_factory=time.monotonic)
    _before: Counters = field(default_factory=Counters)

    def tell(self, told: Told) -> None:
        """Something happened."""
        with self._lock:
            for line in lines_of(told, self._places):
                self.console.print(line)

    def show(self, state: State) -> None:
        """The counts since the last line, where it is time for one."""
        now = time.monotonic()
        if now - self._said < self.every:
            return
        total = total_of(state)
        new = total.since(self._before)
        if new.messages:
            text = f"{told(new)}; commit {state.commit:,}"
            self.tell(Told("counts", text))
        self._said, self._before = now, total


@dataclass(slots=True)
class Json:
    """A line of JSON an event, with counts now and then."""

    every: float = 10.0
    log: Log = field(default_factory=Log)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _said: float = field(default_factory=time.monotonic)
    _before: Counters = field(default_factory=Counters)

    def tell(self, told: Told) -> None:
        """Something happened."""
        with self._lock:
            self.log.write(told.event, told.level, text=told.text, **told.facts)

    def show(self, state: State) -> None:
        """The counts of each source, where it is time for them and something came."""
        now = time.monotonic()
        if now - self._said < self.every:
            return
        total = total_of(state)
        if total != self._before:
            counts = {s.name: counts_of(s) for s in state.sources}
            self.tell(Told("counts", told(total), facts={"commit": state.commit, "of": counts}))
        self._said, self._before = now, total


@dataclass(slots=True)
class Picture:
    """Tables that are drawn anew in place."""

    title: str
    console: Console = field(default_factory=err)
    clock: Callable[[], float] = time.time
    _places: dict[str, str] = field(default_factory=dict)
    _live: Live = field(init=False)

    def __post_init__(self) -> None:
        self._live = Live(console=self.console, auto_refresh=False, transient=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def tell(self, told: Told) -> None:
        """Something happened."""
        for line in lines_of(told, self._places):
            self.console.print(line)

    def show(self, state: State) -> None:
        """How things stand now."""
        self._live.update(picture(self.title, state, self.clock()), refresh=True)


def lines_of(told: Told, places: dict[str, str]) -> list[Text]:
    """An event as lines; `places` is where what listens, and is filled in when that is told."""
    if told.level != "info":
        return [Text.assemble((f"{told.level}:", STYLES[told.level]), " ", told.text)]
    if isinstance(listening := told.facts.get("addresses"), dict):
        places.update(listening)
    lines = [Text(told.text)]
    if isinstance(examples := told.facts.get("examples"), dict):
        lines += [Text(f"try: {ask}") for ask in asks(examples, places)]
    return lines


def picture(title: str, state: State, now: float) -> RenderableType:
    """How things stand."""
    places = Table.grid(padding=(0, 2))
    for what, where in state.addresses:
        places.add_row(Text(f"  {what}", style="dim"), where)
    places.add_row(Text("  commit", style="dim"), f"{state.commit:,}")
    sets = Table(box=None, pad_edge=False, padding=(0, 2), header_style="dim")
    sets.add_column("  set")
    sets.add_column("")
    for one in state.sets:
        sets.add_row(f"  {one.name}", Text(one.state, style=COLOURS[one.state]))
    sources = Table(box=None, pad_edge=False, padding=(0, 2), header_style="dim")
    sources.add_column("  source")
    for name in ("rows", "late", "dead letters", "newest row"):
        sources.add_column(name, justify="right")
    sources.add_column("stream")
    for source in state.sources:
        counted = source.counted
        sources.add_row(
            f"  {source.name}",
            f"{counted.rows:,}",
            f"{counted.late:,}",
            Text(f"{counted.rejected:,}", style="red" if counted.rejected else ""),
            ago(source.newest, now),
            Text(source.fault, style="red") if source.fault else Text(source.stream or "-"),
        )
    head = Text.assemble(("bighead up ", "bold"), title, ("   Ctrl-C ends it", "dim"))
    return Group(Text(), head, places, Text(), sets, Text(), sources)


def ago(time_: int | None, now: float) -> str:
    """How long a time in microseconds lies behind one in seconds.

    >>> ago(None, 0.0), ago(5_000_000, 65.0), ago(0, 7_200.0), ago(9_000_000, 0.0)
    ('-', '60 s ago', '2 h ago', 'in 9 s')
    """
    if time_ is None:
        return "-"
    seconds = now - time_ / _EPOCH
    length = abs(seconds)
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if length >= 2 * size:
            said = f"{length / size:,.0f} {unit}"
            break
    else:
        said = f"{length:.0f} s"
    return f"in {said}" if seconds < 0 else f"{said} ago"


def total_of(state: State) -> Counters:
    """The counts of all sources."""
    total = Counters()
    for source in state.sources:
        total = total.added(source.counted)
    return total


def counts_of(source: SourceState) -> dict[str, int]:
    """The counts of one source, for a script."""
    counted = source.counted
    return {
        "messages": counted.messages,
        "rows": counted.rows,
        "copies": counted.copies,
        "late": counted.late,
        "expired": counted.expired,
        "dead_letters": counted.rejected,
    }


def asks(examples: Mapping[str, Mapping[str, str]], places: Mapping[str, str]) -> list[str]:
    """What one can ask now, as commands.

    >>> asks({"nights": {"listing": "7"}}, {"gRPC": ADDRESS, "REST": "127.0.0.1:7656"})
    ['bighead fetch nights listing=7', "curl 'http://127.0.0.1:7656/v1/sets/nights/features?listing=7'"]
    """
    place = places.get("gRPC", ADDRESS)
    elsewhere = "" if place == ADDRESS else f" --address {place}"
    found = [
        " ".join(["bighead fetch", name, *(shlex.quote(f"{c}={v}") for c, v in given.items())])
        + elsewhere
        for name, given in examples.items()
    ]
    if "REST" in places and examples:
        name, given = next(iter(examples.items()))
        found.append(f"curl 'http://{places['REST']}/v1/sets/{name}/features?{urlencode(given)}'")
    return found

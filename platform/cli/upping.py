"""`bighead up`: the parts of one process, put together for a project."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from bighead.platform.cli.diff import Change
from bighead.platform.cli.project import FETCHES, STORE, need_project
from bighead.platform.cli.settings import Settings
from bighead.platform.cli.signals import stopped_by_signals
from bighead.platform.cli.up_definitions import Files
from bighead.platform.cli.up_store import opened
from bighead.platform.features.doors import Streams
from bighead.platform.features.keeper import Uploading
from bighead.platform.features.screen import Screen, Told
from bighead.platform.features.services import Fetching, Receiving
from bighead.platform.features.up import Up
from bighead.storage.access.address import Address
from bighead.storage.access.authorizer import Open
from bighead.storage.access.token_file import TokenFile
from bighead.storage.fetch.settings import ServeSettings
from bighead.storage.ingest.ingester import Settings as IngestSettings
from bighead.storage.ingest.listening import Listener
from bighead.storage.ingest.streams import StreamDoor
from bighead.storage.store import Settings as StoreSettings

REST = "127.0.0.1:7656"
SIGNS = {"add": "+", "change": "~", "remark": "~", "remove": "-", "restore": "+"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command was told."""

    fetch: ServeSettings
    """Of the service; the store's folder is filled in."""
    producers: Address | None
    streams: Streams
    uploading: Uploading
    ingesting: IngestSettings
    store: Path | None
    fresh: bool
    sync: bool


def rest_place() -> str | None:
    """Where HTTP is answered, if what it needs is installed."""
    return REST if all(find_spec(name) for name in ("fastapi", "uvicorn")) else None


def run_up(settings: Settings, folder: Path, asked: Asked, screen: Screen) -> None:
    """Apply, upload, follow and serve until a signal. Raises BigheadError where it cannot begin."""
    project = need_project(folder)
    settings = replace(settings, start=project.folder)
    path = asked.store or project.state / STORE
    # The log tells commits of its store by their numbers, so another store has another log.
    log = project.state / FETCHES if asked.store is None else beside(path)
    serving = replace(asked.fetch, store=str(path), log=str(log))
    with ExitStack() as stack:
        given = StoreSettings(sync=asked.sync)
        store = stack.enter_context(opened(project, path, given, log if asked.fresh else None))
        up = Up(
            store,
            path,
            Files(project, settings, lambda changes: tell_changes(screen, changes)),
            replace(
                asked.streams,
                folder=project.data,
                store=path,
                note=lambda text: screen.tell(Told("note", text)),
            ),
            screen,
            services=[Fetching(serving, screen)],
            uploading=asked.uploading,
            ingesting=asked.ingesting,
            metrics=None if serving.metrics is None else serving.metrics + 1,
        )
        if asked.producers is not None:
            up.producers = StreamDoor({}, store.offset)
            tokens = asked.fetch.tokens
            authorizer = Open() if tokens is None else TokenFile(Path(tokens))
            up.services.append(Receiving(Listener(up.producers, asked.producers, authorizer)))
        stack.enter_context(stopped_by_signals(up.stop))
        up.run()


def beside(store: Path) -> Path:
    """Where it is logged what is served from a store that lies somewhere else.

    >>> beside(Path("/data/online")).name
    'online.fetches'
    """
    return store.with_name(f"{store.name}.fetches")


def tell_changes(screen: Screen, changes: Sequence[Change]) -> None:
    """Say what was applied."""
    for change in changes:
        number = f"@{change.next_version}" if change.after is not None else ""
        text = f"applied: {SIGNS[change.action]} {change.kind} {change.name}{number}"
        screen.tell(Told("applied", text, facts=change.record()))

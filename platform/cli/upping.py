"""`bighead up`: the parts of one process, put together for a project."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from bighead.platform.cli.diff import Change
from bighead.platform.cli.project import FETCHES, STORE, Project, need_project
from bighead.platform.cli.settings import Settings
from bighead.platform.cli.signals import stopped_by_signals
from bighead.platform.cli.up_definitions import Files
from bighead.platform.features.doors import Streams
from bighead.platform.features.keeper import Uploading
from bighead.platform.features.screen import Screen, Told
from bighead.platform.features.services import Fetching, Receiving
from bighead.platform.features.up import Up
from bighead.storage.access.address import Address
from bighead.storage.access.authorizer import Open
from bighead.storage.access.token_file import TokenFile
from bighead.storage.errors import LockedError
from bighead.storage.fetch.settings import ServeSettings
from bighead.storage.ingest.ingester import Settings as IngestSettings
from bighead.storage.ingest.listening import Listener
from bighead.storage.ingest.streams import StreamDoor
from bighead.storage.store import Settings as StoreSettings
from bighead.storage.store import Store
from bighead.zipline.errors import BigheadError

NOTE = "up.pid"
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
    log = str(project.state / FETCHES)
    serving = replace(asked.fetch, store=str(path), log=log)
    with ExitStack() as stack:
        store = stack.enter_context(opened(project, path, asked))
        up = Up(
            store,
            path,
            Files(project, settings, lambda changes: tell_changes(screen, changes)),
            replace(
                asked.streams,
                folder=project.data,
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


@contextmanager
def opened(project: Project, path: Path, asked: Asked) -> Iterator[Store]:
    """The store of a project, with a note of who writes it. Raises BigheadError."""
    project.state.mkdir(exist_ok=True)
    note = project.state / NOTE
    given = StoreSettings(sync=asked.sync)
    try:
        if asked.fresh and path.exists():
            Store.open(path, create=False).close()  # nobody writes it
            shutil.rmtree(path)
        store = Store.open(path, given)
    except LockedError as error:
        pid = note.read_text().strip() if note.exists() else ""
        known = f", as process {pid}" if pid else ""
        raise BigheadError(
            f"'bighead up' runs in {project.folder} already{known}; stop that one, or go on with it"
        ) from error
    with store:
        note.write_text(f"{os.getpid()}\n")
        try:
            yield store
        finally:
            note.unlink(missing_ok=True)


def tell_changes(screen: Screen, changes: Sequence[Change]) -> None:
    """Say what was applied."""
    for change in changes:
        number = f"@{change.next_version}" if change.after is not None else ""
        text = f"applied: {SIGNS[change.action]} {change.kind} {change.name}{number}"
        screen.tell(Told("applied", text, facts=change.record()))

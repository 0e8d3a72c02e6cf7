"""One process of the service: `python -m bighead.storage.fetch.process SETTINGS`.

It follows the store that another process writes, and ends by SIGTERM or SIGINT when the requests
under way have their answers.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import tempfile
import time
from math import nan
from pathlib import Path
from typing import Protocol

from bighead.storage.access.address import Address
from bighead.storage.access.authorizer import AccessError, Authorizer, Open
from bighead.storage.access.telling import tell
from bighead.storage.access.token_file import TokenFile
from bighead.storage.errors import StoreError
from bighead.storage.fetch.logs import Log
from bighead.storage.fetch.metrics import Metrics
from bighead.storage.fetch.server import Server
from bighead.storage.fetch.service import MICROSECONDS, Observer, Service
from bighead.storage.fetch.settings import ServeSettings
from bighead.storage.fetch.shelf import Shelf
from bighead.storage.fetch.watching import Watch, tell_damage
from bighead.storage.fetch_log.fetch_log import FetchLog
from bighead.storage.following import Followed, Follower
from bighead.zipline.errors import BigheadError

SOON = 14.0
"""Days before the end of a certificate from which on it is worth a warning."""


class Door(Protocol):
    """A way in."""

    async def start(self) -> int:
        """Listen; the port. Raises AccessError where the address cannot be had."""
        ...

    async def stop(self) -> None:
        """Take no more requests, and give those under way their time."""
        ...


async def serve(settings: ServeSettings, follower: Followed, stop: asyncio.Event, log: Log) -> None:
    """Answer requests until `stop` is set. Raises AccessError where it cannot listen."""
    metrics = Metrics()
    authorizer = _authorizer(settings)
    logging = settings.logging
    fetch_log = None if logging is None else FetchLog(logging, metrics.log, log.write)
    observers: list[Observer] = [metrics.observe, tell_damage(log)]
    if fetch_log is not None:
        observers.append(fetch_log.observe)
    service = Service(
        Shelf(follower.reading),
        authorizer,
        settings.limits,
        int(settings.stale_after * MICROSECONDS),
        tuple(observers),
    )
    doors: list[Door] = [Server(service, settings.listening, metrics, log)]
    if settings.rest is not None:
        doors.append(_rest_door(settings, service, Watch("rest", metrics, log, settings.slow)))
    service.warm_up()
    metrics.commit.set_function(lambda: follower.committed)
    ports = await _open(doors, settings, metrics)
    facts = dict(zip(("port", "rest_port"), ports, strict=False)) | _certificate(settings, metrics)
    level = "warning" if facts.get("certificate_days", SOON) < SOON else "info"
    log.write("listening", level, address=settings.address, commit=follower.committed, **facts)
    if settings.begun is not None:
        os.write(settings.begun, b"1")
        os.close(settings.begun)
    following = asyncio.create_task(_follow(follower, authorizer, settings.refresh, log))
    await stop.wait()
    log.write("stopping", grace=settings.grace)
    following.cancel()
    await asyncio.gather(*(door.stop() for door in doors))
    if fetch_log is not None:
        await asyncio.to_thread(fetch_log.close)
    log.write("stopped")


async def _open(doors: list[Door], settings: ServeSettings, metrics: Metrics) -> list[int]:
    """Listen, and tell metrics; the ports. Where one cannot be had, none stays open."""
    opened: list[tuple[Door, int]] = []
    try:
        for door in doors:
            opened.append((door, await door.start()))  # noqa: PERF401  # those before a fault count
        if settings.metrics is not None:
            tell(settings.metrics + settings.process, metrics.registry)
    except BaseException:
        await asyncio.gather(*(door.stop() for door, _ in opened))
        raise
    return [port for _, port in opened]


def _rest_door(settings: ServeSettings, service: Service, watch: Watch) -> Door:
    """The door of HTTP. Raises AccessError where what it needs is not installed."""
    try:
        from bighead.storage.fetch.rest.door import RestDoor  # noqa: PLC0415 an extra
        from bighead.storage.fetch.rest.server import RestServer  # noqa: PLC0415

        door = RestDoor(service, watch, settings.largest_request)  # looks for files of its page
    except ModuleNotFoundError as error:
        raise AccessError(
            f"--rest needs {error.name}, which is not there; run: pip install 'bighead[rest]'"
        ) from error
    assert settings.rest is not None
    address = Address(settings.rest, settings.tls, settings.plaintext)
    return RestServer(door, address, watch.log, settings.grace, settings.shared)


def _certificate(settings: ServeSettings, metrics: Metrics) -> dict[str, float]:
    """In how many days the certificate ends, for the log; metrics tell when."""
    tls = settings.tls
    if tls is None:
        return {}

    def ends() -> float:
        try:
            return tls.ends().timestamp()
        except AccessError:
            return nan

    metrics.certificate(ends)
    return {"certificate_days": round((ends() - time.time()) / 86_400, 1)}


def _authorizer(settings: ServeSettings) -> Authorizer:
    return Open() if settings.tokens is None else TokenFile(Path(settings.tokens))


async def _follow(follower: Followed, authorizer: Authorizer, every: float, log: Log) -> None:
    """Adopt what has been committed; look after the file of tokens."""
    complaint = failure = ""
    while True:
        await asyncio.sleep(every)
        try:
            # It waits for requests that read an older commit, so it may not stop the loop.
            await asyncio.to_thread(follower.refresh)
            failure = ""
        except Exception as error:  # noqa: BLE001  # nobody else would look again
            if str(error) != failure:  # it goes on with the commit that it has
                if isinstance(error, StoreError):
                    log.write("behind", "error", reason=str(error))
                else:
                    log.bug("behind", error)
            failure = str(error)
        if isinstance(authorizer, TokenFile):
            authorizer.refresh()
            if authorizer.complaint != complaint:
                complaint = authorizer.complaint
                log.write("tokens", "error" if complaint else "info", reason=complaint or "read")


def run(settings: ServeSettings) -> None:
    """A process from beginning to end. Raises BigheadError where it cannot begin."""
    log = Log(always={"process": settings.process, "pid": os.getpid()})

    async def main(follower: Follower) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await serve(settings, follower, stop, log)

    with (
        tempfile.TemporaryDirectory(prefix="bighead-serve-") as notes,
        Follower(Path(settings.store), Path(notes)) as follower,
    ):
        gc.collect()
        gc.freeze()  # modules stay, and need not be looked through while somebody waits
        asyncio.run(main(follower))


def main() -> None:
    """The process's entry; ends it with 1 where it could not begin."""
    settings = ServeSettings.of_json(sys.argv[1])
    try:
        run(settings)
    except BigheadError as error:
        Log(always={"process": settings.process}).write("failed", "error", reason=str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()

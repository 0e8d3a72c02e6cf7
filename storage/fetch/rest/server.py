"""The door's server: HTTP in the event loop that answers gRPC too, so that both share all else."""

from __future__ import annotations

import asyncio
import logging
import socket
from dataclasses import dataclass, field

import uvicorn

from bighead.storage.access.address import Address, bound
from bighead.storage.fetch.logs import Log
from bighead.storage.fetch.rest.door import RestDoor

LIBRARY = "uvicorn.error"
"""What the library logs of its own under."""
KEPT = 75
"""Seconds that a connection waits for its next request."""


class _Forward(logging.Handler):
    """Has what the library says stand in our log."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self.log = log

    def emit(self, record: logging.LogRecord) -> None:
        self.log.write("http", record.levelname.lower(), reason=record.getMessage())


@dataclass(slots=True)
class RestServer:
    """A door that listens.

    grace: seconds that requests under way are given at the end. shared: others listen on the port.
    """

    door: RestDoor
    address: Address
    log: Log
    grace: float
    shared: bool = False
    _server: uvicorn.Server = field(init=False)
    _socket: socket.socket = field(init=False)
    _running: asyncio.Task[None] = field(init=False)

    async def start(self) -> int:
        """Listen; the port. Raises AccessError where the address cannot be had."""
        tls = self.address.tls
        config = uvicorn.Config(
            self.door.app,
            loop="none",
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEPT,
            timeout_graceful_shutdown=round(self.grace),
            ssl_context_factory=None if tls is None else lambda *_: tls.context(),
        )
        logging.getLogger(LIBRARY).handlers = [_Forward(self.log)]
        config.load()
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)
        self._socket = bound(self.address.place, self.shared)
        await self._server.startup([self._socket])
        self._running = asyncio.create_task(self._server.main_loop())
        port: int = self._socket.getsockname()[1]
        return port

    async def stop(self) -> None:
        """Take no more requests, and give those under way their time."""
        self.door.stopping = True
        self._server.should_exit = True
        await self._running
        await self._server.shutdown([self._socket])

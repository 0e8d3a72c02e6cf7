"""How a store is served: what `bighead serve` was told, and each of its processes is given."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from bighead.storage.access.address import Address
from bighead.storage.access.tls import Tls
from bighead.storage.access.token_file import read_tokens
from bighead.storage.fetch.server import ADDRESS, GRACE, LARGEST_REQUEST, SLOW, Listening
from bighead.storage.fetch.service import ENTITIES, LARGEST_REPLY, Limits
from bighead.storage.fetch_log.fetch_log import LogSettings


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """All of it; times in seconds, sizes in bytes."""

    store: str
    address: str = ADDRESS
    rest: str | None = None
    """Where HTTP is answered too, as `host:port`."""
    tokens: str | None = None
    """A file of tokens; None: everybody may fetch everything."""
    certificate: str | None = None
    key: str | None = None
    clients: str | None = None
    plaintext: bool = False
    metrics: int | None = None
    """The port of the first process's metrics, on loopback; the others follow it."""
    stale_after: float = 3600.0
    refresh: float = 0.05
    """How often a reader looks for what has been committed."""
    entities: int = ENTITIES
    largest_request: int = LARGEST_REQUEST
    largest_reply: int = LARGEST_REPLY
    grace: float = GRACE
    slow: float = SLOW
    log: str | None = None
    """The folder in which fetches are logged; None: they are not."""
    log_sample: float = 1.0
    """The share of the keys whose fetches are logged."""
    log_keep: float = 30 * 86_400.0
    """How long the log is kept."""
    process: int = 0
    """Which of the processes this is."""
    shared: bool = False
    """Others listen on the same port."""
    begun: int | None = None
    """A pipe on which the process says that it listens."""

    def to_json(self) -> str:
        """For the command line of a process."""
        return json.dumps(asdict(self))

    @classmethod
    def of_json(cls, text: str) -> ServeSettings:
        """What `to_json` wrote."""
        return cls(**json.loads(text))

    @property
    def tls(self) -> Tls | None:
        """The certificate, where there is one."""
        if self.certificate is None or self.key is None:
            return None
        clients = None if self.clients is None else Path(self.clients)
        return Tls(Path(self.certificate), Path(self.key), clients)

    @property
    def listening(self) -> Listening:
        """Where and how. Raises AccessError where that is not safe."""
        address = Address(self.address, self.tls, self.plaintext)
        return Listening(address, self.largest_request, self.grace, self.slow, self.shared)

    def check(self) -> None:
        """Raises BigheadError for what no process could begin with."""
        tls = self.listening.address.tls
        if tls is not None:
            tls.check()
        if self.rest is not None:
            Address(self.rest, tls, self.plaintext)
        if self.tokens is not None:
            read_tokens(Path(self.tokens))
        if self.logging is not None:
            self.logging.check()

    @property
    def logging(self) -> LogSettings | None:
        """Where and how fetches are logged; None: they are not."""
        if self.log is None:
            return None
        return LogSettings(Path(self.log), self.log_sample, int(self.log_keep * 1e6))

    @property
    def limits(self) -> Limits:
        """What a request may ask for."""
        return Limits(entities=self.entities, reply=self.largest_reply)

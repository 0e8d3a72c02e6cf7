"""TLS of the service: its certificate, the authority that signs its callers', and their renewal."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from bighead.storage.access.authorizer import AccessError


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM."""

    certificate: Path
    """Of the service, and those between it and its authority."""
    key: Path
    clients: Path | None = None
    """The authorities whose callers are let in; None: callers need no certificate."""

    def read(self) -> grpc.ServerCertificateConfiguration:
        """What the files hold now. Raises AccessError."""
        try:
            pair = (self.key.read_bytes(), self.certificate.read_bytes())
            roots = None if self.clients is None else self.clients.read_bytes()
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certificate, self.key)
        except ssl.SSLError as error:
            raise AccessError(
                f"{self.certificate} and {self.key} are no certificate with its key: "
                f"{error.reason or error}"
            ) from error
        except OSError as error:
            raise AccessError(f"cannot read {error.filename}: {error.strerror}") from error
        return grpc.ssl_server_certificate_configuration([pair], roots)

    def credentials(self) -> grpc.ServerCredentials:
        """For a server; files that change are read at the next handshake, if they are good."""
        seen = self._stat()

        def fetch() -> Any:
            nonlocal seen
            now = self._stat()
            if now == seen:
                return None
            seen = now
            try:
                return self.read()
            except AccessError:
                return None  # the old ones stay until the new ones are whole

        return grpc.dynamic_ssl_server_credentials(
            self.read(), fetch, require_client_authentication=self.clients is not None
        )

    def _stat(self) -> tuple[tuple[int, int], ...]:
        files = [f for f in (self.certificate, self.key, self.clients) if f is not None]
        try:
            return tuple((s.st_mtime_ns, s.st_ino) for s in (f.stat() for f in files))
        except OSError:
            return ()

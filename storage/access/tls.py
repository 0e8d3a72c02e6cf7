"""TLS of a door: its certificate, the authority that signs its callers', and their renewal."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import grpc

from bighead.storage.access.authorizer import AccessError
from bighead.storage.access.certificates import ends

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM."""

    certificate: Path
    """Of the service, and those between it and its authority."""
    key: Path
    clients: Path | None = None
    """The authorities whose callers are let in; None: callers need no certificate."""

    def ends(self) -> datetime:
        """Until when the certificate holds. Raises AccessError where it cannot be read."""
        try:
            return ends(self.certificate.read_text(encoding="ascii", errors="replace"))
        except ValueError as error:
            raise AccessError(f"{self.certificate} is no certificate in PEM: {error}") from error
        except OSError as error:
            raise self._unreadable(error) from error

    def check(self) -> None:
        """Raises AccessError where the files do not serve, or serve no more."""
        self._context()
        end = self.ends()
        if end <= datetime.now(UTC):
            raise AccessError(
                f"{self.certificate} expired on {end:%Y-%m-%d at %H:%M} UTC, and no caller would "
                "trust it; put a new one there"
            )

    def credentials(self) -> grpc.ServerCredentials:
        """For a server of gRPC; files that change are read at the next handshake, if they serve."""
        self.check()
        renewed = self._renewed(self._grpc)
        return grpc.dynamic_ssl_server_credentials(
            self._grpc(), renewed, require_client_authentication=self.clients is not None
        )

    def context(self) -> ssl.SSLContext:
        """For any other server; renewed in the same way. Raises AccessError."""
        self.check()
        context = latest = self._context()
        renewed = self._renewed(self._context)

        def choose(connection: Any, _name: str | None, _first: ssl.SSLContext) -> None:
            nonlocal latest
            latest = renewed() or latest
            connection.context = latest

        context.sni_callback = choose
        return context

    def _context(self) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            made.load_cert_chain(self.certificate, self.key)
            if self.clients is not None:
                made.load_verify_locations(self.clients)
                made.verify_mode = ssl.CERT_REQUIRED
        except ssl.SSLError as error:
            raise AccessError(
                f"{self.certificate} and {self.key} are no certificate with its key: "
                f"{error.reason or error}"
            ) from error
        except OSError as error:
            raise self._unreadable(error) from error
        return made

    def _grpc(self) -> grpc.ServerCertificateConfiguration:
        try:
            pair = (self.key.read_bytes(), self.certificate.read_bytes())
            roots = None if self.clients is None else self.clients.read_bytes()
        except OSError as error:
            raise self._unreadable(error) from error
        return grpc.ssl_server_certificate_configuration([pair], roots)

    def _renewed(self, read: Callable[[], T]) -> Callable[[], T | None]:
        """What reads the files where they have changed and serve; else None: the old ones stay."""
        seen = self._stat()

        def renewed() -> T | None:
            nonlocal seen
            now = self._stat()
            if now == seen:
                return None
            seen = now
            try:
                self.check()
                return read()
            except AccessError:
                return None

        return renewed

    def _unreadable(self, error: OSError) -> AccessError:
        file = error.filename or next((f for f in self._files if not f.is_file()), self.certificate)
        return AccessError(f"cannot read {file}: {error.strerror}")

    @property
    def _files(self) -> list[Path]:
        return [f for f in (self.certificate, self.key, self.clients) if f is not None]

    def _stat(self) -> tuple[tuple[int, int], ...]:
        try:
            return tuple((s.st_mtime_ns, s.st_ino) for s in (f.stat() for f in self._files))
        except OSError:
            return ()

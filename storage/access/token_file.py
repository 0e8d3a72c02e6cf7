"""Tokens in a file: hashed, with their scopes, read again when the file changes.

A token is 256 random bits, shown once when it is made; the file has its SHA-256, which is enough
for what cannot be guessed. A file that no longer reads leaves what was read before in force, so
that a slip of an editor does not lock everybody out; `complaint` says what is wrong with it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bighead.storage.access.authorizer import AccessError, Caller, Scope, UnauthenticatedError

PREFIX = "bh_"
"""So that a token in a log or a repository can be found."""


@dataclass(frozen=True, slots=True)
class Token:
    """What the file has of a token."""

    name: str
    """Whose it is; one a file."""
    digest: str
    """SHA-256 of the token, hexadecimal."""
    scopes: tuple[Scope, ...]
    expires: datetime | None = None

    def record(self) -> dict[str, Any]:
        """As it stands in the file."""
        expires = None if self.expires is None else self.expires.isoformat()
        scopes = [str(s) for s in self.scopes]
        return {"name": self.name, "sha256": self.digest, "scopes": scopes, "expires": expires}

    @classmethod
    def of(cls, record: dict[str, Any]) -> Token:
        """Of what stands in the file. Raises AccessError, KeyError, TypeError or ValueError."""
        text = record.get("expires")
        expires = None if text is None else datetime.fromisoformat(text)
        if expires is not None and expires.tzinfo is None:
            expires = expires.replace(tzinfo=UTC)
        scopes = tuple(Scope.parse(s) for s in record["scopes"])
        return cls(str(record["name"]), str(record["sha256"]).lower(), scopes, expires)


def digest_of(token: str) -> str:
    """What the file has of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_token() -> str:
    """A token that nobody has yet."""
    return PREFIX + secrets.token_urlsafe(32)


def read_tokens(path: Path) -> list[Token]:
    """The tokens of a file. Raises AccessError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        tokens = [Token.of(record) for record in found["tokens"]]
    except OSError as error:
        raise AccessError(f"cannot read the tokens in {path}: {error.strerror}") from error
    except (AccessError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise AccessError(
            f"{path} is no file of tokens: {type(error).__name__} {error}; make one by 'bighead "
            "token add'"
        ) from error
    names = [t.name for t in tokens]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise AccessError(f"{path} has two tokens called '{twice}'; revoke one of them")
    return tokens


def write_tokens(path: Path, tokens: list[Token]) -> None:
    """The file anew, whole at every moment, for its owner's eyes. Raises AccessError."""
    text = json.dumps({"tokens": [t.record() for t in tokens]}, indent=2) + "\n"
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise AccessError(f"cannot write the tokens to {path}: {error.strerror}") from error


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class TokenFile:
    """An Authorizer over a file of tokens."""

    path: Path
    clock: Callable[[], datetime] = _now
    complaint: str = ""
    """Why the file as it is now is not in force; empty: it is."""
    _known: dict[str, tuple[Caller, datetime | None]] = field(default_factory=dict)
    _seen: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        self._seen = self._stat()
        self._take(read_tokens(self.path))

    def caller(self, token: str | None) -> Caller:
        """Who holds the token. Raises UnauthenticatedError."""
        self.refresh()
        if token is None:
            raise UnauthenticatedError("no token was shown; send 'authorization: Bearer TOKEN'")
        found = self._known.get(digest_of(token))
        if found is None:
            raise UnauthenticatedError("the token is not known; ask for a new one")
        caller, expires = found
        if expires is not None and self.clock() >= expires:
            raise UnauthenticatedError(
                f"the token of {caller.name} expired at {expires.isoformat()}; ask for a new one"
            )
        return caller

    def refresh(self) -> None:
        """Read the file again where it has changed."""
        seen = self._stat()
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._take(read_tokens(self.path))
        except AccessError as error:
            self.complaint = str(error)
        else:
            self.complaint = ""

    def _take(self, tokens: list[Token]) -> None:
        self._known = {t.digest: (Caller(t.name, t.scopes), t.expires) for t in tokens}

    def _stat(self) -> tuple[int, int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino

"""Requests to the process that writes a store, as files in the store's folder.

A store has one writer. Whoever wants something done while another process writes leaves a file; the
writer takes it up between two commits and leaves its answer beside it. Names change where files are
whole or change hands, so that nobody reads half of one, and a request that was taken up is not
withdrawn any more. One that its writer did not answer before it ended is carried out by the next:
so what is asked for comes to the same however often it is carried out.
"""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bighead.storage.errors import StoreError

REQUESTS = "requests"
"""The folder of requests, in the folder of a store."""
_ASKED, _TAKEN, _ANSWER, _DRAFT = ".asked", ".taken", ".answer", ".new"
_KEPT = 24 * 3600.0
"""Seconds for which an answer waits for who asked."""

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants the writer to do."""

    name: str
    """Tells it from others; a later one has a greater name."""
    kind: str
    facts: Facts


def leave(store: Path, kind: str, facts: Facts) -> Request:
    """Leave a request. Raises StoreError where the folder cannot be written to."""
    request = Request(f"{time.time_ns():020}-{uuid.uuid4().hex[:8]}", kind, facts)
    _put(store, f"{request.name}{_ASKED}", {"kind": kind, "facts": dict(facts)})
    return request


def take_up(store: Path) -> list[Request]:
    """The requests that have no answer yet, the oldest first; none can be withdrawn now."""
    folder = store / REQUESTS
    for path in folder.glob(f"*{_ASKED}"):
        try:
            path.rename(path.with_suffix(_TAKEN))
        except (FileNotFoundError, PermissionError):
            continue  # it was withdrawn just now, or lies where nothing may be changed
    found = []
    for path in sorted(folder.glob(f"*{_TAKEN}")):
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            found.append(Request(path.stem, said["kind"], said["facts"]))
        except (ValueError, KeyError, TypeError):
            broken = Request(path.stem, "", {})
            answer(store, broken, {"error": f"{path} is no request; ask again"})
        except PermissionError:
            hidden = Request(path.stem, "", {})
            reason = "the process that writes the store may not read it; ask as the same user"
            answer(store, hidden, {"error": f"{path}: {reason}"})
    return found


def answer(store: Path, request: Request, said: Facts) -> None:
    """Leave what became of a request: its facts, or an `error`."""
    folder = store / REQUESTS
    _put(store, f"{request.name}{_ANSWER}", said)
    (folder / f"{request.name}{_TAKEN}").unlink(missing_ok=True)
    for old in folder.glob(f"*{_ANSWER}"):
        with contextlib.suppress(FileNotFoundError):  # who asked took it just now
            if time.time() - old.stat().st_mtime > _KEPT:
                old.unlink()


def answered(store: Path, request: Request) -> Facts | None:
    """What became of a request, once; None: there is no answer yet."""
    path = store / REQUESTS / f"{request.name}{_ANSWER}"
    try:
        said: Facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    path.unlink(missing_ok=True)
    return said


def withdraw(store: Path, request: Request) -> bool:
    """Take a request back; False: somebody has taken it up."""
    try:
        (store / REQUESTS / f"{request.name}{_ASKED}").unlink()
    except FileNotFoundError:
        return False
    return True


def _put(store: Path, name: str, facts: Facts) -> None:
    folder = store / REQUESTS
    try:
        folder.mkdir(exist_ok=True)
        draft = folder / f"{name}{_DRAFT}"
        draft.write_text(json.dumps(dict(facts)), encoding="utf-8")
        draft.rename(folder / name)
    except OSError as error:
        raise StoreError(
            f"a request cannot be left in {folder}: {error.strerror}; see who owns it, and that "
            "the disk has room"
        ) from error

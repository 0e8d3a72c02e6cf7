"""Scopes, callers, and tokens in a file that changes under a running service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bighead.storage.access.authorizer import (
    AccessError,
    Caller,
    ForbiddenError,
    Open,
    Scope,
    UnauthenticatedError,
    bearer,
)
from bighead.storage.access.token_file import (
    Token,
    TokenFile,
    digest_of,
    new_token,
    read_tokens,
    write_tokens,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("scope", "name", "allowed"),
    [
        ("fetch:stay_risk", "stay_risk", True),
        ("fetch:stay_risk", "STAY_RISK@3", True),
        ("fetch:stay_risk", "stay_risks", False),
        ("fetch:listing_*", "listing_bookings", True),
        ("fetch:data.*", "data.bookings", True),
        ("fetch:*", "anything", True),
        ("*:*", "anything", True),
        ("ingest:*", "stay_risk", False),
    ],
)
def test_a_scope_covers_an_action_on_names(scope: str, name: str, allowed: bool) -> None:
    assert Scope.parse(scope).allows("fetch", name) is allowed


@pytest.mark.parametrize("text", ["fetch", "fetch:", "read:stay_risk", ":x", ""])
def test_what_is_no_scope_is_refused(text: str) -> None:
    with pytest.raises(AccessError, match="is no scope; write an action"):
        Scope.parse(text)


def test_a_caller_without_the_scope_is_told_which() -> None:
    caller = Caller("ranking", (Scope.parse("fetch:listing_*"),))
    caller.check("fetch", "listing_bookings")
    with pytest.raises(ForbiddenError) as raised:
        caller.check("fetch", "stay_risk")
    assert str(raised.value) == (
        "ranking may not fetch stay_risk; give the token the scope fetch:stay_risk"
    )
    assert caller.among("fetch", ["listing_a", "stay_risk"]) == ["listing_a"]


@pytest.mark.parametrize("header", ["Basic abc", "Bearer ", "abc"])
def test_another_authorization_is_refused(header: str) -> None:
    with pytest.raises(UnauthenticatedError):
        bearer(header)


def test_an_open_door_asks_nobody() -> None:
    Open().caller(None).check("ingest", "bookings")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tokens.json"


def made(file: Path, name: str, scope: str, expires: datetime | None = None) -> str:
    token = new_token()
    known = read_tokens(file) if file.exists() else []
    entry = Token(name, digest_of(token), (Scope.parse(scope),), expires)
    write_tokens(file, [*known, entry])
    return token


def test_a_file_knows_its_tokens_by_their_hashes(file: Path) -> None:
    token = made(file, "ranking", "fetch:*")
    assert token not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    door = TokenFile(file)
    assert door.caller(token).name == "ranking"
    for wrong in (None, "", token + "x", digest_of(token)):
        with pytest.raises(UnauthenticatedError):
            door.caller(wrong)


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="cannot write the tokens to .*: No such file"):
        write_tokens(tmp_path / "nowhere" / "tokens.json", [])
    (tmp_path / "taken").mkdir()
    with pytest.raises(AccessError, match="cannot write the tokens to .*: Is a directory"):
        write_tokens(tmp_path / "taken", [])
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]


def test_a_token_ends_when_it_says(file: Path) -> None:
    token = made(file, "loader", "ingest:*", NOW)
    moment = NOW - timedelta(microseconds=1)
    door = TokenFile(file, lambda: moment)
    door.caller(token)
    moment = NOW
    with pytest.raises(UnauthenticatedError, match="the token of loader expired at 2026-01-01"):
        door.caller(token)


def test_a_file_that_changes_is_read_again(file: Path) -> None:
    first = made(file, "one", "fetch:*")
    door = TokenFile(file)
    second = made(file, "two", "fetch:*")
    assert door.caller(second).name == "two"
    write_tokens(file, [t for t in read_tokens(file) if t.name == "two"])
    with pytest.raises(UnauthenticatedError):
        door.caller(first)


def test_a_file_that_no_longer_reads_leaves_what_was_in_force(file: Path) -> None:
    token = made(file, "one", "fetch:*")
    door = TokenFile(file)
    file.write_text("{")
    assert door.caller(token).name == "one"
    assert "is no file of tokens" in door.complaint
    file.unlink()
    assert door.caller(token).name == "one"
    made(file, "two", "fetch:*")
    with pytest.raises(UnauthenticatedError):
        door.caller(token)
    assert door.complaint == ""


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"tokens": [{}]}',
        '{"tokens": [{"name": "a", "sha256": "b", "scopes": ["x"]}]}',
        '{"tokens": [{"name": "a", "sha256": "b", "scopes": [], "expires": "soon"}]}',
    ],
)
def test_what_is_no_file_of_tokens_is_refused(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(AccessError, match="is no file of tokens"):
        TokenFile(file)

"""Who is let in: tokens, scopes, certificates, and addresses that others reach."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from bighead.storage.access.address import Address
from bighead.storage.access.authorizer import AccessError, Scope
from bighead.storage.access.tls import Tls
from bighead.storage.access.token_file import (
    Token,
    digest_of,
    new_token,
    read_tokens,
    write_tokens,
)
from bighead.storage.fetch.client import Client, ClientTls, Retries
from bighead.storage.fetch.errors import FetchError, Kind
from bighead.storage.fetch.settings import ServeSettings
from tests.storage.fetch.certificates import Authority, authority
from tests.storage.fetch.running import Running, serving, start

ONCE = Retries(attempts=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("doors")


@pytest.fixture(scope="module")
def tokens(folder: Path) -> dict[str, str]:
    """Tokens by the names of their holders, in a file."""
    made = {name: new_token() for name in ("ranking", "loader")}
    scopes = {"ranking": "fetch:listing_*", "loader": "ingest:*"}
    write_tokens(
        folder / "tokens.json",
        [Token(n, digest_of(t), (Scope.parse(scopes[n]),)) for n, t in made.items()],
    )
    return made


@pytest.fixture(scope="module")
def signer(folder: Path) -> Authority:
    return authority(folder)


@pytest.fixture(scope="module")
def guarded(
    filled: Path, folder: Path, tokens: dict[str, str], signer: Authority
) -> Iterator[Running]:
    """A service with TLS that asks for a certificate and a token."""
    certificate, key = signer.sign("service")
    with serving(
        filled,
        certificate=str(certificate),
        key=str(key),
        clients=str(signer.file),
        tokens=str(folder / "tokens.json"),
    ) as process:
        yield process


def ask(running: Running, tls: ClientTls | None, token: str | None, name: str) -> int:
    """How many rows are fetched."""
    with Client(running.address, token=token, tls=tls, timeout=20.0, retries=ONCE) as client:
        return len(client.fetch(name, {"listing": [1, 2]}))


def ours(signer: Authority, name: str = "caller", days: int = 1) -> ClientTls:
    certificate, key = signer.sign(name, days)
    return ClientTls(signer.file, certificate, key)


def test_a_caller_with_certificate_token_and_scope_is_let_in(
    guarded: Running, signer: Authority, tokens: dict[str, str]
) -> None:
    assert ask(guarded, ours(signer), tokens["ranking"], "listing_bookings") == 2
    with Client(guarded.address, token=tokens["ranking"], tls=ours(signer)) as client:
        assert client.sets() == ["listing_bookings"]


@pytest.mark.parametrize(
    ("token", "kind", "message"),
    [
        (None, Kind.WITHOUT_TOKEN, "no token was shown; send 'authorization: Bearer TOKEN'"),
        ("bh_guessed", Kind.WITHOUT_TOKEN, "the token is not known; ask for a new one"),
        ("loader", Kind.FORBIDDEN, ("loader may not fetch listing_bookings; give the token the "
                                    "scope fetch:listing_bookings")),
    ],
)  # fmt: skip
def test_another_token_is_refused_and_logged(
    guarded: Running,
    signer: Authority,
    tokens: dict[str, str],
    token: str | None,
    kind: Kind,
    message: str,
) -> None:
    shown = tokens.get(token or "", token)
    with pytest.raises(FetchError) as raised:
        ask(guarded, ours(signer), shown, "listing_bookings")
    assert (raised.value.kind, str(raised.value)) == (kind, message)
    line = guarded.event("refused")
    assert (line["level"], line["code"], line["reason"]) == ("warning", kind.value, message)
    assert shown is None or shown not in str(line)


def test_a_set_out_of_scope_is_refused_whether_it_exists_or_not(
    guarded: Running, signer: Authority, tokens: dict[str, str]
) -> None:
    for name in ("stay_risk", "no_such_set"):
        with pytest.raises(FetchError, match=f"ranking may not fetch {name};") as raised:
            ask(guarded, ours(signer), tokens["ranking"], name)
        assert raised.value.kind is Kind.FORBIDDEN
    with pytest.raises(FetchError, match="did you mean 'listing_bookings'") as raised:
        ask(guarded, ours(signer), tokens["ranking"], "listing_booking")
    assert raised.value.kind is Kind.UNKNOWN


def test_a_caller_without_a_certificate_or_with_a_wrong_one_is_not_heard(
    guarded: Running, signer: Authority, tokens: dict[str, str], folder: Path, tmp_path: Path
) -> None:
    stranger = authority(tmp_path, "stranger")
    certificate, key = stranger.sign("caller")
    for tls in (
        None,
        ClientTls(signer.file),
        ClientTls(signer.file, certificate, key),
        ours(signer, "expired", days=-1),
        ClientTls(stranger.file, *signer.sign("unsure")),
    ):
        with pytest.raises(FetchError, match="does not answer") as raised:
            ask(guarded, tls, tokens["ranking"], "listing_bookings")
        assert raised.value.kind is Kind.UNREADY
    assert ask(guarded, ours(signer), tokens["ranking"], "listing_bookings") == 2


def test_a_service_does_not_begin_with_a_certificate_that_has_expired(
    filled: Path, tmp_path: Path
) -> None:
    certificate, key = authority(tmp_path).sign("service", days=-1)
    settings = ServeSettings(store=str(filled), certificate=str(certificate), key=str(key))
    with pytest.raises(AccessError, match="service.pem expired on .* UTC, and no caller would"):
        settings.check()
    running = start("-m", "bighead.storage.fetch.process", settings.to_json())
    assert "expired on" in running.event("failed")["reason"]
    assert running.process.wait(60) == 1


def test_a_certificate_is_renewed_at_the_next_handshake_if_the_new_one_serves(
    filled: Path, tmp_path: Path
) -> None:
    signer = authority(tmp_path)
    certificate, key = signer.sign("service", days=2)
    with serving(filled, certificate=str(certificate), key=str(key)) as running:
        assert running.began["certificate_days"] == 2.0
        first = served_by(running)
        signer.sign("service", days=-1)  # over the files of the old one
        assert served_by(running) == first
        signer.sign("service")
        second = served_by(running)
        assert second != first
        assert ask(running, ClientTls(signer.file), None, "listing_bookings") == 2


def served_by(running: Running) -> str:
    """The certificate that the service shows."""
    return ssl.get_server_certificate(("127.0.0.1", running.port))


def test_a_revoked_token_is_refused_at_once(
    filled: Path, tmp_path: Path, tokens: dict[str, str], folder: Path
) -> None:
    file = tmp_path / "tokens.json"
    write_tokens(file, read_tokens(folder / "tokens.json"))
    with serving(filled, tokens=str(file)) as running:
        assert ask(running, None, tokens["ranking"], "listing_bookings") == 2
        write_tokens(file, [t for t in read_tokens(file) if t.name != "ranking"])
        with pytest.raises(FetchError, match="the token is not known"):
            ask(running, None, tokens["ranking"], "listing_bookings")


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "10.0.0.1:7654", "example.org:7654"])
def test_plaintext_is_for_this_machine_unless_it_is_meant(address: str) -> None:
    with pytest.raises(AccessError, match="is reached from other machines, and without TLS"):
        Address(address)
    Address(address, plaintext=True)


@pytest.mark.parametrize(
    "place",
    [
        "7654", "localhost", ":7654", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536", "::1:80",
        "[::1:80", "::1]:80", "[]:80", "localhost:\u00b2", "localhost:" + "9" * 5000,
    ],
)  # fmt: skip
def test_what_is_no_address_is_told_as_such(place: str) -> None:
    with pytest.raises(
        AccessError, match=f"'{re.escape(place)}' is no address; write HOST:PORT, such as"
    ):
        Address(place)


def test_a_certificate_without_its_key_is_refused(tmp_path: Path) -> None:
    signer = authority(tmp_path)
    certificate, _ = signer.sign("service")
    _, key = signer.sign("another")
    with pytest.raises(AccessError, match="are no certificate with its key"):
        Tls(certificate, key).check()
    with pytest.raises(AccessError, match="cannot read .*nothing.pem"):
        Tls(tmp_path / "nothing.pem", key).check()

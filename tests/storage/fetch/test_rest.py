"""The door of HTTP: what gRPC answers, in JSON, with the same tokens and errors."""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from bighead.storage.access.authorizer import AccessError, Scope
from bighead.storage.access.token_file import Token, digest_of, new_token, write_tokens
from bighead.storage.fetch import process
from bighead.storage.fetch.client import Client
from bighead.storage.fetch.settings import ServeSettings
from bighead.zipline.spelling import plain
from tests.storage.fetch.certificates import authority
from tests.storage.fetch.running import Running, serving
from tests.storage.fetch.stays import Stays
from tests.storage.fetch.test_equal_to_training import of_spine
from tests.storage.fetch.test_server import free_port, series

AT = "2024-02-10T00:00:00Z"


@dataclass
class Rest:
    """Speaks to the door."""

    running: Running
    token: str | None = None
    context: ssl.SSLContext | None = None

    @property
    def base(self) -> str:
        scheme = "http" if self.context is None else "https"
        return f"{scheme}://127.0.0.1:{self.running.began['rest_port']}"

    def ask(self, path: str, body: Any = None) -> tuple[int, Any]:
        """The status, and the JSON that came."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data)
        if self.token is not None:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=20, context=self.context) as reply:
                return reply.status, json.load(reply)
        except HTTPError as error:
            return error.code, json.load(error) | {"type": error.headers["content-type"]}

    def fetch(self, **body: Any) -> Any:
        status, reply = self.ask("/v1/fetch", body)
        assert status == 200, reply
        return reply


@pytest.fixture(scope="module")
def both(filled: Path) -> Iterator[Running]:
    with serving(filled, rest="127.0.0.1:0", largest_request=100_000) as running:
        yield running


@pytest.fixture
def rest(both: Running) -> Rest:
    return Rest(both)


@pytest.fixture
def grpc(both: Running) -> Iterator[Client]:
    with Client(both.address, timeout=20.0) as client:
        yield client


def test_the_answer_is_that_of_grpc(rest: Rest, grpc: Client, data: Stays) -> None:
    given = of_spine(data)
    answer = grpc.fetch("stay_risk", given)
    expected: list[Any] = [plain(row) for row in answer.to_pylist()]
    columns: dict[str, list[Any]] = {
        name: [plain(v) for v in values.to_pylist()] for name, values in given.items()
    }
    reply = rest.fetch(sets=["stay_risk"], columns=columns)
    (told,) = reply["answers"]
    assert (told["set"], reply["commit"], told["errors"]) == ("stay_risk", answer.commit, [])
    assert told["columns"] == {
        name: [row[name] for row in expected] for name in answer.batch.schema.names
    }
    for name, group in answer.groups.items():
        assert told["groups"][name] == {
            "status": list(group.statuses), "age_us": group.ages.tolist(),
        }  # fmt: skip
    names = list(columns)
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    (by_row,) = rest.fetch(sets=["stay_risk"], rows=rows)["answers"]
    assert by_row["rows"] == expected
    assert by_row["groups"] == told["groups"]


def test_a_feature_set_is_one_address_for_curl(rest: Rest, grpc: Client) -> None:
    at = datetime(2024, 2, 10, tzinfo=UTC)
    expected = grpc.fetch("listing_bookings", {"listing": [1, 2]}, at=at).to_pylist()
    status, reply = rest.ask("/v1/sets/listing_bookings/features?listing=1&listing=2&at=2024-02-10")
    assert (status, reply["answers"][0]["rows"]) == (200, [plain(row) for row in expected])


def test_one_address_may_name_many_entities(rest: Rest) -> None:
    listings = "&".join(f"listing={n % 50}" for n in range(3000))
    status, reply = rest.ask(f"/v1/sets/listing_bookings/features?{listings}&at=2024-02-10")
    assert (status, len(reply["answers"][0]["rows"])) == (200, 3000)


def test_times_are_one_or_one_each_as_text_or_microseconds(rest: Rest) -> None:
    times = [AT, "2024-02-10 01:00:00+01:00", 1_707_523_200_000_000]
    (answer,) = rest.fetch(sets=["listing_bookings"], columns={"listing": [1] * 3}, at=times)[
        "answers"
    ]
    assert len({json.dumps([c[i] for c in answer["columns"].values()]) for i in range(3)}) == 1
    for at in times:
        (one,) = rest.fetch(sets=["listing_bookings"], rows=[{"listing": 1}], at=at)["answers"]
        assert list(one["rows"][0].values()) == [c[0] for c in answer["columns"].values()]


def test_no_rows_are_answered_by_none(rest: Rest) -> None:
    (answer,) = rest.fetch(sets=["listing_bookings"], rows=[])["answers"]
    assert answer["rows"] == []


def test_a_set_without_a_key_needs_no_body_but_its_name(rest: Rest) -> None:
    (answer,) = rest.fetch(sets=["all_bookings"], at=AT)["answers"]
    assert len(answer["columns"]["bookings"]) == 1
    reply = rest.fetch(sets=["all_bookings"], at=AT, entities=3)
    assert reply["answers"][0]["columns"] == {"bookings": answer["columns"]["bookings"] * 3}


def test_bad_values_are_errors_of_their_entities(rest: Rest) -> None:
    listings = [1, "2", "two", 2**40, True, None]
    body = {"sets": ["stay_risk"], "columns": {"listing": listings, "guests": [2] * 6}, "at": AT}
    (answer,) = rest.fetch(**body)["answers"]
    assert [(e["entity"], e["code"], e["message"]) for e in answer["errors"]] == [
        (2, "BAD_VALUE", "'listing' is INTEGER, and \"two\" is none"),
        (3, "BAD_VALUE", "'listing' is INTEGER, and 1099511627776 does not fit"),
        (4, "BAD_VALUE", "'listing' is INTEGER, and true is none"),
    ]
    assert answer["columns"]["bookings_30d"][:5] == [22, 24, None, None, None]
    (late,) = rest.fetch(**{**body, "at": [AT, "soon", None, AT, AT, AT]})["answers"]
    assert late["errors"][0]["message"] == "'the time' is TIMESTAMP, and \"soon\" is none"


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({"sets": ["stay_risks"]}, 404, "no set 'stay_risks' is served; did you mean 'stay_risk'?"),
        ({"sets": []}, 422, "no set is named; name one in `sets`"),
        ({"sets": ["stay_risk"], "columns": {"listin": [1]}}, 422,
         "stay_risk has no column 'listin' to be given; did you mean 'listing'?"),
        ({"sets": ["listing_bookings"], "columns": {"listing": [1, 2]}, "at": [AT]}, 422,
         "'at' has 1 values, and there are 2 entities; give one for each"),
        ({"sets": ["all_bookings"], "at": "soon"}, 422, "'at' is TIMESTAMP, and \"soon\" is none"),
        ({"sets": ["all_bookings"], "at": 10**20}, 422,
         "'at' is TIMESTAMP, and 100000000000000000000 is none"),
        ({"sets": ["all_bookings"], "columns": {}, "rows": []}, 422,
         "both columns and rows are given; give one of them"),
        ({"sets": ["all_bookings"], "at": True}, 422,
         "at: give ISO 8601 as text or whole microseconds, for all or in a list for each"),
        ({"sets": ["all_bookings"], "entities": "1"}, 422,
         "entities: Input should be a valid integer; GET /docs shows what is expected"),
        ({"sets": ["listing_bookings"], "columns": {"listing": [1], "LISTING": [2]}}, 422,
         "'listing' and 'LISTING' are one column; give it once"),
        ({"set": "stay_risk"}, 422,
         "sets: Field required; GET /docs shows what is expected"),
        (b"{", 422, ("the body: Invalid JSON: EOF while parsing an object at line 1 column 1; GET "
                     "/docs shows what is expected")),
        ({"sets": ["all_bookings"], "entities": 10_001}, 413,
         "10,001 entities are asked for, and 10,000 are allowed; send several requests"),
        ({"sets": ["all_bookings"], "timeout": 1e-9, "at": AT}, 504,
         ("the deadline passed before the answer was there; give it more time, or ask for fewer "
          "entities")),
    ],
)  # fmt: skip
def test_a_wrong_request_is_a_problem_that_says_what_to_do(
    rest: Rest, body: Any, status: int, detail: str
) -> None:
    found, told = rest.ask("/v1/fetch", body)
    assert (found, told["status"], told["detail"]) == (status, status, detail)
    assert told["type"] == "application/problem+json"


def test_addresses_that_are_none_are_problems_too(rest: Rest) -> None:
    assert rest.ask("/v2/fetch")[0] == 404
    status, told = rest.ask("/v1/fetch")  # GET
    assert (status, told["title"]) == (405, "Method Not Allowed")


def test_a_body_that_is_too_large_is_refused_before_it_has_come(rest: Rest) -> None:
    port = rest.running.began["rest_port"]
    with socket.create_connection(("127.0.0.1", port), 20) as said:
        said.sendall(b"POST /v1/fetch HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n{")
        reply = http.client.HTTPResponse(said)
        reply.begin()
        told = json.load(reply)
    assert reply.status == told["status"] == 413
    assert "bodies of 100,000 bytes at most; send fewer entities at once" in told["detail"]
    parts = (b" " * 50_000 for _ in range(3))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", "/v1/fetch", parts, encode_chunked=True,
                       headers={"Transfer-Encoding": "chunked"})  # fmt: skip
    assert connection.getresponse().status == 413
    assert rest.ask("/v1/sets")[0] == 200


def test_a_caller_who_goes_while_the_body_comes_is_no_bug(rest: Rest) -> None:
    port = rest.running.began["rest_port"]
    with socket.create_connection(("127.0.0.1", port), 20) as said:
        said.sendall(b"POST /v1/fetch HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    told: dict[str, Any] = {}
    while told.get("reason") != "the caller has gone":
        told = rest.running.event("refused")
    assert (told["level"], told["code"]) == ("info", "DEADLINE_EXCEEDED")


def test_what_a_set_needs_and_what_there_is(rest: Rest) -> None:
    assert "stay_risk" in rest.ask("/v1/sets")[1]["sets"]
    _, told = rest.ask("/v1/sets/stay_risk")
    assert (told["kind"], told["time"]) == ("training set", "q.ts")
    assert told["inputs"][0] == {"name": "listing", "type": "INTEGER", "optional": False}
    assert {"name": "burst", "type": "DOUBLE", "groups": ["b"]} in told["outputs"]


def test_openapi_describes_every_route(rest: Rest) -> None:
    _, schema = rest.ask("/openapi.json")
    assert set(schema["paths"]) == {
        "/v1/fetch", "/v1/sets", "/v1/sets/{name}", "/v1/sets/{name}/features", "/healthz",
    }  # fmt: skip
    text, names = json.dumps(schema), set(schema["components"]["schemas"])
    referred = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert {"FetchBody", "FetchReply", "Problem"} <= referred <= names


def test_the_page_of_openapi_needs_no_network(rest: Rest) -> None:
    def page(path: str) -> tuple[str, str]:
        with urllib.request.urlopen(rest.base + path, timeout=20) as reply:
            return reply.headers["content-type"], reply.read().decode(errors="replace")

    kind, text = page("/docs")
    assert kind.startswith("text/html")
    links = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert sorted(link.rpartition(".")[2] for link in links) == ["css", "js", "png"]
    for link in links:
        assert not link.startswith(("http", "/"))
        assert page(f"/{link}")[1]
    assert "SwaggerUIBundle" in page("/swagger/swagger-ui-bundle.js")[1]
    assert rest.ask("/swagger/other.js")[0] == 404


def test_health_tells_the_commit_and_metrics_are_shared(filled: Path) -> None:
    port = free_port()
    with serving(filled, rest="127.0.0.1:0", metrics=port) as running:
        rest = Rest(running)
        status, told = rest.ask("/healthz")
        assert (status, told["status"], told["commit"] > 0) == (200, "ok", True)
        rest.fetch(sets=["listing_bookings"], columns={"listing": [1, 2]}, at=AT)
        rest.ask("/v1/fetch", {"sets": ["nothing"]})
        told = series(port)
        for code in ("OK", "NOT_FOUND"):
            assert told[f'bighead_fetch_requests_total{{code="{code}",door="rest",method="Fetch"}}']
        assert told['bighead_fetch_entities_total{set="listing_bookings"}'] == 2


def test_tokens_and_tls_are_those_of_grpc(filled: Path, tmp_path: Path) -> None:
    signer = authority(tmp_path)
    certificate, key = signer.sign("service")
    token = new_token()
    scope = Scope.parse("fetch:listing_*")
    write_tokens(tmp_path / "tokens.json", [Token("ranking", digest_of(token), (scope,))])
    with serving(
        filled, rest="127.0.0.1:0", certificate=str(certificate), key=str(key),
        clients=str(signer.file), tokens=str(tmp_path / "tokens.json"),
    ) as running:  # fmt: skip
        trusting = ssl.create_default_context(cafile=signer.file)
        with pytest.raises(OSError, match="(?i)certificate required|reset|closed|EOF"):
            Rest(running, token, trusting).ask("/v1/sets")
        trusting.load_cert_chain(*signer.sign("caller"))
        rest = Rest(running, token, trusting)
        assert rest.ask("/v1/sets") == (200, {"sets": ["listing_bookings"]})
        status, told = rest.ask("/v1/fetch", {"sets": ["stay_risk"]})
        assert (status, told["code"]) == (403, "PERMISSION_DENIED")
        for body in (None, b"{"):  # what is asked is not looked at
            path = "/v1/sets" if body is None else "/v1/fetch"
            status, told = Rest(running, "bh_guessed", trusting).ask(path, body)
            assert (status, told["detail"]) == (401, "the token is not known; ask for a new one")
        status, told = Rest(running, None, trusting).ask("/v1/sets")
        assert (status, told["detail"][:18]) == (401, "no token was shown")
        assert rest.ask("/healthz")[0] == 200


def test_what_the_door_needs_is_told_where_it_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = ServeSettings("nowhere", rest="127.0.0.1:0")
    anything: Any = None
    monkeypatch.delitem(sys.modules, "fastapi_swagger.resources", raising=False)
    monkeypatch.setitem(sys.modules, "fastapi_swagger", None)
    with pytest.raises(AccessError, match=r"--rest needs fastapi_swagger, .*'bighead\[rest\]'"):
        process._rest_door(settings, anything, anything)

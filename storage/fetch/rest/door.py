"""The routes: JSON in and out around the one service that gRPC has too.

Tokens, scopes, limits, statuses and errors are the service's; what is HTTP's is their spelling: a
problem document (RFC 9457) with a status that says what the caller can do.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from importlib.resources import files
from typing import Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.security import HTTPBearer
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from bighead.storage.fetch.asking import Request as Question
from bighead.storage.fetch.errors import FetchError, Kind
from bighead.storage.fetch.rest import bodies
from bighead.storage.fetch.rest.reading import read_column
from bighead.storage.fetch.rest.writing import described, dumped, written_reply
from bighead.storage.fetch.service import Remaining, Service
from bighead.storage.fetch.watching import Watch, token_of
from bighead.zipline.ir.types import BIGINT, TIMESTAMP

STATUSES: dict[Kind, HTTPStatus] = {
    Kind.WRONG: HTTPStatus.UNPROCESSABLE_ENTITY,
    Kind.UNKNOWN: HTTPStatus.NOT_FOUND,
    Kind.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Kind.TOO_LATE: HTTPStatus.GATEWAY_TIMEOUT,
    Kind.WITHOUT_TOKEN: HTTPStatus.UNAUTHORIZED,
    Kind.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Kind.DAMAGED: HTTPStatus.INTERNAL_SERVER_ERROR,
    Kind.UNREADY: HTTPStatus.SERVICE_UNAVAILABLE,
    Kind.BUG: HTTPStatus.INTERNAL_SERVER_ERROR,
}
ABOUT = """\
Features of entities, as of a time, from a store that is served. Integers are JSON numbers, all of
their 64 bits. Decimals, times (ISO 8601, UTC), NaN and the infinities are texts, BINARY is
hexadecimal, a MAP is an object.
"""
T = TypeVar("T")
_GONE = "the caller has gone"
JSON, PROBLEM = "application/json", "application/problem+json"
FEW = 64
"""Entities that are answered so soon that nobody need look whether the caller is still there."""
PAGE = "swagger"
"""Where the files lie that the page of OpenAPI is made of."""
_REFUSED: dict[int | str, dict[str, Any]] = {
    status.value: {
        "description": status.phrase,
        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status in STATUSES.values()
}
_ASKED = {
    "requestBody": {
        "required": True,
        "content": {JSON: {"schema": {"$ref": "#/components/schemas/FetchBody"}}},
    }
}


class RestDoor:
    """The application over a service. largest: bytes of a body."""

    def __init__(self, service: Service, watch: Watch, largest: int) -> None:
        self.service, self.watch, self.largest = service, watch, largest
        self.stopping = False
        self.app = app = FastAPI(
            title="Bighead features",
            description=ABOUT,
            docs_url=None,
            redoc_url=None,
            exception_handlers={HTTPException: _not_there},
            separate_input_output_schemas=False,
        )
        bearer = [Depends(HTTPBearer(auto_error=False))]
        told: dict[str, Any] = {"dependencies": bearer, "responses": _REFUSED}
        add = app.add_api_route
        add("/v1/fetch", self.fetch, methods=["POST"], response_model=bodies.FetchReply,
            openapi_extra=_ASKED, **told)  # fmt: skip
        add("/v1/sets", self.sets, response_model=bodies.SetsReply, **told)
        add("/v1/sets/{name}", self.describe, response_model=bodies.SetReply, **told)
        add("/v1/sets/{name}/features", self.features, response_model=bodies.FetchReply, **told)
        add("/healthz", self.health, response_model=bodies.Health)
        add("/docs", self.docs, include_in_schema=False)
        page = files("fastapi_swagger") / "resources"
        app.mount(f"/{PAGE}", StaticFiles(directory=str(page)))
        _show(app, bodies.FetchBody, bodies.Problem)

    async def fetch(self, request: Request) -> Response:
        """The features of many entities, of one set or several."""

        async def answer(token: str | None) -> bytes:
            self.service.admit(token)
            data = await self._body(request)
            try:
                body = bodies.FetchBody.model_validate_json(data)
            except ValidationError as error:
                raise FetchError(Kind.WRONG, _first(error)) from None
            by_row, until = body.rows is not None, _remaining(body.timeout)
            return await self._fetch(request, _question(body), token, by_row, until)

        return await self._answered("Fetch", request, answer)

    async def features(
        self,
        request: Request,
        name: str,
        at: Annotated[str | None, Query(description="The time of all, as in ISO 8601.")] = None,
    ) -> Response:
        """The features of a set: its columns stand in the query, repeated for more entities."""

        async def answer(token: str | None) -> bytes:
            given: dict[str, list[Any]] = {}
            for column, value in request.query_params.multi_items():
                if column != "at":
                    given.setdefault(column, []).append(value)
            body = bodies.FetchBody(sets=[name], columns=given, at=at)
            return await self._fetch(request, _question(body), token, True, _remaining(None))

        return await self._answered("Fetch", request, answer)

    async def describe(self, request: Request, name: str) -> Response:
        """What a set needs and gives."""

        async def answer(token: str | None) -> bytes:
            return dumped(described(self.service.describe(name, token)))

        return await self._answered("Describe", request, answer)

    async def sets(self, request: Request) -> Response:
        """The sets that the caller may fetch."""

        async def answer(token: str | None) -> bytes:
            return dumped({"sets": self.service.names(token)})

        return await self._answered("List", request, answer)

    async def health(self) -> Response:
        """Whether requests are taken; needs no token."""
        with self.service.shelf.read() as reading:
            commit = reading.commit
        status = HTTPStatus.SERVICE_UNAVAILABLE if self.stopping else HTTPStatus.OK
        told = {"status": "stopping" if self.stopping else "ok", "commit": commit}
        return Response(dumped(told), status, media_type=JSON)

    async def docs(self) -> Response:
        """What the door takes, as a page that loads nothing from elsewhere."""
        return get_swagger_ui_html(
            openapi_url="openapi.json",
            title=self.app.title,
            swagger_js_url=f"{PAGE}/swagger-ui-bundle.js",
            swagger_css_url=f"{PAGE}/swagger-ui.css",
            swagger_favicon_url=f"{PAGE}/favicon-32x32.png",
        )

    async def _fetch(
        self,
        request: Request,
        question: Question,
        token: str | None,
        by_row: bool,
        remaining: Remaining,
    ) -> bytes:
        asking = self.service.fetch(question, token, remaining)
        if question.entities > FEW:
            asking = _unless_gone(request, asking)
        reply = await asking
        data = written_reply(reply, by_row)
        self.service.limits.check_reply(len(data))
        return data

    async def _answered(
        self, method: str, request: Request, answer: Callable[[str | None], Awaitable[bytes]]
    ) -> Response:
        """What a request gets: JSON, or a problem."""

        def peer() -> str:
            return "" if request.client is None else f"{request.client.host}:{request.client.port}"

        try:
            with self.watch.request(method, peer):
                token = token_of(request.headers.get("authorization"))
                return Response(await answer(token), media_type=JSON)
        except FetchError as error:
            return problem(STATUSES[error.kind], str(error), error.kind)

    async def _body(self, request: Request) -> bytes:
        """All of a body. Raises FetchError for one that is too large, before it has come."""
        parts, size = [], int(request.headers.get("content-length", "0"))
        if size <= self.largest:
            size = 0
            try:
                async for part in request.stream():
                    parts.append(part)
                    size += len(part)
                    if size > self.largest:
                        break
            except ClientDisconnect:
                raise FetchError(Kind.TOO_LATE, _GONE) from None
        if size > self.largest:
            raise FetchError(
                Kind.TOO_LARGE,
                f"the service takes bodies of {self.largest:,} bytes at most; send fewer entities "
                "at once",
            )
        return b"".join(parts)


async def _unless_gone(request: Request, asking: Coroutine[Any, Any, T]) -> T:
    """What is asked, for as long as the caller is there. Raises FetchError."""
    answering = asyncio.create_task(asking)
    going = asyncio.create_task(_going(request))
    try:
        await asyncio.wait((answering, going), return_when=asyncio.FIRST_COMPLETED)
        if answering.done():
            return answering.result()
    finally:
        answering.cancel()
        going.cancel()
    raise FetchError(Kind.TOO_LATE, _GONE)


async def _going(request: Request) -> None:
    """Until the caller has gone; a body that nobody reads comes first."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def problem(status: HTTPStatus, detail: str, kind: Kind) -> Response:
    """An error as a document."""
    body = bodies.Problem(title=status.phrase, status=status, detail=detail, code=kind.value)
    shown = {"www-authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else None
    return Response(body.model_dump_json(), status, shown, media_type=PROBLEM)


async def _not_there(request: Request, error: Exception) -> Response:
    """What the routes themselves refuse: an address or a method that is none."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    told = f"{request.method} {request.url.path} is not served; GET /docs shows what is"
    kind = Kind.UNKNOWN if status is HTTPStatus.NOT_FOUND else Kind.WRONG
    return problem(status, told, kind)


def _remaining(timeout: float | None) -> Remaining:
    if timeout is None:
        return lambda: None
    until = time.monotonic() + timeout
    return lambda: until - time.monotonic()


@dataclass(frozen=True, slots=True, eq=False)
class _Rows(Mapping[str, list[Any]]):
    """Rows by column, each gathered when it is asked for: there may be as many as values."""

    rows: Sequence[Mapping[str, Any]]
    names: Mapping[str, None]

    def __getitem__(self, name: str) -> list[Any]:
        return [row.get(name) for row in self.rows]

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def _question(body: bodies.FetchBody) -> Question:
    """A body as the service takes it. Raises FetchError where it makes no rows."""
    if body.columns is not None and body.rows is not None:
        raise FetchError(Kind.WRONG, "both columns and rows are given; give one of them")
    columns: Mapping[str, Any] = body.columns or {}
    counts = {name: len(values) for name, values in columns.items()}
    if body.rows is not None:
        columns = _Rows(body.rows, dict.fromkeys(name for row in body.rows for name in row))
        counts["rows"] = len(body.rows)
    one = not isinstance(body.at, list)
    if isinstance(body.at, list):
        counts["at"] = len(body.at)
    entities = body.entities
    if entities is None:
        entities = next(iter(counts.values()), 1)
    for name, count in counts.items():
        if count != entities:
            told = f"'{name}' has {count:,} values, and there are {entities:,} entities"
            raise FetchError(Kind.WRONG, f"{told}; give one for each")
    time_ = _moment(body.at) if one else None
    times = None if one else body.at
    return Question(body.sets, entities, columns, read_column, time_, times)


def _moment(at: Any) -> int | None:
    if at is None:
        return None
    array, bad = read_column("at", [at], TIMESTAMP)
    if bad:
        raise FetchError(Kind.WRONG, bad[0])
    (moment,) = array.cast(BIGINT).to_pylist()
    return moment


def _first(error: ValidationError) -> str:
    """The first thing that is wrong with a body."""
    found = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(map(str, found["loc"]))
    if place.startswith("at."):  # which of the three was meant cannot be told
        return "at: give ISO 8601 as text or whole microseconds, for all or in a list for each"
    return f"{place or 'the body'}: {found['msg']}; GET /docs shows what is expected"


def _show(app: FastAPI, *models: type[BaseModel]) -> None:
    """Have OpenAPI show models that no route takes by itself."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        schema = make()
        for model in models:
            schema["components"]["schemas"].setdefault(model.__name__, model.model_json_schema())
        return schema

    app.openapi = openapi  # type: ignore[method-assign]

"""What is said over HTTP: the JSON of requests and replies, also as OpenAPI shows it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Value = Any
"""As JSON has it: see the rules of the door."""


class FetchBody(BaseModel):
    """The features of many entities, of one set or several."""

    model_config = ConfigDict(extra="forbid", strict=True)

    sets: Annotated[list[str], Field(examples=[["stay_risk", "listing_bookings@3"]])]
    columns: Annotated[
        dict[str, list[Value]] | None,
        Field(
            description="What the sets need, by column: a value for each entity. The answer comes "
            "by column too.",
            examples=[{"listing": [7, 8]}],
        ),
    ] = None
    rows: Annotated[
        list[dict[str, Value]] | None,
        Field(
            description="The same as a row an entity, in place of `columns`. The answer comes in "
            "rows too.",
            examples=[[{"listing": 7}, {"listing": 8}]],
        ),
    ] = None
    entities: Annotated[
        int | None, Field(ge=0, description="How many, where the sets need no column.")
    ] = None
    at: Annotated[
        str | int | list[str | int | None] | None,
        Field(
            description="The time of all entities, or of each: ISO 8601, in UTC unless it has a "
            "zone, or microseconds since 1970. Else now, or what the columns tell.",
            examples=["2025-02-01T00:00:00Z"],
        ),
    ] = None
    timeout: Annotated[
        float | None, Field(gt=0, description="Seconds that the answer is waited for.")
    ] = None


class GroupReply(BaseModel):
    """How one join of a training set, or a feature set, stands for each entity."""

    status: list[Literal["FRESH", "STALE", "MISSING"]]
    age_us: list[int] = Field(description="Microseconds that the store is behind; -1: unknown.")
    newest_us: dict[str, int | None] | None = Field(
        default=None,
        description="By source, where it reads several: up to which time rows have come, in "
        "microseconds since 1970; null: none has. The age is that of the one furthest behind.",
    )


class EntityErrorReply(BaseModel):
    """What is wrong with one entity; the others have their values."""

    entity: int
    code: str
    message: str
    columns: list[str] = Field(description="Those that are null for it; none: all of the set's.")


class AnswerReply(BaseModel):
    """The features of one set, in the order in which entities were asked for."""

    set: str
    columns: dict[str, list[Value]] | None = None
    rows: list[dict[str, Value]] | None = None
    groups: dict[str, GroupReply]
    errors: list[EntityErrorReply]


class FetchReply(BaseModel):
    """The answers, all of one commit of the store."""

    commit: int
    now: str = Field(description="When the request was taken.")
    answers: list[AnswerReply]


class SetsReply(BaseModel):
    """The names that the caller may fetch."""

    sets: list[str]


class InputReply(BaseModel):
    """A column that a set has to be given."""

    name: str
    type: str
    optional: bool = Field(description="It tells the time alone; `at` may say it instead.")


class OutputReply(BaseModel):
    """A column that a set gives."""

    name: str
    type: str
    groups: list[str]


class SetReply(BaseModel):
    """What a set needs and gives."""

    set: str
    kind: Literal["feature set", "training set"]
    inputs: list[InputReply]
    outputs: list[OutputReply]
    groups: list[str]
    time: str | None
    sql: str


class Health(BaseModel):
    """Whether requests are taken, and the commit that is read."""

    status: Literal["ok", "stopping"]
    commit: int


class Problem(BaseModel):
    """Why there is no answer, and what to do (RFC 9457)."""

    title: str
    status: int
    detail: str
    code: str = Field(description="As gRPC names it.")

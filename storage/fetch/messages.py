"""Requests and replies as the messages of fetch.proto."""

from __future__ import annotations

import struct

import pyarrow as pa
from google.protobuf.message import EncodeError

from bighead.proto.v1 import fetch_pb2 as pb
from bighead.storage.fetch.answering import Answered
from bighead.storage.fetch.asking import Request
from bighead.storage.fetch.errors import FetchError, Kind
from bighead.storage.fetch.fitting import Bad, fit
from bighead.storage.fetch.packing import column_type, pack, unpack
from bighead.storage.fetch.served import Offer
from bighead.storage.fetch.service import Limits, Reply
from bighead.zipline.catalog import FeatureSet
from bighead.zipline.errors import DataError
from bighead.zipline.expressions.arrow import Array
from bighead.zipline.ir.format_expr import format_expr


def read_request(message: pb.FetchRequest) -> Request:
    """A request, whose columns are unpacked where a set needs them. Raises FetchError."""
    given: dict[str, pb.Column] = {}
    for column in message.columns:
        if column.name in given:
            raise FetchError(Kind.WRONG, f"the column '{column.name}' is given twice")
        given[column.name] = column
    entities, kind = message.entities, message.WhichOneof("as_of")

    def unpacked(name: str, column: pb.Column, wanted: pa.DataType) -> tuple[Array, Bad]:
        try:
            array = unpack(column, entities)
        except DataError as error:
            raise FetchError(Kind.WRONG, str(error)) from None
        return fit(name, array, wanted)

    time = message.time if kind == "time" else None
    times = message.times if kind == "times" else None
    return Request(message.sets, entities, given, unpacked, time, times)


def written_reply(reply: Reply, request: pb.FetchRequest, limits: Limits) -> bytes:
    """A reply as the request wants it. Raises FetchError where it is too large."""
    response = pb.FetchResponse(commit=reply.commit, now=reply.now)
    known = frozenset(request.known_schemas)
    for offer, answered in reply.answers:
        _write_answer(response.answers.add(), offer, answered, request.encoding, known)
        for fault in answered.faults:
            response.errors.add(
                entity=fault.entity,
                code=fault.code,
                message=fault.message,
                set=offer.name,
                columns=fault.columns,
            )
    try:
        data = response.SerializeToString()
    except EncodeError:  # beyond what any message may be
        limits.check_reply(2**31)
        raise
    limits.check_reply(len(data))
    return data


def _write_answer(
    answer: pb.Answer,
    offer: Offer,
    answered: Answered,
    encoding: pb.Encoding,
    known: frozenset[int],
) -> None:
    """In place: to append a message would copy it."""
    answer.set = offer.name
    for state in answered.groups:
        ages = struct.pack(f"<{len(state.ages)}q", *state.ages)
        group = answer.groups.add(name=state.name, statuses=state.statuses, ages=ages)
        for name, newest in state.sources.items():
            group.sources.add(name=name, newest=newest)
    if encoding == pb.ENCODING_ARROW:
        number, schema = offer.wire_schema
        answer.batch = answered.message or answered.batch.serialize().to_pybytes()
        answer.schema_id = number
        if number not in known:
            answer.schema = schema
    else:
        batch = answered.batch
        names = batch.schema.names
        answer.columns.extend(pack(n, c) for n, c in zip(names, batch.columns, strict=True))


def described(offer: Offer) -> pb.DescribeResponse:
    """What a set needs and gives."""
    serving = offer.serving
    training = not isinstance(offer.definition, FeatureSet)
    told = pb.DescribeResponse(
        set=offer.name,
        kind=pb.DescribeResponse.KIND_TRAINING_SET
        if training
        else pb.DescribeResponse.KIND_FEATURE_SET,
        groups=[g.name for g in serving.groups],
        time="" if serving.time is None else format_expr(serving.time),
        sql=offer.definition.sql,
    )
    for given in serving.inputs:
        told.inputs.add(name=given.name, type=column_type(given.type), optional=given.optional)
    for name, expr in serving.columns:
        groups = serving.groups_of(expr)
        told.outputs.add(name=name, type=column_type(expr.type), groups=groups)
    return told

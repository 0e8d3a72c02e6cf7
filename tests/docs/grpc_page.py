"""The reference of the gRPC services, made of the messages and their comments."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)
from grpc_tools import protoc

PROTO = Path(__file__).parents[2] / "proto"
HEAD = """\
# gRPC reference

Made from `proto/` by a test; `buf lint` and `buf breaking` watch over it. What the services do is
told in [serving](serving.md). Numbers in packed columns are little endian, times microseconds since
1970 in UTC.
"""
_TYPES = {
    number: name.removeprefix("TYPE_").lower() for name, number in FieldDescriptorProto.Type.items()
}
Path_ = tuple[int, ...]


def grpc_page() -> str:
    """The whole page."""
    served = [file for file in _files() if file.service]
    return "\n".join([HEAD, *("\n".join(_of_file(file)) for file in served)])


def _files() -> list[FileDescriptorProto]:
    """All files, with where each comment stands."""
    names = sorted(str(p.relative_to(PROTO)) for p in PROTO.rglob("*.proto"))
    with tempfile.NamedTemporaryFile() as out:
        arguments = ["", f"-I{PROTO}", "--include_source_info", f"--descriptor_set_out={out.name}"]
        assert protoc.main([*arguments, *names]) == 0
        return list(FileDescriptorSet.FromString(Path(out.name).read_bytes()).file)


def _of_file(file: FileDescriptorProto) -> Iterator[str]:
    said = {
        tuple(place.path): " ".join(place.leading_comments.split())
        for place in file.source_code_info.location
    }
    for i, service in enumerate(file.service):
        yield f"## {service.name}\n"
        yield f"`{file.package}.{service.name}`, in `{file.name}`. {said.get((6, i), '')}\n"
        yield "| method | takes | gives | |\n|---|---|---|---|"
        for j, method in enumerate(service.method):
            takes = ("stream of " if method.client_streaming else "") + _short(method.input_type)
            gives = ("stream of " if method.server_streaming else "") + _short(method.output_type)
            yield f"| `{method.name}` | {takes} | {gives} | {said.get((6, i, 2, j), '')} |"
        yield ""
    for i, message in enumerate(file.message_type):
        yield from _of_message(message, message.name, (4, i), said)
    for i, enum in enumerate(file.enum_type):
        yield from _of_enum(enum, enum.name, (5, i), said)


def _of_message(
    message: DescriptorProto, name: str, path: Path_, said: dict[Path_, str]
) -> Iterator[str]:
    yield f"### {name}\n"
    if said.get(path):
        yield f"{said[path]}\n"
    if message.field:
        yield "| field | number | type | |\n|---|---:|---|---|"
    for i, field in enumerate(message.field):
        told = said.get((*path, 2, i), "")
        if field.HasField("oneof_index") and not field.proto3_optional:
            choice = message.oneof_decl[field.oneof_index].name
            told = f"One of `{choice}`. {told}".strip()
        yield f"| `{field.name}` | {field.number} | {_type(field)} | {told} |"
    yield ""
    for i, nested in enumerate(message.nested_type):
        yield from _of_message(nested, f"{name}.{nested.name}", (*path, 3, i), said)
    for i, enum in enumerate(message.enum_type):
        yield from _of_enum(enum, f"{name}.{enum.name}", (*path, 4, i), said)


def _of_enum(
    enum: EnumDescriptorProto, name: str, path: Path_, said: dict[Path_, str]
) -> Iterator[str]:
    yield f"### {name}\n"
    if said.get(path):
        yield f"{said[path]}\n"
    yield "| value | number | |\n|---|---:|---|"
    for i, value in enumerate(enum.value):
        yield f"| `{value.name}` | {value.number} | {said.get((*path, 2, i), '')} |"
    yield ""


def _type(field: FieldDescriptorProto) -> str:
    kind = _short(field.type_name) if field.type_name else _TYPES[field.type]
    return f"repeated {kind}" if field.label == FieldDescriptorProto.LABEL_REPEATED else kind


def _short(name: str) -> str:
    return name.removeprefix(".bighead.proto.v1.")

"""Bytes and back, the same bytes on every machine, and bytes of earlier versions for ever."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bighead.planner.passes.to_tiles import to_tiles
from bighead.proto.v1 import plan_pb2 as pb
from bighead.zipline.aggregates import aggregate
from bighead.zipline.errors import BigheadError, DataError, UnsupportedError
from bighead.zipline.ir.address import address, address_of_feature
from bighead.zipline.ir.expr import Call, Column, Expr, Literal
from bighead.zipline.ir.format_expr import format_expr
from bighead.zipline.ir.nodes import (
    Aggregate,
    Events,
    Feature,
    Node,
    Project,
    Scan,
    TemporalJoin,
    View,
    walk,
)
from bighead.zipline.ir.serialize import VERSION, Content, deserialize, serialize
from bighead.zipline.ir.serialize_expr import _PRIMITIVES
from bighead.zipline.ir.types import BIGINT, NAMES, TIMESTAMP
from bighead.zipline.windows import DAY
from tests.conftest import GOLDEN
from tests.zipline.ir.everything import (
    BOOKINGS,
    HOSTS,
    LISTINGS,
    LITERALS,
    TABLE,
    everything,
    feature_set,
    training_set,
)

CONTENTS: dict[str, Content] = {
    "plan": everything(),
    "table": TABLE,
    "event source": BOOKINGS,
    "entity source": LISTINGS,
    "static source": HOSTS,
    "feature set": feature_set(),
    "training set": training_set(),
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_what_is_written_is_read(content: Content) -> None:
    data = serialize(content)
    assert deserialize(data) == content
    assert serialize(deserialize(data)) == data


def test_literals_keep_their_bits() -> None:
    scan = Scan(TABLE, ("host",))
    plan = Project(scan, tuple((f"c{i}", literal) for i, literal in enumerate(LITERALS)))
    read = deserialize(serialize(plan))
    assert isinstance(read, Project)
    for (_, found), wanted in zip(read.columns, LITERALS, strict=True):
        assert isinstance(found, Literal)
        assert found.type == wanted.type
        assert type(found.value) is type(wanted.value)
        if isinstance(wanted.value, float):
            assert isinstance(found.value, float)
            assert math.copysign(1, found.value) == math.copysign(1, wanted.value)
            assert found.value == wanted.value or math.isnan(wanted.value)
        else:
            assert str(found.value) == str(wanted.value)


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_version_1_still_loads(content: Content, request: pytest.FixtureRequest) -> None:
    """The files were written by version 1 and are never written again."""
    name = request.node.callspec.id.replace(" ", "_")
    path = GOLDEN / "plans" / "v1" / f"{name}.binpb"
    assert deserialize(path.read_bytes()) == content


@pytest.mark.skipif(VERSION != 1, reason="new bytes have a new version")
@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_bytes_of_one_version_do_not_change(
    content: Content, request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.id.replace(" ", "_")
    path: Path = GOLDEN / "plans" / "v1" / f"{name}.binpb"
    assert serialize(content) == path.read_bytes()


def test_every_type_has_a_number() -> None:
    assert set(NAMES.values()) <= set(_PRIMITIVES)
    assert len(set(_PRIMITIVES.values())) == len(pb.PrimitiveType.keys()) - 1


def test_half_lives_and_versions_of_user_defined_aggregates_are_kept() -> None:
    events = Events(Scan(BOOKINGS, ("ts",)), "bookings", Column("ts", TIMESTAMP))
    decayed = aggregate("decayed_count", [], half_life=4 * DAY)
    own = Aggregate("mine", (), BIGINT, user="0123456789abcdef")
    view = View(events, (), (Feature("n", decayed), Feature("m", own)))
    assert deserialize(serialize(view)) == view
    other = replace(own, user="0" * 16)
    newer = replace(view, features=(view.features[0], Feature("m", other)))
    assert serialize(newer) != serialize(view)
    tiled = to_tiles(TemporalJoin(events.input, view, "b", (), Column("ts", TIMESTAMP)))
    assert deserialize(serialize(tiled)) == tiled


def test_equal_parts_are_written_once() -> None:
    one = Column("host", BIGINT)
    total: Expr = one
    for _ in range(10):
        total = Call("add", (total, total), BIGINT)
    data = serialize(Project(Scan(TABLE, ("host",)), (("total", total),)))
    assert len(data) < 2000


def test_a_long_chain_is_written_and_printed() -> None:
    many: Expr = Column("host", BIGINT)
    for i in range(400):
        many = Call("add", (many, Literal(i, BIGINT)), BIGINT)
    data = serialize(Project(Scan(TABLE, ("host",)), (("many", many),)))
    assert serialize(deserialize(data)) == data
    assert format_expr(many).endswith(" + 397 + 398 + 399")


def test_a_deep_plan_is_written() -> None:
    plan: Node = Scan(TABLE, ("host",))
    for _ in range(150):
        plan = Project(plan, (("host", Column("host", BIGINT)),))
    assert deserialize(serialize(plan)) == plan


def test_a_later_version_is_refused() -> None:
    plan = pb.Plan.FromString(serialize(TABLE))
    plan.version = VERSION + 1
    with pytest.raises(UnsupportedError, match="upgrade"):
        deserialize(plan.SerializeToString())


def test_no_version_is_no_plan() -> None:
    with pytest.raises(DataError, match="not a plan"):
        deserialize(b"")
    with pytest.raises(DataError, match="not a plan"):
        deserialize(b"\xff\xff\xff")


@given(st.data())
def test_damaged_bytes_are_an_error_of_ours(data: st.DataObject) -> None:
    whole = bytearray(serialize(training_set()))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    with suppress(BigheadError):
        deserialize(bytes(whole[:cut]))


def test_an_address_is_of_the_meaning() -> None:
    definition = feature_set()
    again = replace(
        definition, sql="CREATE FEATURE SET other spelling", options=(("online", True),)
    )
    assert address(again) == address(definition)
    assert address(replace(definition, options=())) != address(definition)
    assert len(address(definition)) == 64
    assert address(replace(BOOKINGS, options=())) != address(BOOKINGS)


def test_an_address_does_not_change_with_the_owner_of_a_source_below() -> None:
    definition = training_set()

    def of_others(node: Node) -> set[str]:
        return {
            str(dict(scan.source.options).get("owner"))
            for scan in walk(node)
            if isinstance(scan, Scan)
        }

    assert "homes" in of_others(definition.plan)
    plan = deserialize(serialize(definition.plan).replace(b"homes", b"hotel"))
    assert isinstance(plan, Node)
    assert "hotel" in of_others(plan)
    assert address(replace(definition, plan=plan)) == address(definition)


def test_a_feature_keeps_its_address_when_others_change() -> None:
    definition = feature_set()
    assert isinstance(definition.view, View)
    fewer = replace(
        definition,
        view=replace(definition.view, features=definition.view.features[:1]),
        columns=definition.columns[:1],
    )
    assert address(fewer) != address(definition)
    assert address_of_feature(fewer, "nights_7d") == address_of_feature(definition, "nights_7d")
    assert address_of_feature(definition, "double") != address_of_feature(definition, "nights_7d")

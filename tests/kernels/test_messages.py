"""Which messages are one JSON object each: what Python's own reader says, and more strictly."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bighead.kernels.messages import Fault, Kind, fields, scan


def looked_at(
    messages: list[bytes], paths: list[tuple[str, ...]] | None = None, null_too: bool = False
) -> tuple[list[tuple[Fault, int]], list[int], bytes]:
    """Fault and place of each message, its mask, and the joined lines."""
    count = len(messages)
    ends = np.cumsum([len(m) for m in messages], dtype=np.int64)
    starts = ends - np.array([len(m) for m in messages], np.int64)
    faults, places = np.zeros(count, np.uint8), np.zeros(count, np.int64)
    present = np.zeros(count, np.uint64)
    joined = np.zeros(int(ends[-1]) + count if count else 0, np.uint8)
    written = scan(
        b"".join(messages), starts, ends, null_too, paths or [], faults, places, present, joined
    )
    found = [(Fault(int(f)), int(p)) for f, p in zip(faults, places, strict=True)]
    return found, [int(m) for m in present], joined[:written].tobytes()


def fault(message: bytes) -> Fault:
    return looked_at([message])[0][0][0]


@pytest.mark.parametrize(
    "message",
    [
        b"{}",
        b' {"a" : 1 , "b":[true,false,null, {"c":{}}]}\r\n',
        b'{"a":-0.5e+10,"b":0,"c":1E5}',
        '{"ä":"\\u00e4\\ud83d\\ude00 \\n\\"😀"}'.encode(),
        b'{"a":NaN,"b":-Infinity,"c":Inf}',
        b'{"a":1,"a":2}',
        b"{" + b'"a":{' * 100 + b"}" * 101,
    ],
)
def test_sound_messages(message: bytes) -> None:
    assert fault(message) is Fault.SOUND


@pytest.mark.parametrize(
    ("message", "expected", "place"),
    [
        (b"", Fault.EMPTY, 0),
        (b" \n", Fault.EMPTY, 2),
        (b"null", Fault.NO_OBJECT, 0),
        (b"[1]", Fault.NO_OBJECT, 0),
        (b"hello", Fault.NO_OBJECT, 0),
        (b'{"a":1', Fault.CUT_SHORT, 6),
        (b'{"a":"x', Fault.CUT_SHORT, 7),
        (b'{"a":tr', Fault.CUT_SHORT, 7),
        (b'{"a":"\\u00', Fault.CUT_SHORT, 10),
        (b'{"a":1,}', Fault.SYNTAX, 7),
        (b'{"a":01}', Fault.SYNTAX, 6),
        (b'{"a":1.}', Fault.SYNTAX, 7),
        (b"{'a':1}", Fault.SYNTAX, 1),
        (b'{"a":"x\ny"}', Fault.SYNTAX, 7),
        (b'{"a":"\\x"}', Fault.SYNTAX, 7),
        (b'{"a":truth}', Fault.SYNTAX, 8),
        (b'{"a" 1}', Fault.SYNTAX, 5),
        (b'{"a":"\xff"}', Fault.ENCODING, 6),
        (b'{"a":"\xc0\xaf"}', Fault.ENCODING, 6),
        (b'{"a":"\xed\xa0\x80"}', Fault.ENCODING, 7),
        (b'{"a":"\\ud83d "}', Fault.ENCODING, 12),
        (b'{"a":"\\udc00"}', Fault.ENCODING, 12),
        (b'{"a":1}{"a":2}', Fault.TRAILING, 7),
        (b'{"a":1},"x":{}', Fault.TRAILING, 7),
        (b"{" + b'"a":{' * 200 + b"}" * 201, Fault.DEEP, 640),
        (b'{"a":' + b"[" * 100_000, Fault.DEEP, 132),
    ],
)
def test_faults_are_named_and_placed(message: bytes, expected: Fault, place: int) -> None:
    assert looked_at([message])[0] == [(expected, place)]


def test_sound_messages_are_joined_as_lines() -> None:
    messages = [b'{"a":\n1}', b"oops", b'{"b":2}', b"", b'{"c":"\\n"}\n']
    found, _, joined = looked_at(messages)
    assert [f is Fault.SOUND for f, _ in found] == [True, False, True, False, True]
    assert joined == b'{"a": 1}\n{"b":2}\n{"c":"\\n"} \n'


def test_two_halves_are_no_message() -> None:
    found, _, joined = looked_at([b'{"a":1', b',"b":2}'])
    assert [f for f, _ in found] == [Fault.CUT_SHORT, Fault.NO_OBJECT]
    assert joined == b""


def test_null_is_a_message_where_it_is_asked_for() -> None:
    assert looked_at([b"null", b"nul", b"{}"], null_too=True)[0] == [
        (Fault.NOTHING, 4), (Fault.CUT_SHORT, 3), (Fault.SOUND, 2)
    ]  # fmt: skip


def test_fields_are_found_by_their_paths() -> None:
    paths = [("k",), ("after", "k"), ("payload", "after", "k")]
    messages = [
        b'{"k":null}',
        b'{"a":{"k":1},"after":[{"k":1}]}',
        b'{"after":{"x":1,"k":2}}',
        b'{"payload":{"after":{"k":1},"k":3},"k":1}',
        b'{"\\u006b":1}',
        b'{"after":null}',
    ]
    assert looked_at(messages, paths)[1] == [1, 0, 2, 5, 1, 0]


def test_sizes_that_do_not_fit_are_refused() -> None:
    one, none = np.array([5], np.int64), np.zeros(1, np.int64)
    mask, byte = np.zeros(1, np.uint64), np.zeros(1, np.uint8)
    with pytest.raises(ValueError, match="message 0 lies outside"):
        scan(b"{}", none, one, False, [], byte, none.copy(), mask, np.zeros(9, np.uint8))
    with pytest.raises(ValueError, match="may need 3 bytes"):
        scan(b"{}", none, one - 3, False, [], byte, none.copy(), mask, np.zeros(2, np.uint8))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.text(), VALUES, max_size=4), st.booleans(), st.integers(0, 3))
def test_what_python_writes_is_sound_and_its_beginnings_are_not(
    value: dict[str, Any], ascii_: bool, indent: int
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_, indent=indent or None)
    try:
        message = text.encode()
    except UnicodeEncodeError:  # half a character
        return
    if any(0xD800 <= ord(c) <= 0xDFFF for c in json.dumps(value, ensure_ascii=False)):
        return
    assert fault(message) is Fault.SOUND
    for cut in range(1, len(message), max(len(message) // 8, 1)):
        assert fault(message[:cut]) in (Fault.CUT_SHORT, Fault.SYNTAX), message[:cut]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=12), st.integers(0, 40))
def test_mangled_messages_are_sound_only_where_python_reads_them(junk: bytes, at: int) -> None:
    message = b'{"a":"x\\u00e4","b":[1,2.5e3,{"c":null}],"d":true}'
    mangled = message[:at] + junk + message[at + len(junk) :]
    if fault(mangled) is Fault.SOUND:
        assert isinstance(json.loads(mangled.decode()), dict)


def kinds(lines: list[bytes], names: list[str]) -> list[list[tuple[Kind, int, int]]]:
    """Of each line and name: the kind of its value, its number, and where it begins."""
    shape = (len(lines), len(names))
    held, values = np.zeros(shape, np.uint8), np.zeros(shape, np.int64)
    places = np.zeros(shape, np.int64)
    buffer = np.frombuffer(b"".join(line + b"\n" for line in lines), np.uint8)
    assert fields(buffer, names, held, values, places) == len(lines)
    return [
        [(Kind(int(k)), int(v), int(p)) for k, v, p in zip(*row, strict=True)]
        for row in zip(held, values, places, strict=True)
    ]


def test_kinds_of_fields() -> None:
    line = (
        b'{ "a" : 12 , "b":{"a":1},"c":[{"a":1}],"d":"x","e":true,"f":null,"\\u0067":-0.5,'
        b'"h":1,"h":2,"other":1}'
    )
    (found,) = kinds([line], [*"abcdefgh", "none"])
    assert [kind for kind, _, _ in found] == [
        Kind.INTEGER, Kind.OBJECT, Kind.ARRAY, Kind.TEXT, Kind.BOOLEAN, Kind.NULL, Kind.FRACTION,
        Kind.SEVERAL, Kind.ABSENT,
    ]  # fmt: skip
    assert found[0] == (Kind.INTEGER, 12, line.index(b"12"))
    assert found[8] == (Kind.ABSENT, 0, -1)
    (twice,) = kinds([line], ["a", "none", "a"])
    assert twice == [found[0], found[8], found[0]]


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (0, Kind.INTEGER), (-1, Kind.INTEGER), (2**63 - 1, Kind.INTEGER), (-(2**63), Kind.INTEGER),
        (2**63, Kind.LARGE), (2**64 - 1, Kind.LARGE), (2**64, Kind.HUGE),
        (-(2**63) - 1, Kind.HUGE), (10**30, Kind.HUGE),
    ],
)  # fmt: skip
def test_whole_numbers_are_told_by_what_holds_them(number: int, kind: Kind) -> None:
    ((found,),) = kinds([b'{"n":%d}' % number], ["n"])
    assert found[0] is kind
    if kind is not Kind.HUGE:
        assert found[1] % 2**64 == number % 2**64


@pytest.mark.parametrize("text", ["1.0", "1e3", "-0.1", "NaN", "-Inf", "9" * 30 + "e1"])
def test_other_numbers_are_fractions(text: str) -> None:
    assert kinds([b'{"n":%s}' % text.encode()], ["n"])[0][0][0] is Kind.FRACTION


def test_each_line_has_a_row_of_its_own() -> None:
    found = kinds([b"{}", b'{"n":1}', b'{"m":"n","n":{}}', b'{"n":2} '], ["n"])
    assert [row[0][0] for row in found] == [Kind.ABSENT, Kind.INTEGER, Kind.OBJECT, Kind.INTEGER]


OF_PYTHON = {
    type(None): Kind.NULL, bool: Kind.BOOLEAN, float: Kind.FRACTION, str: Kind.TEXT,
    dict: Kind.OBJECT, list: Kind.ARRAY,
}  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["", "a", "ä", '"']), VALUES), max_size=4))
def test_kinds_are_those_of_what_python_wrote(objects: list[dict[str, Any]]) -> None:
    names = ["", "a", "ä", '"']
    found = kinds([json.dumps(one).encode() for one in objects], names) if objects else []
    for one, row in zip(objects, found, strict=True):
        for name, (kind, value, _) in zip(names, row, strict=True):
            held = one.get(name)
            expected = OF_PYTHON.get(type(held))
            if name not in one:
                assert kind is Kind.ABSENT
            elif type(held) is int:
                assert kind in (Kind.INTEGER, Kind.LARGE, Kind.HUGE)
                assert kind is Kind.HUGE or value % 2**64 == held % 2**64
            else:
                assert kind is expected


def test_room_that_does_not_fit_is_refused() -> None:
    lines, byte, one = (
        np.frombuffer(b"{}\n", np.uint8),
        np.zeros((1, 1), np.uint8),
        np.zeros((1, 1)),
    )
    with pytest.raises(ValueError, match="2 names are asked for, and there is room for 1"):
        fields(lines, ["a", "b"], byte, one.astype(np.int64), one.astype(np.int64))
    with pytest.raises(ValueError, match="one kind, value and place"):
        fields(lines, ["a"], byte, np.zeros((2, 1), np.int64), one.astype(np.int64))

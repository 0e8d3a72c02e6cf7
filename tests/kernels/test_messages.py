"""Which messages are one JSON object each: what Python's own reader says, and more strictly."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bighead.kernels.messages import Fault, scan


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

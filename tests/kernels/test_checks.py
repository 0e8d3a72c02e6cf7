"""CRC-32 of the kernel beside zlib's."""

import random
import zlib

from hypothesis import given
from hypothesis import strategies as st

from bighead.kernels.checks import crc32


@given(st.binary(max_size=300), st.integers(0, 2**32 - 1))
def test_it_is_what_zlib_says(data: bytes, before: int) -> None:
    assert crc32(data, before) == zlib.crc32(data, before)


def test_every_length_and_offset_around_the_blocks() -> None:
    data = random.Random(1).randbytes(1000)
    for first in range(20):
        for size in (*range(150), 511, 512, 513, 900):
            piece = memoryview(data)[first : first + size]
            assert crc32(piece) == zlib.crc32(piece), (first, size)


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_pieces_follow_each_other(pieces: list[bytes]) -> None:
    check = 0
    for piece in pieces:
        check = crc32(piece, check)
    assert check == zlib.crc32(b"".join(pieces))


def test_a_flipped_bit_is_seen_wherever_it_lies() -> None:
    data = bytearray(random.Random(2).randbytes(4096))
    whole = crc32(memoryview(data))
    for at in range(0, len(data), 37):
        data[at] ^= 1 << (at % 8)
        assert crc32(memoryview(data)) != whole
        data[at] ^= 1 << (at % 8)

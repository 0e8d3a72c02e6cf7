"""Until when a certificate holds: read from its bytes, as no other part of it matters here.

A certificate is nested records of a tag, a length and a content (DER, ITU-T X.690; the fields of a
certificate are those of RFC 5280, 4.1). The time that it ends stands in the fifth field of the
first record, behind the time that it begins.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_VERSION, _UTC_TIME = 0xA0, 0x17


def ends(pem: str) -> datetime:
    """When the first certificate to end of those in a text ends. Raises ValueError for none."""
    found = [_ends(ssl.PEM_cert_to_DER_cert(one)) for one in _PEM.findall(pem)]
    if not found:
        raise ValueError("there is no certificate")
    return min(found)


def _ends(der: bytes) -> datetime:
    try:
        (_, certificate), *_ = _records(der)
        (_, signed), *_ = _records(certificate)
        fields = [content for tag, content in _records(signed) if tag != _VERSION]
        _, (tag, text) = _records(fields[3])  # number, algorithm, issuer, validity
    except (IndexError, ValueError) as error:
        raise ValueError("the certificate cannot be read") from error
    if tag == _UTC_TIME:  # two digits of the year: 1950 to 2049
        century = b"19" if text[:2] >= b"50" else b"20"
        text = century + text
    return datetime.strptime(text.decode(), "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The records that lie behind each other, as tags and contents."""
    place = 0
    while place < len(data):
        tag, size, place = data[place], data[place + 1], place + 2
        if size >= 0x80:  # so many bytes hold the length
            end = place + size - 0x80
            size, place = int.from_bytes(data[place:end], "big"), end
        if place + size > len(data):
            raise ValueError("cut short")
        yield tag, data[place : place + size]
        place += size

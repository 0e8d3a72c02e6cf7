"""Until when a certificate holds, beside a library that reads all of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509

from bighead.storage.access.certificates import ends
from tests.storage.fetch.certificates import authority


@pytest.mark.parametrize("days", [-1, 1, 3650, 20_000])  # the last is spelled with four digits
def test_the_end_is_what_the_certificate_says(tmp_path: Path, days: int) -> None:
    file, _ = authority(tmp_path).sign("service", days)
    text = file.read_text()
    assert ends(text) == x509.load_pem_x509_certificate(text.encode()).not_valid_after_utc


def test_of_a_chain_the_first_end_counts(tmp_path: Path) -> None:
    signer = authority(tmp_path)  # ends in ten days
    file, _ = signer.sign("service", 20)
    assert ends(file.read_text() + signer.file.read_text()) == ends(signer.file.read_text())


@pytest.mark.parametrize("kept", [0, 100, 300])
def test_what_is_no_certificate_is_told(tmp_path: Path, kept: int) -> None:
    file, _ = authority(tmp_path).sign("service")
    body = "".join(file.read_text().splitlines()[1:-1])[:kept]
    text = f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
    with pytest.raises(ValueError, match="certificate"):
        ends(text)

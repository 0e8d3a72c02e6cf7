"""Every error of the dialect, as a user reads it: `tests/golden/errors/*.sql` holds the mistakes.

A case is a text between lines of dashes; the file of expected texts has the same order.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bighead.zipline.errors import SqlError
from tests.conftest import GOLDEN
from tests.zipline.sql.memory import MemoryCatalog, homes

TOPICS = sorted(path.stem for path in (GOLDEN / "errors").glob("*.sql"))
LINE = "\n----\n"


@pytest.mark.parametrize("topic", TOPICS)
def test_a_mistake_names_the_thing_the_reason_and_the_next_step(
    topic: str, golden: Callable[[str, str], None]
) -> None:
    cases = (GOLDEN / "errors" / f"{topic}.sql").read_text(encoding="utf-8").rstrip("\n")
    shown = [_error(homes(), case) for case in cases.split(LINE)]
    golden(f"errors/{topic}.txt", LINE.join(shown) + "\n")


def _error(catalog: MemoryCatalog, text: str) -> str:
    try:
        catalog.run(text)
    except SqlError as error:
        return str(error)
    raise AssertionError(f"no error: {text}")

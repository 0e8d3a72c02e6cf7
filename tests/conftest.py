"""What every test may use: golden texts, and how hard hypothesis tries.

Golden texts lie in `tests/golden/`. `make golden` rewrites all of them, and the change is then read
in `git diff`. `HYPOTHESIS_PROFILE` picks how many examples a property gets: quick, default, soak;
the first two draw the same ones in each run, and soak others.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

GOLDEN = Path(__file__).parent / "golden"

settings.register_profile("quick", max_examples=25, deadline=None, derandomize=True)
settings.register_profile("default", max_examples=100, deadline=None, derandomize=True)
settings.register_profile(
    "soak", max_examples=5000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", action="store_true", help="rewrite the golden texts")


def pytest_configure(config: pytest.Config) -> None:
    soak = "soak" if config.option.markexpr == "soak" else "default"
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", soak))


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`golden("errors/unknown_column.txt", text)`: the text equals that file of tests/golden."""
    rewrite = request.config.getoption("--golden")

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if rewrite:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"no golden text {name}; write it with: make golden"
        assert text == path.read_text(encoding="utf-8")

    return check

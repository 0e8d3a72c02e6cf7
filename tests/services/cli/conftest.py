"""A project that is made and applied once, and copied for each test."""

import shutil
from pathlib import Path

import pytest

from tests.services.cli.shell import run


@pytest.fixture(scope="session")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    assert run(folder, "init", "shop").code == 0
    made = run(folder / "shop", "apply", "--yes")
    assert made.code == 0, made.err
    return folder / "shop"


@pytest.fixture
def shop(applied: Path, tmp_path: Path) -> Path:
    """The example, applied."""
    return Path(shutil.copytree(applied, tmp_path / "shop"))


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """The example, not applied."""
    assert run(tmp_path, "init", "shop").code == 0
    return tmp_path / "shop"

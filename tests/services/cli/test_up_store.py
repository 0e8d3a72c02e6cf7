"""The store of a project that is up: who has it, and how it is made anew."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from bighead.platform.cli.project import Project
from bighead.platform.cli.up_store import NOTE, delete, opened
from bighead.storage.errors import LockedError
from bighead.storage.store import Settings, Store
from bighead.zipline.errors import BigheadError


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, "shop", tmp_path / "features", tmp_path / "data")


def made(project: Project) -> tuple[Path, Path]:
    """A store and a log of what it served."""
    path, log = project.state / "online", project.state / "fetches"
    with opened(project, path, Settings()) as store:
        store.commit({("meta", b"it"): b"1"})
    log.mkdir()
    (log / "an hour").touch()
    return path, log


@pytest.mark.parametrize("lacking", ["", "CURRENT", "IDENTITY"])
def test_a_store_is_made_anew_with_its_log_even_a_damaged_one(
    project: Project, lacking: str
) -> None:
    path, log = made(project)
    if lacking:
        (path / lacking).unlink()
    with opened(project, path, Settings(), log) as store:
        assert store.committed == 0
        assert not log.exists()
    assert [p.name for p in project.state.iterdir() if p.is_dir()] == ["online"]


def test_what_is_left_of_one_that_was_being_deleted_goes(project: Project) -> None:
    path, log = made(project)
    path.rename(project.state / ".online.deleted")
    with opened(project, path, Settings()) as store:
        assert store.committed == 0
    assert sorted(p.name for p in project.state.iterdir()) == sorted([log.name, "online", NOTE])


def test_what_is_no_store_is_not_deleted(project: Project, tmp_path: Path) -> None:
    papers = tmp_path / "papers"
    papers.mkdir()
    (papers / "letter").touch()
    with pytest.raises(BigheadError, match="papers is not the folder of a store; name another"):
        delete(papers, tmp_path / "log")
    assert (papers / "letter").exists()


def test_who_has_the_store_is_told_while_it_lives(project: Project) -> None:
    path, _ = made(project)
    note = project.state / NOTE
    note.write_text("4194305\n")  # of one that was killed
    with Store.open(path), pytest.raises(LockedError, match="another process or handle writes"):
        opened(project, path, Settings()).__enter__()
    with Store.open(path), note.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BigheadError, match="runs in .* already, as process 4194305; stop"):
            opened(project, path, Settings()).__enter__()

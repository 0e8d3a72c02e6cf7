"""The house rules that a tool does not check: the lock, the verbs of make, what is committed."""

import re
import subprocess
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()


def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    assert listing.returncode == 0, "the house is checked in a git checkout"
    return [ROOT / name for name in listing.stdout.splitlines() if (ROOT / name).is_file()]


def test_the_lock_is_names_and_versions_alone() -> None:
    odd = [line for line in LOCK if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line)]
    names = [line.partition("==")[0] for line in LOCK]
    assert not odd
    assert names == sorted(names)


def test_the_lock_satisfies_everything_the_project_asks_for() -> None:
    pinned = dict(line.split("==") for line in LOCK)
    project = PROJECT["project"]
    asked = [*project["dependencies"], *PROJECT["build-system"]["requires"]]
    asked += [item for extra in project["optional-dependencies"].values() for item in extra]
    for requirement in map(Requirement, asked):
        name = canonicalize_name(requirement.name)
        if name != "bighead":
            assert name in pinned, f"{name} is not in the lock: make -B requirements.lock"
            assert requirement.specifier.contains(pinned[name]), requirement


def test_make_has_ten_verbs_and_says_what_each_does() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    verbs = phony.split()
    assert len(verbs) <= 10
    for verb in verbs:
        assert re.search(rf"^#.*\bmake {verb}  ", makefile, re.MULTILINE), verb
        assert re.search(rf"^{verb}:", makefile, re.MULTILINE), verb


def test_nothing_generated_is_committed() -> None:
    made = [p for p in tracked() if re.search(r"_pb2(_grpc)?\.pyi?$|\.so$|\.whl$|\.cxx$", p.name)]
    assert not made


def test_a_file_holds_one_idea() -> None:
    code = {".py", ".pyx", ".pxd", ".pyi", ".h", ".hpp", ".cpp"}
    lines = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n")
        for path in tracked()
        if path.suffix in code
    }
    assert lines
    assert not {path: n for path, n in lines.items() if n > 600}

"""The wheel, as a user gets it: built, installed into a clean environment, and asked for a query.

That environment holds the core dependencies in the versions of the lock and nothing else: no
pandas, no test tools, and not this repository.
"""

import json
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from uv import find_uv_bin

import bighead

ROOT = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.xdist_group("wheel")  # the fixtures are dear: one worker makes them

QUERY = """
import json
from datetime import datetime

import pyarrow as pa
from bighead import Session

at = lambda day, hour: datetime(2026, 1, day, hour)
session = Session()
session.register(
    "bookings",
    pa.table({"listing": [1, 1, 2], "nights": [2, 3, 5], "ts": [at(1, 0), at(5, 0), at(5, 0)]}),
    event_time="ts",
)
session.register(
    "requests",
    pa.table({"listing": [1, 1, 2, 3], "ts": [at(5, 0), at(5, 1), at(20, 0), at(5, 1)]}),
)
result = session.sql('''
    CREATE FEATURE SET activity AS
    SELECT listing, SUM(nights) OVER (LAST '7d') AS nights, COUNT(*) OVER (LAST '7d') AS bookings
    FROM bookings GROUP BY listing;
    SELECT q.listing, a.nights, a.bookings FROM requests AS q
    ASOF LEFT JOIN activity AS a MATCH_CONDITION (q.ts > a.event_time) ON a.listing = q.listing
''').to_arrow()
print(json.dumps(result.to_pydict()))
"""


def run(*command: str | Path, cwd: Path = ROOT, **env: str) -> str:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**kept, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    python = ("-p", sys.executable, "--no-build-isolation")
    run(find_uv_bin(), "build", "-q", "--wheel", *python, "-o", out)
    (built,) = out.glob("bighead-*.whl")
    return built


@pytest.fixture(scope="session")
def clean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment with the wheel and its core dependencies."""
    env = tmp_path_factory.mktemp("clean") / "env"
    run(find_uv_bin(), "venv", "-q", "-p", sys.executable, env)
    lock = ROOT / "requirements.lock"
    run(find_uv_bin(), "pip", "install", "-q", "-p", env, "--constraints", lock, wheel)
    return env / "bin"


def test_the_wheel_ships_what_a_user_types_against(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    endings = {Path(name).suffix for name in names}
    assert {"bighead/__init__.py", "bighead/py.typed", "bighead/zipline/__init__.py"} <= set(names)
    assert {".py", ".pyi", ".so"} <= endings
    assert not endings & {".pyx", ".cpp", ".cxx", ".o", ".in", ".md"}
    assert any(n.startswith("bighead/kernels/") and n.endswith(".so") for n in names)
    assert "bighead/platform/__init__.py" not in names
    assert {n.split("/")[0] for n in names} == {
        "bighead",
        f"bighead-{bighead.__version__}.dist-info",
    }


def test_the_wheel_holds_every_module_of_the_package(wheel: Path) -> None:
    shipped = {n.removeprefix("bighead/") for n in zipfile.ZipFile(wheel).namelist()}
    folders = ("zipline", "planner", "platform", "kernels", "examples")
    ours = {str(p.relative_to(ROOT)) for folder in folders for p in (ROOT / folder).rglob("*.py")}
    messages = (ROOT / "proto" / "bighead" / "proto" / "v1").glob("*.proto")
    ours |= {f"proto/v1/{p.stem}_pb2{end}" for p in messages for end in (".py", ".pyi")}
    assert ours
    assert not ours - shipped


def test_the_source_archive_holds_what_a_build_needs(tmp_path: Path) -> None:
    run(
        *(find_uv_bin(), "build", "-q", "--sdist", "-p", sys.executable, "--no-build-isolation"),
        *("-o", tmp_path),
    )
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    needed = {"pyproject.toml", "LICENSE", "README.md", "kernels/CMakeLists.txt"}
    needed |= {str(p.relative_to(ROOT)) for p in (ROOT / "kernels").rglob("*.pyx")}
    needed |= {str(p.relative_to(ROOT)) for p in (ROOT / "proto").rglob("*.proto")}
    assert not needed - names
    assert not any(n.startswith(("build/", ".venv/")) for n in names)


def test_a_clean_environment_runs_a_query(clean: Path, tmp_path: Path) -> None:
    answer = run(clean / "python", "-c", QUERY, cwd=tmp_path)
    assert json.loads(answer) == {
        "listing": [1, 1, 2, 3],
        "nights": [2, 5, None, None],
        "bookings": [1, 2, 0, 0],
    }


def test_a_service_that_only_fetches_needs_four_packages(wheel: Path, tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["optional-dependencies"]["fetch"], *project["dependencies"]]
    names = ("grpcio", "protobuf", "pyarrow", "numpy")
    needed = [next(r for r in asked if r.startswith(name)) for name in names]
    page = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    assert "pip install " + " ".join(f'"{n}"' for n in needed) in page
    env, lock = tmp_path / "env", ROOT / "requirements.lock"
    run(find_uv_bin(), "venv", "-q", "-p", sys.executable, env)
    install = (find_uv_bin(), "pip", "install", "-q", "-p", env, "--constraints", lock)
    run(*install, "--no-deps", wheel)
    run(*install, *needed)
    code = """
from bighead.storage.fetch.client import Client
from bighead.storage.fetch.errors import FetchError
try:
    with Client("127.0.0.1:1", timeout=0.5) as client:
        client.fetch("stay_risk", {"listing": [7, 8]})
except FetchError as error:
    print(error.kind.name)
"""
    assert run(env / "bin" / "python", "-c", code, cwd=tmp_path).strip() in ("UNREADY", "TOO_LATE")


def test_a_clean_environment_holds_the_core_alone(clean: Path, tmp_path: Path) -> None:
    code = "import importlib.util as u; print([m for m in %r if u.find_spec(m)])"
    absent = ["pandas", "polars", "duckdb", "xgboost", "sklearn", "matplotlib", "pytest", "Cython"]
    assert run(clean / "python", "-c", code % absent, cwd=tmp_path).strip() == "[]"


def test_a_clean_environment_runs_a_project(clean: Path, tmp_path: Path) -> None:
    run(clean / "bighead", "init", "shop", cwd=tmp_path)
    run(clean / "bighead", "apply", "--yes", cwd=tmp_path / "shop")
    rows = run(clean / "bighead", "query", "stay_risk", "--json", cwd=tmp_path / "shop")
    assert len(json.loads(rows)) == 200


def test_the_command_explains_itself(clean: Path, tmp_path: Path) -> None:
    text = run(clean / "bighead", "--help", cwd=tmp_path, COLUMNS="200", NO_COLOR="1")
    for verb in ("init", "plan", "apply", "query", "explain", "fmt", "backfill", "demo"):
        assert verb in text


def test_the_package_says_its_version_and_names() -> None:
    assert bighead.__version__ == "0.1.0"
    assert "Session" in dir(bighead)
    with pytest.raises(AttributeError, match="no attribute 'Sesion'"):
        _ = bighead.Sesion  # type: ignore[attr-defined]

"""The layers: imports run downward only, and a module loads no more than its layer needs.

MAY_IMPORT is the architecture in a table. A folder may import itself and what stands beside its
name; folders of one layer do not import each other.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

MAY_IMPORT: dict[str, frozenset[str]] = {
    "proto": frozenset(),
    "kernels": frozenset(),
    "zipline": frozenset({"kernels", "proto"}),
    "planner": frozenset({"zipline", "kernels", "proto"}),
    "storage": frozenset({"zipline", "kernels", "proto"}),
    "modellib": frozenset({"zipline", "kernels", "proto"}),
    "examples": frozenset({"planner", "storage", "modellib", "zipline"}),
    "platform": frozenset(
        {"planner", "storage", "modellib", "zipline", "kernels", "proto", "examples"}
    ),
}

# A library and the only folders that import it.
CONFINED: dict[str, tuple[str, ...]] = {
    "sqlglot": ("zipline/sql",),
    "datafusion": ("planner",),
    "sqlalchemy": ("platform/registry",),
    "alembic": ("platform/registry",),
    "pyhocon": ("zipline/sql", "planner", "platform"),
    "yaml": ("zipline/sql", "planner", "platform"),
    "typer": ("platform",),
    "rich": ("platform", "planner", "examples"),
    "xgboost": ("modellib", "examples"),
    "matplotlib": ("modellib", "examples"),
    "pandas": ("planner",),
    "polars": ("planner",),
    "rocksdict": ("storage/database",),
    "confluent_kafka": ("storage/ingest",),
    "grpc": ("storage",),
    "fastapi": ("storage/fetch/rest",),
    "starlette": ("storage/fetch/rest",),
    "uvicorn": ("storage/fetch/rest",),
    "orjson": ("storage/fetch/rest",),
    "prometheus_client": ("storage/access", "storage/fetch", "storage/ingest"),
    "duckdb": (),
}

# Imports inside a function ("folder/file.py: module"), and why each is there. The command line may
# have them anywhere, because `bighead --help` has to be quick.
LATE_IMPORTS: dict[str, str] = {
    "planner/engines/datafusion/relational.py: datafusion": "slow to load, rarely needed",
    "planner/engines/__init__.py: bighead.planner.engines.datafusion.relational": "as the next",
    "planner/engines/__init__.py: bighead.planner.engines.reference": "a whole engine, seldom run",
    "planner/engines/datafusion/engine.py: bighead.planner.engines.datafusion.streaming": (
        "what goes to disk; most plans do not"
    ),
    "planner/engines/datafusion/engine.py: bighead.planner.spill.folder": "as above",
    "planner/result.py: polars": "optional, and slow to load",
    "platform/registry/registry.py: bighead.platform.registry.migrate": "Alembic is seldom needed",
    "storage/fetch/process.py: bighead.storage.fetch.rest.door": "an extra, and slow to load",
    "storage/fetch/process.py: bighead.storage.fetch.rest.server": "as above",
    "platform/features/doors.py: bighead.storage.ingest.kafka": "its client is an option",
}


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name, and where it stands."""

    path: Path
    line: int
    module: str
    inside_function: bool

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: imports {self.module}"


def sources() -> list[Path]:
    return sorted(p for layer in MAY_IMPORT for p in (ROOT / layer).rglob("*.py"))


def imports(path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    late = {id(node) for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = ["." * node.level + (node.module or "")]
            if node.module == "bighead":
                names = [f"bighead.{a.name}" for a in node.names if a.name != "__version__"]
        else:
            continue
        for name in names:
            yield Import(path, node.lineno, name, id(node) in late)


IMPORTS = [found for path in sources() for found in imports(path)]


def layer(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


def under(path: Path, folders: tuple[str, ...]) -> bool:
    return any(path.is_relative_to(ROOT / folder) for folder in folders)


def listed(faults: list[Import]) -> str:
    return "\n" + "\n".join(map(str, faults))


def test_the_table_sees_the_code() -> None:
    seen = {layer(path) for path in sources()}
    assert {"zipline", "planner", "storage", "platform", "kernels"} <= seen
    assert any(found.module.startswith("bighead.zipline") for found in IMPORTS)


def test_imports_run_downward() -> None:
    faults = []
    for found in IMPORTS:
        package, _, rest = found.module.partition(".")
        if package == "bighead":
            target = rest.partition(".")[0]
            if target != layer(found.path) and target not in MAY_IMPORT[layer(found.path)]:
                faults.append(found)
    assert not faults, listed(faults)


def test_imports_are_absolute_and_name_bighead() -> None:
    faults = [
        found
        for found in IMPORTS
        if found.module.startswith(".")
        or (found.module.partition(".")[0] in MAY_IMPORT and found.module != "platform")
    ]
    assert not faults, listed(faults)


def test_a_confined_library_stays_where_it_belongs() -> None:
    faults = [
        found
        for found in IMPORTS
        if (home := CONFINED.get(found.module.partition(".")[0])) is not None
        and not under(found.path, home)
    ]
    assert not faults, listed(faults)


def test_no_import_hides_in_a_function() -> None:
    faults = [
        found
        for found in IMPORTS
        if found.inside_function
        and not under(found.path, ("platform/cli",))
        and f"{found.path.relative_to(ROOT)}: {found.module}" not in LATE_IMPORTS
    ]
    assert not faults, listed(faults)


def test_every_excused_late_import_still_exists() -> None:
    late = {f"{i.path.relative_to(ROOT)}: {i.module}" for i in IMPORTS if i.inside_function}
    assert not LATE_IMPORTS.keys() - late


def test_folders_of_the_platform_meet_in_the_command_line_only() -> None:
    faults = []
    for found in IMPORTS:
        package = found.module.removeprefix("bighead.platform.").partition(".")[0]
        inside = found.path.relative_to(ROOT).parts[:2]
        if found.module.startswith("bighead.platform.") and inside != ("platform", "cli"):
            if inside != ("platform", package):
                faults.append(found)
    assert not faults, listed(faults)


def test_platform_never_shadows_the_standard_library() -> None:
    assert not (ROOT / "platform" / "__init__.py").exists()
    assert not (ROOT / "tests" / "platform").exists()


def loaded_by(module: str) -> set[str]:
    """The modules that a fresh interpreter holds after importing one."""
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/"
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("bighead", {"bighead.zipline", "bighead.planner", "numpy", "pyarrow"}),
        ("bighead.zipline", {"sqlglot", "datafusion", "pyarrow.dataset", "bighead.planner"}),
        ("bighead.kernels", {"sqlglot", "datafusion", "pandas", "bighead.zipline"}),
        ("bighead.zipline.sql", {"datafusion", "pyarrow.dataset", "pandas", "bighead.planner"}),
        ("bighead.platform.registry", {"sqlglot", "datafusion", "alembic", "bighead.planner"}),
        (
            "bighead.storage.reading.fetching",
            {"rocksdict", "sqlglot", "datafusion", "bighead.planner"},
        ),
        (
            "bighead.storage.fetch.client",
            {"rocksdict", "sqlglot", "datafusion", "sqlalchemy", "pandas", "pydantic", "rich"}
            | {"typer", "bighead.planner", "bighead.kernels", "bighead.zipline.sql"},
        ),
        ("bighead.storage.fetch.service", {"sqlglot", "datafusion", "pyspark", "bighead.planner"}),
        ("bighead.storage.fetch.process", {"sqlglot", "datafusion", "pyspark", "pandas"}),
        ("bighead.storage.store", {"sqlglot", "datafusion", "pandas", "bighead.planner"}),
        ("bighead.planner", {"pandas", "polars", "duckdb", "typer", "xgboost"}),
    ],
)
def test_importing_a_layer_loads_no_other(module: str, absent: set[str]) -> None:
    found = loaded_by(module)
    assert module in found
    assert not found & absent

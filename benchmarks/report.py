"""Results as a table in RESULTS.md and as a plot."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.peers import bighead_sql, datafusion_sql, duckdb_sql
from benchmarks.workloads import WORKLOADS, Size, Workload

mpl.use("Agg")

COLORS = {
    "bighead": "#0b7a75",
    "duckdb-windows": "#e8a33d",
    "duckdb-join": "#f3c98b",
    "duckdb-asof": "#e8a33d",
    "polars": "#6d7fcc",
    "datafusion": "#9aa5b1",
}


@dataclass(frozen=True, slots=True)
class Result:
    """One system on one workload."""

    workload: Workload
    size: Size
    system: str
    seconds: float | None = None
    peak: int = 0
    """Bytes above the idle process."""
    answer: int = 0
    data: int = 0
    failure: str = ""
    disagrees: str | None = None

    @property
    def summary(self) -> str:
        """One line for the terminal."""
        if self.seconds is None:
            return self.failure
        verdict = f"  DISAGREES {self.disagrees}" if self.disagrees else ""
        return f"{self.seconds:8.3f} s  {self.peak / 2**20:7.0f} MiB{verdict}"


def remembered(results: list[Result], file: Path, add: bool) -> list[Result]:
    """The results, and with `add` those of earlier runs that these lack, in order of size."""
    if add and file.exists():
        now = {(r.workload.name, r.size, r.system) for r in results}
        for row in json.loads(file.read_text()):
            name = row.pop("workload")
            workload = next(w for w in WORKLOADS if w.name == name)
            size = Size(*row.pop("size"))
            if (workload.name, size, row["system"]) not in now:
                results.append(Result(workload, size, **row))
    names, systems = [w.name for w in WORKLOADS], list(COLORS)
    results = sorted(
        results,
        key=lambda r: (r.size.events, names.index(r.workload.name), systems.index(r.system)),
    )
    rows = [
        asdict(r) | {"workload": r.workload.name, "size": [r.size.events, r.size.labels]}
        for r in results
    ]
    file.write_text(json.dumps(rows))
    return results


def write(results: list[Result], threads: int, path: Path) -> None:
    """Write the table, the machine, the versions and the SQL."""
    lines = [
        "# Results",
        "",
        "Written by `make bench`. Every system reads the same Parquet files and returns the same",
        "Arrow table, in a fresh process, with the same number of threads; the best of a few runs",
        "counts, and the answers are compared. *times* is how many times longer than this engine.",
        "Memory is the peak above the idle process.",
        "",
        _machine(threads),
        "Versions: " + ", ".join(_versions()) + ".",
        "",
        "![seconds by workload and system](results.png)",
        "",
    ]
    for size in dict.fromkeys(r.size for r in results):
        lines += [f"## {size} rows", ""]
        lines += [
            "| workload | system | seconds | times | memory | agrees |",
            "|---|---|--:|--:|--:|---|",
        ]
        for result in (r for r in results if r.size == size):
            lines.append(_row(result, results))
        lines.append("")
    lines += ["## The SQL", ""]
    lines += _statements()
    path.write_text("\n".join(lines) + "\n")


def _row(result: Result, results: list[Result]) -> str:
    name = f"{result.workload.title}" if result.system == "bighead" else ""
    if result.seconds is None:
        return f"| {name} | {result.system} | {result.failure} | | | |"
    ours = next(
        (
            r.seconds
            for r in results
            if r.system == "bighead" and r.workload == result.workload and r.size == result.size
        ),
        None,
    )
    times = f"{result.seconds / ours:.1f}" if ours else ""
    agrees = "" if result.system == "bighead" else ("no" if result.disagrees else "yes")
    memory = f"{result.peak / 2**20:,.0f} MiB"
    return f"| {name} | {result.system} | {result.seconds:.2f} | {times} | {memory} | {agrees} |"


def draw(results: list[Result], path: Path) -> None:
    """Save the seconds as bars on a logarithmic axis, the largest size last."""
    sizes = list(dict.fromkeys(r.size for r in results))
    figure = Figure(
        figsize=(10, 4.2 * len(sizes)), dpi=120, facecolor="white", layout="constrained"
    )
    for axes, size in zip(figure.subplots(len(sizes), 1, squeeze=False)[:, 0], sizes, strict=True):
        shown = [r for r in results if r.size == size and r.seconds is not None]
        labels = [f"{r.workload.name}  {r.system}" for r in shown]
        seconds = [r.seconds for r in shown]
        colors = [COLORS[r.system] for r in shown]
        axes.barh(range(len(shown)), seconds, color=colors, height=0.7)
        axes.set_yticks(range(len(shown)), labels, fontsize=8)
        axes.invert_yaxis()
        axes.set_xscale("log")
        axes.set_xlabel("seconds (logarithmic)")
        axes.set_title(f"{size} rows: events x labels", loc="left", fontsize=11)
        for at, value in enumerate(seconds):
            axes.text(value, at, f" {value:.2f}", va="center", fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def _statements() -> list[str]:
    known = next(w for w in WORKLOADS if w.late)
    plain, asof = WORKLOADS[0], next(w for w in WORKLOADS if w.shape == "asof")
    folder = Path()
    return [
        *_block("bighead", bighead_sql.sql(plain, folder)),
        *_block("bighead, KNOWN AT", bighead_sql.sql(known, folder)),
        *_block("bighead, as-of", bighead_sql.sql(asof, folder)),
        *_block("duckdb-windows", duckdb_sql.sql("windows", plain, folder)),
        *_block("duckdb-join", duckdb_sql.sql("join", plain, folder)),
        *_block("duckdb-join, KNOWN AT", duckdb_sql.sql("join", known, folder)),
        *_block("duckdb-asof", duckdb_sql.sql("asof", asof, folder)),
        *_block("datafusion", datafusion_sql.sql(plain)),
        *_block("datafusion, as-of", datafusion_sql.sql(asof)),
    ]


def _block(title: str, sql: str) -> list[str]:
    return [f"<details><summary>{title}</summary>", "", "```sql", sql, "```", "", "</details>", ""]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _machine(threads: int) -> str:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return (
        f"Machine: {_processor()}, {os.cpu_count()} cores, {threads} threads used, "
        f"{memory:.0f} GiB, Linux, Python {platform.python_version()}."
    )


def _versions() -> list[str]:
    packages = ("bighead", "duckdb", "polars", "datafusion", "pyarrow", "numpy")
    return [f"{p} {importlib.metadata.version(p)}" for p in packages]

"""One system, one workload, one fresh process: seconds, memory, and the answer.

Run as `python -m benchmarks.measure SYSTEM WORKLOAD FOLDER THREADS REPEAT ANSWER`; prints a line of
JSON. The files are in the cache before the clock starts; the best of REPEAT runs counts.
"""

from __future__ import annotations

import gc
import importlib
import json
import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.workloads import WORKLOADS, Workload

MODULES = {
    "bighead": "bighead_sql",
    "duckdb-windows": "duckdb_sql",
    "duckdb-join": "duckdb_sql",
    "duckdb-asof": "duckdb_sql",
    "polars": "polars_frames",
    "datafusion": "datafusion_sql",
}
SYSTEMS = tuple(MODULES)


def answers(system: str, workload: Workload) -> bool:
    """Whether a system, in this formulation, can put the question."""
    if system.startswith("duckdb-"):
        formulation = system.removeprefix("duckdb-")
        if workload.shape == "asof":
            return formulation == "asof"
        return formulation == "join" or (formulation == "windows" and not workload.late)
    if system == "polars":
        return workload.shape == "asof"
    if system == "datafusion":
        return not workload.late
    return True


def main(arguments: list[str]) -> None:
    """Measure, print, and write the answer."""
    system, name, folder_name, threads, repeat, answer = arguments
    workload = next(w for w in WORKLOADS if w.name == name)
    folder = Path(folder_name)
    for file in folder.glob("*.parquet"):
        file.read_bytes()  # into the file cache, for every system alike
    # Only the measured system may be in the process; imports come before the clock starts.
    peer = importlib.import_module(f"benchmarks.peers.{MODULES[system]}")
    run: Callable[[], pa.Table] = peer.runner(system, workload, folder, int(threads))
    gc.collect()
    idle = _resident()
    watch = _Peak()
    seconds = []
    for attempt in range(int(repeat)):
        started = time.perf_counter()
        table = run()
        seconds.append(time.perf_counter() - started)
        if attempt == 0:
            pq.write_table(table, answer)
        size = table.nbytes
        del table
        gc.collect()
        if sum(seconds) > 20:
            break
    print(
        json.dumps(
            {
                "seconds": seconds,
                "peak": max(watch.stop(), idle) - idle,
                "answer": size,
                "cpu": resource.getrusage(resource.RUSAGE_SELF).ru_utime,
            }
        )
    )


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


class _Peak:
    """Watches the resident memory of this process every few milliseconds."""

    def __init__(self) -> None:
        self._highest = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._done.wait(0.005):
            self._highest = max(self._highest, _resident())

    def stop(self) -> int:
        """The highest value seen, in bytes."""
        self._done.set()
        self._thread.join()
        return self._highest


if __name__ == "__main__":
    main(sys.argv[1:])

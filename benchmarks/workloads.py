"""The workloads: what is asked, and the data it is asked of.

All data is made from a seed, by numpy, and kept as Parquet under build/bench. Events are written in
random order, as logs of many writers are; labels too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

DAY = 86_400_000_000
SPAN = 180 * DAY
"""Events lie in these many microseconds from 2024-01-01."""
START = 1_704_067_200_000_000
WINDOWS = ("1d", "7d", "30d", "60d", "90d")
DAYS = (1, 7, 30, 60, 90)

Shape = Literal["windows", "asof"]
Keys = Literal["uniform", "zipf", "heavy", "hot"]
Values = Literal["prices", "spread"]


@dataclass(frozen=True, slots=True)
class Workload:
    """A question and the shape of its data."""

    name: str
    title: str
    shape: Shape = "windows"
    keys: Keys = "uniform"
    values: Values = "prices"
    late: float = 0.0
    """The share of events known up to 3 days after they happen; 0: there is no knowledge time."""


WORKLOADS = (
    Workload("uniform", "5 windows x 6 aggregates, uniform keys"),
    Workload("zipf", "the same, Zipf-skewed keys", keys="zipf"),
    Workload("heavy", "the same, 10 heavy keys", keys="heavy"),
    Workload("hot", "the same, one key with a tenth of all rows", keys="hot"),
    Workload("known", "the same, KNOWN AT with 10 % late rows", late=0.1),
    Workload("spread", "the same, widely spread exponents", values="spread"),
    Workload("asof", "as-of last value, unsorted Parquet", shape="asof"),
)


@dataclass(frozen=True, slots=True)
class Size:
    """How many rows; an as-of join has twice the labels."""

    events: int
    labels: int

    def __str__(self) -> str:
        return f"{_short(self.events)} x {_short(self.labels)}"


def _short(n: int) -> str:
    for unit, name in ((1_000_000, " M"), (1_000, " k")):
        if n % unit == 0:
            return f"{n // unit}{name}"
    return str(n)


def make(workload: Workload, size: Size, root: Path, seed: int = 20240101) -> Path:
    """The folder with `events.parquet` and `labels.parquet` of a workload, made if not there."""
    folder = root / f"{workload.name}-{size.events}-{size.labels}"
    if (folder / "labels.parquet").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    distinct = max(size.events // 100, 10)
    happened = START + rng.integers(0, SPAN, size.events)
    columns: dict[str, pa.Array[Any]] = {
        "k": pa.array(_keys(workload.keys, rng, size.events, distinct)),
        "ts": pa.array(happened, pa.timestamp("us")),
        "v": pa.array(_values(workload.values, rng, size.events)),
    }
    if workload.late:
        lag = np.where(
            rng.random(size.events) < workload.late, rng.integers(0, 3 * DAY, size.events), 0
        )
        columns["known"] = pa.array(happened + lag, pa.timestamp("us"))
    pq.write_table(pa.table(columns), folder / "events.parquet")
    count = size.labels * 2 if workload.shape == "asof" else size.labels
    labels = pa.table(
        {
            "id": pa.array(np.arange(count)),
            "k": pa.array(_keys(workload.keys, rng, count, distinct)),
            "t": pa.array(START + rng.integers(0, SPAN, count), pa.timestamp("us")),
        }
    )
    pq.write_table(labels, folder / "labels.parquet")
    return folder


def _keys(kind: Keys, rng: np.random.Generator, n: int, distinct: int) -> NDArray[np.int64]:
    if kind == "heavy":
        # Nine rows of ten belong to 10 keys, the rest to all.
        return np.where(rng.random(n) < 0.9, rng.integers(0, 10, n), rng.integers(0, distinct, n))
    if kind == "hot":
        return np.where(rng.random(n) < 0.1, 0, rng.integers(0, distinct, n))
    if kind == "zipf":
        return np.minimum(rng.zipf(1.2, n), distinct).astype(np.int64)
    return rng.integers(0, distinct, n)


def _values(kind: Values, rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    if kind == "spread":
        return rng.normal(0.0, 1.0, n) * np.exp2(rng.integers(-300, 300, n))
    return np.round(rng.lognormal(4.0, 1.0, n), 2)

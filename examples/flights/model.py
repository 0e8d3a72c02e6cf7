"""The model: gradient-boosted trees on the first nine months, judged on the last three."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xgboost
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

LATE = 15.0
"""Minutes after which an arrival counts as late, as the US Department of Transportation counts."""
SPLIT = datetime(2013, 10, 1, tzinfo=UTC)
BINS = 64
"""Bins of a feature: a quarter of the usual number trains faster, and as well here."""
NOT_FEATURES = ("flight_id", "sched", "arr_delay")

Matrix = NDArray[np.float32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Examples:
    """A training set as arrays, rows without a label left out."""

    names: tuple[str, ...]
    features: Matrix
    """Rows by features; NULL is NaN, words are the ranks of their spelling."""
    late: Flags
    test: Flags
    """Rows of the last three months."""
    unlabelled: int


def examples(table: pa.Table) -> Examples:
    """The arrays of a training set.

    >>> t = pa.table({"flight_id": [1, 2], "sched": pa.array([0, 1], pa.timestamp("us", "UTC")),
    ...               "arr_delay": [20.0, None], "distance": [100, 200]})
    >>> e = examples(t)
    >>> e.names, e.late.tolist(), e.unlabelled
    (('distance',), [True], 1)
    """
    labelled = table.filter(pc.is_valid(table["arr_delay"]))
    names = tuple(name for name in table.column_names if name not in NOT_FEATURES)
    columns = [_numbers(labelled[name]) for name in names]
    return Examples(
        names=names,
        features=np.column_stack(columns),
        late=np.asarray(pc.greater_equal(labelled["arr_delay"], pa.scalar(LATE))),
        test=np.asarray(pc.greater_equal(labelled["sched"], pa.scalar(SPLIT))),
        unlabelled=table.num_rows - labelled.num_rows,
    )


def train(data: Examples, seed: int = 7) -> tuple[xgboost.Booster, float]:
    """A model of the rows before the split, and the seconds it took."""
    started = time.perf_counter()
    train_rows = ~data.test
    matrix = xgboost.QuantileDMatrix(data.features[train_rows], data.late[train_rows], max_bin=BINS)
    settings = {
        "objective": "binary:logistic",
        "eta": 0.15,
        "max_depth": 5,
        "max_bin": BINS,
        "subsample": 0.8,
        "colsample_bytree": 0.5,
        "seed": seed,
        "nthread": 2,
    }
    model = xgboost.train(settings, matrix, num_boost_round=80)
    return model, time.perf_counter() - started


def scores(model: xgboost.Booster, data: Examples) -> NDArray[np.float32]:
    """The chance of being late that the model gives to each row of the last three months."""
    return np.asarray(model.predict(xgboost.DMatrix(data.features[data.test])), dtype=np.float32)


def auc(data: Examples, chances: NDArray[np.float32]) -> float:
    """How often a late flight was given a higher chance than one in time: 0.5 is guessing."""
    return float(roc_auc_score(data.late[data.test], chances))


def _numbers(column: pa.ChunkedArray[Any]) -> NDArray[np.float32]:
    if pa.types.is_string(column.type):
        return np.asarray(pc.rank(column, "ascending", tiebreaker="dense")).astype(np.float32)
    return np.asarray(pc.cast(column, pa.float32(), safe=False)).astype(np.float32)

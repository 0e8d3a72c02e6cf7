"""The flights that go online: what is served at each flight's time is what training had."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from bighead.examples.flights import data, demo, online

SINCE = datetime(2013, 12, 24, tzinfo=UTC)
START = datetime(2013, 12, 31, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last eight days of the year."""
    folder = data.prepare(tmp_path_factory.mktemp("flights"))
    for name in ("flights", "weather"):
        table = pq.read_table(folder / f"{name}.parquet")
        late = pc.greater_equal(table["time_hour"], pa.scalar(SINCE, table["time_hour"].type))
        pq.write_table(table.filter(late), folder / f"{name}.parquet")
    return folder


def test_the_last_hours_of_the_year_are_served_as_they_are_in_training(
    files: Path, tmp_path: Path
) -> None:
    built = demo.build(files)
    changed = built.table.column_names.index("rain")
    last = pc.equal(built.table["sched"], pc.max(built.table["sched"]))
    wrong = pc.if_else(last, -1.0, built.table["rain"])
    training = built.table.set_column(changed, "rain", wrong)
    heard: list[str] = []
    week = online.replay(
        tmp_path, files, built.session, training, lambda what, *_: heard.append(what), START
    )
    assert (week.flights, len(week.features)) == (710, 58)
    assert week.different == {"rain": np.asarray(last).sum()}, "what was changed here, nothing else"
    assert week.rows == 602
    assert heard[0] == "starting 'bighead up'"
    assert heard[-1] == "replaying 01 January, 02:00 UTC"

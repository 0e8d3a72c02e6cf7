"""A Feast repository for `benchmarks.feast`; runs in Feast's environment, without our package.

    python repository.py FOLDER sqlite | redis:PORT    apply, and write the values; prints JSON
    python repository.py FOLDER ask CALLS SECONDS      ask in this process; prints JSON

FOLDER holds `values/<set>.parquet`: a row a key, its feature values and the time they are as of.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pandas as pd
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.types import Float64, Int64

BATCHES = (1, 10, 100)


def store(folder: Path) -> FeatureStore:
    """The repository in a folder."""
    return FeatureStore(repo_path=str(folder))


def configure(folder: Path, online: str) -> None:
    """The folder's feature_store.yaml."""
    kind, _, port = online.partition(":")
    where = f"connection_string: 127.0.0.1:{port}" if port else f"path: {folder / 'online.db'}"
    (folder / "feature_store.yaml").write_text(
        "project: benchmark\nprovider: local\n"
        f"registry: {folder / 'registry.db'}\n"
        f"online_store:\n  type: {kind}\n  {where}\n"
        "offline_store:\n  type: file\nentity_key_serialization_version: 3\n"
    )


def apply(folder: Path) -> dict[str, float]:
    """Declare each set and write its values; the seconds of writing, by set."""
    feast = store(folder)
    key = Entity(name="k", join_keys=["k"], value_type=ValueType.INT64)
    took = {}
    for file in sorted((folder / "values").glob("*.parquet")):
        rows = pd.read_parquet(file)
        fields = [
            Field(name=str(name), dtype=Int64 if kind.kind == "i" else Float64)
            for name, kind in rows.dtypes.items()
            if name not in ("k", "ts")
        ]
        view = FeatureView(
            name=file.stem,
            entities=[key],
            schema=fields,
            source=FileSource(path=str(file), timestamp_field="ts"),
        )
        feast.apply([key, view, FeatureService(name=f"{file.stem}_all", features=[view])])
        began = time.perf_counter()
        feast.write_to_online_store(file.stem, df=rows)
        took[file.stem] = time.perf_counter() - began
    return took


def ask(folder: Path, calls: int, seconds: float) -> dict[str, list[float]]:
    """Seconds of calls in this process, by `set/batch`."""
    feast = store(folder)
    found: dict[str, list[float]] = {}
    for file in sorted((folder / "values").glob("*.parquet")):
        keys = pd.read_parquet(file, columns=["k"])["k"].tolist()
        service = feast.get_feature_service(f"{file.stem}_all")
        for batch in BATCHES:
            found[f"{file.stem}/{batch}"] = times = []
            until = time.perf_counter() + seconds
            for i in range(calls):
                entities = [{"k": keys[(i * batch + j) % len(keys)]} for j in range(batch)]
                began = time.perf_counter()
                feast.get_online_features(service, entities).to_dict()
                times.append(time.perf_counter() - began)
                if time.perf_counter() > until:
                    break
    return found


def main() -> None:
    """See above."""
    folder, what, *rest = sys.argv[1:]
    if what == "ask":
        print(json.dumps(ask(Path(folder), int(rest[0]), float(rest[1]))))
    else:
        configure(Path(folder), what)
        print(json.dumps(apply(Path(folder))))


if __name__ == "__main__":
    main()

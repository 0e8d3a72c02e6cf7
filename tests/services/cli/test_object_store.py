"""A project whose data lies in an object store; the keys come from the environment."""

import io
import logging
from pathlib import Path

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer

from tests.services.cli.shell import run


def test_a_source_in_an_object_store_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        endpoint = "http://{}:{}".format(*server.get_host_and_port())
        client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
        )
        client.create_bucket(Bucket="lake")
        rows = pa.table({"id": [1, 2], "ts": pa.array([0, 86_400_000_000], pa.timestamp("us"))})
        sink = io.BytesIO()
        pq.write_table(rows, sink)
        client.put_object(Bucket="lake", Key="visits/a.parquet", Body=sink.getvalue())

        (tmp_path / "bighead.toml").write_text(
            f'name = "lake"\n[s3]\nendpoint = "{endpoint}"\nregion = "us-east-1"\n'
        )
        (tmp_path / "features").mkdir()
        (tmp_path / "features" / "visits.sql").write_text(
            "CREATE EVENT SOURCE visits (id BIGINT, ts TIMESTAMP) EVENT TIME ts "
            "WITH (batch = 's3://lake/visits/');\n"
            "CREATE TRAINING SET days ID (id) AS SELECT v.id FROM visits AS v;\n"
        )
        applied = run(tmp_path, "apply", "--yes")
        assert applied.code == 0, applied.err
        assert "note:" not in applied.err
        read = run(tmp_path, "query", "visits", "--json")
        assert [row["id"] for row in read.json] == [1, 2]
        filled = run(tmp_path, "backfill", "days", "-o", "out", "--json")
        assert (filled.json["days"], filled.json["rows"]) == (2, 2)
        assert run(tmp_path, "backfill", "days", "-o", "out", "--json").json["runs"] == 0
        sink = io.BytesIO()
        pq.write_table(rows.slice(1).set_column(0, "id", pa.array([3])), sink)
        client.put_object(Bucket="lake", Key="visits/b.parquet", Body=sink.getvalue())
        again = run(tmp_path, "backfill", "days", "-o", "out", "--json").json
        assert (again["rows"], again["stitched"]) == (3, 1)  # the day of the new object alone
    finally:
        server.stop()

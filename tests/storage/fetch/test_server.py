"""The service as a process: limits, deadlines, health, metrics, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from bighead.storage.fetch.client import AsyncClient, Client, Retries
from bighead.storage.fetch.errors import FetchError, Kind
from tests.storage.fetch.running import Running, serving, start
from tests.storage.fetch.stays import Stays
from tests.storage.fetch.test_equal_to_training import of_spine

COMMAND = "from bighead.platform.cli.main import main; main()"
MANY = {"listing": [i % 6 for i in range(3000)], "guests": [2] * 3000}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def series(port: int) -> dict[str, float]:
    """What Prometheus is told."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        lines = page.read().decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_a_message_of_a_gibibyte_is_refused_and_the_service_goes_on(
    running: Running, client: Client
) -> None:
    with grpc.insecure_channel(running.address) as channel:
        ask = channel.unary_unary("/bighead.proto.v1.FetchService/Fetch")
        with pytest.raises(grpc.RpcError) as raised:
            ask(bytes(2**30), timeout=60)
    failed: Any = raised.value
    assert failed.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max (1073741824 vs. 4194304)" in failed.details()
    assert len(client.fetch("listing_bookings", {"listing": [1]})) == 1


def test_a_request_that_is_too_large_says_what_to_do(filled: Path) -> None:
    with (
        serving(filled, largest_request=10_000, largest_reply=20_000) as small,
        Client(small.address, timeout=20.0) as client,
    ):
        with pytest.raises(FetchError, match="send fewer entities at once") as raised:
            client.fetch("listing_bookings", {"listing": list(range(5000))})
        assert raised.value.kind is Kind.TOO_LARGE
        with pytest.raises(FetchError, match="and 20,000 are allowed; ask for fewer") as raised:
            client.fetch("listing_bookings", {"listing": list(range(1000))})
        assert raised.value.kind is Kind.TOO_LARGE
        assert len(client.fetch("listing_bookings", {"listing": list(range(10))})) == 10


def test_work_ends_with_its_deadline_and_metrics_tell_of_it(filled: Path) -> None:
    port = free_port()
    with serving(filled, metrics=port) as running, Client(running.address, timeout=60.0) as client:
        client.fetch("stay_risk", {"listing": [1, 2], "guests": [1, 1]})
        with pytest.raises(FetchError, match="did not answer in time") as raised:
            client.fetch("stay_risk", MANY, timeout=0.02)
        assert raised.value.kind is Kind.TOO_LATE
        client.fetch("listing_bookings", {"listing": [1]})
        told = series(port)
    assert told['bighead_fetch_entities_total{set="stay_risk"}'] == 2
    ended = [
        told.get(f'bighead_fetch_requests_total{{code="{code}",door="grpc",method="Fetch"}}', 0)
        for code in ("CANCELLED", "DEADLINE_EXCEEDED")
    ]
    assert sum(ended) <= 1  # it may not even have begun
    assert told['bighead_fetch_requests_total{code="OK",door="grpc",method="Fetch"}'] == 2
    assert told["bighead_fetch_requests_under_way"] == 0
    assert told["bighead_fetch_commit"] > 0
    held = told['bighead_fetch_groups_total{group="b",set="stay_risk",status="STALE"}']
    assert held == 2  # the data ends years before now
    assert told['bighead_fetch_age_seconds{group="b",set="stay_risk"}'] > 86_400


def test_the_first_caller_waits_for_nothing_that_could_be_there(filled: Path) -> None:
    with serving(filled, slow=0.2) as running, Client(running.address, timeout=20.0) as client:
        client.fetch("stay_risk", {"listing": [1], "guests": [1]})
        running.end()
        lines = [running.lines.get(timeout=20) for _ in range(2)]
    assert [line["event"] for line in lines] == ["stopping", "stopped"]


def test_a_socket_of_a_file_serves_this_machine(filled: Path, tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/socket"
    with serving(filled, address=address), Client(address, timeout=20.0) as client:
        assert len(client.fetch("listing_bookings", {"listing": [1]})) == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--listen", "127.0.0.1:PORT"], "cannot listen on 127.0.0.1:PORT; see that nobody else "),
        (
            ["--listen", "127.0.0.1:0", "--rest", "127.0.0.1:PORT"],
            "cannot listen on 127.0.0.1:PORT",
        ),
        (["--listen", "127.0.0.1:0", "--metrics", "PORT"], "cannot tell metrics on port PORT: "),
        (["--listen", "127.0.0.1:0", "--metrics", "65536"], "cannot tell metrics on port 65536: "),
    ],
    ids=["grpc", "rest", "metrics", "no port"],
)
def test_a_port_that_cannot_be_had_is_told_in_one_line(
    filled: Path, words: list[str], told: str
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, "serve", str(filled),
             *(word.replace("PORT", port) for word in words)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {told.replace('PORT', port)}")


def test_health_and_reflection(running: Running) -> None:
    with grpc.insecure_channel(running.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for name in ("", "bighead.proto.v1.FetchService"):
            answer = health.Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        (listed,) = reflection.ServerReflectionInfo(iter([asked]))
        names = {s.name for s in listed.list_services_response.service}
        assert "bighead.proto.v1.FetchService" in names


def test_at_the_end_requests_under_way_have_their_answers(filled: Path) -> None:
    with serving(filled) as running, Client(running.address, timeout=60.0) as client:
        began = threading.Event()

        def fetch() -> int:
            began.set()
            return len(client.fetch("stay_risk", MANY))

        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(fetch)
            began.wait()
            time.sleep(0.15)
            running.process.send_signal(signal.SIGTERM)
            assert waiting.result() == 3000
        assert running.process.wait(60) == 0
        assert running.event("stopped")
        once = Retries(attempts=1)
        with (
            Client(running.address, retries=once) as late,
            pytest.raises(FetchError, match="does not answer"),
        ):
            late.sets()


def test_a_client_finds_a_service_again_that_was_killed(filled: Path, data: Stays) -> None:
    given = of_spine(data, 0, 5)
    with serving(filled) as first, Client(first.address, timeout=60.0) as client:
        before = client.fetch("stay_risk", given).to_pylist()
        first.end(signal.SIGKILL)
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(client.fetch, "stay_risk", given)
            time.sleep(2.0)  # longer than a few attempts take
            with serving(filled, address=first.address):
                assert waiting.result().to_pylist() == before


def test_no_call_is_lost_where_one_service_takes_the_place_of_another(filled: Path) -> None:
    with serving(filled) as first, Client(first.address, timeout=60.0) as client:
        ended = threading.Event()
        calls = [0] * 4

        def fetch(caller: int) -> None:
            while not ended.is_set():
                calls[caller] += len(client.fetch("listing_bookings", {"listing": [1]}))

        def wait_for(more: int, than: list[int]) -> None:
            while not all(now >= before + more for now, before in zip(calls, than, strict=True)):
                assert not any(call.done() for call in waiting), "a call was lost"
                time.sleep(0.01)

        with ThreadPoolExecutor() as pool:
            waiting = [pool.submit(fetch, caller) for caller in range(4)]
            try:
                wait_for(5, calls.copy())
                first.end(signal.SIGTERM)
                with serving(filled, address=first.address):
                    wait_for(5, calls.copy())
                    ended.set()
                    for call in waiting:
                        call.result()
            finally:
                ended.set()


def test_a_call_ends_at_its_deadline_and_says_why(filled: Path) -> None:
    began = time.monotonic()
    with Client("127.0.0.1:1", timeout=0.7) as client:
        with pytest.raises(FetchError, match=r"does not answer \(failed to connect") as raised:
            client.sets()
        assert raised.value.kind is Kind.UNREADY
    assert time.monotonic() - began < 5.0


def test_a_client_of_asyncio_gets_the_same(running: Running, data: Stays) -> None:
    async def fetch() -> list[list[dict[str, Any]]]:
        async with AsyncClient(running.address, timeout=20.0) as client:
            asked = [client.fetch("stay_risk", of_spine(data, i, 3)) for i in range(8)]
            answers = await asyncio.gather(*asked)
            assert (await client.describe("stay_risk")).set == "stay_risk"
            assert "stay_risk" in await client.sets()
            with pytest.raises(FetchError, match="no set 'nothing' is served"):
                await client.fetch("nothing")
            return [a.to_pylist() for a in answers]

    with Client(running.address, timeout=20.0) as client:
        expected = [client.fetch("stay_risk", of_spine(data, i, 3)).to_pylist() for i in range(8)]
    assert asyncio.run(fetch()) == expected


def test_several_processes_share_a_port_and_one_that_dies_is_started_again(filled: Path) -> None:
    running = start("-c", COMMAND, "serve", str(filled), "--listen", "127.0.0.1:0",
                    "--processes", "2", "--grace", "2")  # fmt: skip
    try:
        begun = [running.event("listening") for _ in range(2)]
        assert len({line["port"] for line in begun}) == 1
        assert {line["process"] for line in begun} == {0, 1}
        running.port = begun[0]["port"]
        os.kill(begun[0]["pid"], signal.SIGKILL)
        again = running.event("listening")
        assert again["process"] == begun[0]["process"]
        assert again["pid"] != begun[0]["pid"]
        for _ in range(6):
            with Client(running.address, timeout=20.0) as client:
                assert len(client.fetch("listing_bookings", {"listing": [1]})) == 1
    finally:
        assert running.end() == 0


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_store_that_is_not_there_ends_the_service(tmp_path: Path, processes: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, "serve", str(tmp_path / "none"), "--listen",
         "127.0.0.1:0", "--processes", processes],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "there is no store in" in done.stderr


def test_a_client_needs_grpcio_protobuf_pyarrow_and_numpy_alone(running: Running) -> None:
    code = f"""
import sys
from importlib.abc import MetaPathFinder

class Blocked(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in (
            "rocksdict", "datafusion", "sqlglot", "pandas", "typer", "rich", "sqlalchemy", "yaml",
            "alembic", "pyhocon", "prometheus_client", "grpc_health", "grpc_reflection", "fastapi",
        ):
            raise ImportError(name)

sys.meta_path.insert(0, Blocked())
from bighead.storage.fetch.client import Client
with Client("{running.address}", timeout=20.0) as client:
    answer = client.fetch("listing_bookings", {{"listing": [1, 2]}})
    print(len(answer), len(answer.to_numpy()), answer.groups["listing_bookings"].statuses[0])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.returncode) == ("2 9 STALE\n", 0), done.stderr

"""A real broker of Apache Kafka in KRaft mode, in a process of its own, for tests.

Its jars come from Maven once, into `build/kafka`, and are checked against the hashes beside this
file each time. Without Java or Maven the tests that need a broker are skipped, and say so.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions, NewTopic

ROOT = Path(__file__).parents[3]
JARS = ROOT / "build" / "kafka"
HASHES = Path(__file__).with_name("broker_jars.sha256")
PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka-broker</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
      <version>4.3.1</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId>
      <version>2.25.4</version>
    </dependency>
  </dependencies>
</project>
"""
PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=2
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
log.cleaner.dedupe.buffer.size=2097152
"""
LOGGING = """Configuration:
  status: ERROR
  Appenders: {Console: {name: STDOUT, PatternLayout: {pattern: "[%d] %p %m (%c)%n"}}}
  Loggers: {Root: {level: WARN, AppenderRef: [{ref: STDOUT}]}}
"""


@dataclass(slots=True)
class Broker:
    """A broker that runs."""

    folder: Path
    port: int
    controller: int
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def servers(self) -> str:
        """As clients name it."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, also after it ended, and wait until it answers."""
        settings = self.folder / "server.properties"
        if not settings.exists():
            self.folder.mkdir(parents=True)
            text = PROPERTIES.format(
                port=self.port, controller=self.controller, data=self.folder / "data"
            )
            settings.write_text(text)
            (self.folder / "log4j2.yaml").write_text(LOGGING)
            identity = ["-t", "AAAAAAAAQACAAAAAAAAAAQ", "-c", str(settings)]
            tool = _java("kafka.tools.StorageTool", "128m", ["format", *identity])
            subprocess.run(tool, check=True, capture_output=True, timeout=60)
        options = ["-XX:+UseSerialGC", f"-Dlog4j2.configurationFile=file:{self.folder}/log4j2.yaml"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                _java("kafka.Kafka", "256m", [str(settings)], options), stdout=log, stderr=log
            )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self.process is not None
            assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    try:
                        admin = self.admin()
                        admin.list_topics(timeout=5)
                    except KafkaException:
                        continue
                    return
            time.sleep(0.1)
        raise TimeoutError(f"the broker does not answer: {(self.folder / 'log').read_text()}")

    def kill(self) -> None:
        """End it at once, as a loss of power does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def admin(self) -> AdminClient:
        """A client that makes topics."""
        return AdminClient({"bootstrap.servers": self.servers})

    def create(self, topic: str, partitions: int = 1) -> None:
        """A new topic."""
        admin = self.admin()  # kept: what it was asked ends with it
        admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(30)

    def widen(self, topic: str, partitions: int) -> None:
        """More partitions of a topic."""
        admin = self.admin()
        admin.create_partitions([NewPartitions(topic, partitions)])[topic].result(30)

    def send(self, topic: str, values: Sequence[bytes | None], partitions: int = 1) -> None:
        """Messages, to one partition after the other, and wait until they are kept."""
        producer = Producer({"bootstrap.servers": self.servers})
        for i, value in enumerate(values):
            producer.produce(topic, value, partition=i % partitions)
            if i % 1000 == 0:
                producer.poll(0)
        assert producer.flush(30) == 0


@contextmanager
def idle_broker(folder: Path) -> Iterator[Broker]:
    """A broker with its data in a folder, that is not started yet; skips the test where it cannot
    run."""
    fetch_jars()
    broker = Broker(folder, *_free_ports())
    try:
        yield broker
    finally:
        broker.kill()


@contextmanager
def running_broker(folder: Path) -> Iterator[Broker]:
    """One that runs."""
    with idle_broker(folder) as broker:
        broker.start()
        yield broker


def fetch_jars() -> None:
    """The jars, checked; from Maven where they are not there yet."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None and not (program == "mvn" and JARS.exists()):
            pytest.skip(f"there is no {program} here; a broker of Kafka needs Java 17 and Maven")
    made = JARS.with_name("kafka.pom")
    made.mkdir(parents=True, exist_ok=True)
    with (made / "lock").open("w") as lock:  # workers of one run of tests
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _whole():
            (made / "pom.xml").write_text(POM)
            command = ["mvn", "-q", "-B", "-ntp", "--strict-checksums", PLUGIN]
            command += ["-DincludeScope=runtime", f"-DoutputDirectory={JARS}"]
            subprocess.run(command, cwd=made, check=True, timeout=300)
    assert _whole(), f"the jars in {JARS} are not those of {HASHES.name}; remove them"


def _whole() -> bool:
    """Whether all jars are there and are those that are meant."""
    if not JARS.exists():
        return False
    found = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in JARS.glob("*.jar")}
    lines = (line.split() for line in HASHES.read_text().splitlines())
    meant = {name: digest for digest, name in lines}
    return found == meant


def _java(
    main: str, memory: str, arguments: Sequence[str], options: Sequence[str] = ()
) -> list[str]:
    return ["java", f"-Xmx{memory}", *options, "-cp", f"{JARS}/*", main, *arguments]


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]

"""What Prometheus is told: requests, their time, entities, how groups stand, faults, the commit.

Labels are names of sets that are served, of groups and of codes, never what a caller sent, so that
nobody can make up series. Who answers counts for itself, in one thread; only when somebody asks are
its counts made into series.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from bighead.storage.fetch.answering import Answered
from bighead.storage.fetch.answers import CODES, STATUSES
from bighead.storage.fetch.asking import Asked
from bighead.storage.fetch.served import Offer
from bighead.storage.fetch.shelf import Reading

SECONDS = (
    0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1, 2, 4,
)  # fmt: skip

Counts = Mapping[tuple[str, ...], float]
"""By the values of the labels."""


@dataclass(slots=True)
class _Times:
    """How many requests took how long."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(SECONDS) + 1))
    """As many as a bound of SECONDS and more than the one before; last those that took longer."""
    total: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(SECONDS, seconds)] += 1
        self.total += seconds


class Metrics(Collector):
    """The series of one process."""

    def __init__(self) -> None:
        self.registry = into = CollectorRegistry()
        self.under_way = 0
        self._requests: dict[tuple[str, ...], int] = defaultdict(int)
        self._times: dict[tuple[str, ...], _Times] = defaultdict(_Times)
        self._entities: dict[tuple[str, ...], int] = defaultdict(int)
        self._groups: dict[tuple[str, ...], int] = defaultdict(int)
        self._faults: dict[tuple[str, ...], int] = defaultdict(int)
        self._ages: dict[tuple[str, ...], float] = {}
        into.register(self)
        self.commit = Gauge(
            "bighead_fetch_commit", "The commit of the store that is read", registry=into
        )
        self.logged = Counter(
            "bighead_fetch_log_rows",
            "Rows for the log of fetches, by what became of them: written, dropped, failed",
            ["set", "fate"],
            registry=into,
        )

    def answered(self, door: str, method: str, code: str, seconds: float) -> None:
        """Count a request."""
        self._requests[door, method, code] += 1
        self._times[door, method].add(seconds)

    def certificate(self, ends: Callable[[], float]) -> None:
        """Tell when the certificate ends, in seconds since 1970."""
        told = Gauge(
            "bighead_fetch_certificate_end_timestamp_seconds",
            "When the certificate ends",
            registry=self.registry,
        )
        told.set_function(ends)

    def observe(self, _: Reading, offer: Offer, asked: Asked, answered: Answered) -> None:
        """Count an answer."""
        name = offer.name
        self._entities[name,] += asked.entities
        for group in answered.groups:
            for number, status in STATUSES.items():
                count = group.statuses.count(number)
                if count:
                    self._groups[name, group.name, status] += count
            age = max(group.ages, default=-1)
            if age >= 0:  # else it is not known
                self._ages[name, group.name] = age / 1e6
        for fault in answered.faults:
            self._faults[name, CODES[fault.code]] += 1

    def log(self, name: str, fate: str, rows: int) -> None:
        """Count rows of a set for the log of fetches; any thread may."""
        self.logged.labels(name, fate).inc(rows)

    def collect(self) -> Iterator[Metric]:
        """The counts as they are now."""
        counter, gauge = CounterMetricFamily, GaugeMetricFamily
        yield _series(
            counter("bighead_fetch_requests", "Requests", labels=["door", "method", "code"]),
            self._requests,
        )
        times = HistogramMetricFamily(
            "bighead_fetch_seconds",
            "From a request's arrival to its answer",
            labels=["door", "method"],
        )
        bounds = [*map(str, map(float, SECONDS)), "+Inf"]
        for labels, taken in list(self._times.items()):
            counts = list(zip(bounds, accumulate(taken.counts), strict=True))
            times.add_metric(labels, counts, taken.total)
        yield times
        yield gauge(
            "bighead_fetch_requests_under_way", "Requests without an answer yet", self.under_way
        )
        yield _series(
            counter("bighead_fetch_entities", "Entities that were answered", labels=["set"]),
            self._entities,
        )
        yield _series(
            counter(
                "bighead_fetch_groups",
                "Groups of entities, by how they stand",
                labels=["set", "group", "status"],
            ),
            self._groups,
        )
        yield _series(
            counter("bighead_fetch_faults", "Entities with a fault", labels=["set", "code"]),
            self._faults,
        )
        yield _series(
            gauge(
                "bighead_fetch_age_seconds",
                "How far the store was behind the last request",
                labels=["set", "group"],
            ),
            self._ages,
        )


def _series(family: CounterMetricFamily | GaugeMetricFamily, counts: Counts) -> Metric:
    """A family with its counts."""
    for labels, count in list(counts.items()):
        family.add_metric(labels, count)
    return family

"""What Prometheus is told: requests, their time, entities, how groups stand, faults, the commit.

Labels are names of sets that are served, of groups and of codes, never what a caller sent, so that
nobody can make up series.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from bighead.storage.fetch.answering import Answered
from bighead.storage.fetch.answers import CODES, STATUSES
from bighead.storage.fetch.asking import Asked
from bighead.storage.fetch.served import Offer
from bighead.storage.fetch.shelf import Reading

SECONDS = (
    0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1, 2, 4,
)  # fmt: skip


class Metrics:
    """The series of one process."""

    def __init__(self) -> None:
        self.registry = into = CollectorRegistry()
        self.requests = Counter(
            "bighead_fetch_requests", "Requests", ["door", "method", "code"], registry=into
        )
        self.seconds = Histogram(
            "bighead_fetch_seconds",
            "From a request's arrival to its answer",
            ["door", "method"],
            registry=into,
            buckets=SECONDS,
        )
        self.under_way = Gauge(
            "bighead_fetch_requests_under_way", "Requests without an answer yet", registry=into
        )
        self.entities = Counter(
            "bighead_fetch_entities", "Entities that were answered", ["set"], registry=into
        )
        self.groups = Counter(
            "bighead_fetch_groups",
            "Groups of entities, by how they stand",
            ["set", "group", "status"],
            registry=into,
        )
        self.faults = Counter(
            "bighead_fetch_faults", "Entities with a fault", ["set", "code"], registry=into
        )
        self.commit = Gauge(
            "bighead_fetch_commit", "The commit of the store that is read", registry=into
        )
        self.age = Gauge(
            "bighead_fetch_age_seconds",
            "How far the store was behind the last request",
            ["set", "group"],
            registry=into,
        )
        self.logged = Counter(
            "bighead_fetch_log_rows",
            "Rows for the log of fetches, by what became of them: written, dropped, failed",
            ["set", "fate"],
            registry=into,
        )

        self._known: dict[tuple[object, ...], Any] = {}

    def answered(self, door: str, method: str, code: str, seconds: float) -> None:
        """Count a request."""
        self._of(self.requests, door, method, code).inc()
        self._of(self.seconds, door, method).observe(seconds)

    def certificate(self, ends: Callable[[], float]) -> None:
        """Tell when the certificate ends, in seconds since 1970."""
        told = Gauge(
            "bighead_fetch_certificate_end_timestamp_seconds",
            "When the certificate ends",
            registry=self.registry,
        )
        told.set_function(ends)

    def observe(self, reading: Reading, offer: Offer, asked: Asked, answered: Answered) -> None:
        """Count an answer."""
        self._of(self.entities, offer.name).inc(len(asked.times))
        for group in answered.groups:
            for number, status in STATUSES.items():
                count = group.statuses.count(number)
                if count:
                    self._of(self.groups, offer.name, group.name, status).inc(count)
            if group.ages and max(group.ages) >= 0:  # else it is not known
                self._of(self.age, offer.name, group.name).set(max(group.ages) / 1e6)
        for fault in answered.faults:
            self._of(self.faults, offer.name, CODES[fault.code]).inc()

    def log(self, name: str, fate: str, rows: int) -> None:
        """Count rows of a set for the log of fetches."""
        self._of(self.logged, name, fate).inc(rows)

    def _of(self, metric: Counter | Gauge | Histogram, *labels: str) -> Any:
        """A series; to look it up by its labels each time would take longer than to count."""
        key = (id(metric), *labels)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = metric.labels(*labels)
        return found

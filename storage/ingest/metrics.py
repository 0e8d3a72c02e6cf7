"""What Prometheus is told of an ingester: what came by source and what became of it, and the lag.

The loop counts for itself; only when somebody asks are its counts made into series.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bighead.storage.ingest.ingester import Ingester
from bighead.storage.writing.newest import newest_time

COUNTED = {
    "messages": "Messages and rows that came",
    "bytes": "Their bytes",
    "rows": "Rows that were taken",
    "copies": "Rows that had come before",
    "late": "Rows that were taken long after their event time",
    "expired": "Rows too late for the history that a set keeps, for each set",
    "rejected": "Messages and rows that became dead letters",
    "commits": "Commits that brought something",
}
"""By the name of a count, what it counts."""


@dataclass(slots=True, eq=False)
class IngestMetrics(Collector):
    """The series of an ingester."""

    ingester: Ingester

    def collect(self) -> Iterator[Metric]:
        """Its counts as they are now."""
        ingester = self.ingester
        counters = dict(ingester.counters)
        for name, text in COUNTED.items():
            series = CounterMetricFamily(f"bighead_ingest_{name}", text, labels=["source"])
            for source, count in counters.items():
                series.add_metric([source], getattr(count, name))
            yield series
        lag = GaugeMetricFamily(
            "bighead_ingest_lag_seconds",
            "From when the oldest of the last commit's messages was written until it was committed",
            labels=["source"],
        )
        newest = GaugeMetricFamily(
            "bighead_ingest_newest_seconds",
            "The greatest event time, or time of a change, that has come, since 1970",
            labels=["source"],
        )
        for source, count in counters.items():
            lag.add_metric([source], count.lag / 1e6)
            time = newest_time(ingester.store.database, source)
            if time is not None:
                newest.add_metric([source], time / 1e6)
        yield lag
        yield newest
        yield GaugeMetricFamily(
            "bighead_ingest_commit", "The last commit of the store", ingester.store.committed
        )


def registry_of(ingester: Ingester) -> CollectorRegistry:
    """A registry of its series."""
    registry = CollectorRegistry()
    registry.register(IngestMetrics(ingester))
    return registry

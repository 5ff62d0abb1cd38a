"""What thumbnails cost, for Prometheus, beside what the web framework counts."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

BUCKETS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class ThumbnailMetrics(Collector):
    """`at_once` gives how many are drawn now, and how many wait for it."""

    def __init__(self, at_once: Callable[[], tuple[int, int]]) -> None:
        self._at_once = at_once
        self._registry = own = CollectorRegistry()
        self._answers = Counter(
            "drivestream_api_thumbnails", "Thumbnails by outcome.", ["outcome"], registry=own
        )
        self._seconds = Histogram(
            "drivestream_api_thumbnail_duration_seconds",
            "From the wait for a process until the thumbnail is kept.",
            buckets=BUCKETS,
            registry=own,
        )

    def answered(self, outcome: str) -> None:
        self._answers.labels(outcome).inc()

    def drawn(self) -> AbstractContextManager[object]:
        """Measures the block."""
        return self._seconds.time()

    def describe(self) -> Iterator[Metric]:
        """Nothing, so that several applications may run in one process, as in tests."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        yield from self._registry.collect()
        drawing, waiting = self._at_once()
        for name, explained, value in (
            ("drawing", "Thumbnails being drawn.", drawing),
            ("waiting", "Thumbnails that wait to be drawn.", waiting),
        ):
            yield GaugeMetricFamily(f"drivestream_api_thumbnails_{name}", explained, value=value)

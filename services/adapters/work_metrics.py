"""What the work comes to, for Prometheus: files and bytes by outcome, attempts, durations.

Counted where a worker publishes an outcome or calls an outside system: microseconds for each.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.adapters.kafka.producer import PublishesRecords
from services.core.events import FileFailed, FileFound, FileStored, Message
from services.core.flow.occupancy import KAFKA, within
from services.core.wire import Record

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
OUTCOMES = ("found", "stored", "unchanged", "failed")
COUNTED_REASONS = ("content_mismatch", "lost")
"""Alerts ask for the increase of these. Prometheus sees none in a series that begins with a count,
so each is there from the start."""
Lag = Mapping[tuple[str, int], int]
"""Messages that are not finished, by topic and partition."""


class WorkMetrics(Collector):
    """Of one process, since its start. `lags` gives the lag of each consumer by its group."""

    def __init__(self, lags: Mapping[str, Lag] = {}) -> None:
        self._lags = lags
        self._registry = own = CollectorRegistry()
        self._files = Counter("drivestream_files", "Files by outcome.", ["outcome"], registry=own)
        self._bytes = Counter(
            "drivestream_file_bytes", "Bytes of those files.", ["outcome"], registry=own
        )
        self._failures = Counter(
            "drivestream_file_failures", "Failed files by reason.", ["reason"], registry=own
        )
        self._attempts = Counter(
            "drivestream_file_attempts", "Attempts for files that have an outcome.", registry=own
        )
        # `labels` costs more than to count.
        self._counters = {
            outcome: (self._files.labels(outcome), self._bytes.labels(outcome))
            for outcome in OUTCOMES
        }
        for reason in COUNTED_REASONS:
            self._failures.labels(reason)
        self._observers: dict[tuple[str, str], Histogram] = {}
        self._calls = Histogram(
            "drivestream_call_duration_seconds",
            "Calls to Drive, the store and the database.",
            ["system", "result"],
            buckets=BUCKETS,
            registry=own,
        )

    def called(self, system: str, seconds: float, result: str) -> None:
        """A call took so long and ended as `ok` or `error`."""
        observer = self._observers.get((system, result))
        if observer is None:
            observer = self._observers[system, result] = self._calls.labels(system, result)
        observer.observe(seconds)

    def published(self, events: Iterable[Message | Record]) -> None:
        """Count the files that these events tell of."""
        for event in events:
            match event:
                case FileStored():
                    self._count("unchanged" if event.unchanged else "stored", event.size)
                    self._attempts.inc(event.attempts)
                case FileFailed():
                    self._count("failed", (event.file and event.file.size) or 0)
                    self._failures.labels(event.reason).inc()
                    self._attempts.inc(event.attempts)
                case FileFound():
                    self._count("found", event.size or 0)

    def _count(self, outcome: str, bytes: int) -> None:
        files, sizes = self._counters[outcome]
        files.inc()
        sizes.inc(bytes)

    def collect(self) -> Iterator[Metric]:
        yield from self._registry.collect()
        lag = GaugeMetricFamily(
            "drivestream_consumer_lag_messages",
            "Messages of a partition that the group has not finished.",
            labels=("group", "topic", "partition"),
        )
        for group, lags in self._lags.items():
            for (topic, partition), messages in list(lags.items()):
                lag.add_metric((group, topic, str(partition)), messages)
        yield lag


@dataclass(frozen=True)
class CountingPublisher:
    """Publishes, and counts what was acknowledged."""

    publisher: PublishesRecords
    metrics: WorkMetrics = field(repr=False)

    async def publish(self, events: Sequence[Message | Record]) -> None:
        with within(KAFKA, counted=True):
            await self.publisher.publish(events)
        self.metrics.published(events)

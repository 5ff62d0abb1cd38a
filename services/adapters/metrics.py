"""What workers say of themselves, as Prometheus reads it (text format 1.0.0).

A registry of its own for every answer: nothing is counted here, and nothing is global.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from services.core.events import WorkerStatus

CONTENT_TYPE = CONTENT_TYPE_LATEST
LABELS = ("service", "worker")
LONGEST_LABEL = 256


@dataclass(frozen=True)
class _Figure:
    name: str
    what: str
    of: Callable[[WorkerStatus], float | None]
    counts: bool = False


def _spends(status: WorkerStatus, value: float | None) -> float | None:
    """Quota is no figure of those who never spend any."""
    return value if status.quota_share or status.quota_limit is not None else None


FIGURES = (
    _Figure(
        "drivestream_worker_waiting",
        "1 while the worker waits for something that it cannot go on without.",
        lambda s: float(s.state == "waiting"),
    ),
    _Figure(
        "drivestream_worker_in_flight",
        "Pages or files in hand.",
        lambda s: s.in_flight,
    ),
    _Figure(
        "drivestream_worker_oldest_unfinished_seconds",
        "Since the oldest message that is not done was delivered.",
        lambda s: s.oldest_unfinished_seconds,
    ),
    _Figure(
        "drivestream_quota_share_ratio",
        "Part of all of Drive's quota that the worker may spend.",
        lambda s: _spends(s, s.quota_share),
    ),
    _Figure(
        "drivestream_quota_limit_units_per_minute",
        "What that is; missing where there is no limit.",
        lambda s: s.quota_limit,
    ),
    _Figure(
        "drivestream_quota_allowed_units_per_minute",
        "What refusals by Drive leave of the limit for now.",
        lambda s: s.quota_allowed,
    ),
    _Figure(
        "drivestream_quota_used_units_per_minute",
        "Spent in the last minute.",
        lambda s: _spends(s, s.quota_used),
    ),
    _Figure(
        "drivestream_quota_waiting_requests",
        "Requests that wait until they may be sent.",
        lambda s: _spends(s, s.quota_waiting),
    ),
    _Figure(
        "drivestream_quota_refused",
        "Requests that Drive refused as too many, since the worker's start.",
        lambda s: _spends(s, s.quota_refused),
        counts=True,
    ),
)


class _Said(Collector):
    def __init__(self, statuses: Sequence[WorkerStatus], readable: bool) -> None:
        self._statuses = statuses
        self._readable = readable

    def collect(self) -> Iterator[Metric]:
        """Each figure with a sample per worker."""
        yield GaugeMetricFamily(
            "drivestream_workers_readable",
            "1 while what the workers say can be read from Kafka.",
            value=float(self._readable),
        )
        for figure in FIGURES:
            yield _family(figure, self._statuses)


def _family(figure: _Figure, statuses: Iterable[WorkerStatus]) -> Metric:
    kind = CounterMetricFamily if figure.counts else GaugeMetricFamily
    family = kind(figure.name, figure.what, labels=LABELS)
    for status in statuses:
        value = figure.of(status)
        if value is not None:
            labels = [status.service[:LONGEST_LABEL], status.worker_id[:LONGEST_LABEL]]
            family.add_metric(labels, float(value))
    return family


def exposition(statuses: Sequence[WorkerStatus], *, readable: bool) -> bytes:
    """The answer to a scrape."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Said(statuses, readable))
    return generate_latest(registry)

"""What a worker measures, for Prometheus: an HTTP endpoint of its own on `METRICS_PORT`.

Names and units follow the conventions of Prometheus; `docs/architecture.md` lists them.
"""

import asyncio
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import prometheus_client
from prometheus_client import PROCESS_COLLECTOR, REGISTRY, CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.adapters.health_endpoint import Health, serve, with_health
from services.core.errors import Stop
from services.core.events import WorkerStatus
from services.core.flow.quota import QuotaState
from services.core.settings import Reader
from services.core.version import VERSION

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


class BuildInfo(Collector):
    """Of every service."""

    def collect(self) -> Iterator[Metric]:
        explained = "1, with the versions that run."
        info = GaugeMetricFamily("drivestream_build_info", explained, labels=("version", "python"))
        info.add_metric((VERSION, platform.python_version()), 1)
        yield info


def add_build_info() -> None:
    """To the process's own registry, which the API serves."""
    REGISTRY.register(BuildInfo())


@dataclass(frozen=True, kw_only=True)
class MetricsSettings:
    """Where the endpoint listens; port 0 means that there is none."""

    host: str
    port: int

    @classmethod
    def read(cls, reader: Reader) -> "MetricsSettings":
        return cls(
            host=reader.text("METRICS_HOST", "127.0.0.1"),
            port=reader.number("METRICS_PORT", 0, 0, 65535),
        )


@dataclass(frozen=True)
class WorkerMetrics(Collector):
    """The status and the quota of this process; `quota` is None for those who spend none."""

    status: Callable[[], WorkerStatus]
    quota: Callable[[], QuotaState] | None = None

    def collect(self) -> Iterator[Metric]:
        status = self.status()
        oldest, waiting = status.oldest_unfinished_seconds, status.state == "waiting"
        gauges: list[tuple[str, str, float | None]] = [
            ("worker_waiting", "1 while the worker waits for something that it needs.", waiting),
            ("worker_in_flight", "Pages or files being worked on.", status.in_flight),
            ("worker_concurrency", "How many of them there may be now.", status.concurrency),
            ("worker_oldest_unfinished_seconds", "How long the oldest is worked on.", oldest),
        ]
        if self.quota is not None:
            quota = self.quota()
            gauges += [
                ("quota_share_ratio", "This worker's share of the Drive quota.", quota.share),
                ("quota_limit_units_per_minute", "The same in units, if limited.", quota.limit),
                ("quota_allowed_units_per_minute", "What refusals leave of it.", quota.allowed),
                ("quota_used_units_per_minute", "Units spent in the last minute.", quota.used),
                ("quota_waiting_requests", "Requests that wait to be sent.", quota.waiting),
            ]
            explained = "Requests that Drive rejected with a rate limit."
            yield CounterMetricFamily("drivestream_quota_refused", explained, value=quota.refused)
        for name, explained, value in gauges:
            if value is not None:
                yield GaugeMetricFamily(f"drivestream_{name}", explained, value=value)


@dataclass(eq=False)
class MonitorMetrics(Collector):
    """Of the monitor. `oldest_unfinished_at` is the time of the oldest message that no worker has
    finished; `delay` the seconds from the oldest record of a publication to its acknowledgement."""

    reads: bool = False
    delay: float = 0.0
    stopped_imports: int = 0
    oldest_unfinished_at: datetime | None = None

    def collect(self) -> Iterator[Metric]:
        oldest = self.oldest_unfinished_at
        age = 0.0 if oldest is None else max(0.0, (datetime.now(UTC) - oldest).total_seconds())
        for name, explained, value in (
            ("monitor_reads", "1 if this process reads the log, 0 if it stands by.", self.reads),
            ("monitor_delay_seconds", "From a record to its published window.", self.delay),
            ("imports_without_progress", "Imports under an alarm.", self.stopped_imports),
            ("oldest_unfinished_seconds", "Age of the oldest unfinished message of all.", age),
        ):
            yield GaugeMetricFamily(f"drivestream_{name}", explained, value=value)


@dataclass(frozen=True)
class DeadLetterMetrics(Collector):
    """Of the API, which looks at the log. `count` gives None until Kafka has answered."""

    count: Callable[[], int | None]

    def describe(self) -> Iterator[Metric]:
        """Nothing, so that several applications may run in one process, as in tests."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        explained = "Records that could not be read and are kept."
        yield GaugeMetricFamily("drivestream_dead_letters", explained, value=self.count())


@dataclass(eq=False)
class EndpointFigures:
    """Of one receiver of webhooks, since the start of the process."""

    sent: int = 0
    failed_attempts: int = 0
    given_up: int = 0
    waiting: int = 0
    gone: bool = False


@dataclass(eq=False)
class WebhookMetrics(Collector):
    """Of all receivers, by name."""

    endpoints: Mapping[str, EndpointFigures] = field(default_factory=dict)

    def collect(self) -> Iterator[Metric]:
        kinds = CounterMetricFamily, GaugeMetricFamily
        for kind, name, field_name, explained in (
            (kinds[0], "webhooks_sent", "sent", "Webhooks that the receiver took."),
            (kinds[0], "webhook_failed_attempts", "failed_attempts", "Attempts that failed."),
            (kinds[0], "webhooks_given_up", "given_up", "Webhooks that were given up."),
            (kinds[1], "webhooks_waiting", "waiting", "Webhooks waiting for their next attempt."),
            (kinds[1], "webhook_endpoint_gone", "gone", "1 once the receiver has answered 410."),
        ):
            family = kind(f"drivestream_{name}", explained, labels=["endpoint"])
            for endpoint, figures in self.endpoints.items():
                family.add_metric([endpoint], getattr(figures, field_name))
            yield family


@contextmanager
def registered(*collectors: Collector) -> Iterator[None]:
    """Shown at the web framework's `/metrics` while the block runs."""
    for each in collectors:
        REGISTRY.register(each)
    try:
        yield
    finally:
        for each in collectors:
            REGISTRY.unregister(each)


@contextmanager
def metrics_endpoint(
    settings: MetricsSettings,
    *metrics: Collector,
    trouble: Callable[[], str] = lambda: "",
    lacks: str = "",
) -> Iterator[int | None]:
    """Serve the figures while the block runs, and whether the worker lives and can work. Raises
    `Stop` if the address is taken."""
    if not settings.port:
        yield None
        return
    registry = CollectorRegistry()
    # The process's own figures are those that every client of Prometheus serves, on Linux only.
    for each in (*metrics, BuildInfo(), PROCESS_COLLECTOR):
        registry.register(each)
    try:
        health = _health(metrics, trouble, lacks)
        server = serve(settings.host, settings.port, with_health(make_wsgi_app(registry), health))
    except OSError as why:
        where = f"{settings.host}, port {settings.port}"
        message = f"METRICS_PORT cannot be used: listening on {where} failed ({why.strerror})."
        raise Stop("cannot_listen", message) from why
    try:
        yield settings.port
    finally:
        server.shutdown()
        server.server_close()


def _health(metrics: Iterable[Collector], trouble: Callable[[], str], lacks: str) -> Health:
    looks = [each.status for each in metrics if isinstance(each, WorkerMetrics)]
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        loop = None
    look = looks[0] if looks else None
    return Health(loop=loop, trouble=trouble, look=look, lacks=lacks)

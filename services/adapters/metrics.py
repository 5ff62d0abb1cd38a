"""What a worker measures, for Prometheus: an HTTP endpoint of its own on `METRICS_PORT`.

Every figure is read when it is scraped; nothing is global. Names and units follow the conventions
of Prometheus; `docs/architecture.md` lists them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.core.errors import Stop
from services.core.events import WorkerStatus
from services.core.flow.quota import QuotaState
from services.core.settings import Reader


@dataclass(frozen=True, kw_only=True)
class MetricsSettings:
    """Where the endpoint listens; port 0 means that there is none."""

    host: str
    port: int

    @classmethod
    def read(cls, reader: Reader) -> "MetricsSettings":
        """From METRICS_HOST and METRICS_PORT."""
        return cls(
            host=reader.text("METRICS_HOST", "127.0.0.1"),
            port=reader.number("METRICS_PORT", 0, 0, 65535),
        )


@dataclass(frozen=True)
class _Figure:
    name: str
    help: str
    value: float | None
    counter: bool = False


class WorkerMetrics(Collector):
    """The status and the quota of this process; `quota` is None for those who spend none."""

    def __init__(
        self, status: Callable[[], WorkerStatus], quota: Callable[[], QuotaState] | None = None
    ) -> None:
        self._status = status
        self._quota = quota

    def collect(self) -> Iterator[Metric]:
        """One sample per figure; a figure without a value is left out."""
        figures = _of_status(self._status())
        if self._quota is not None:
            figures += _of_quota(self._quota())
        for figure in figures:
            if figure.value is not None:
                kind = CounterMetricFamily if figure.counter else GaugeMetricFamily
                yield kind(figure.name, figure.help, value=figure.value)


def _of_status(status: WorkerStatus) -> list[_Figure]:
    return [
        _Figure(
            "drivestream_worker_waiting",
            "1 while the worker waits for something that it needs.",
            float(status.state == "waiting"),
        ),
        _Figure(
            "drivestream_worker_in_flight", "Pages or files being worked on.", status.in_flight
        ),
        _Figure(
            "drivestream_worker_oldest_unfinished_seconds",
            "Age of the oldest message that is not finished.",
            status.oldest_unfinished_seconds,
        ),
    ]


def _of_quota(quota: QuotaState) -> list[_Figure]:
    return [
        _Figure(
            "drivestream_quota_share_ratio",
            "Part of all of Drive's quota that this worker may spend.",
            quota.share,
        ),
        _Figure(
            "drivestream_quota_limit_units_per_minute",
            "The same in units; missing where there is no limit.",
            quota.limit,
        ),
        _Figure(
            "drivestream_quota_allowed_units_per_minute",
            "What Drive's refusals leave of the limit for now.",
            quota.allowed,
        ),
        _Figure(
            "drivestream_quota_used_units_per_minute",
            "Units spent in the last minute.",
            quota.used,
        ),
        _Figure(
            "drivestream_quota_waiting_requests",
            "Requests that wait to be sent.",
            quota.waiting,
        ),
        _Figure(
            "drivestream_quota_refused",
            "Requests that Drive refused as too many.",
            quota.refused,
            counter=True,
        ),
    ]


@contextmanager
def metrics_endpoint(settings: MetricsSettings, metrics: Collector) -> Iterator[int | None]:
    """Serve the figures at `/metrics` while the block runs; gives the port, None where off.

    Raises `Stop` if the address is taken.
    """
    if not settings.port:
        yield None
        return
    registry = CollectorRegistry(auto_describe=False)
    registry.register(metrics)
    try:
        server, thread = start_http_server(settings.port, settings.host, registry)
    except OSError as why:
        where = f"{settings.host}, port {settings.port}"
        message = f"METRICS_PORT: cannot listen at {where}: {why.strerror}."
        raise Stop("cannot_listen", message) from why
    try:
        yield settings.port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)

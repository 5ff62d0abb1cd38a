"""The series of a running system, each with its labels: of every worker, and of the API."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache

from prometheus_client import PROCESS_COLLECTOR, CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.metrics import (
    BuildInfo,
    EndpointFigures,
    MonitorMetrics,
    WebhookMetrics,
    WorkerMetrics,
)
from services.adapters.work_metrics import WorkMetrics
from services.core.errors import TryAgain
from services.core.events import WorkerStatus
from services.core.flow.quota import QuotaState
from tests.catalog_rows import an_image, rows
from tests.fakes.catalog import FakeCatalog
from tests.fakes.log import FakeLog, FakePublisher
from tests.samples import SAMPLES
from tests.unit.api.conftest import running

OF_TARGETS = frozenset({"job", "instance", "service"})
"""What `deploy/monitoring/prometheus.yaml` gives every series."""
OF_ALERTS = frozenset(
    {"alertname", "severity", "service", "instance", "system", "group", "endpoint"}
)
"""Of any alert: its own, and those of what it found."""
OF_PROMETHEUS: Mapping[str, frozenset[str]] = {
    "up": OF_TARGETS,
    "ALERTS": OF_ALERTS | {"alertstate"},
    "ALERTS_FOR_STATE": OF_ALERTS,
}
Series = Mapping[str, frozenset[str]]


@cache
def served() -> Series:
    """All of them. The names are those of the samples, such as `…_bucket`."""
    found: dict[str, set[str]] = defaultdict(set)
    for family in (*_of_workers(), *asyncio.run(_of_the_api())):
        for sample in family.samples:
            found[sample.name] |= sample.labels.keys()
    return {**{name: OF_TARGETS | labels for name, labels in found.items()}, **OF_PROMETHEUS}


def _of_workers() -> Iterable[Metric]:
    status = WorkerStatus(worker_id="one", service="lister", state="running", at=datetime.now(UTC))
    quota = QuotaState(share=1.0, limit=60, allowed=60, used=0, refused=0, waiting=0)
    work = WorkMetrics({"transfer": {("files.found", 0): 1}})
    work.called("drive", 0.1, "ok")
    work.published([SAMPLES["FileFound"], SAMPLES["FileStored"], SAMPLES["FileFailed"]])
    registry = CollectorRegistry()
    for each in (
        WorkerMetrics(lambda: status, lambda: quota),
        work,
        BuildInfo(),
        MonitorMetrics(),
        WebhookMetrics({"a": EndpointFigures()}),
        PROCESS_COLLECTOR,
    ):
        registry.register(each)
    return registry.collect()


async def _of_the_api() -> Iterable[Metric]:
    """After a request that failed, and a thumbnail: what counts them begins with the first."""
    log, catalog = FakeLog(), FakeCatalog()
    catalog.fill(rows(images=[an_image(1)]))
    publisher = FakePublisher(log, lambda: KafkaUnavailableError("away"), "api")
    async with running(log, catalog, publisher) as api:
        await api.client.get("/images/file-0001/thumbnail")
        await api.client.get("/system")
        catalog.trouble = TryAgain("database_unavailable", "The database does not answer.")
        await api.client.get("/imports")
        return list(text_string_to_metric_families((await api.client.get("/metrics")).text))

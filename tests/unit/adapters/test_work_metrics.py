"""What Prometheus reads of the work of a worker."""

import timeit
from collections.abc import Sequence

from prometheus_client import CollectorRegistry

from services.adapters.metrics import BuildInfo
from services.adapters.work_metrics import CountingPublisher, WorkMetrics
from services.core.events import Message
from services.core.wire import Record
from tests.samples import SAMPLES


class Taken:
    """Takes all that is published."""

    async def publish(self, events: Sequence[Message | Record]) -> None:
        del events


def served(work: WorkMetrics) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(work)
    return registry


async def test_outcomes_bytes_attempts_and_reasons_are_counted_as_published() -> None:
    work = WorkMetrics()
    publisher = CountingPublisher(Taken(), work)
    stored, failed = SAMPLES["FileStored"], SAMPLES["FileFailed"]
    await publisher.publish([stored, failed, SAMPLES["FileFound"]])
    value = served(work).get_sample_value
    for outcome in ("stored", "failed", "found"):
        assert value("drivestream_files_total", {"outcome": outcome}) == 1
    assert value("drivestream_file_bytes_total", {"outcome": "stored"}) == stored.size  # type: ignore[union-attr]
    reason = failed.reason  # type: ignore[union-attr]
    assert value("drivestream_file_failures_total", {"reason": reason}) == 1
    attempts = stored.attempts + failed.attempts  # type: ignore[union-attr]
    assert value("drivestream_file_attempts_total") == attempts


def test_what_alerts_count_is_there_before_the_first() -> None:
    value = served(WorkMetrics()).get_sample_value
    for outcome in ("found", "stored", "unchanged", "failed"):
        assert value("drivestream_files_total", {"outcome": outcome}) == 0
    for reason in ("content_mismatch", "lost"):
        assert value("drivestream_file_failures_total", {"reason": reason}) == 0


def test_calls_lag_and_build_have_their_labels() -> None:
    work = WorkMetrics({"transfer": {("files.found", 3): 17}})
    work.called("store", 0.03, "ok")
    value = served(work).get_sample_value
    labels = {"system": "store", "result": "ok"}
    assert value("drivestream_call_duration_seconds_sum", labels) == 0.03
    assert value("drivestream_call_duration_seconds_bucket", {**labels, "le": "0.05"}) == 1
    place = {"group": "transfer", "topic": "files.found", "partition": "3"}
    assert value("drivestream_consumer_lag_messages", place) == 17
    text = [s for m in BuildInfo().collect() for s in m.samples]
    assert [sample.labels["version"] for sample in text] == ["0.1.0"]


def test_a_file_costs_less_than_a_tenth_of_a_millisecond() -> None:
    work, stored = WorkMetrics(), SAMPLES["FileStored"]

    def one_file() -> None:
        work.called("drive", 0.1, "ok")
        work.called("store", 0.1, "ok")
        work.published([stored])

    assert min(timeit.repeat(one_file, number=100, repeat=5)) / 100 < 1e-4

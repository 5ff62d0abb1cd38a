"""`/metrics`: what the workers say of themselves, as Prometheus reads it."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from services.adapters.kafka.tail import Tail
from services.adapters.metrics import exposition
from services.api import metrics
from services.api.workers import SILENT, KnownWorkers
from services.core.events import WorkerStatus
from tests.fakes.log import FakeLog, FakePublisher
from tests.fakes.log_reader import FakeLogReader
from tests.samples import AT, SAMPLES
from tests.unit.api.conftest import Api
from tests.unit.api.test_tail import holds

Samples = dict[tuple[str, str], float]


def worker(name: str, at: datetime = AT, **changed: object) -> WorkerStatus:
    service = name.split("@")[0]
    status = WorkerStatus(worker_id=name, service=service, state="running", at=at)
    return replace(status, **changed)


def samples(text: str) -> Samples:
    """Values by metric and worker."""
    return {
        (sample.name, sample.labels.get("worker", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def told(*statuses: WorkerStatus, readable: bool = True) -> Samples:
    return samples(exposition(statuses, readable=readable).decode())


def test_the_quota_of_each_worker_is_told() -> None:
    sample = SAMPLES["WorkerStatus"]
    assert isinstance(sample, WorkerStatus)
    assert told(sample) == {
        ("drivestream_workers_readable", ""): 1,
        ("drivestream_worker_waiting", "transfer-1"): 1,
        ("drivestream_worker_in_flight", "transfer-1"): 32,
        ("drivestream_worker_oldest_unfinished_seconds", "transfer-1"): 1.25,
        ("drivestream_quota_share_ratio", "transfer-1"): 0.44,
        ("drivestream_quota_limit_units_per_minute", "transfer-1"): 143_000,
        ("drivestream_quota_allowed_units_per_minute", "transfer-1"): 100_100,
        ("drivestream_quota_used_units_per_minute", "transfer-1"): 99_800,
        ("drivestream_quota_waiting_requests", "transfer-1"): 8,
        ("drivestream_quota_refused_total", "transfer-1"): 3,
    }


def test_who_spends_no_quota_has_no_figures_of_it() -> None:
    figures = told(worker("indexer@h/1"), readable=False)
    assert figures["drivestream_workers_readable", ""] == 0
    assert figures["drivestream_worker_waiting", "indexer@h/1"] == 0
    assert not [name for name, _ in figures if "quota" in name]


def test_without_a_limit_what_is_spent_is_told_all_the_same() -> None:
    figures = told(worker("lister@h/1", quota_share=0.1, quota_used=700))
    assert figures["drivestream_quota_used_units_per_minute", "lister@h/1"] == 700
    assert not [name for name, _ in figures if "limit" in name or "allowed" in name]


@given(name=st.text(min_size=1, max_size=400), state=st.text(max_size=20))
def test_no_name_breaks_the_answer(name: str, state: str) -> None:
    status = WorkerStatus(worker_id=name, service=name, state=state, at=AT, in_flight=7)
    figures = samples(exposition([status], readable=True).decode("utf-8", "replace"))
    assert 7 in figures.values()


def test_only_the_newest_word_of_a_worker_counts_in_any_order() -> None:
    known = KnownWorkers()
    for seconds in (3, 1, 2):
        known.add(worker("lister@h/1", AT + timedelta(seconds=seconds), in_flight=seconds))
    [status] = known.alive(AT)
    assert status.in_flight == 3


def test_who_is_silent_stopped_or_from_the_future_is_not_there() -> None:
    known = KnownWorkers()
    second = timedelta(seconds=1)
    known.add(worker("lister@h/1", AT - SILENT - second))
    known.add(worker("lister@h/2", AT - SILENT + second))
    known.add(worker("lister@h/3", AT, state="stopped"))
    known.add(worker("lister@h/4", AT + SILENT + second))
    known.add(SAMPLES["ImportPaused"])
    assert [status.worker_id for status in known.alive(AT)] == ["lister@h/2"]


def test_a_word_older_than_the_last_one_brings_nobody_back() -> None:
    known = KnownWorkers()
    known.add(worker("lister@h/1", AT, state="stopped"))
    known.add(worker("lister@h/1", AT - timedelta(seconds=5)))
    assert known.alive(AT) == []


def test_there_is_room_for_so_many_and_the_silent_make_it() -> None:
    known = KnownWorkers(room=3)
    for number in range(10):
        known.add(worker(f"lister@h/{number}", AT + timedelta(seconds=number)))
    assert [s.worker_id for s in known.alive(AT)] == [f"lister@h/{n}" for n in (7, 8, 9)]


async def scraped(api: Api) -> httpx.Response:
    answer = await api.client.get("/metrics")
    assert answer.status_code == 200
    return answer


async def test_it_is_answered_in_prometheus_own_format_and_not_in_the_schema(api: Api) -> None:
    answer = await scraped(api)
    assert answer.headers.get_list("content-type") == ["text/plain; version=1.0.0; charset=utf-8"]
    assert "/metrics" not in (await api.client.get("/schema/openapi.json")).text


async def test_what_a_worker_publishes_is_scraped_and_the_api_is_among_them(api: Api) -> None:
    publisher = FakePublisher(api.log, RuntimeError, "lister")
    status = worker("lister@h/9", datetime.now(UTC), quota_limit=32_500, quota_share=0.1)
    await publisher.publish([status])
    found: Samples = {}
    for _ in range(500):
        found = samples((await scraped(api)).text)
        if len({name for _, name in found if name}) == 2:
            break
        await api.tail_moves()
    assert found["drivestream_quota_limit_units_per_minute", "lister@h/9"] == 32_500
    assert [name for _, name in found if name.startswith("api@")]


async def test_it_says_when_the_workers_cannot_be_heard(api: Api) -> None:
    for readable, available in ((1, True), (0, False), (1, True)):
        api.log.available = available
        for _ in range(3000):
            found = samples((await scraped(api)).text)
            if found["drivestream_workers_readable", ""] == readable:
                break
            await api.tail_moves()
        assert found["drivestream_workers_readable", ""] == readable


@pytest.mark.parametrize(("newest", "known_of"), [(None, 5), (2, 2), (100, 5)])
async def test_a_tail_begins_as_near_to_the_end_as_it_is_told(
    newest: int | None, known_of: int
) -> None:
    log = FakeLog()
    statuses = [worker(f"lister@h/{number}") for number in range(5)]
    await FakePublisher(log, RuntimeError, "lister").publish(statuses)
    known = KnownWorkers()
    tail = Tail(lambda: FakeLogReader(log), known, topic=metrics.TOPIC, newest=newest)
    tail.start()
    await holds(lambda: tail.wait(0))
    tail.stop()
    assert len(known.alive(AT)) == known_of

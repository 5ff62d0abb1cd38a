"""Liveness depends on nothing; readiness says what is missing."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

import httpx
import pytest

from services.adapters.catalog.replica import AWAY, ReplicaWatch
from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.kafka.tail import Tail, TailState
from services.api import health
from services.api.import_cache import ImportCache
from services.core.errors import TryAgain
from services.core.events import Waiting, WorkerStatus
from services.core.wire import decode
from tests.fakes.catalog import FakeCatalog
from tests.fakes.log import FakeLog, FakePublisher
from tests.fakes.log_reader import FakeLogReader
from tests.unit.api.conftest import Api, holds, running


async def test_it_is_ready_when_the_log_is_read_and_the_database_answers(api: Api) -> None:
    await api.settled()
    answer = await api.client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ready"
    assert {name: check["ok"] for name, check in answer.json()["checks"].items()} == {
        "kafka": True,
        "database": True,
    }


async def test_it_is_not_ready_without_the_database_but_alive(api: Api) -> None:
    await api.settled()
    api.catalog.trouble = TryAgain("database_unavailable", "The database is not responding.")
    answer = await api.client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["status"] == "not_ready"
    assert answer.json()["checks"]["kafka"]["ok"]
    database = answer.json()["checks"]["database"]
    assert database == {"ok": False, "detail": "The database is not responding."}
    assert (await api.client.get("/health/live")).status_code == 200


async def test_it_is_not_ready_without_kafka_and_ready_again_when_it_is_back(api: Api) -> None:
    await api.settled()
    api.log.available = False
    await holds(lambda: api.imports.state.trouble)
    answer = await api.client.get("/health/ready")
    assert answer.status_code == 503
    assert "the broker is away" in answer.json()["checks"]["kafka"]["detail"]
    api.log.available = True
    await api.settled()
    assert (await api.client.get("/health/ready")).status_code == 200


@pytest.mark.parametrize(
    ("caught_up", "trouble", "silence", "said"),
    [
        (False, None, 0, "still being read"),
        (True, None, 60, "has not answered for 60 seconds"),
        (False, "not connected yet", 0, "not connected yet"),
    ],
)
async def test_the_log_must_be_read_to_its_end_and_answer(
    log: FakeLog,
    catalog: FakeCatalog,
    caught_up: bool,
    trouble: str | None,
    silence: float,
    said: str,
) -> None:
    tail = Tail(lambda: FakeLogReader(log), ImportCache())
    publisher = FakePublisher(log, RuntimeError, "api")
    tail.state = TailState(caught_up, trouble, time.monotonic() - silence)
    answer = await health.Readiness(tail, catalog, publisher).check()
    assert answer.status == "not_ready"
    assert said in answer.checks["kafka"].detail


async def test_a_database_that_hangs_does_not_hang_the_answer(
    api: Api, catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs() -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(catalog, "check", hangs)
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.01)
    answer = await api.client.get("/health/ready")
    assert answer.status_code == 503
    assert "no answer" in answer.json()["checks"]["database"]["detail"]


async def test_the_process_publishes_what_it_is_doing(api: Api) -> None:
    await holds(lambda: api.log.of("workers.status"))
    status = decode("workers.status", api.log.of("workers.status")[0].value)
    assert isinstance(status, WorkerStatus)
    assert (status.service, status.state) == ("api", "waiting")


async def test_a_check_that_breaks_is_a_check_that_fails(
    api: Api, catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks() -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(catalog, "check", breaks)
    answer = await api.client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"]["detail"] == "the check failed: RuntimeError"


@pytest.mark.parametrize("service", ["lister", "transfer", "indexer"])
async def test_it_is_degraded_while_every_worker_of_a_kind_waits(api: Api, service: str) -> None:
    until = datetime.now(UTC) + timedelta(minutes=5)
    waiting = Waiting(reason="no_bucket", message="There is no bucket.", until=until)
    publisher = FakePublisher(api.log, RuntimeError, "test")

    def status(worker: str, waiting: Waiting | None) -> WorkerStatus:
        state: Literal["running", "waiting"] = "waiting" if waiting else "running"
        return WorkerStatus(
            worker_id=worker,
            service=service,
            state=state,
            waiting_for=waiting,
            at=datetime.now(UTC),
        )

    def known(worker: str) -> bool:
        return any(w.worker_id == worker for w in api.workers.view.newest(datetime.now(UTC)))

    async def answered() -> httpx.Response:
        await api.settled()
        return await api.client.get("/health/ready")

    await api.settled()
    await publisher.publish([status("one", waiting)])
    await holds(lambda: known("one"))
    answer = await answered()
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    said = answer.json()["checks"][service]
    assert not said["ok"]
    assert said["detail"] == f"There is no bucket. (until {until.isoformat(timespec='seconds')})"
    await publisher.publish([status("two", None)])
    await holds(lambda: known("two"))
    assert (await answered()).json()["status"] == "ready"


async def test_a_replica_that_is_away_makes_it_degraded_and_system_says_so(
    log: FakeLog, catalog: FakeCatalog
) -> None:
    away = False

    async def replica_offsets() -> Mapping[tuple[str, int], int]:
        if away:
            raise TryAgain("database_unavailable", "The database is not responding.")
        return await catalog.consumed_offsets()

    catalog.replica = watch = ReplicaWatch(catalog.consumed_offsets, replica_offsets)
    publisher = FakePublisher(log, lambda: KafkaUnavailableError("away"), "api")
    async with running(log, catalog, publisher) as api:
        await api.settled()
        await holds(lambda: watch.trouble is None)
        answer = (await api.client.get("/health/ready")).json()
        assert (answer["status"], answer["checks"]["replica"]["ok"]) == ("ready", True)
        away = True
        await watch.look()
        response = await api.client.get("/health/ready")
        assert (response.status_code, response.json()["status"]) == (200, "degraded")
        assert response.json()["checks"]["replica"] == {"ok": False, "detail": AWAY}
        assert AWAY in (await api.client.get("/system")).json()["unknown"]

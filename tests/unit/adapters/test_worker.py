"""What a worker says of itself, and which of its tasks a drain need not wait for."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import structlog

from services.adapters.worker import Consumes, Worker, WorkerSettings, WorkerSpec
from services.core.errors import Stop
from services.core.events import AFTER_CRASHES, Message
from services.core.flow.circuit_breaker import unknown
from services.core.flow.offsets import History
from services.core.flow.quota import QuotaLimiter, QuotaSettings
from services.core.flow.resilience import Resilience
from services.core.settings import SettingsError, read_settings
from services.core.topics import FILES_FOUND
from services.transfer.memory import MemoryBudget
from tests.fakes.log import FakeLog, FakePublisher
from tests.fakes.messages import Recorder
from tests.fakes.virtual_time import now, virtual_time
from tests.unit.adapters.test_message_tasks import a_delivery

SPEC = WorkerSpec(
    service="transfer",
    consumes=(Consumes(topic=FILES_FOUND, group="transfer", at_once=7),),
    connections=7,
)
NO_BUCKET = Stop("no_bucket", "There is no bucket.")


def a_worker(part: float = 1.0) -> Worker:
    settings = read_settings({}, QuotaSettings.read)
    quota = QuotaLimiter(settings, "transfer", lambda: part, structlog.get_logger().warning)
    return Worker(SPEC, FakePublisher(FakeLog(), LookupError, "test"), quota)


async def refuse() -> None:
    raise NO_BUCKET


def assert_runs(worker: Worker) -> None:
    status = worker.status()
    assert (status.state, status.waiting_for) == ("running", None)


@virtual_time
async def test_a_worker_is_waiting_while_any_system_it_needs_is_away() -> None:
    worker = a_worker()
    drive, store = (worker.calls_to(system, unknown) for system in ("drive", "store"))
    assert_runs(worker)
    call = asyncio.create_task(store.call(refuse))
    await asyncio.sleep(60)
    status = worker.status()
    assert status.state == "waiting"
    assert worker.in_outage
    assert status.waiting_for == store.breaker.waiting_for
    assert status.waiting_for is not None
    assert status.waiting_for.reason == "no_bucket"
    assert drive.breaker.waiting_for is None
    call.cancel()
    await asyncio.wait({call})
    assert_runs(worker)
    assert not worker.in_outage


def test_the_status_tells_the_current_limit() -> None:
    worker = a_worker()
    worker.limits["transfer"].resize(3)
    assert worker.status().concurrency == 3


@virtual_time
async def test_status_says_that_suspects_are_worked_on_a_little_at_a_time() -> None:
    worker, done = a_worker(), asyncio.Event()

    async def wait(_event: Message) -> None:
        await done.wait()

    (consumes,) = SPEC.consumes
    tasks = worker.tasks(consumes, Recorder(wait))
    source = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(tasks.run(source))
    assert worker.status().limited_by is None
    tasks.deliver([a_delivery("a", history=History.SUSPECT), a_delivery("b")])
    await asyncio.sleep(1)
    limited = worker.status().limited_by
    assert limited is not None
    assert limited.reason == AFTER_CRASHES
    done.set()
    source.set_result(None)  # nobody is asked to commit any more
    await running
    assert worker.status().limited_by is None


@virtual_time
async def test_a_worker_is_waiting_while_an_error_of_its_own_stops_everything() -> None:
    worker = a_worker()
    call = asyncio.create_task(worker.faults.call(refuse))
    await asyncio.sleep(60)
    assert worker.status().state == "waiting"
    call.cancel()


@virtual_time
async def test_status_says_how_much_is_in_hand_and_which_share_of_the_quota_is_ours() -> None:
    worker = a_worker(part=0.5)
    for _ in range(3):
        await worker.limits["transfer"].acquire()
    status = worker.status()
    assert (status.service, status.in_flight) == ("transfer", 3)
    assert status.quota_share == pytest.approx(0.44)


@virtual_time
async def test_status_says_where_the_work_in_hand_is_and_which_system_is_away() -> None:
    worker = a_worker(part=0.0)
    worker.memory = lambda: (3, 10)
    drive, store = (worker.calls_to(system, unknown) for system in ("drive", "store"))

    async def handle(calls: Resilience, act: Callable[[], Awaitable[None]]) -> None:
        with worker.occupancy.entered():
            await calls.call(act)

    tasks = [
        asyncio.create_task(handle(drive, lambda: worker.quota.take(1))),
        asyncio.create_task(handle(store, lambda: asyncio.sleep(3600))),
    ]
    await asyncio.sleep(1)
    status = worker.status()
    assert {"quota", "store"} <= status.in_hand.keys()
    assert status.quota is not None
    assert (status.quota.limit, status.quota.waiting) == (0, 1)
    assert (status.concurrency, status.waiting_on) == (7, "")
    assert (status.memory_used, status.memory_limit) == (3, 10)
    tasks.append(asyncio.create_task(handle(store, refuse)))
    await asyncio.sleep(1)
    assert worker.status().waiting_on == "store"
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


@virtual_time
async def test_tasks_that_wait_for_their_turn_or_for_the_end_of_an_outage_are_idle() -> None:
    worker, memory = a_worker(part=0.0), MemoryBudget(10)
    worker.holders.append(memory.holds)
    store = worker.calls_to("store", unknown)

    async def hold(seconds: float) -> None:
        async with memory.holding(10):
            await asyncio.sleep(seconds)

    works = asyncio.create_task(hold(3600))
    waits = [
        asyncio.create_task(hold(0)),
        asyncio.create_task(store.call(refuse)),
        asyncio.create_task(worker.faults.call(refuse)),
        asyncio.create_task(worker.quota.take(1)),
    ]
    await asyncio.sleep(1)
    tasks = worker.tasks(SPEC.consumes[0], Recorder())
    assert not tasks.idle(works)
    assert all(tasks.idle(task) for task in waits)


@virtual_time
async def test_a_stop_ends_a_worker_whose_handler_is_still_being_made() -> None:
    stop, making = asyncio.Event(), asyncio.create_task(asyncio.sleep(3600, Recorder()))
    asyncio.get_running_loop().call_later(1, stop.set)
    await a_worker().consume(making, stop)
    assert now() == 1
    await asyncio.wait({making})
    assert making.cancelled()


def test_each_topic_has_a_limit_of_its_own() -> None:
    worker, handler = a_worker(), Recorder()
    tasks = worker.tasks(SPEC.consumes[0], handler)
    assert (tasks.limit.limit, tasks.limit) == (7, worker.limits["transfer"])
    assert (tasks.service, tasks.handler) == ("transfer", handler)


def test_all_faults_of_a_workers_settings_are_reported_together() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({"METRICS_PORT": "many", "DRIVE_API_URL": "nowhere"}, WorkerSettings.read)
    assert "METRICS_PORT" in str(caught.value)
    assert "DRIVE_API_URL" in str(caught.value)

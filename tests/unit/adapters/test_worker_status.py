"""What a process says of itself: regularly, on a change, and when it ends."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from msgspec.structs import replace

from services.adapters.kafka.errors import KafkaUnavailableError
from services.adapters.process import EVERY_SECONDS, LOOK_SECONDS, publish_status
from services.core.events import Message, Waiting, WorkerStatus
from tests.fakes.messages import Publications
from tests.fakes.samples import NOW
from tests.fakes.virtual_time import virtual_time

WAITING = Waiting(reason="no_bucket", message="There is no bucket.")


class Process:
    """A process whose status is published; `available` says whether Kafka takes it."""

    def __init__(self) -> None:
        self.status = WorkerStatus(worker_id="w", service="transfer", state="running", at=NOW)
        self.available = True
        self.publications = Publications(self._refuse)

    def _refuse(self, _events: Sequence[Message]) -> None:
        if not self.available:
            raise KafkaUnavailableError("no broker")

    @property
    def published(self) -> list[tuple[str, Waiting | None]]:
        statuses = [e for e in self.publications.events if isinstance(e, WorkerStatus)]
        return [(status.state, status.waiting_for) for status in statuses]

    @asynccontextmanager
    async def publishing(self) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(publish_status(self.publications, lambda: self.status))
        await asyncio.sleep(0)
        yield task
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()


@virtual_time
async def test_a_status_that_stays_the_same_is_published_every_few_seconds() -> None:
    process = Process()
    async with process.publishing():
        await asyncio.sleep(3.5 * EVERY_SECONDS)
    assert process.published == [("running", None)] * 4 + [("stopped", None)]


@virtual_time
async def test_a_change_is_published_at_once_and_not_only_every_few_seconds() -> None:
    process = Process()
    async with process.publishing():
        for waiting in (WAITING, replace(WAITING, message="The bucket is gone."), None):
            state = "running" if waiting is None else "waiting"
            process.status = replace(process.status, state=state, waiting_for=waiting)
            await asyncio.sleep(1.1 * LOOK_SECONDS)
            assert process.published[-1] == (state, waiting)
    assert len(process.published) == 5


@virtual_time
async def test_the_last_status_says_stopped_and_waits_for_nothing() -> None:
    process = Process()
    process.status = replace(process.status, state="waiting", waiting_for=WAITING)
    async with process.publishing():
        pass
    assert process.published == [("waiting", WAITING), ("stopped", None)]


@virtual_time
async def test_no_process_ends_because_kafka_is_away() -> None:
    process = Process()
    process.available = False
    async with process.publishing() as task:
        await asyncio.sleep(3600)
        assert not task.done()
        process.available = True
        await asyncio.sleep(EVERY_SECONDS)
        assert process.published == [("running", None)]


@virtual_time
async def test_the_end_is_not_held_up_by_kafka() -> None:
    process = Process()
    async with process.publishing():
        process.available = False
    assert process.published == [("running", None)]

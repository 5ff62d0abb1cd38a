"""The transfer's concurrency follows its files, and nothing but them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from services.core.errors import TryAgain
from services.core.events import FileFound, Message
from services.core.flow.adaptive import FIRST, Bounds
from services.core.flow.concurrency import MOST_LINGERING, SLOT, ConcurrencyLimit, Slot
from services.core.flow.occupancy import QUOTA, within
from services.core.settings import SettingsError, read_settings
from services.transfer.adaptation import Adaptation, read_bounds
from services.transfer.service import Transfer
from tests.fakes.drive import FakeDrive
from tests.fakes.object_store import FakeStore
from tests.fakes.samples import RECEIVED
from tests.fakes.transferring import Transferring
from tests.fakes.virtual_time import now, virtual_time

LATENCY = 0.5
BODY = bytes(range(100))


class DistantDrive(FakeDrive):
    """It answers `latency` seconds later, after a wait for quota, and `at_once` at a time."""

    def __init__(self, at_once: int = 1024) -> None:
        super().__init__()
        self.latency, self.quota = LATENCY, 0.0
        self.fails = False  # the first time that it is asked for a file
        self._asked = set[str]()
        self._turns = asyncio.Semaphore(at_once)

    @asynccontextmanager
    async def open(self, file: FileFound) -> AsyncIterator[AsyncIterator[bytes]]:
        with within(QUOTA):
            await asyncio.sleep(self.quota)
        async with self._turns:
            await asyncio.sleep(self.latency)
        if self.fails and file.file_id not in self._asked:
            self._asked.add(file.file_id)
            raise TryAgain("drive_error", "Google Drive had a hiccup.")
        async with super().open(file) as chunks:
            yield chunks


class SlowStore(FakeStore):
    seconds = 0.0

    async def put(
        self,
        key: str,
        body: bytes | bytearray,
        *,
        content_type: str,
        stored_by: str = "",
        sha256: str = "",
        md5: str = "",
    ) -> None:
        await asyncio.sleep(self.seconds)
        await super().put(key, body, content_type=content_type, stored_by=stored_by, sha256=sha256)


@dataclass
class Work:
    """A transfer with slots, as a consumer has them, on files without end."""

    bounds: Bounds
    drive: DistantDrive = field(default_factory=DistantDrive)
    store: SlowStore = field(default_factory=SlowStore)
    memory: int = 1 << 30
    outage: bool = False
    acknowledged_after: float = 0.0
    most: int = 0
    done: int = 0

    def __post_init__(self) -> None:
        self.slots = ConcurrencyLimit(self.bounds.first)
        self._worker = Transferring(drive=self.drive, store=self.store, memory=self.memory)
        adaptation = Adaptation(self.slots, self.bounds, lambda: self.outage)
        self._transfer = Transfer(self._worker.copier, self, adaptation)
        self._number = 0

    async def run(self, seconds: float) -> None:
        until = now() + seconds
        async with asyncio.TaskGroup() as tasks:
            while now() < until:
                slot = await self.slots.acquire()
                self._number += 1
                file = self._worker.add(f"file-{self._number}", BODY)
                tasks.create_task(self._handle(file, slot))

    async def publish(self, events: Sequence[Message]) -> None:
        """As a broker that takes its time."""
        await asyncio.sleep(self.acknowledged_after)
        await self._worker.publications.publish(events)

    async def _handle(self, file: FileFound, slot: Slot) -> None:
        SLOT.set(slot)
        self.most = max(self.most, self.slots.in_use)
        try:
            await self._transfer.handle(file, RECEIVED)
            self.done += 1
        finally:
            slot.release()


@virtual_time
async def test_where_answers_take_long_it_grows_to_its_bound_and_no_further() -> None:
    work = Work(Bounds(least=2, most=40))
    await work.run(15)
    assert work.slots.limit == work.most == 40


@virtual_time
async def test_where_drive_serves_four_at_a_time_it_keeps_to_few() -> None:
    work = Work(Bounds(least=2, most=128), DistantDrive(at_once=4))
    await work.run(60)
    assert work.slots.limit <= 12
    assert work.done / 60 >= 0.9 * 4 / LATENCY


@virtual_time
async def test_a_fixed_number_stays() -> None:
    work = Work(Bounds(least=5, most=5))
    await work.run(15)
    assert work.slots.limit == work.most == 5


@virtual_time
async def test_one_at_a_time_with_less_memory_than_a_file() -> None:
    work = Work(Bounds(least=1, most=1), memory=50)
    await work.run(5)
    assert work.done >= 9
    assert work.most == 1


@virtual_time
async def test_with_less_memory_than_a_file_more_slots_are_of_no_use() -> None:
    work = Work(Bounds(least=2, most=128), memory=50)
    await work.run(15)
    assert work.done >= 28
    assert work.slots.limit <= FIRST


@virtual_time
async def test_a_wait_for_quota_is_not_latency() -> None:
    work = Work(Bounds(least=2, most=32))
    work.drive.quota = 10 * LATENCY
    await work.run(30)
    assert work.slots.limit == FIRST


@virtual_time
async def test_how_long_an_outcome_takes_is_not_latency_and_holds_no_slot() -> None:
    work = Work(Bounds(least=4, most=4))
    work.acknowledged_after = 2.0
    await work.run(20)
    assert work.done >= 0.9 * 20 * 4 / LATENCY
    assert work.most == 4


@virtual_time
async def test_outcomes_that_nobody_acknowledges_hold_the_work_up() -> None:
    work = Work(Bounds(least=4, most=4))
    work.acknowledged_after = 600.0
    await work.run(60)  # the last one begins when the first outcome is acknowledged
    assert len(work.store.objects) == MOST_LINGERING + 4 + 1


@virtual_time
async def test_during_an_outage_nothing_is_learned() -> None:
    work = Work(Bounds(least=2, most=32), outage=True)
    await work.run(15)
    assert work.slots.limit == FIRST
    work.outage = False
    await work.run(15)
    assert work.slots.limit == 32


@virtual_time
async def test_a_file_that_is_tried_again_tells_nothing() -> None:
    work = Work(Bounds(least=2, most=32))
    work.drive.fails = True
    await work.run(15)
    assert work.slots.limit == FIRST


@virtual_time
async def test_a_store_that_becomes_a_hundred_times_slower_loses_nothing() -> None:
    work = Work(Bounds(least=2, most=32))
    work.store.seconds = 0.05
    await work.run(20)
    work.store.seconds = 5.0
    await work.run(60)
    assert 2 <= work.slots.limit <= work.most <= 32
    work.store.seconds = 0.05
    await work.run(20)
    before, began = work.done, now()
    await work.run(20)
    assert (work.done - before) / (now() - began) >= 0.8 * 32 / 0.55
    assert len(work.store.objects) == work.done


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("", Bounds(least=4, most=128)),
        ("5", Bounds(least=5, most=5)),
        ("1-1024", Bounds(least=1, most=1024)),
        ("4 - 64", Bounds(least=4, most=64)),
    ],
)
def test_a_range_or_a_number(text: str, bounds: Bounds) -> None:
    assert read_settings({"TRANSFER_CONCURRENCY": text}, read_bounds) == bounds


@pytest.mark.parametrize("text", ["0", "64-4", "0-8", "1-1025", "many", "-5", "2-", "1-2-3", "1,2"])
def test_another_range_is_a_fault(text: str) -> None:
    with pytest.raises(SettingsError, match="a whole number from 1 to 1024, or a range"):
        read_settings({"TRANSFER_CONCURRENCY": text}, read_bounds)

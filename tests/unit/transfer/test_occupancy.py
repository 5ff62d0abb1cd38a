"""Whose time it is while a file is copied: Drive's, the store's, or that of a wait for memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from services.core.events import FileFound
from services.core.flow.occupancy import Occupancy
from tests.fakes.drive import FakeDrive
from tests.fakes.object_store import FakeStore
from tests.fakes.samples import RECEIVED
from tests.fakes.transferring import BODY, MIB, Transferring, said_of
from tests.fakes.virtual_time import virtual_time

LONG = 100.0


class SlowDrive(FakeDrive):
    """Waits before each chunk."""

    seconds = 0.0

    @asynccontextmanager
    async def open(self, file: FileFound) -> AsyncIterator[AsyncIterator[bytes]]:
        async with super().open(file) as chunks:
            yield self._slowly(chunks)

    async def _slowly(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            await asyncio.sleep(self.seconds)
            yield chunk


class SlowStore(FakeStore):
    """Waits before it takes what it is given. A stream it reads in a task of its own."""

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

    async def put_stream(
        self, key: str, body: AsyncIterator[bytes], *, content_type: str, stored_by: str = ""
    ) -> None:
        await asyncio.sleep(self.seconds)
        put = super().put_stream(key, body, content_type=content_type, stored_by=stored_by)
        await asyncio.create_task(put)


@pytest.mark.parametrize("size", [len(BODY), None], ids=["whole", "streamed"])
@pytest.mark.parametrize("slow", ["drive", "store"])
@virtual_time
async def test_the_time_is_that_of_who_is_slow(slow: str, size: int | None) -> None:
    drive, store = SlowDrive(), SlowStore()
    (drive if slow == "drive" else store).seconds = LONG
    worker = Transferring(file=said_of(BODY, "md5", size=size), drive=drive, store=store)
    occupancy = Occupancy(asyncio.get_running_loop().time)

    async def handle() -> None:
        with occupancy.entered():
            await worker.transfer.handle(worker.file, RECEIVED)

    task = asyncio.create_task(handle())
    await asyncio.sleep(LONG * 0.9)
    assert occupancy.average() == {slow: pytest.approx(1.0, abs=0.01)}
    await task
    await asyncio.sleep(10 * LONG)
    assert occupancy.average() == {}


@virtual_time
async def test_a_file_that_another_message_is_about_waits_for_that() -> None:
    drive = SlowDrive()
    drive.seconds = LONG
    worker = Transferring(drive=drive)
    occupancy = Occupancy(asyncio.get_running_loop().time)

    async def handle(import_id: str) -> None:
        with occupancy.entered():
            await worker.transfer.handle(replace(worker.file, import_id=import_id), RECEIVED)

    async with asyncio.TaskGroup() as running:
        for import_id in ("one", "two", "three"):
            running.create_task(handle(import_id))
        await asyncio.sleep(LONG * 0.9)
        places = {"drive": pytest.approx(1.0, abs=0.01), "same_file": pytest.approx(2.0, abs=0.01)}
        assert occupancy.average() == places


@virtual_time
async def test_a_file_that_waits_for_memory_is_nowhere_else() -> None:
    worker = Transferring(memory=MIB)
    occupancy = Occupancy(asyncio.get_running_loop().time)

    async def handle() -> None:
        with occupancy.entered():
            await worker.transfer.handle(worker.file, RECEIVED)

    async with worker.memory.holding(MIB):
        task = asyncio.create_task(handle())
        await asyncio.sleep(LONG)
        assert occupancy.average() == {"memory": 1.0}
    await task

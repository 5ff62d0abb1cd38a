"""The mode verify: a stored object is compared with what Drive said, and Drive is asked nothing."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from services.core.errors import Stop, TryAgain, Verdict
from services.core.events import FileFailed, FileFound, FileStored, Mode
from services.core.object_key import object_key
from services.core.ports import READ_BYTES
from tests.fakes.object_store import CHUNK, FakeStore, Kept
from tests.fakes.samples import RECEIVED
from tests.fakes.transferring import BODY, MIB, Transferring, said_of, sums
from tests.fakes.virtual_time import virtual_time

ONE_BIT = BODY[:-1] + b"\x00"


def listed(*names: str, **changes: Any) -> FileFound:
    return said_of(BODY, *names, mode=Mode.VERIFY, round=1, **changes)


def holding(body: bytes | None, file: FileFound, **changes: Any) -> Transferring:
    """A transfer whose store holds this body as the file's object."""
    worker = Transferring(BODY, file, **changes)
    if body is not None:
        worker.store.objects[object_key(file)] = Kept(body, "image/png")
    return worker


def check_nothing_was_touched(worker: Transferring, before: dict[str, Kept]) -> None:
    assert (worker.drive.opened, worker.drive.looked_up) == ([], [])
    assert worker.store.puts == []
    assert worker.store.objects == before
    worker.check_nothing_is_held()


@pytest.mark.parametrize("names", [("md5",), ("sha1",), ("sha256",), ()])
@pytest.mark.parametrize("size", [len(BODY), None])
@virtual_time
async def test_an_object_that_is_right_is_unchanged(
    names: tuple[str, ...], size: int | None
) -> None:
    worker = holding(BODY, listed(*names, size=size))
    before = dict(worker.store.objects)
    event = await worker.outcome()
    assert isinstance(event, FileStored)
    assert event.unchanged
    assert (event.object_key, event.size) == (object_key(worker.file), len(BODY))
    assert {"md5": event.md5, "sha256": event.sha256} == sums(BODY, "md5", "sha256")
    assert [(each.system, each.answer) for each in event.tries] == [("store", "ok")] * 2
    check_nothing_was_touched(worker, before)


@pytest.mark.parametrize(
    ("body", "names", "size", "reason"),
    [
        (None, ("md5",), len(BODY), "object_missing"),
        (None, (), None, "object_missing"),
        (BODY[:-1], ("md5",), len(BODY), "object_differs"),
        (BODY + b"!", ("md5",), len(BODY), "object_differs"),
        (BODY[:-1], (), len(BODY), "object_differs"),
        (BODY[:-1], ("md5",), None, "object_differs"),
        (ONE_BIT, ("md5",), len(BODY), "object_differs"),
        (ONE_BIT, ("sha1",), len(BODY), "object_differs"),
        (ONE_BIT, ("sha256",), None, "object_differs"),
    ],
)
@virtual_time
async def test_an_object_that_is_missing_or_differs_fails_and_is_left_alone(
    body: bytes | None, names: tuple[str, ...], size: int | None, reason: str
) -> None:
    worker = holding(body, listed(*names, size=size))
    before = dict(worker.store.objects)
    event = await worker.outcome()
    assert isinstance(event, FileFailed)
    assert (event.reason, event.attempts, event.round) == (reason, 1, 1)
    assert event.file == worker.file
    check_nothing_was_touched(worker, before)


@virtual_time
async def test_an_object_of_another_size_is_not_read() -> None:
    worker = holding(BODY[:-1], listed("md5"))
    await worker.outcome()
    assert worker.store.opened == []


@pytest.mark.parametrize(
    "why", [TryAgain("store_unavailable", "503"), Stop("store_refused", "Refused.")]
)
@virtual_time
async def test_trouble_of_the_store_says_nothing_of_the_object(why: Verdict) -> None:
    worker = holding(BODY, listed("md5"))
    worker.store.refusal = why
    handling = asyncio.create_task(worker.outcome())
    await asyncio.sleep(3600)
    assert not handling.done()
    worker.store.refusal = None
    event = await handling
    assert isinstance(event, FileStored)
    assert event.unchanged


class SilentStore(FakeStore):
    """It stops in the middle of an object."""

    async def open(self, key: str) -> AsyncGenerator[bytes, None]:
        chunks = super().open(key)
        yield await anext(chunks)
        self.opened.append("silence")
        try:
            await asyncio.Event().wait()
        finally:
            self.opened.append("closed")


@virtual_time
async def test_a_comparison_holds_little_memory_and_can_be_cancelled() -> None:
    body = b"x" * (4 * READ_BYTES)
    file = said_of(body, "md5", mode=Mode.VERIFY)
    worker = Transferring(body, file, store=SilentStore(), memory=64 * MIB)
    worker.store.objects[object_key(file)] = Kept(body, "image/png")
    handling = asyncio.create_task(worker.transfer.handle(file, RECEIVED))
    await asyncio.sleep(1)
    assert worker.store.opened[-1] == "silence"
    assert worker.memory.free == 64 * MIB - READ_BYTES
    handling.cancel()
    await asyncio.wait({handling})
    assert handling.cancelled()
    assert worker.store.opened[-1] == "closed"
    assert worker.publications.events == []
    worker.check_nothing_is_held()


@virtual_time
async def test_what_is_far_too_long_is_not_read_to_its_end() -> None:
    file = listed("md5")

    class Growing(FakeStore):
        """Its object was replaced between the look and the reading."""

        async def size(self, key: str) -> int | None:
            return file.size

    store = Growing()
    store.objects[object_key(file)] = Kept(BODY * 100, "image/png")
    worker = Transferring(BODY, file, store=store)
    event = await worker.outcome()
    assert isinstance(event, FileFailed)
    assert event.reason == "object_differs"
    assert store.sent_bytes <= len(BODY) + CHUNK

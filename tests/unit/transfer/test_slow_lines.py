"""A slow line, and a store that completes what was given up: nothing is fetched twice or lost."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from services.core.errors import Stop, TryAgain, Verdict
from services.core.events import FileFailed, FileFound, FileStored, Mode
from services.core.flow.circuit_breaker import CircuitBreaker
from services.core.flow.occupancy import STORE
from services.core.flow.resilience import Resilience, RetryPolicy
from services.core.object_key import object_key
from services.transfer.copier import Copier
from services.transfer.service import Transfer
from tests.fakes.object_store import FakeStore, Kept
from tests.fakes.samples import RECEIVED
from tests.fakes.transferring import BODY, Transferring, an_adaptation, said_of
from tests.fakes.virtual_time import now, virtual_time

NO_ANSWER = TryAgain("store_unreachable", "The object store did not answer.")
UNKNOWN = TryAgain("store_refused_object", "The object store answered 400: The moon.")
SIZES = pytest.mark.parametrize("size", [len(BODY), None], ids=["whole", "streamed"])


class SlowStore(FakeStore):
    """All uploads share `rate` bytes a second. `longest` is how long one took."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate, self.uploading, self.longest = rate, 0, 0.0

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
        """Takes its share of the line."""
        self.uploading, left, since = self.uploading + 1, float(len(body)), now()
        try:
            while left > 0:
                await asyncio.sleep(0.5)
                left -= 0.5 * self.rate / self.uploading
            await super().put(
                key, body, content_type=content_type, stored_by=stored_by, sha256=sha256
            )
        finally:
            self.uploading -= 1
            self.longest = max(self.longest, now() - since)


@virtual_time
async def test_over_a_slow_line_every_file_is_fetched_and_sent_once() -> None:
    store = SlowStore(20_000)
    worker = Transferring(store=store)
    body = bytes(2_000_000)
    files = [said_of(body, "md5", file_id=f"file-{n}") for n in range(20)]
    for file in files:
        worker.add(file.file_id, body)
    async with asyncio.TaskGroup() as tasks:
        for file in files:
            tasks.create_task(worker.transfer.handle(file, RECEIVED))
    stored = [e for e in worker.publications.events if isinstance(e, FileStored)]
    assert [e.attempts for e in stored] == [1] * 20
    assert set(Counter(worker.drive.opened).values()) == {1}
    assert len(store.puts) == 20
    assert 2_000 <= now() < 2_100
    assert store.longest < 600  # 2,000 s if all had gone at once


class ForgetfulStore(FakeStore):
    """Completes every upload, and breaks off before it says so, so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.left = times

    def _lose_answer(self) -> None:
        self.left -= 1
        if self.left >= 0:
            raise NO_ANSWER

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
        """As always."""
        await super().put(key, body, content_type=content_type, stored_by=stored_by, sha256=sha256)
        self._lose_answer()

    async def put_stream(
        self, key: str, body: AsyncIterator[bytes], *, content_type: str, stored_by: str = ""
    ) -> None:
        """As always."""
        await super().put_stream(key, body, content_type=content_type, stored_by=stored_by)
        self._lose_answer()


@SIZES
@virtual_time
async def test_an_upload_that_was_completed_after_all_is_found(size: int | None) -> None:
    store = ForgetfulStore(times=99)
    worker = Transferring(BODY, said_of(BODY, "md5", size=size), store=store)
    event = await worker.outcome()
    assert isinstance(event, FileStored)
    assert event.sha256 is not None
    assert not event.unchanged
    assert [(each.system, each.answer) for each in event.tries if each.system == STORE] == [
        ("store", "store_unreachable"),
        ("store", "ok"),
    ]
    assert worker.drive.opened == ["file-1"]
    assert store.puts == [event.object_key]
    worker.check_nothing_is_held()


@virtual_time
async def test_an_object_that_must_be_replaced_proves_nothing_by_its_size() -> None:
    """Its bytes may be wrong: that is why it is replaced."""

    class Fails(FakeStore):
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
            if len(self.puts) < 2:
                self.puts.append(key)
                raise NO_ANSWER
            await super().put(
                key, body, content_type=content_type, stored_by=stored_by, sha256=sha256
            )

    file = said_of(BODY, "md5", mode=Mode.FORCE)
    worker = Transferring(BODY, file, store=Fails())
    worker.store.objects[object_key(file)] = Kept(b"x" * len(BODY), "image/png")
    assert isinstance(await worker.outcome(), FileStored)
    assert worker.store.objects[object_key(file)].body == BODY
    assert len(worker.store.puts) == 3


class Late(FakeStore):
    """The upload of `slow` is completed only when we have given it up for good."""

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
        """As always, for all others."""
        if "slow" in key:
            self.puts.append(key)
            if len([put for put in self.puts if put == key]) >= 12:
                self.objects[key] = Kept(bytes(body), content_type)
            raise NO_ANSWER
        await super().put(key, body, content_type=content_type, stored_by=stored_by, sha256=sha256)


@virtual_time
async def test_a_file_that_is_set_aside_is_looked_for_a_last_time() -> None:
    worker = Transferring(store=Late())
    handling = asyncio.create_task(worker.transfer.handle(worker.add("slow"), RECEIVED))
    number = 0
    while not handling.done():
        number += 1
        await worker.transfer.handle(worker.add(f"other-{number}"), RECEIVED)
        await asyncio.sleep(1)
    await handling
    outcomes = [e for e in worker.publications.events if isinstance(e, FileStored)]
    assert len(outcomes) == number + 1
    assert len(worker.drive.opened) == number + 1


def with_health_check(worker: Transferring) -> Transfer:
    """The same worker, whose store answers health checks."""

    async def answers() -> bool:
        return True

    breaker = worker.store_breaker = CircuitBreaker(lambda _why, _seconds: None, answers, 3)
    copier = Copier(
        drive=worker.drive,
        store=worker.store,
        memory=worker.memory,
        lines=worker.lines,
        drive_calls=worker.copier.drive_calls,
        store_calls=Resilience(STORE, RetryPolicy(), breaker),
        store_looks=worker.copier.store_looks,
    )
    return Transfer(copier, worker.publications, an_adaptation())


class Refuses(FakeStore):
    """It refuses every object whose name has `odd` in it."""

    def __init__(self, why: Verdict = UNKNOWN) -> None:
        super().__init__()
        self.why, self.allowed = why, False

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
        """As always, for all others."""
        if "odd" in key and not self.allowed:
            self.puts.append(key)
            raise self.why
        await super().put(key, body, content_type=content_type, stored_by=stored_by, sha256=sha256)


@pytest.mark.parametrize("alone", [True, False])
@virtual_time
async def test_an_unknown_refusal_is_tried_again_and_then_sets_the_file_aside(alone: bool) -> None:
    worker = Transferring(store=Refuses())
    transfer = with_health_check(worker)
    odd = [worker.add(f"odd-{n}") for n in range(1 if alone else 10)]
    files = odd + ([] if alone else [worker.add(f"file-{n}") for n in range(20)])

    async def each(file: FileFound) -> None:
        await transfer.handle(file, RECEIVED)

    await asyncio.gather(*map(each, files))
    failed = [e for e in worker.publications.events if isinstance(e, FileFailed)]
    assert {e.file_id for e in failed} == {file.file_id for file in odd}
    assert {(e.reason, e.message) for e in failed} == {(UNKNOWN.reason, UNKNOWN.message)}
    assert min(Counter(put for put in worker.store.puts if "odd" in put).values()) >= 3
    assert now() < 300
    assert worker.drive.opened.count("odd-0") == 1


@pytest.mark.parametrize("mode", [Mode.FRESH, Mode.CHECK])
@pytest.mark.parametrize(
    "why",
    [
        UNKNOWN,
        Stop("store_refused", "The object store refused us: The moon."),
    ],
)
@virtual_time
async def test_what_fails_every_file_alike_stops_once(why: Verdict, mode: Mode) -> None:
    """Also where each file is looked for first, which the store allows."""
    worker = Transferring(store=Refuses(why))
    transfer = with_health_check(worker)
    files = [replace(worker.add(f"odd-{n}"), mode=mode) for n in range(200)]
    slots = asyncio.Semaphore(32)

    async def each(file: FileFound) -> None:
        async with slots:
            await transfer.handle(file, RECEIVED)

    handling = [asyncio.create_task(each(file)) for file in files]
    await asyncio.sleep(3600)
    unknown = isinstance(why, TryAgain)
    assert len(worker.publications.events) <= (8 if unknown else 0)
    waiting = worker.store_breaker.waiting_for
    assert waiting is not None
    assert waiting.message == why.message
    worker.store.allowed = True  # type: ignore[attr-defined]
    await asyncio.gather(*handling)
    stored = [e for e in worker.publications.events if isinstance(e, FileStored)]
    assert len(stored) >= 200 - 8
    assert set(Counter(worker.drive.opened).values()) == {1}

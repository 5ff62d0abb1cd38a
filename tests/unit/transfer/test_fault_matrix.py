"""What becomes of a file when Drive fails so and the store fails so: one table.

Each fault is made of the answer that the other side gives, and read by the code that reads it in
earnest. Time is virtual. A fault happens once, or, in the column and the row `always`, until it is
taken away.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.adapters.catalog.rows import Rows
from services.adapters.drive.refusals import Refusal
from services.adapters.drive.refusals import verdict as of_drive
from services.adapters.store.answers import verdict as of_store
from services.core.errors import TryAgain, Verdict
from services.core.events import FileFailed, FileStored
from services.core.object_key import object_key
from services.core.ports import STREAM_BYTES
from services.indexer.fold import fold, rows_of
from services.indexer.record import LogRecord
from services.transfer.copier import WHOLE_BYTES
from tests.fakes.drive import Answers, BreaksOff, FakeDrive
from tests.fakes.object_store import FakeStore
from tests.fakes.samples import RECEIVED
from tests.fakes.transferring import BODY, Transferring, said_of
from tests.fakes.virtual_time import virtual_time

HOURS = 1.25 * 3600.0
"""A day's limit is asked about again after an hour."""
TABLE = """
drive \\ store               none     429      500      503      reset    timeout  | always
none                         stored   stored   stored   stored   stored   stored   | stored
403 rateLimitExceeded        stored   stored   stored   stored   stored   stored   | waits
403 userRateLimitExceeded    stored   stored   stored   stored   stored   stored   | waits
403 dailyLimitExceeded       stored   stored   stored   stored   stored   stored   | waits
403 automated queries        stored   stored   stored   stored   stored   stored   | waits
403 accessNotConfigured      stored   stored   stored   stored   stored   stored   | waits
403 keyInvalid               stored   stored   stored   stored   stored   stored   | waits
403 downloadQuotaExceeded    quota    quota    quota    quota    quota    quota    | quota
403 cannotDownloadAbusive    abusive  abusive  abusive  abusive  abusive  abusive  | abusive
403 cannotDownloadFile       denied   denied   denied   denied   denied   denied   | denied
403 broken off               stored   stored   stored   stored   stored   stored   | waits
404 notFound                 stored   stored   stored   stored   stored   stored   | missing
429                          stored   stored   stored   stored   stored   stored   | waits
500                          stored   stored   stored   stored   stored   stored   | waits
503                          stored   stored   stored   stored   stored   stored   | waits
reset                        stored   stored   stored   stored   stored   stored   | waits
reset in the middle          stored   stored   stored   stored   stored   stored   | waits
stall                        stored   stored   stored   stored   stored   stored   | waits
truncated                    stored   stored   stored   stored   stored   stored   | differs
flipped bit                  stored   stored   stored   stored   stored   stored   | differs
wrong length                 stored   stored   stored   stored   stored   stored   | differs
a page instead               stored   stored   stored   stored   stored   stored   | differs
always                       stored   waits    waits    waits    waits    waits    |
"""
REASONS = {
    "quota": "download_quota_exceeded",
    "abusive": "abusive_file",
    "denied": "not_permitted",
    "missing": "not_found",
    "differs": "content_mismatch",
}
"""`waits`: nothing is published, whatever the hours; the file is stored once the fault is over."""


def refused(status: int, reason: str = "", content_type: str = "application/json") -> Verdict:
    """What Drive's answer means."""
    body = json.dumps({"error": {"errors": [{"reason": reason}], "code": status}}).encode()
    return of_drive(Refusal(status=status, body=body, content_type=content_type, kind="file"))


def broken(how: str) -> TryAgain:
    return TryAgain("download_interrupted", f"The download was interrupted: {how}.")


DriveFault = Callable[[bytes], Verdict | Answers | BreaksOff]
DRIVE: Mapping[str, DriveFault] = {
    "403 rateLimitExceeded": lambda _: refused(403, "rateLimitExceeded"),
    "403 userRateLimitExceeded": lambda _: refused(403, "userRateLimitExceeded"),
    "403 dailyLimitExceeded": lambda _: refused(403, "dailyLimitExceeded"),
    "403 automated queries": lambda _: refused(403, content_type="text/html"),
    "403 accessNotConfigured": lambda _: refused(403, "accessNotConfigured"),
    "403 keyInvalid": lambda _: refused(403, "keyInvalid"),
    "403 downloadQuotaExceeded": lambda _: refused(403, "downloadQuotaExceeded"),
    "403 cannotDownloadAbusive": lambda _: refused(403, "cannotDownloadAbusiveFile"),
    "403 cannotDownloadFile": lambda _: refused(403, "cannotDownloadFile"),
    "403 broken off": lambda _: of_drive(Refusal(status=403, body=b'{"error": {"err')),
    "404 notFound": lambda _: refused(404, "notFound"),
    "429": lambda _: refused(429),
    "500": lambda _: refused(500),
    "503": lambda _: refused(503, "backendError"),
    "reset": lambda _: TryAgain("drive_unreachable", "The connection was reset."),
    "reset in the middle": lambda body: BreaksOff(len(body) // 2, broken("it was reset")),
    "stall": lambda body: BreaksOff(len(body) // 3, broken("Google Drive stopped sending")),
    "truncated": lambda body: Answers(body[:-1]),
    "flipped bit": lambda body: Answers(body[:-1] + bytes([body[-1] ^ 1])),
    "wrong length": lambda body: Answers(body + b"x"),
    "a page instead": lambda _: Answers(b"<!doctype html><html></html>"),
}
ANSWER = "Error performing PUT: status code: {}, body: <Error><Code>{}</Code></Error>"
STORE: Mapping[str, str] = {
    "429": ANSWER.format(429, "TooManyRequests"),
    "500": ANSWER.format(500, "InternalError"),
    "503": ANSWER.format(503, "ServiceUnavailable"),
    "reset": "Generic S3 error: HTTP error: connection closed before message completed",
    "timeout": "",  # no answer at all
}


class FaultyStore(FakeStore):
    """Fails at one place of an upload: `put`, or `create`, `part` or `complete` of one in parts."""

    def __init__(self, fault: str, at: str, *, times: float) -> None:
        super().__init__()
        self.fault, self.at, self.times = fault, at, times
        self.open_uploads = 0

    async def _pass(self, at: str) -> None:
        if at != self.at or self.times <= 0:
            return
        self.times -= 1
        if not STORE[self.fault]:
            await asyncio.sleep(10 * HOURS)
        raise of_store(STORE[self.fault], bucket=self.bucket, address="http://store:9000")

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
        """One request."""
        await self._pass("put")
        await super().put(key, body, content_type=content_type, stored_by=stored_by, sha256=sha256)

    async def put_stream(
        self, key: str, body: AsyncIterator[bytes], *, content_type: str, stored_by: str = ""
    ) -> None:
        """Three kinds of requests; the object is visible after the last."""
        await self._pass("create")
        self.open_uploads += 1

        async def sent() -> AsyncIterator[bytes]:
            async for chunk in body:
                await self._pass("part")
                yield chunk
            await self._pass("complete")

        try:
            await super().put_stream(key, sent(), content_type=content_type, stored_by=stored_by)
        finally:
            self.open_uploads -= 1  # completed, or aborted as the real one does


class AlwaysFaulty(FakeDrive):
    """Fails so whenever a file is opened, until it is `over`."""

    over = False

    def __init__(self, fault: Verdict | Answers | BreaksOff) -> None:
        super().__init__()
        self.fault = fault

    def open(self, file):  # type: ignore[no-untyped-def]
        """The fault first."""
        if not self.over:
            self.open_troubles[file.file_id].append(self.fault)
        return super().open(file)


@dataclass(frozen=True)
class Cell:
    drive: str
    store: str
    outcome: str


def cells() -> list[Cell]:
    head, *lines = TABLE.strip().replace("|", "  ").splitlines()
    names = head.split("  ")
    columns = [name.strip() for name in names if name.strip()][1:]
    found = []
    for line in lines:
        name, *outcomes = [part.strip() for part in line.split("  ") if part.strip()]
        found += [Cell(name, *pair) for pair in zip(columns, outcomes, strict=False)]
    return found


CELLS = cells()
PLACES = ("put", "create", "part", "complete")


def test_the_table_has_every_pair() -> None:
    pairs = {(cell.drive, cell.store) for cell in CELLS}
    every = {(d, s) for d in ("none", *DRIVE) for s in ("none", *STORE, "always")}
    assert pairs == every | {("always", s) for s in ("none", *STORE)}
    assert len(CELLS) == len(pairs)


def a_worker(cell: Cell, at: str) -> tuple[Transferring, FakeStore, FakeDrive]:
    # Without a size it goes in parts, as a large one does, and needs no megabytes.
    file = said_of(BODY, "md5", size=len(BODY) if at == "put" else None)
    times = float("inf") if cell.drive == "always" else 1
    store = FaultyStore(cell.store, at, times=times) if cell.store in STORE else FakeStore()
    drive = FakeDrive()
    if cell.drive in DRIVE:
        fault = DRIVE[cell.drive](BODY)
        if cell.store == "always":
            drive = AlwaysFaulty(fault)
        else:
            drive.open_troubles[file.file_id].append(fault)
    return Transferring(BODY, file, drive=drive, store=store), store, drive


def places(cell: Cell) -> tuple[str, ...]:
    """Where Drive always fails, the store is asked nothing: what matters is how it would be."""
    if cell.store in STORE:
        return PLACES
    return ("put", "part")


@pytest.mark.parametrize(
    ("cell", "at"),
    [pytest.param(c, at, id=f"{c.drive}/{c.store}/{at}") for c in CELLS for at in places(c)],
)
@virtual_time
async def test_every_pair_of_faults_has_the_outcome_of_the_table(cell: Cell, at: str) -> None:
    worker, store, drive = a_worker(cell, at)
    handling = asyncio.create_task(worker.transfer.handle(worker.file, RECEIVED))
    done, _ = await asyncio.wait({handling}, timeout=HOURS)
    if cell.outcome == "waits":
        assert not done
        assert (worker.publications.events, store.objects) == ([], {})
        if isinstance(drive, AlwaysFaulty):
            drive.over = True
        if isinstance(store, FaultyStore):
            store.times = 0
        await handling
    await handling
    (event,) = worker.publications.events
    if cell.outcome in ("stored", "waits"):
        assert isinstance(event, FileStored)
        assert store.objects[object_key(worker.file)].body == BODY
        assert not event.unchanged
    else:
        assert isinstance(event, FileFailed)
        assert event.reason == REASONS[cell.outcome]
    check_nothing_is_half_stored(event, store)
    worker.check_nothing_is_held()


def check_nothing_is_half_stored(event: FileStored | FileFailed, store: FakeStore) -> None:
    """The rows that the indexer makes of the outcome, and the objects, are of each other. No upload
    in parts is left open."""
    batch = rows_of([LogRecord(event, "files.stored", 0, 0)])
    rows = fold(Rows(), batch)
    (file,) = rows.files.values()
    stored = {key: hashlib.md5(kept.body).hexdigest() for key, kept in store.objects.items()}
    assert file.state == ("stored" if stored else "failed")
    assert stored == ({} if file.object_key is None else {file.object_key: file.md5})
    assert [i.storage_path.removeprefix("s3://pictures/") for i in rows.images.values()] == [
        *stored
    ]
    assert file.reason == (None if stored else event.reason)  # type: ignore[union-attr]
    if isinstance(store, FaultyStore):
        assert store.open_uploads == 0


def test_the_documentation_has_the_outcomes_of_the_table() -> None:
    """Its rows are those of the table. A single fault of the store changes none of them, which is
    why it needs no columns for them."""
    page = (Path(__file__).resolve().parents[3] / "docs" / "hard-cases.md").read_text()
    by_fault = {
        fault: {cell.store: cell.outcome for cell in CELLS if cell.drive == fault}
        for fault in ("none", *DRIVE)
    }
    for fault, outcomes in by_fault.items():
        always = outcomes.pop("always")
        (once,) = set(outcomes.values())
        assert f"| {fault} | {told(once)} | {told(always)} |\n" in page, (fault, once, always)
    of_store = {cell.outcome for cell in CELLS if cell.drive == "always" and cell.store != "none"}
    assert of_store == {"waits"}


def told(outcome: str) -> str:
    """As the page says it."""
    return f"failed: `{REASONS[outcome]}`" if outcome in REASONS else outcome


def slow_cells() -> list[tuple[str, str]]:
    return [(fault, at) for fault in STORE for at in PLACES]


@pytest.mark.parametrize(("fault", "at"), slow_cells())
@virtual_time
async def test_what_the_store_failed_at_is_downloaded_again_only_if_it_went_in_parts(
    fault: str, at: str
) -> None:
    """A whole file is kept until it is stored."""
    worker, _, _ = a_worker(Cell("none", fault, "stored"), at)
    await worker.outcome()
    assert len(worker.drive.opened) == (1 if at == "put" else 2)


# --- little memory, one at a time, and a store that becomes slow ---


@pytest.mark.parametrize(
    ("memory", "size"), [(1, len(BODY)), (len(BODY) // 2, len(BODY)), (1, WHOLE_BYTES + 1)]
)
@virtual_time
async def test_with_less_memory_than_one_file_each_file_is_still_stored_one_at_a_time(
    memory: int, size: int
) -> None:
    body = (BODY * (size // len(BODY) + 1))[:size]
    worker = Transferring(memory=memory)
    files = [worker.add(f"file-{n}", body) for n in range(3)]
    await asyncio.gather(*(worker.transfer.handle(file, RECEIVED) for file in files))
    assert [type(event) for event in worker.publications.events] == [FileStored] * 3
    assert all(kept.body == body for kept in worker.store.objects.values())
    assert worker.drive.most_at_once == 1
    worker.check_nothing_is_held()


@virtual_time
async def test_large_files_that_wait_for_the_store_leave_the_memory_to_others() -> None:
    """A store may complete no upload in parts, and take all else."""
    store = FaultyStore("503", "complete", times=float("inf"))
    large = said_of(BODY, "md5", size=None)
    worker = Transferring(BODY, large, store=store, memory=STREAM_BYTES)
    handling = asyncio.create_task(worker.transfer.handle(large, RECEIVED))
    await asyncio.sleep(60.0)
    small = worker.add("small")
    await asyncio.wait_for(worker.transfer.handle(small, RECEIVED), 60.0)
    assert list(store.objects) == [object_key(small)]
    store.times = 0
    await handling
    assert len(store.objects) == 2
    worker.check_nothing_is_held()


@virtual_time
async def test_at_a_concurrency_of_one_no_fault_costs_another_file() -> None:
    """One message after another, as a worker with TRANSFER_CONCURRENCY=1 takes them."""
    worker = Transferring()
    failing = {"403 downloadQuotaExceeded", "403 cannotDownloadAbusive", "403 cannotDownloadFile"}
    for name, fault in DRIVE.items():
        file = worker.add(name.replace(" ", "-"))
        worker.drive.open_troubles[file.file_id].append(fault(BODY))
        outcome = await worker.outcome(file)
        assert isinstance(outcome, FileFailed if name in failing else FileStored), name
    assert len(worker.store.objects) == len(DRIVE) - len(failing)
    worker.check_nothing_is_held()


class ChangingStore(FakeStore):
    """All uploads share `rate` bytes a second, a hundredth of it after so many objects."""

    def __init__(self, rate: float, slow_after: int) -> None:
        super().__init__()
        self.rate, self.slow_after = rate, slow_after
        self.uploading = 0

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
        """Takes its share of the line as it is now."""
        left, self.uploading = float(len(body)), self.uploading + 1
        try:
            while left > 0:
                await asyncio.sleep(1.0)
                slow = len(self.objects) >= self.slow_after
                left -= self.rate / (100 if slow else 1) / self.uploading
            await super().put(
                key, body, content_type=content_type, stored_by=stored_by, sha256=sha256
            )
        finally:
            self.uploading -= 1


@virtual_time
async def test_a_store_that_becomes_a_hundred_times_slower_gets_every_file() -> None:
    """Nothing fails, and nothing is downloaded twice. What was on its way when it became slow may
    be given up and sent again, since such a store seems to stand still; then less goes at once."""
    store = ChangingStore(rate=10_000_000, slow_after=30)
    worker = Transferring(store=store)
    body = bytes(1_000_000)
    files = [worker.add(f"file-{n}", body) for n in range(120)]
    await asyncio.gather(*(worker.transfer.handle(file, RECEIVED) for file in files))
    stored = [event for event in worker.publications.events if isinstance(event, FileStored)]
    assert sorted(event.file.file_id for event in stored) == sorted(f.file_id for f in files)
    assert len(worker.drive.opened) == len(store.objects) == 120
    assert max(event.attempts for event in stored) <= 3
    assert worker.lines.up.window < 4_000_000, "at first it is 8 MB, and it grows"
    worker.check_nothing_is_held()

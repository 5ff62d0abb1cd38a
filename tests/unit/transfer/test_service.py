"""From a file found to its outcome in the log: published, acknowledged, and only then done."""

import asyncio
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from services.core.errors import CoolDown, RateLimited, SetAside, Stop, TryAgain, Verdict
from services.core.events import (
    FileFailed,
    FileFound,
    FileStored,
    ImportPaused,
    Message,
    Mode,
)
from services.core.object_key import object_key, older_key
from services.transfer.copier import WHOLE_BYTES
from services.transfer.service import Transfer
from tests.fakes.drive import Answers, FakeDrive
from tests.fakes.messages import Publications
from tests.fakes.object_store import FakeStore, Kept
from tests.fakes.samples import NOW, RECEIVED, REDELIVERED
from tests.fakes.transferring import BODY, Transferring, an_adaptation, entry_of, said_of
from tests.fakes.virtual_time import now, virtual_time

UNAVAILABLE = TryAgain("drive_unavailable", "Google Drive answers 503.")
FILE = said_of(BODY, "md5", epoch=2, round=3)
LONG = 6 * 3600


def a_worker() -> Transferring:
    return Transferring(BODY, FILE)


@virtual_time
async def test_a_file_found_becomes_a_file_stored_that_contains_it() -> None:
    worker = a_worker()
    outcome = await worker.outcome()
    assert isinstance(outcome, FileStored)
    assert outcome.file == FILE
    assert (outcome.import_id, outcome.epoch) == (FILE.import_id, 2)
    assert (outcome.bucket, outcome.object_key) == ("pictures", object_key(FILE))
    assert (outcome.size, outcome.md5, outcome.attempts) == (len(BODY), FILE.md5, 1)
    assert outcome.sha256 is not None
    assert not outcome.unchanged
    assert worker.store.objects[outcome.object_key].body == BODY


@virtual_time
async def test_a_file_found_again_is_not_fetched_again_unless_the_round_is_higher() -> None:
    worker = a_worker()
    await worker.outcome()
    again = replace(FILE, found_at=NOW.replace(year=NOW.year + 1))
    await worker.transfer.handle(again, RECEIVED)
    assert len(worker.publications.events) == 1
    assert isinstance(await worker.outcome(replace(FILE, round=4)), FileStored)


@virtual_time
async def test_a_file_found_twice_at_once_is_fetched_once() -> None:
    worker = a_worker()
    by_shortcut = replace(FILE, path=("another", "way"), mode=Mode.CHECK)
    messages = [FILE, by_shortcut, FILE]
    await asyncio.gather(*(worker.transfer.handle(m, RECEIVED) for m in messages))
    assert worker.drive.opened == ["file-1"]
    assert len(worker.publications.events) == 1


@pytest.mark.parametrize("mode", [Mode.FRESH, Mode.CHECK])
@virtual_time
async def test_a_file_in_two_folders_is_fetched_once_and_told_of_in_both(mode: Mode) -> None:
    worker = a_worker()
    places = [replace(FILE, folder_id=id, path=(id,), mode=mode) for id in "BABA"]
    await asyncio.gather(*(worker.transfer.handle(place, RECEIVED) for place in places))
    assert worker.drive.opened == ["file-1"]
    assert list(worker.store.objects) == [object_key(FILE)]
    told = [x for x in worker.publications.events if isinstance(x, FileStored)]
    assert [(x.file.folder_id, x.unchanged) for x in told] == [("B", False), ("A", True)]
    assert {x.object_key for x in told} == {object_key(FILE)}


@pytest.mark.parametrize("redelivered", [False, True])
@pytest.mark.parametrize("mode", [Mode.FRESH, Mode.CHECK])
@pytest.mark.parametrize("size", [len(BODY), None, WHOLE_BYTES + 1])
@virtual_time
async def test_what_a_worker_stored_before_it_died_was_stored_by_its_import(
    size: int | None, mode: Mode, redelivered: bool
) -> None:
    """Even if its import looks for older objects: the object says which import stored it."""
    body = BODY if size is None else b"x" * size
    died = Transferring(body, said_of(body, "md5", size=size, mode=mode))
    await died.outcome()
    worker = Transferring(body, died.file, store=died.store)
    told = await worker.outcome(redelivered=redelivered)
    fetched = mode is Mode.FRESH and not redelivered
    assert len(worker.drive.opened) == fetched
    assert isinstance(told, FileStored)
    assert (told.unchanged, told.size) == (False, len(body))
    assert (told.sha256 is not None) is fetched


@pytest.mark.parametrize("replayed", ["replay-1", None])
@virtual_time
async def test_what_another_import_or_replay_stored_is_unchanged(replayed: str | None) -> None:
    worker = a_worker()
    await worker.outcome(replace(FILE, replay_id="replay-2"))
    other = Transferring(BODY, store=worker.store)
    told = await other.outcome(replace(FILE, mode=Mode.CHECK, replay_id=replayed, round=2))
    assert isinstance(told, FileStored)
    assert told.unchanged
    again = await other.outcome(replace(FILE, mode=Mode.CHECK, replay_id="replay-2", round=2))
    assert isinstance(again, FileStored)
    assert not again.unchanged


@virtual_time
async def test_a_file_that_was_moved_while_its_import_ran_is_fetched_once() -> None:
    worker = a_worker()
    for moved in (FILE, replace(FILE, folder_id="another", version=FILE.version + 1)):
        outcome = await worker.outcome(replace(moved, mode=Mode.FRESH, epoch=0, round=0))
    assert isinstance(outcome, FileStored)
    assert (outcome.file.folder_id, outcome.unchanged) == ("another", True)
    assert worker.drive.opened == ["file-1"]


@virtual_time
async def test_an_object_under_the_key_of_an_older_version_is_kept_and_stays_where_it_is() -> None:
    worker = a_worker()
    worker.store.objects[older_key(FILE)] = Kept(BODY, "image/png")
    outcome = await worker.outcome(replace(FILE, mode=Mode.CHECK))
    assert isinstance(outcome, FileStored)
    assert (outcome.object_key, outcome.unchanged) == (older_key(FILE), True)
    verified = await worker.outcome(replace(FILE, mode=Mode.VERIFY, round=9))
    assert isinstance(verified, FileStored)
    assert verified.object_key == older_key(FILE)
    assert (worker.drive.opened, list(worker.store.objects)) == ([], [older_key(FILE)])


@virtual_time
async def test_a_file_whose_twin_is_cancelled_is_fetched_itself() -> None:
    worker = a_worker()
    worker.drive.down = UNAVAILABLE
    handling = [asyncio.create_task(worker.transfer.handle(FILE, RECEIVED)) for _ in range(2)]
    await asyncio.sleep(60)
    handling[0].cancel()
    worker.drive.down = None
    await handling[1]
    assert isinstance(worker.publications.events[0], FileStored)


@virtual_time
async def test_a_file_that_failed_is_tried_again_when_it_is_found_again() -> None:
    worker = a_worker()
    missing = replace(FILE, file_id="file-that-is-not-there")
    for _ in range(2):
        assert isinstance(await worker.outcome(missing), FileFailed)


@pytest.mark.parametrize(
    ("mode", "again", "fetched", "unchanged"),
    [
        (Mode.FRESH, False, True, False),
        (Mode.FRESH, True, False, False),  # its own dead worker stored it: not an old object
        (Mode.FRESH, {"epoch": 1}, False, False),  # of an import that was paused
        (Mode.FRESH, {"round": 1}, False, False),
        (Mode.CHECK, False, False, True),
        (Mode.CHECK, True, False, True),
        (Mode.FORCE, False, True, False),
        (Mode.FORCE, True, True, False),
    ],
)
@virtual_time
async def test_mode_and_history_decide_what_becomes_of_an_object_that_is_there(
    mode: Mode, again: bool | dict[str, int], fetched: bool, unchanged: bool
) -> None:
    worker, redelivered = a_worker(), again is True
    rounds = {"epoch": 0, "round": 0} | (again if isinstance(again, dict) else {})
    file = replace(FILE, mode=mode, **rounds)
    worker.store.objects[object_key(file)] = Kept(BODY, "image/png")
    outcome = await worker.outcome(file, redelivered=redelivered)
    assert isinstance(outcome, FileStored)
    assert bool(worker.drive.opened) is fetched
    assert (outcome.unchanged, outcome.sha256 is None) == (unchanged, not fetched)
    assert (outcome.size, outcome.md5) == (len(BODY), FILE.md5)


@virtual_time
async def test_a_redelivered_file_that_is_not_there_is_fetched() -> None:
    worker = a_worker()
    outcome = await worker.outcome(redelivered=True)
    assert isinstance(outcome, FileStored)
    assert worker.drive.opened == ["file-1"]


@virtual_time
async def test_a_file_is_not_done_before_its_outcome_is_acknowledged() -> None:
    worker = a_worker()

    def lost(_events: Sequence[Message]) -> None:
        raise ConnectionError("no broker")

    transfer = Transfer(worker.copier, Publications(lost), an_adaptation())
    for _ in range(2):  # and a second delivery is not taken for a repeat
        with pytest.raises(ConnectionError):
            await transfer.handle(replace(FILE, epoch=0, round=0), RECEIVED)
    assert len(worker.drive.opened) == 2


@virtual_time
async def test_a_short_trouble_costs_attempts_and_no_more() -> None:
    worker = a_worker()
    worker.drive.open_troubles["file-1"].extend([UNAVAILABLE, UNAVAILABLE])
    outcome = await worker.outcome()
    assert isinstance(outcome, FileStored)
    assert outcome.attempts == 3


@virtual_time
async def test_a_file_whose_bytes_stay_wrong_fails_with_its_reason() -> None:
    worker = a_worker()
    worker.drive.open_troubles["file-1"].extend([Answers(b"half a p")] * 4)
    outcome = await worker.outcome()
    assert isinstance(outcome, FileFailed)
    assert (outcome.reason, outcome.attempts) == ("content_mismatch", 4)
    assert (outcome.round, outcome.epoch, outcome.file) == (3, 2, FILE)
    assert worker.store.objects == {}


@pytest.mark.parametrize("reason", ["abusive_file", "download_quota_exceeded"])
@virtual_time
async def test_a_refusal_of_one_file_fails_it_at_once_and_stops_nobody(reason: str) -> None:
    worker = a_worker()
    worker.drive.open_troubles["file-1"].append(SetAside(reason, "Google withholds it."))
    outcome = await worker.outcome()
    assert isinstance(outcome, FileFailed)
    assert (outcome.reason, outcome.message) == (reason, "Google withholds it.")
    assert (outcome.attempts, now()) == (1, 0)
    assert worker.drive_breaker.waiting_for is None


@pytest.mark.parametrize(
    "why",
    [
        UNAVAILABLE,
        TryAgain("drive_unreachable", "No connection."),
        RateLimited("drive_rate_limited", "Slower."),
        RateLimited("drive_rate_limited", "Slower.", retry_after=3600.0),
        CoolDown("automated_queries", "A robot.", 600.0),
        CoolDown("daily_limit_exceeded", "Used up.", 3600.0),
        Stop("key_refused", "GOOGLE_API_KEY is wrong."),
    ],
)
@virtual_time
async def test_what_is_no_files_fault_is_waited_out_and_said(why: Verdict) -> None:
    worker = a_worker()
    worker.drive.down = why
    handling = asyncio.create_task(worker.transfer.handle(FILE, RECEIVED))
    await asyncio.sleep(LONG)
    assert worker.publications.events == []
    waiting = worker.drive_breaker.waiting_for
    assert waiting is not None
    assert (waiting.reason, waiting.message) == (why.reason, why.message)
    worker.drive.down = None
    await handling
    assert isinstance(worker.publications.events[0], FileStored)
    assert worker.drive_breaker.waiting_for is None


@pytest.mark.parametrize(
    "why", [TryAgain("store_unavailable", "503"), Stop("no_bucket", "There is no bucket.")]
)
@pytest.mark.parametrize("redelivered", [True, False])
@virtual_time
async def test_trouble_of_the_store_is_waited_out_and_said(why: Verdict, redelivered: bool) -> None:
    worker = a_worker()
    worker.store.refusal = why
    handling = asyncio.create_task(
        worker.transfer.handle(FILE, REDELIVERED if redelivered else RECEIVED)
    )
    await asyncio.sleep(LONG)
    assert worker.publications.events == []
    waiting = worker.look_breaker.waiting_for  # it looks first
    assert waiting is not None
    assert waiting.reason == why.reason
    assert worker.drive_breaker.waiting_for is None
    worker.store.refusal = None
    await handling
    assert isinstance(worker.publications.events[0], FileStored)
    assert len(worker.drive.opened) == 1


class BrokenFile(FakeStore):
    """It answers 500 for one object, and works for all others."""

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
        if "broken" in key:
            raise TryAgain("store_unavailable", "The store answers 500.")
        await super().put(key, body, content_type=content_type, stored_by=stored_by, sha256=sha256)


class BrokenDownload(FakeDrive):
    """It answers 500 for one file, and works for all others."""

    def open(self, file: FileFound):  # type: ignore[no-untyped-def]
        if "broken" in file.file_id:
            raise UNAVAILABLE
        return super().open(file)


@pytest.mark.parametrize(
    ("drive", "store", "reason"),
    [
        (BrokenDownload(), FakeStore(), "drive_unavailable"),
        (FakeDrive(), BrokenFile(), "store_unavailable"),
    ],
)
@virtual_time
async def test_a_file_that_fails_alone_while_others_succeed_is_set_aside(
    drive: FakeDrive, store: FakeStore, reason: str
) -> None:
    worker = Transferring(drive=drive, store=store)
    broken = asyncio.create_task(worker.transfer.handle(worker.add("broken"), RECEIVED))
    number = 0
    while not broken.done():
        number += 1
        await worker.transfer.handle(worker.add(f"other-{number}"), RECEIVED)
        await asyncio.sleep(1)
    await broken
    failures = [e for e in worker.publications.events if isinstance(e, FileFailed)]
    assert [(failed.file_id, failed.reason) for failed in failures] == [("broken", reason)]
    assert len(worker.publications.events) == number + 1
    assert now() < 60


@virtual_time
async def test_a_cancelled_file_publishes_nothing_and_leaves_nothing() -> None:
    worker = a_worker()
    worker.drive.down = CoolDown("automated_queries", "A robot.", 600.0)
    handling = asyncio.create_task(worker.transfer.handle(FILE, RECEIVED))
    await asyncio.sleep(60)
    assert worker.drive_breaker.holds(handling)
    handling.cancel()
    await asyncio.wait({handling})
    assert (handling.cancelled(), now()) == (True, 60)
    assert worker.publications.events == []
    assert worker.drive_breaker.waiting_for is None
    worker.check_nothing_is_held()


@virtual_time
async def test_an_event_of_another_kind_is_passed_over() -> None:
    worker, event = a_worker(), ImportPaused(import_id="import-1", at=NOW)
    await worker.transfer.handle(event, RECEIVED)
    await worker.transfer.set_aside(event, RECEIVED, SetAside("worker_died", "It kills."))
    assert worker.publications.events == []


@virtual_time
async def test_a_file_that_the_runner_sets_aside_fails_with_the_reason_it_was_given() -> None:
    worker = a_worker()
    await worker.transfer.set_aside(FILE, RECEIVED, SetAside("worker_died", "It kills its worker."))
    (failed,) = worker.publications.events
    assert isinstance(failed, FileFailed)
    assert (failed.reason, failed.message) == ("worker_died", "It kills its worker.")
    assert (failed.file, failed.round, failed.epoch) == (FILE, 3, 2)
    assert worker.drive.opened == []


@virtual_time
async def test_a_file_that_was_replaced_is_stored_and_reported_as_it_is_now() -> None:
    old = replace(FILE, size=3, md5="0" * 32, version=1)
    new = replace(FILE, version=2)
    outcome = await Transferring(BODY, old, now=entry_of(new)).outcome()
    assert isinstance(outcome, FileStored)
    assert (outcome.file, outcome.attempts) == (new, 2)
    assert outcome.object_key == object_key(new)

"""From a file found to its outcome in the log: published, acknowledged, and only then done."""

import asyncio
import dataclasses
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from services.core.errors import CoolDown, RateLimited, SetAside, Stop, TryAgain
from services.core.events import FileFailed, FileFound, FileStored, ImportPaused, Message, Mode
from services.core.flow.circuit_breaker import Standstill
from services.core.flow.retry import RetryPolicy
from services.core.object_key import object_key
from services.transfer.copy import Copier
from services.transfer.memory import Budget
from services.transfer.service import Transfer
from tests.fakes.drive import Answers, FakeDrive
from tests.fakes.messages import InHand, Publications
from tests.fakes.object_store import FakeStore, Kept
from tests.fakes.patience import until
from tests.fakes.samples import NOW, a_file

BODY = b"a picture"
AT_ONCE = RetryPolicy(attempts=3, first_wait=0.0)
AGAIN = TryAgain("drive_unavailable", "No answer.")
NO_WAY = TryAgain("drive_unreachable", "No connection.")


class Worker:
    """A transfer whose outside is in memory."""

    def __init__(
        self, publications: Publications | None = None, *, policy: RetryPolicy = AT_ONCE
    ) -> None:
        self.drive, self.store = FakeDrive(), FakeStore()
        entry = self.drive.add_file("folder-1", "file-1", BODY)
        self.file = a_file(size=entry.size, md5=entry.md5, epoch=2, round=3)
        self.publications = publications or Publications()
        self.standstill = Standstill(lambda _why, _seconds: None, 0.01, 0.01)
        self.transfer = Transfer(
            Copier(self.drive, self.store, Budget(1024)),
            self.publications,
            bucket="pictures",
            policy=policy,
            standstill=self.standstill,
        )

    async def outcome(self, file: FileFound | None = None) -> Message:
        message = InHand(file or self.file)
        await self.transfer.handle(message)
        assert message.is_done
        (event,) = self.publications.events
        return event


async def test_a_file_found_becomes_a_file_stored_that_contains_it() -> None:
    worker = Worker()
    outcome = await worker.outcome()
    assert isinstance(outcome, FileStored)
    assert outcome.file == worker.file
    assert (outcome.import_id, outcome.epoch) == (worker.file.import_id, 2)
    assert (outcome.bucket, outcome.object_key) == ("pictures", object_key(worker.file))
    assert (outcome.size, outcome.md5, outcome.attempts) == (len(BODY), worker.file.md5, 1)
    assert outcome.sha256 is not None
    assert not outcome.unchanged
    assert worker.store.objects[outcome.object_key].body == BODY


async def test_a_file_found_again_is_not_fetched_again_unless_the_round_is_higher() -> None:
    worker = Worker()
    await worker.outcome()
    again = InHand(replace(worker.file, found_at=NOW.replace(year=NOW.year + 1)))
    await worker.transfer.handle(again)
    assert again.is_done
    assert len(worker.publications.events) == 1
    await worker.transfer.handle(InHand(replace(worker.file, round=4)))
    assert len(worker.publications.events) == 2


async def test_a_file_found_twice_at_once_is_fetched_once() -> None:
    worker = Worker()
    by_shortcut = replace(worker.file, path=("another", "way"), mode=Mode.CHECK)
    messages = [InHand(worker.file), InHand(by_shortcut), InHand(worker.file)]
    await asyncio.gather(*(worker.transfer.handle(message) for message in messages))
    assert all(message.is_done for message in messages)
    assert worker.drive.opened == ["file-1"]
    assert len(worker.publications.events) == 1


async def test_a_file_that_failed_is_tried_again_when_it_is_found_again() -> None:
    worker = Worker()
    missing = replace(worker.file, file_id="file-that-is-not-there")
    await worker.transfer.handle(InHand(missing))
    await worker.transfer.handle(InHand(missing))
    failures = [event for event in worker.publications.events if isinstance(event, FileFailed)]
    assert len(failures) == 2


async def test_what_is_there_already_is_stored_unchanged() -> None:
    worker = Worker()
    file = a_file(size=len(BODY), md5=worker.file.md5, mode=Mode.CHECK)
    worker.store.objects[object_key(file)] = Kept(BODY, "image/png")
    outcome = await worker.outcome(file)
    assert isinstance(outcome, FileStored)
    assert (outcome.unchanged, outcome.sha256) == (True, None)
    assert worker.drive.opened == []


async def test_the_message_is_done_only_after_its_outcome_is_acknowledged() -> None:
    message = InHand(a_file())

    def look(_events: Sequence[Message]) -> None:
        assert not message.is_done

    worker = Worker(Publications(look))
    await worker.transfer.handle(message)
    assert message.is_done


async def test_an_outcome_that_is_not_acknowledged_leaves_the_message_to_be_redelivered() -> None:
    def lost(_events: Sequence[Message]) -> None:
        raise ConnectionError("no broker")

    worker, message = Worker(Publications(lost)), InHand(a_file())
    with pytest.raises(ConnectionError):
        await worker.transfer.handle(message)
    assert not message.is_done


async def test_a_passing_trouble_costs_attempts_and_no_more() -> None:
    worker = Worker()
    worker.drive.open_troubles["file-1"].extend([AGAIN, Answers(b"half a p")])
    outcome = await worker.outcome()
    assert isinstance(outcome, FileStored)
    assert outcome.attempts == 3


async def test_a_trouble_that_stays_sets_the_file_aside() -> None:
    worker = Worker()
    worker.drive.open_troubles["file-1"].extend([AGAIN] * 3)
    outcome = await worker.outcome()
    assert isinstance(outcome, FileFailed)
    assert (outcome.reason, outcome.message) == ("drive_unavailable", "No answer.")
    assert (outcome.attempts, outcome.round, outcome.epoch) == (3, 3, 2)
    assert outcome.file == worker.file
    assert worker.store.objects == {}


async def test_a_refusal_of_one_file_is_not_tried_again() -> None:
    worker = Worker()
    worker.drive.open_troubles["file-1"].append(SetAside("abusive_file", "Google withholds it."))
    outcome = await worker.outcome()
    assert isinstance(outcome, FileFailed)
    assert (outcome.reason, outcome.attempts) == ("abusive_file", 1)


@pytest.mark.parametrize("where", ["drive", "store"])
async def test_when_nothing_can_work_the_file_waits_and_is_not_lost(where: str) -> None:
    worker, message = Worker(), InHand(a_file(size=len(BODY)))
    stop = Stop("no_bucket", "There is no bucket.")
    if where == "drive":
        worker.drive.open_troubles["file-1"].extend([stop] * 3)
    else:
        worker.store.refusal = stop
    handling = asyncio.ensure_future(worker.transfer.handle(message))
    await until(lambda: len(worker.drive.opened) >= 3)
    assert worker.publications.events == []
    assert worker.standstill.waiting_for == "There is no bucket."
    assert worker.transfer.in_flight == 1
    worker.store.refusal = None
    await asyncio.wait_for(handling, 10)
    assert message.is_done
    assert isinstance(worker.publications.events[0], FileStored)
    assert worker.standstill.waiting_for is None
    assert worker.transfer.in_flight == 0


async def test_while_drive_cannot_be_connected_to_files_wait_instead_of_failing() -> None:
    worker, message = Worker(), InHand(a_file(size=len(BODY)))
    worker.drive.open_troubles["file-1"].extend([NO_WAY] * 7)  # twice its attempts, and one more
    handling = asyncio.ensure_future(worker.transfer.handle(message))
    await until(lambda: worker.standstill.waiting_for == "No connection.")
    await asyncio.wait_for(handling, 10)
    assert isinstance(worker.publications.events[0], FileStored)
    assert message.is_done


async def test_a_file_of_a_partition_that_is_gone_is_left_to_its_new_owner() -> None:
    worker, message = Worker(), InHand(a_file(), alive=False)
    await worker.transfer.handle(message)
    assert worker.drive.opened == []
    assert worker.publications.events == []
    assert (message.is_done, message.is_left) == (False, True)


async def test_a_fault_that_nobody_foresaw_fails_one_file_and_not_the_process() -> None:
    class Broken(FakeStore):
        async def put(self, key: str, body: bytes | bytearray, *, content_type: str) -> None:
            raise ZeroDivisionError

    worker = Worker()
    worker.transfer = Transfer(
        Copier(worker.drive, Broken(), Budget(1024)),
        worker.publications,
        bucket="pictures",
        policy=AT_ONCE,
        standstill=worker.standstill,
    )
    outcome = await worker.outcome()
    assert isinstance(outcome, FileFailed)
    assert outcome.reason == "unforeseen"
    assert "ZeroDivisionError" in outcome.message


async def test_an_event_of_another_kind_does_not_block_the_log() -> None:
    worker, message = Worker(), InHand(ImportPaused(import_id="import-1", at=NOW))
    await worker.transfer.handle(message)
    assert message.is_done
    assert worker.publications.events == []


async def test_a_file_replaced_meanwhile_is_stored_and_told_as_it_is_now() -> None:
    worker = Worker()
    old = replace(worker.file, name="file-1.png", size=3, md5="0" * 32, version=1)
    worker.drive.items["file-1"] = dataclasses.replace(worker.drive.items["file-1"], version=2)
    outcome = await worker.outcome(old)
    assert isinstance(outcome, FileStored)
    assert outcome.attempts == 1
    assert outcome.file == replace(
        old, size=len(BODY), md5=worker.file.md5, sha256=outcome.sha256, version=2
    )
    assert outcome.object_key == object_key(outcome.file)
    assert worker.store.objects[outcome.object_key].body == BODY


@pytest.mark.parametrize("reason", ["automated_queries", "daily_limit_exceeded"])
async def test_what_shuts_everything_out_parks_no_file(reason: str) -> None:
    worker, message = Worker(), InHand(a_file(size=len(BODY)))
    wall = CoolDown(reason, "Shut out.", 0.01)
    worker.drive.open_troubles["file-1"].extend([wall] * 7)
    handling = asyncio.ensure_future(worker.transfer.handle(message))
    await until(lambda: worker.standstill.waiting_for == "Shut out.")
    await asyncio.wait_for(handling, 10)
    assert isinstance(worker.publications.events[0], FileStored)


async def test_a_limit_of_the_rate_that_never_ends_is_waited_out_and_parks_no_file() -> None:
    worker = Worker(policy=RetryPolicy(first_wait=0.001, longest_wait=0.001, patience=0.0))
    worker.drive.open_troubles["file-1"].extend([RateLimited("drive_rate_limited", "Slower.")] * 5)
    message = InHand(worker.file)
    handling = asyncio.ensure_future(worker.transfer.handle(message))
    await until(lambda: worker.standstill.waiting_for == "Slower.")
    await asyncio.wait_for(handling, 10)
    assert isinstance(worker.publications.events[0], FileStored)


async def test_who_is_told_to_come_back_in_an_hour_does_not_knock_before() -> None:
    worker, message = Worker(policy=RetryPolicy(patience=0.0)), InHand(a_file(size=len(BODY)))
    later = RateLimited("drive_rate_limited", "Slower.", retry_after=3600.0)
    worker.drive.open_troubles["file-1"].append(later)
    handling = asyncio.ensure_future(worker.transfer.handle(message))
    await until(lambda: worker.standstill.waiting_for == "Slower.")
    await asyncio.sleep(0.1)  # the worker's own waits are far shorter
    assert worker.drive.opened == ["file-1"]
    message.alive = False
    await asyncio.wait_for(handling, 10)


async def test_a_file_whose_downloads_are_used_up_is_parked_at_once_and_alone() -> None:
    worker = Worker()
    worker.drive.open_troubles["file-1"].append(SetAside("download_quota_exceeded", "Too many."))
    outcome = await worker.outcome()
    assert isinstance(outcome, FileFailed)
    assert (outcome.reason, outcome.attempts) == ("download_quota_exceeded", 1)
    assert worker.standstill.waiting_for is None


async def test_a_file_that_goes_to_another_owner_is_not_waited_for_any_longer() -> None:
    worker, message = Worker(), InHand(a_file(size=len(BODY)))
    limited = RateLimited("drive_rate_limited", "Slower.", retry_after=3000.0)
    worker.drive.open_troubles["file-1"].append(limited)
    handling = asyncio.ensure_future(worker.transfer.handle(message))
    await until(lambda: worker.drive.opened == ["file-1"])
    message.alive = False
    await asyncio.wait_for(handling, 10)
    assert (message.is_done, message.is_left) == (False, True)
    assert worker.publications.events == []
    assert worker.transfer.in_flight == 0

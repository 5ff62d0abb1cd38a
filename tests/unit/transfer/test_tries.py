"""What an outcome says of the calls that were made for its file."""

import asyncio
from collections.abc import Sequence

import pytest

from services.core.errors import RateLimited, SetAside, Stop, TryAgain, Verdict
from services.core.events import FileFailed, FileStored, Message, Mode
from services.core.object_key import object_key
from services.transfer.copy import MOST_TRIES
from tests.fakes.drive import Answers, BreaksOff
from tests.fakes.object_store import FakeStore, Kept
from tests.fakes.samples import RECEIVED
from tests.fakes.transferring import BODY, Transferring, entry_of, said_of
from tests.fakes.virtual_time import virtual_time

UNAVAILABLE = TryAgain("drive_unavailable", "Google Drive answers 503.")
SIZES = pytest.mark.parametrize("size", [len(BODY), None], ids=["whole", "streamed"])
Told = Sequence[tuple[str, str]]


def told(event: Message) -> Told:
    """System and answer of each call, after a look that the outcome says where it came from."""
    assert isinstance(event, FileStored | FileFailed)
    assert event.found_in == RECEIVED.place
    assert [each.at for each in event.tries] == sorted(each.at for each in event.tries)
    return [(each.system, each.answer) for each in event.tries]


@virtual_time
async def test_each_call_is_told_with_its_answer() -> None:
    worker = Transferring()
    worker.drive.open_troubles["file-1"].extend([UNAVAILABLE, UNAVAILABLE])
    worker.store.troubles.append(TryAgain("store_unavailable", "503"))
    event = await worker.outcome()
    assert told(event) == [
        ("drive", "drive_unavailable"),
        ("drive", "drive_unavailable"),
        ("drive", "ok"),
        ("store", "store_unavailable"),
        ("store", "ok"),
    ]
    assert isinstance(event, FileStored)
    assert event.attempts == 4


@virtual_time
async def test_a_stream_is_one_call_and_blames_who_broke_it() -> None:
    worker = Transferring(BODY, said_of(BODY, "md5", size=None))
    worker.drive.open_troubles["file-1"].extend([BreaksOff(100, UNAVAILABLE)] * 2)
    worker.store.troubles.append(TryAgain("store_unavailable", "503"))
    assert told(await worker.outcome()) == [
        ("drive", "drive_unavailable"),
        ("drive", "drive_unavailable"),
        ("store", "store_unavailable"),
        ("store", "ok"),
    ]


@virtual_time
async def test_the_question_what_a_file_is_now_is_told() -> None:
    old = said_of(BODY, "md5", size=3, version=1)
    new = said_of(BODY, "md5", version=2)
    event = await Transferring(BODY, old, now=entry_of(new)).outcome()
    assert told(event) == [
        ("drive", "content_mismatch"),
        ("drive", "ok"),
        ("drive", "ok"),
        ("store", "ok"),
    ]
    assert isinstance(event, FileStored)
    assert event.attempts == 2


@virtual_time
async def test_the_look_for_an_object_that_is_there_is_told() -> None:
    file = said_of(BODY, "md5", mode=Mode.CHECK)
    worker = Transferring(BODY, file)
    worker.store.objects[object_key(file)] = Kept(BODY, "image/png")
    assert told(await worker.outcome()) == [("store", "ok")]


@pytest.mark.parametrize(
    ("why", "attempts"),
    [
        (UNAVAILABLE, 2),
        (Stop("key_refused", "GOOGLE_API_KEY is wrong."), 2),
        (RateLimited("drive_rate_limited", "Slower."), 1),
    ],
)
@SIZES
@virtual_time
async def test_all_failures_cost_an_attempt_but_being_rate_limited(
    why: Verdict, attempts: int, size: int | None
) -> None:
    worker = Transferring(BODY, said_of(BODY, "md5", size=size))
    worker.drive.open_troubles["file-1"].append(why)
    event = await worker.outcome()
    assert isinstance(event, FileStored)
    assert ("drive", why.reason) in told(event)
    assert event.attempts == attempts


@virtual_time
async def test_of_an_outage_all_attempts_are_counted_and_the_newest_are_told() -> None:
    worker = Transferring()
    worker.drive.down = UNAVAILABLE
    handling = asyncio.create_task(worker.outcome())
    await asyncio.sleep(3600)
    worker.drive.down = None
    event = await handling
    assert isinstance(event, FileStored)
    assert event.attempts == len(worker.drive.opened) > 200
    newest = [("drive", "drive_unavailable")] * (MOST_TRIES - 2)
    assert told(event) == [*newest, ("drive", "ok"), ("store", "ok")]


@virtual_time
async def test_a_failure_tells_its_last_call() -> None:
    worker = Transferring()
    worker.drive.open_troubles["file-1"].extend([Answers(b"half a p")] * 4)
    event = await worker.outcome()
    wrong = ("drive", "content_mismatch")
    assert told(event) == [wrong, ("drive", "ok"), wrong, wrong, wrong]
    assert isinstance(event, FileFailed)
    assert (event.reason, event.attempts) == ("content_mismatch", 4)


@virtual_time
async def test_a_file_that_the_runner_sets_aside_was_not_tried() -> None:
    worker = Transferring()
    why = SetAside("worker_died", "It kills its worker.")
    await worker.transfer.set_aside(worker.file, RECEIVED, why)
    assert told(worker.publications.events[0]) == []


class SlowStore(FakeStore):
    """It takes 40 seconds for each object."""

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
        await asyncio.sleep(40)
        await super().put(key, body, content_type=content_type, stored_by=stored_by, sha256=sha256)


@virtual_time
async def test_a_call_says_how_long_it_took() -> None:
    event = await Transferring(store=SlowStore()).outcome()
    assert isinstance(event, FileStored)
    assert [each.seconds for each in event.tries] == [0, 40]

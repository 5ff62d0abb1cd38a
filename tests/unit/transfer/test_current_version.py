"""A file that is replaced, trashed or deleted between its listing and its download."""

from typing import Any

import pytest

from services.core.errors import RateLimited, SetAside, Stop, TryAgain, Verdict
from services.core.events import FileFound, FileStored
from services.core.object_key import object_key
from services.core.ports import Entry
from services.transfer.copier import WHOLE_BYTES
from services.transfer.copy import Copy
from services.transfer.verification import newer_version
from tests.fakes.drive import Answers, BreaksOff
from tests.fakes.object_store import Kept
from tests.fakes.samples import RECEIVED
from tests.fakes.transferring import Transferring, said_of
from tests.fakes.transferring import entry_of as entry_of_file
from tests.fakes.virtual_time import virtual_time

OLD, NEW = b"an old picture", b"a new picture, larger"
NOT_FOUND = SetAside("not_found", "This file does not exist.")


def file_of(body: bytes, version: int, **changes: Any) -> FileFound:
    return said_of(body, "md5", "sha256", **({"version": version} | changes))


def entry_of(body: bytes, version: int, **changes: Any) -> Entry:
    return entry_of_file(file_of(body, version), **changes)


class Desk(Transferring):
    """A copy of the old picture, where Drive now holds `body` and says `now` of it."""

    def __init__(self, body: bytes, now: Entry) -> None:
        super().__init__(body, file_of(OLD, 1), now=now)
        self.tracked = Copy(file=self.file, received=RECEIVED)

    async def copy_it(self, *, look_first: bool = False) -> FileStored:
        return await self.copy(self.tracked, look_first=look_first)

    async def refusal(self) -> SetAside:
        with pytest.raises(SetAside) as caught:
            await self.copy_it()
        assert self.store.objects == {}
        return caught.value


@virtual_time
async def test_a_file_that_is_what_was_listed_is_not_looked_up() -> None:
    desk = Desk(OLD, entry_of(OLD, 1))
    await desk.copy_it()
    assert desk.drive.looked_up == []
    assert desk.tracked.file == file_of(OLD, 1)


@pytest.mark.parametrize("new", [NEW, b"", b"x" * len(OLD), b"x" * (WHOLE_BYTES + 1)])
@virtual_time
async def test_a_file_that_was_replaced_is_stored_as_it_is_now(new: bytes) -> None:
    desk = Desk(new, entry_of(new, 2, name="new.png", width=7))
    copied = await desk.copy_it()
    file = desk.tracked.file
    assert file == file_of(new, 2, name="new.png", width=7)
    assert copied.object_key == object_key(file) != object_key(file_of(OLD, 1))
    assert desk.store.objects == {object_key(file): Kept(new, "image/png")}
    assert (copied.size, copied.md5) == (len(new), file.md5)
    assert desk.drive.looked_up == ["file-1"]
    assert len(desk.drive.opened) == desk.tracked.attempts == 2


@pytest.mark.parametrize("look_first", [True, False])
@virtual_time
async def test_a_new_version_that_is_there_already_is_found_by_whoever_looks_first(
    look_first: bool,
) -> None:
    desk = Desk(NEW, entry_of(NEW, 2))
    desk.store.objects[object_key(file_of(NEW, 2))] = Kept(NEW, "image/png")
    copied = await desk.copy_it(look_first=look_first)
    assert (copied.sha256 is None) is look_first
    assert len(desk.drive.opened) == (1 if look_first else 2)


@virtual_time
async def test_a_file_that_is_replaced_in_the_middle_of_its_download_is_stored_anew() -> None:
    desk = Desk(NEW, entry_of(NEW, 2))
    desk.drive.open_troubles["file-1"].append(BreaksOff(4, NOT_FOUND))
    assert (await desk.copy_it()).size == len(NEW)


@virtual_time
async def test_broken_bytes_of_the_same_version_are_fetched_three_times_more() -> None:
    desk = Desk(OLD, entry_of(OLD, 1))
    desk.drive.open_troubles["file-1"].extend([Answers(b"an odd picture")] * 3)
    await desk.copy_it()
    assert desk.drive.looked_up == ["file-1"]
    assert len(desk.drive.opened) == desk.tracked.attempts == 4
    assert desk.tracked.file == file_of(OLD, 1)


@pytest.mark.parametrize("now", [entry_of(OLD, 1), entry_of(NEW, 2)])
@virtual_time
async def test_a_file_that_is_never_what_drive_says_is_looked_up_once_and_set_aside(
    now: Entry,
) -> None:
    desk = Desk(b"neither of them", now)
    assert (await desk.refusal()).reason == "content_mismatch"
    assert desk.drive.looked_up == ["file-1"]
    assert len(desk.drive.opened) == desk.tracked.attempts == 4


@pytest.mark.parametrize("trouble", [NOT_FOUND, BreaksOff(4, NOT_FOUND), Answers(b"other bytes")])
@virtual_time
async def test_a_file_that_is_gone_says_so(trouble: Any) -> None:
    desk = Desk(OLD, entry_of(OLD, 1))
    del desk.drive.items["file-1"]
    desk.drive.open_troubles["file-1"].append(trouble)
    why = await desk.refusal()
    assert why.reason == "gone"
    assert "After its folder was listed" in why.message


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"trashed": True}, "trashed"),
        ({"mime_type": "application/pdf"}, "not_an_image"),
        ({"can_download": False}, "not_permitted"),
    ],
)
@virtual_time
async def test_what_cannot_be_imported_any_more_says_why(
    changes: dict[str, Any], reason: str
) -> None:
    desk = Desk(NEW, entry_of(OLD, 2, **changes))
    assert (await desk.refusal()).reason == reason


@virtual_time
async def test_a_file_that_can_be_looked_up_but_not_opened_is_tried_once_more() -> None:
    desk = Desk(OLD, entry_of(OLD, 1))
    desk.drive.open_troubles["file-1"].append(NOT_FOUND)
    await desk.copy_it()
    desk.drive.open_troubles["file-1"].extend([NOT_FOUND] * 2)
    desk.store.objects.clear()
    assert (await desk.refusal()).reason == "not_found"


@pytest.mark.parametrize(
    "trouble",
    [
        TryAgain("drive_unavailable", "Trouble."),
        RateLimited("drive_rate_limited", "Slower."),
        Stop("key_refused", "No."),
    ],
)
@virtual_time
async def test_no_other_trouble_leads_to_a_look_up(trouble: Verdict) -> None:
    desk = Desk(OLD, entry_of(OLD, 1))
    desk.drive.open_troubles["file-1"].append(trouble)
    await desk.copy_it()
    assert desk.drive.looked_up == []


@pytest.mark.parametrize(
    "trouble",
    [
        TryAgain("drive_unavailable", "Trouble."),
        RateLimited("slow", "Slower."),
        Stop("key_refused", "No."),
    ],
)
@virtual_time
async def test_a_look_up_that_fails_is_made_again(trouble: Verdict) -> None:
    desk = Desk(NEW, entry_of(NEW, 2))
    desk.drive.look_up_troubles["file-1"].extend([trouble] * 5)
    assert (await desk.copy_it()).size == len(NEW)
    assert len(desk.drive.looked_up) == 6


@virtual_time
async def test_a_look_up_that_is_refused_says_why_and_not_that_the_file_is_gone() -> None:
    desk = Desk(NEW, entry_of(NEW, 2))
    refused = SetAside("drive_refused", "Google Drive answered 400.")
    desk.drive.look_up_troubles["file-1"].append(refused)
    assert await desk.refusal() is refused


@pytest.mark.parametrize(
    ("file", "now"),
    [
        (file_of(OLD, 1), entry_of(OLD, 1)),
        (file_of(OLD, 1, sha256=None), entry_of(OLD, 1)),
        (file_of(OLD, 0), entry_of(OLD, 5)),
        (file_of(OLD, 1, size=None), entry_of(OLD, 1)),
        (file_of(OLD, 5), entry_of(NEW, 4)),
        (file_of(OLD, 1), entry_of(NEW, 2, md5=None, sha256=None)),
        (file_of(OLD, 1), entry_of(OLD, 1, name="renamed.png")),
    ],
    ids=["equal", "less", "no version", "no size", "older", "no checksum", "renamed"],
)
def test_what_is_no_newer_version_is_not_taken_for_one(file: FileFound, now: Entry) -> None:
    assert newer_version(file, now) is None


def test_a_new_version_without_its_number_does_not_fall_behind_what_was_listed() -> None:
    newer = newer_version(file_of(OLD, 5), entry_of(NEW, 0))
    assert newer is not None
    assert newer.version == 5


def test_a_new_version_keeps_where_it_lies_and_who_asked_for_it() -> None:
    file = file_of(
        OLD, 1, import_id="i", epoch=3, round=4, folder_id="f", path=("a",), resource_key="0-k"
    )
    newer = newer_version(file, entry_of(NEW, 2))
    assert newer is not None
    assert (newer.import_id, newer.epoch, newer.round) == ("i", 3, 4)
    assert (newer.folder_id, newer.path, newer.resource_key) == ("f", ("a",), "0-k")
    assert newer.found_at == file.found_at

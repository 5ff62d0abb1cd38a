"""A file that is replaced, trashed or deleted between its listing and its download."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from services.core.errors import RateLimited, SetAside, Stop, TryAgain, Verdict
from services.core.events import FileFound, Mode
from services.core.object_key import object_key
from services.core.ports import Entry
from services.transfer.copy import WHOLE_BYTES, Copied, Copier
from services.transfer.current_version import Pursuit, successor
from services.transfer.memory import Budget
from tests.fakes.drive import Answers, BreaksOff, FakeDrive
from tests.fakes.object_store import FakeStore, Kept
from tests.fakes.samples import a_file

OLD, NEW = b"an old picture", b"a new picture, larger"
MISMATCH = TryAgain("content_mismatch", "No such range.")
NOT_FOUND = SetAside("not_found", "This file does not exist.")


def said_of(body: bytes, version: int, **changes: Any) -> FileFound:
    sums = {name: hashlib.new(name, body).hexdigest() for name in ("md5", "sha256")}
    return a_file(**({"size": len(body), "version": version} | sums | changes))


def entry_of(body: bytes, version: int, **changes: Any) -> Entry:
    file = said_of(body, version)
    entry = Entry(
        id=file.file_id,
        name=file.name,
        mime_type=file.mime_type,
        size=file.size,
        md5=file.md5,
        sha256=file.sha256,
        version=version,
    )
    return replace(entry, **changes)


class Desk:
    """A pursuit of the old picture, where Drive now holds `body` and says `now` of it."""

    def __init__(self, body: bytes, now: Entry | None, file: FileFound | None = None) -> None:
        self.drive, self.store = FakeDrive(), FakeStore()
        if now is not None:
            self.drive.add_entry("folder-1", now, body)
        self.pursuit = Pursuit(
            Copier(self.drive, self.store, Budget(64 * 1024 * 1024)), file or said_of(OLD, 1)
        )

    async def refusal(self) -> Verdict:
        with pytest.raises(Verdict) as caught:
            await self.pursuit.copy()
        assert self.store.objects == {}
        return caught.value


async def test_a_file_that_is_what_was_listed_is_not_looked_up() -> None:
    desk = Desk(OLD, entry_of(OLD, 1))
    await desk.pursuit.copy()
    assert desk.drive.looked_up == []
    assert desk.pursuit.file == said_of(OLD, 1)


@pytest.mark.parametrize("new", [NEW, b"", b"x" * len(OLD), b"x" * (WHOLE_BYTES + 1)])
async def test_a_file_replaced_meanwhile_is_stored_as_it_is_now(new: bytes) -> None:
    desk = Desk(new, entry_of(new, 2, name="new.png", width=7))
    copied = await desk.pursuit.copy()
    file = desk.pursuit.file
    assert file == said_of(new, 2, name="new.png", width=7)
    assert copied.object_key == object_key(file) != object_key(said_of(OLD, 1))
    assert desk.store.objects == {object_key(file): Kept(new, "image/png")}
    assert (copied.size, copied.md5) == (len(new), file.md5)
    assert desk.drive.looked_up == ["file-1"]


async def test_what_is_there_already_of_the_new_version_is_not_fetched() -> None:
    desk = Desk(NEW, entry_of(NEW, 2), said_of(OLD, 1, mode=Mode.CHECK))
    new = said_of(NEW, 2, mode=Mode.CHECK)
    desk.store.objects[object_key(new)] = Kept(NEW, "image/png")
    copied = await desk.pursuit.copy()
    assert copied.unchanged
    assert desk.drive.opened == ["file-1"]


async def test_a_range_that_is_gone_in_the_middle_is_looked_into() -> None:
    desk = Desk(NEW, entry_of(NEW, 2))
    desk.drive.open_troubles["file-1"].append(BreaksOff(4, MISMATCH))
    copied = await desk.pursuit.copy()
    assert copied.size == len(NEW)


async def test_broken_bytes_of_the_same_version_are_an_attempt_and_no_more() -> None:
    desk = Desk(OLD, entry_of(OLD, 1))
    desk.drive.open_troubles["file-1"].extend([Answers(b"an odd picture"), Answers(b"")])
    for _ in range(2):
        why = await desk.refusal()
        assert (type(why), why.reason) == (TryAgain, "content_mismatch")
    await desk.pursuit.copy()
    assert desk.drive.looked_up == ["file-1"] * 1
    assert desk.pursuit.file == said_of(OLD, 1)


async def test_a_file_that_changes_on_and_on_is_looked_up_once() -> None:
    desk = Desk(b"not even the new one", entry_of(NEW, 2))
    for _ in range(3):
        why = await desk.refusal()
        assert (type(why), why.reason) == (TryAgain, "content_mismatch")
    assert desk.drive.looked_up == ["file-1"]
    assert len(desk.drive.opened) == 4


@pytest.mark.parametrize("trouble", [NOT_FOUND, BreaksOff(4, NOT_FOUND), Answers(b"other bytes")])
async def test_a_file_that_is_gone_says_so(trouble: Any) -> None:
    desk = Desk(OLD, None)
    desk.drive.open_troubles["file-1"].append(trouble)
    why = await desk.refusal()
    assert (type(why), why.reason) == (SetAside, "gone")
    assert "was there when its folder was listed" in why.message


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"trashed": True}, "trashed"),
        ({"mime_type": "application/pdf", "version": 2}, "not_an_image"),
        ({"can_download": False, "version": 2}, "not_permitted"),
    ],
)
async def test_what_cannot_be_imported_any_more_says_why(
    changes: dict[str, Any], reason: str
) -> None:
    desk = Desk(NEW, replace(entry_of(OLD, 1), **changes))
    why = await desk.refusal()
    assert (type(why), why.reason) == (SetAside, reason)


async def test_a_file_that_cannot_be_found_but_looked_up_is_tried_again() -> None:
    desk = Desk(OLD, entry_of(OLD, 1))
    desk.drive.open_troubles["file-1"].append(NOT_FOUND)
    why = await desk.refusal()
    assert (type(why), why.reason) == (TryAgain, "not_found")
    await desk.pursuit.copy()


@pytest.mark.parametrize(
    "trouble",
    [
        TryAgain("drive_unavailable", "Trouble."),
        RateLimited("drive_rate_limited", "Slower."),
        Stop("key_refused", "No."),
        SetAside("abusive_file", "Withheld."),
    ],
)
async def test_another_trouble_is_not_looked_into(trouble: Verdict) -> None:
    desk = Desk(OLD, entry_of(OLD, 1))
    desk.drive.open_troubles["file-1"].append(trouble)
    assert await desk.refusal() is trouble
    assert desk.drive.looked_up == []


@pytest.mark.parametrize(
    "trouble", [TryAgain("drive_unavailable", "Trouble."), RateLimited("slow", "Slower.")]
)
async def test_a_look_up_that_fails_is_made_at_the_next_attempt(trouble: Verdict) -> None:
    desk = Desk(NEW, entry_of(NEW, 2))
    desk.drive.look_up_troubles["file-1"].append(trouble)
    assert await desk.refusal() is trouble
    copied: Copied = await desk.pursuit.copy()
    assert copied.size == len(NEW)


async def test_a_look_up_that_is_refused_says_why_and_not_that_the_file_is_gone() -> None:
    desk = Desk(NEW, entry_of(NEW, 2))
    refused = SetAside("drive_refused", "Google Drive answered 400.")
    desk.drive.look_up_troubles["file-1"].append(refused)
    assert await desk.refusal() is refused


@pytest.mark.parametrize(
    ("file", "now"),
    [
        (said_of(OLD, 1), entry_of(OLD, 1)),
        (said_of(OLD, 1, sha256=None), entry_of(OLD, 1)),
        (said_of(OLD, 0), entry_of(OLD, 5)),
        (said_of(OLD, 1, size=None), entry_of(OLD, 1)),
        (said_of(OLD, 5), entry_of(NEW, 4)),
        (said_of(OLD, 1), entry_of(NEW, 2, md5=None, sha256=None)),
        (said_of(OLD, 1), entry_of(OLD, 1, name="renamed.png")),
    ],
    ids=["equal", "less", "no version", "no size", "older", "no checksum", "renamed"],
)
def test_what_is_no_newer_version_is_not_taken_for_one(file: FileFound, now: Entry) -> None:
    assert successor(file, now) is None


def test_a_new_version_without_its_number_does_not_fall_behind_what_was_listed() -> None:
    newer = successor(said_of(OLD, 5), entry_of(NEW, 0))
    assert newer is not None
    assert newer.version == 5


def test_a_new_version_keeps_where_it_lies_and_who_asked_for_it() -> None:
    file = said_of(
        OLD, 1, import_id="i", epoch=3, round=4, folder_id="f", path=("a",), resource_key="0-k"
    )
    newer = successor(file, entry_of(NEW, 2))
    assert newer is not None
    assert (newer.import_id, newer.epoch, newer.round) == ("i", 3, 4)
    assert (newer.folder_id, newer.path, newer.resource_key) == ("f", ("a",), "0-k")
    assert newer.found_at == file.found_at

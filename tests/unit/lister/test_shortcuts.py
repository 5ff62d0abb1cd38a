"""A shortcut counts as what its target is now. A target that cannot be seen is reported, and
nothing counts twice."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from services.core import events as e
from services.core.errors import NOT_FOUND, CoolDown, RateLimited, SetAside, TryAgain, Verdict
from services.core.object_key import object_key
from services.core.ports import FOLDER_TYPE, SHORTCUT_TYPE, Entry, Page, Target
from services.lister.pages import ELSEWHERE
from services.lister.service import LOOK_UPS_AT_ONCE
from tests.fakes.drive import FakeDrive
from tests.fakes.listing import Listing
from tests.fakes.samples import a_request, an_image
from tests.fakes.virtual_time import now, virtual_time

DOCUMENT = "application/vnd.google-apps.document"
UNAVAILABLE = TryAgain("drive_unavailable", "Google Drive answers 503.")
REFUSED = SetAside("drive_refused", "Google Drive refused to show it.")


class SlowLookUps(FakeDrive):
    """Each look-up takes two seconds to begin."""

    async def look_up(self, item_id: str, *, resource_key: str | None) -> Entry:
        await asyncio.sleep(2)
        return await super().look_up(item_id, resource_key=resource_key)


class DeadTargets(FakeDrive):
    """It answers 500 for targets, and works otherwise."""

    async def look_up(self, item_id: str, *, resource_key: str | None) -> Entry:
        await asyncio.sleep(0.1)
        if item_id.startswith("dead"):
            raise UNAVAILABLE
        return await super().look_up(item_id, resource_key=resource_key)


def shortcut(to: str, mime_type: str = "image/png", **changes: Any) -> Entry:
    """A shortcut of its own name, which lies in a folder of its own id."""
    made = Entry(
        id=f"to-{to}",
        name=f"Shortcut to {to}",
        mime_type=SHORTCUT_TYPE,
        target=Target(id=to, mime_type=mime_type),
    )
    return replace(made, **changes)


def with_shortcut(entry: Entry, listing: Listing | None = None) -> Listing:
    listing = listing or Listing(FakeDrive())
    listing.drive.add_entry("root-1", an_image(0, id="beside"))
    listing.drive.add_entry("root-1", entry)
    return listing


def skipped(listing: Listing) -> dict[str, str]:
    return {s.id: s.reason for page in listing.published(e.PageListed) for s in page.skipped}


def found(listing: Listing, file_id: str) -> e.FileFound:
    (file,) = [f for f in listing.published(e.FileFound) if f.file_id == file_id]
    return file


async def test_a_picture_is_found_as_it_is_where_it_really_lies_and_once_for_both_ways() -> None:
    listing = with_shortcut(shortcut("pic"))
    entry = listing.drive.add_file("its-folder", "pic", b"bytes", name="real name.png")
    await listing.handle(a_request(path=("Holiday",)))
    by_shortcut = found(listing, "pic")
    assert (by_shortcut.name, by_shortcut.md5, by_shortcut.size) == (entry.name, entry.md5, 5)
    assert (by_shortcut.folder_id, by_shortcut.path) == ("its-folder", ("Holiday",))
    (brief,) = [b for b in listing.published(e.PageListed)[0].files if b.id == "pic"]
    assert brief.name == "real name.png"
    direct = Listing(listing.drive)
    await direct.handle(a_request(folder_id="its-folder"))
    assert found(direct, "pic").folder_id == "its-folder"
    assert object_key(found(direct, "pic")) == object_key(by_shortcut)


@pytest.mark.parametrize("parents", [("b", "a"), ("a", "b")])
async def test_of_several_folders_of_a_target_the_smallest_id_counts(
    parents: tuple[str, ...],
) -> None:
    """Drive names them in no order."""

    class TwoFolders(FakeDrive):
        async def look_up(self, item_id: str, *, resource_key: str | None) -> Entry:
            item = await super().look_up(item_id, resource_key=resource_key)
            return replace(item, parents=parents)

    listing = with_shortcut(shortcut("pic"), Listing(TwoFolders()))
    listing.drive.items["pic"] = an_image(1, id="pic")
    await listing.handle(a_request())
    assert found(listing, "pic").folder_id == "a"


async def test_a_picture_whose_folder_nobody_may_see_has_one_key_too() -> None:
    keys = set()
    for folder in ("root-1", "root-2"):
        listing = Listing(FakeDrive())
        listing.drive.items["pic"] = an_image(1, id="pic")
        listing.drive.add_entry(folder, shortcut("pic"))
        await listing.handle(a_request(folder_id=folder))
        assert found(listing, "pic").folder_id == ELSEWHERE
        keys.add(object_key(found(listing, "pic")))
    assert len(keys) == 1


async def test_a_target_is_asked_for_with_its_own_resource_key_which_stays_with_it() -> None:
    asked: list[tuple[str, str | None]] = []

    class Noting(FakeDrive):
        async def look_up(self, item_id: str, *, resource_key: str | None) -> Entry:
            asked.append((item_id, resource_key))
            return await super().look_up(item_id, resource_key=resource_key)

    listing = Listing(Noting())
    for name, mime_type in (("pic", "image/png"), ("folder", FOLDER_TYPE)):
        target = Target(id=name, mime_type=mime_type, resource_key=f"0-{name}")
        listing.drive.add_entry("root-1", shortcut(name, target=target))
    listing.drive.add_file("elsewhere", "pic", b"x")
    listing.drive.add_folder("folder")
    await listing.handle(a_request(resource_key="0-root"))
    assert sorted(asked) == [("folder", "0-folder"), ("pic", "0-pic")]
    assert found(listing, "pic").resource_key == "0-pic"
    (opened,) = listing.published(e.PageRequested)
    assert (opened.folder_id, opened.resource_key) == ("folder", "0-folder")


async def test_a_folder_is_opened_under_the_shortcuts_name() -> None:
    listing = with_shortcut(shortcut("far", FOLDER_TYPE, name="Nearby"))
    listing.drive.add_folder("far", name="Far away")
    listing.drive.add_file("far", "pic", b"x")
    await listing.list_all(a_request(ancestors=("above",), path=("Here",)))
    opened = next(p for p in listing.published(e.PageRequested) if p.folder_id == "far")
    assert (opened.path, opened.ancestors) == (("Here", "Nearby"), ("above", "root-1"))
    assert found(listing, "pic").path == ("Here", "Nearby")
    assert listing.closed == {"root-1", "far"}


@pytest.mark.parametrize("to", ["root-1", "above"])
async def test_a_way_back_up_is_neither_followed_nor_looked_up(to: str) -> None:
    listing = with_shortcut(shortcut(to, FOLDER_TYPE))
    await listing.handle(a_request(ancestors=("above",)))
    assert skipped(listing) == {f"to-{to}": "folder_cycle"}
    assert listing.drive.looked_up == []


async def test_two_folders_that_point_at_each_other_are_listed_once_each() -> None:
    listing = Listing(FakeDrive())
    for here, there in (("root-1", "other"), ("other", "root-1")):
        listing.drive.add_folder(here)
        listing.drive.add_entry(here, shortcut(there, FOLDER_TYPE))
    await listing.list_all(a_request())
    assert [folder for folder, _ in listing.drive.listed] == ["root-1", "other"]
    assert listing.closed == {"root-1", "other"}


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        ({"trashed": True}, "trashed"),
        ({"mime_type": "text/plain"}, "not_an_image"),
        ({"mime_type": DOCUMENT}, "google_document"),
        ({"mime_type": SHORTCUT_TYPE}, "shortcut"),
        ({"can_download": False}, "not_downloadable"),
    ],
)
async def test_what_the_target_is_now_decides_not_what_the_shortcut_remembers(
    now: dict[str, Any], reason: str
) -> None:
    listing = with_shortcut(shortcut("target", "image/png"))
    listing.drive.items["target"] = replace(an_image(1, id="target"), **now)
    await listing.handle(a_request())
    assert skipped(listing) == {"to-target": reason}
    assert listing.found == {"beside"}


async def test_a_picture_is_found_though_the_shortcut_remembers_a_text() -> None:
    listing = with_shortcut(shortcut("target", "text/plain"))
    listing.drive.items["target"] = an_image(1, id="target")
    await listing.handle(a_request())
    assert listing.found == {"beside", "target"}


@pytest.mark.parametrize("entry", [shortcut("gone"), shortcut("gone", target=None)])
async def test_a_shortcut_to_nothing_is_skipped_as_that(entry: Entry) -> None:
    listing = with_shortcut(entry)
    await listing.handle(a_request())
    assert skipped(listing) == {"to-gone": "shortcut_dangling"}
    assert listing.found == {"beside"}


async def test_a_shortcut_in_the_trash_is_not_followed() -> None:
    listing = with_shortcut(shortcut("pic", trashed=True))
    await listing.handle(a_request())
    assert skipped(listing) == {"to-pic": "trashed"}
    assert listing.drive.looked_up == []


async def test_a_file_beside_its_shortcuts_is_found_once_and_not_looked_up() -> None:
    listing = Listing(FakeDrive())
    listing.drive.add_entry("root-1", shortcut("pic"))
    listing.drive.add_file("root-1", "pic", b"x")
    listing.drive.add_entry("root-1", shortcut("pic", id="second way"))
    await listing.handle(a_request())
    assert [file.file_id for file in listing.published(e.FileFound)] == ["pic"]
    assert listing.drive.looked_up == []


async def test_two_shortcuts_to_one_file_ask_once_and_find_it_once() -> None:
    listing = Listing(FakeDrive())
    listing.drive.items["pic"] = an_image(1, id="pic")
    listing.drive.add_entry("root-1", shortcut("pic"))
    listing.drive.add_entry("root-1", shortcut("pic", id="second way"))
    await listing.handle(a_request())
    assert [file.file_id for file in listing.published(e.FileFound)] == ["pic"]
    assert listing.drive.looked_up == ["pic"]


async def test_of_two_shortcuts_to_one_file_the_first_gives_the_resource_key() -> None:
    listing = Listing(FakeDrive())
    listing.drive.items["pic"] = an_image(1, id="pic")
    for key in ("0-first", "0-second"):
        target = Target(id="pic", mime_type="image/png", resource_key=key)
        listing.drive.add_entry("root-1", shortcut("pic", id=f"by {key}", target=target))
    await listing.handle(a_request())
    assert found(listing, "pic").resource_key == "0-first"


async def test_a_shortcut_to_a_shortcut_on_the_same_page_is_skipped() -> None:
    listing = Listing(FakeDrive())
    listing.drive.items["pic"] = an_image(1, id="pic")
    listing.drive.add_entry("root-1", shortcut("pic"))
    listing.drive.add_entry("root-1", shortcut("to-pic", SHORTCUT_TYPE))
    await listing.handle(a_request())
    assert skipped(listing) == {"to-to-pic": "shortcut"}
    assert listing.found == {"pic"}


async def test_a_picture_that_cannot_be_looked_up_fails_alone_under_the_shortcuts_name() -> None:
    listing = with_shortcut(shortcut("pic"))
    listing.drive.items["pic"] = an_image(1, id="pic")
    listing.drive.look_up_troubles["pic"].append(REFUSED)
    await listing.handle(a_request(round=2, epoch=3))
    (failed,) = listing.published(e.FileFailed)
    assert (failed.file_id, failed.reason, failed.file) == ("pic", "drive_refused", None)
    assert (failed.round, failed.epoch) == (2, 3)
    (listed,) = listing.published(e.PageListed)
    assert [(b.id, b.name) for b in listed.files] == [
        ("beside", "picture 0.jpg"),
        ("pic", "Shortcut to pic"),
    ]
    assert listing.closed == {"root-1"}


async def test_a_folder_that_cannot_be_looked_up_fails_and_counts() -> None:
    listing = with_shortcut(shortcut("far", FOLDER_TYPE))
    listing.drive.look_up_troubles["far"].append(REFUSED)
    await listing.handle(a_request(path=("Here",)))
    (failed,) = listing.published(e.FolderFailed)
    assert (failed.folder_id, failed.reason) == ("far", "drive_refused")
    assert failed.path == ("Here", "Shortcut to far")
    (listed,) = listing.published(e.PageListed)
    assert [brief.id for brief in listed.opened] == ["far"]
    assert listed.closes


async def test_what_was_no_picture_and_cannot_be_looked_up_is_skipped_with_that_reason() -> None:
    listing = with_shortcut(shortcut("text", "text/plain"))
    listing.drive.look_up_troubles["text"].append(REFUSED)
    await listing.handle(a_request())
    assert skipped(listing) == {"to-text": "drive_refused"}


@pytest.mark.parametrize(
    "why",
    [
        UNAVAILABLE,
        CoolDown("automated_queries", "A robot.", 600.0),
        RateLimited("drive_rate_limited", "Slower."),
    ],
)
@virtual_time
async def test_an_outage_between_a_page_and_its_targets_is_waited_out(why: Verdict) -> None:
    listing = with_shortcut(shortcut("pic"), Listing(SlowLookUps()))
    listing.drive.items["pic"] = an_image(1, id="pic")
    handling = asyncio.create_task(listing.handle(a_request()))
    await asyncio.sleep(1)
    listing.drive.down = why
    await asyncio.sleep(6 * 3600)
    assert listing.publications.events == []
    listing.drive.down = None
    await handling
    assert listing.found == {"beside", "pic"}


@pytest.mark.parametrize("others_succeed", [True, False])
@virtual_time
async def test_a_thousand_targets_without_an_answer_fail_within_minutes(
    others_succeed: bool,
) -> None:
    async def yes() -> bool:
        return True

    listing = Listing(DeadTargets(), check=yes)
    listing.drive.add_folder("healthy")
    for number in range(1000):
        listing.drive.add_entry("root-1", shortcut(f"dead-{number}"))
    handling = asyncio.create_task(listing.handle(a_request()))
    while not handling.done():
        await asyncio.sleep(1)
        if others_succeed:
            await listing.reader.look_up("healthy", None)
    assert len(listing.published(e.FileFailed)) == 1000
    assert now() < 15 * 60


@virtual_time
async def test_targets_are_looked_up_several_at_once_and_never_too_many() -> None:
    class Slow(FakeDrive):
        now = most = 0

        async def look_up(self, item_id: str, *, resource_key: str | None) -> Entry:
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(1)
            self.now -= 1
            return await super().look_up(item_id, resource_key=resource_key)

    drive = Slow()
    for number in range(50):
        drive.items[f"pic-{number}"] = an_image(number, id=f"pic-{number}")
        drive.add_entry("root-1", shortcut(f"pic-{number}"))
    listing = Listing(drive)
    await listing.handle(a_request())
    assert len(listing.found) == 50
    assert drive.most == LOOK_UPS_AT_ONCE


@virtual_time
async def test_a_page_that_is_cancelled_during_its_look_ups_publishes_nothing() -> None:
    listing = with_shortcut(shortcut("pic"))
    listing.drive.look_up_troubles["pic"].append(CoolDown("automated_queries", "A robot.", 600.0))
    handling = asyncio.create_task(listing.handle(a_request()))
    await asyncio.sleep(60)
    handling.cancel()
    await asyncio.wait({handling})
    assert (handling.cancelled(), now()) == (True, 60)
    assert listing.breaker.waiting_for is None
    assert listing.publications.events == []


async def test_a_confirming_pass_follows_no_shortcut() -> None:
    listing = with_shortcut(shortcut("pic"))
    listing.drive.items["pic"] = an_image(1, id="pic")
    await listing.handle(a_request(pass_number=1, confirms=True, before=e.ListingDigest()))
    assert listing.drive.looked_up == []
    assert listing.found == set()


ROOT = Entry(
    id="root-1",
    name="To the pictures",
    mime_type=SHORTCUT_TYPE,
    target=Target(id="album", mime_type=FOLDER_TYPE, resource_key="0-target"),
)


class Keyed(FakeDrive):
    """`album` needs its resource key, in each request."""

    async def look_up(self, item_id: str, *, resource_key: str | None) -> Entry:
        if item_id == "album" and resource_key != "0-target":
            raise SetAside(NOT_FOUND, "No key.")
        return await super().look_up(item_id, resource_key=resource_key)

    async def list_page(self, folder_id: str, *, resource_key: str | None, **asked: Any) -> Page:
        if folder_id == "album" and resource_key != "0-target":
            raise SetAside(NOT_FOUND, "No key.")
        return await super().list_page(folder_id, resource_key=resource_key, **asked)


@pytest.mark.parametrize("lists_nothing", [True, False])
async def test_a_pasted_shortcut_to_a_folder_is_followed_with_the_targets_key(
    lists_nothing: bool,
) -> None:
    """Whether Drive lists nothing for it, or says that there is no such folder."""
    listing = Listing(Keyed())
    listing.drive.items["root-1"] = ROOT
    if lists_nothing:
        listing.drive.folders["root-1"] = []
    listing.drive.add_folder("album")
    listing.drive.add_folder("below", parent="album")
    for number in range(3):
        listing.drive.add_file("album", f"file-{number}", b"x")
    listing.drive.add_file("below", "deep", b"x")
    listing.drive.add_entry("below", shortcut("root-1"))
    await listing.list_all(a_request())
    assert listing.found == {"file-0", "file-1", "file-2", "deep"}
    assert listing.closed == {"root-1", "album", "below"}
    assert listing.published(e.FolderFailed) == []
    assert {file.folder_id for file in listing.published(e.FileFound)} == {"album", "below"}


@pytest.mark.parametrize(
    ("target", "reason", "words"),
    [
        (an_image(0, id="album"), "not_a_folder", "a shortcut to a file"),
        (Entry(id="album", name="", mime_type=DOCUMENT), "not_a_folder", "to a Google document"),
        (Entry(id="album", name="", mime_type=FOLDER_TYPE, trashed=True), "trashed", "trash"),
        (None, "shortcut_dangling", "deleted or is not shared"),
    ],
)
async def test_a_pasted_shortcut_to_anything_else_says_what_it_is(
    target: Entry | None, reason: str, words: str
) -> None:
    listing = Listing(FakeDrive())
    listing.drive.items["root-1"] = ROOT
    listing.drive.folders["root-1"] = []
    if target is not None:
        listing.drive.items["album"] = target
    await listing.list_all(a_request())
    (failed,) = listing.published(e.FolderFailed)
    assert (failed.folder_id, failed.reason) == ("root-1", reason)
    assert words in failed.message
    assert listing.closed == set()


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (an_image(0, id="root-1"), "This is a file,"),
        (replace(ROOT, mime_type=DOCUMENT), "document"),
    ],
)
async def test_what_is_no_folder_and_not_listed_says_what_it_is(item: Entry, words: str) -> None:
    listing = Listing(FakeDrive())
    listing.drive.items["root-1"] = item
    await listing.list_all(a_request())
    (failed,) = listing.published(e.FolderFailed)
    assert failed.reason == "not_a_folder"
    assert words in failed.message


@virtual_time
async def test_a_pasted_shortcut_waits_for_a_drive_that_is_down_and_is_then_followed() -> None:
    listing = Listing(FakeDrive())
    listing.drive.items["root-1"] = ROOT
    listing.drive.folders["root-1"] = []
    listing.drive.add_file("album", "file-1", b"x")
    listing.drive.add_folder("album")
    listing.drive.look_up_troubles["album"].extend([UNAVAILABLE] * 2)
    await listing.list_all(a_request())
    assert listing.found == {"file-1"}

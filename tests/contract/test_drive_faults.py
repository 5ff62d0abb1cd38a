"""A Drive that breaks off, lies and changes: each case ends in one of the three verbs."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from drive_emulator.testing import RunningEmulator, running_emulator
from services.adapters.drive.client import Drive
from services.core.errors import CoolDown, SetAside, TryAgain, Verdict
from services.core.object_key import object_key
from services.core.ports import SHORTCUT_TYPE, Target
from tests.contract.odd_drive import (
    MIB,
    PATIENT,
    TREE,
    Desk,
    ask,
    entry_of,
    found,
    reaching,
    read_all,
    until_silence,
)
from tests.fakes.google import QuotaRecorder
from tests.fakes.object_store import Kept
from tests.fakes.patience import undisturbed
from tests.fakes.samples import a_file

pytestmark = pytest.mark.real
RESET = {"do": "reset"}


@pytest.fixture(scope="module")
def started() -> Iterator[RunningEmulator]:
    with running_emulator() as emulator:
        emulator.add_tree(TREE, render=True)
        yield emulator


@pytest.fixture
def emulator(started: RunningEmulator) -> Iterator[RunningEmulator]:
    yield started
    started.clear_faults()
    started.knobs(redirect_media=False)


@pytest.fixture
async def drive(emulator: RunningEmulator) -> AsyncIterator[Drive]:
    async with reaching(emulator) as drive:
        yield drive


@pytest.mark.parametrize(
    ("effect", "reason"),
    [
        ({"do": "truncate", "share": 0.5, "length": "wrong"}, "download_interrupted"),
        ({"do": "truncate", "share": 0.5, "length": "right"}, "content_mismatch"),
        ({"do": "truncate", "after_bytes": 0, "length": "right"}, "content_mismatch"),
        ({"do": "reset", "after_bytes": 100}, "download_interrupted"),
        (RESET, "drive_unavailable"),
        ({"do": "stall", "after_bytes": 100}, "download_interrupted"),
        ({"do": "silence"}, "drive_unavailable"),
        ({"do": "flip", "offset": 10_000}, "content_mismatch"),
        ({"do": "gzip_garbage"}, "content_mismatch"),
        ({"do": "refuse", "reason": "automatedQueries", "status": 200}, "automated_queries"),
        ({"do": "refuse", "reason": "badGateway", "status": 200}, "content_mismatch"),
    ],
    ids=str,
)
async def test_missing_or_wrong_bytes_are_tried_again_and_then_right(
    emulator: RunningEmulator, drive: Drive, effect: dict[str, object], reason: str
) -> None:
    entry = await entry_of(drive, emulator, "small.jpg")
    emulator.fault(effect, kinds=["media"])
    async with reaching(emulator, until_silence(effect)) as impatient:
        why = await Desk(impatient, entry).refusal()
    emulator.clear_faults()
    assert why.reason == reason
    assert isinstance(why, TryAgain | CoolDown)
    desk = Desk(drive, entry)
    await desk.stored()
    assert desk.copy.file == desk.file


@pytest.mark.parametrize(
    ("effect", "reason"),
    [
        ({"do": "truncate", "share": 0.5, "length": "right"}, "answer_unreadable"),
        ({"do": "truncate", "share": 0.5, "length": "wrong"}, "drive_unavailable"),
        ({"do": "refuse", "reason": "badGateway", "status": 200}, "answer_unreadable"),
        ({"do": "refuse", "reason": "automatedQueries", "status": 200}, "automated_queries"),
        ({"do": "gzip_garbage"}, "drive_unavailable"),
        ({"do": "stall", "after_bytes": 100}, "drive_unavailable"),
        ({"do": "silence"}, "drive_unavailable"),
        (RESET, "drive_unavailable"),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["list", "get"])
async def test_a_malformed_answer_is_tried_again_and_then_right(
    emulator: RunningEmulator, drive: Drive, kind: str, effect: dict[str, object], reason: str
) -> None:
    folder_id = emulator.folder_id("faults")
    emulator.fault(effect, kinds=[kind], first=2 if effect == RESET else 1)
    async with reaching(emulator, until_silence(effect)) as impatient:
        with pytest.raises(Verdict) as caught:
            await ask(impatient, kind, folder_id)
    assert caught.value.reason == reason
    assert isinstance(caught.value, TryAgain | CoolDown)
    await ask(drive, kind, folder_id)


@pytest.mark.parametrize(
    "effect",
    [
        {"do": "reset", "after_bytes": 3 * MIB},
        {"do": "truncate", "after_bytes": 3 * MIB, "length": "wrong"},
        {"do": "truncate", "after_bytes": 3 * MIB, "length": "right"},
        {"do": "stall", "after_bytes": 3 * MIB},
    ],
    ids=str,
)
async def test_a_large_file_resumes_where_it_broke_off(
    emulator: RunningEmulator, effect: dict[str, object]
) -> None:
    quota, limits = QuotaRecorder(), until_silence(effect)
    if effect["do"] == "stall":  # a pause of this machine is not to pass for one of Drive
        limits = replace(limits, silence=1.5)
    async with reaching(emulator, limits, quota) as drive:
        desk = Desk(drive, await entry_of(drive, emulator, "big.jpg"))
        emulator.fault(effect, kinds=["media"], first=3)
        before = len(emulator.log("media"))
        copied = await desk.stored()
    asked = emulator.log("media")[before:]
    assert copied.size == 12 * MIB
    # Each answer gave 3 MiB or less: what was on its way when the connection broke is lost.
    assert [line["status"] for line in asked[1:]] == [206] * (len(asked) - 1)
    assert 2 <= len(asked) <= 1 + limits.resumes
    assert quota.spent[1:] == [200] * len(asked)


@pytest.mark.parametrize(
    ("effect", "reason"),
    [
        ({"do": "ignore_range"}, "download_interrupted"),
        ({"do": "wrong_part", "by": -5}, "content_mismatch"),
        ({"do": "refuse", "reason": "requestedRangeNotSatisfiable"}, "content_mismatch"),
    ],
    ids=str,
)
async def test_a_wrong_range_is_not_appended(
    emulator: RunningEmulator, drive: Drive, effect: dict[str, object], reason: str
) -> None:
    desk = Desk(drive, await entry_of(drive, emulator, "big.jpg"))
    emulator.fault({"do": "reset", "after_bytes": 3 * MIB}, kinds=["media"], first=1)
    emulator.fault(effect, kinds=["media"], from_=2, to=2)
    if effect["do"] != "wrong_part":  # a part that is too short is only another break
        with pytest.raises(TryAgain) as caught:
            await read_all(drive, desk.file)
        assert caught.value.reason == reason
    await desk.stored()


async def test_a_large_file_replaced_during_its_download_is_stored_as_it_is_now(
    emulator: RunningEmulator, drive: Drive
) -> None:
    desk = Desk(drive, await entry_of(drive, emulator, "bigger.jpg"))
    emulator.fault({"do": "truncate", "after_bytes": 3 * MIB}, kinds=["media"], first=1)

    async with drive.open(desk.file) as chunks:
        assert await anext(chunks)
        emulator.mutate("replace", id=desk.file.file_id, size=9 * MIB)
        with pytest.raises(TryAgain) as caught:
            [chunk async for chunk in chunks]
    assert caught.value.reason == "content_mismatch"
    copied = await desk.stored()
    assert copied.size == 9 * MIB
    assert desk.copy.file.version > desk.file.version


async def test_a_connection_is_not_used_again_with_an_old_time_limit(
    emulator: RunningEmulator, drive: Drive
) -> None:
    """aiohttp may leave the timer of a large body running on a connection that it keeps."""
    file = found(await entry_of(drive, emulator, "bigger.jpg"))

    async def downloads() -> None:
        async with reaching(emulator, replace(PATIENT, silence=1.0)) as impatient:
            for _ in range(3):
                async with impatient.open(file) as chunks:
                    async for _ in chunks:
                        await asyncio.sleep(0.002)  # slower than Drive, which stops and goes on
                await asyncio.sleep(1.1)

    await undisturbed(downloads, stall=0.3)
    log = [line for line in emulator.log("media") if line["path"].endswith(file.file_id)]
    assert [line["bytes"] for line in log[-3:]] == [file.size] * 3


async def test_a_file_replaced_after_listing_is_stored_as_it_is_now(
    emulator: RunningEmulator, drive: Drive
) -> None:
    desk = Desk(drive, await entry_of(drive, emulator, "new.jpg"))
    emulator.mutate("replace", id=desk.file.file_id)
    copied = await desk.stored()
    now = found(await drive.look_up(desk.file.file_id, resource_key=None))
    assert (now.size, now.md5 == desk.file.md5) == (desk.file.size, False)
    assert (copied.md5, copied.object_key) == (now.md5, object_key(desk.copy.file))
    assert desk.copy.file.version == now.version > desk.file.version


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [("lost.jpg", "delete", "gone"), ("private.jpg", "unshare", "gone")],
)
async def test_a_file_that_is_gone_after_listing_says_so(
    emulator: RunningEmulator, drive: Drive, name: str, change: str, reason: str
) -> None:
    desk = Desk(drive, await entry_of(drive, emulator, name))
    emulator.mutate(change, id=desk.file.file_id)
    why = await desk.refusal()
    assert (type(why), why.reason) == (SetAside, reason)


async def test_a_changed_file_in_the_trash_says_so(emulator: RunningEmulator, drive: Drive) -> None:
    desk = Desk(drive, await entry_of(drive, emulator, "bin.jpg"))
    emulator.mutate("replace", id=desk.file.file_id)
    emulator.mutate("trash", id=desk.file.file_id)
    why = await desk.refusal()
    assert (type(why), why.reason) == (SetAside, "trashed")


@pytest.mark.parametrize("name", ["bare.jpg", "empty.jpg", "heic.jpg", "odd.jpg"])
async def test_an_odd_file_is_stored_with_its_bytes(
    emulator: RunningEmulator, drive: Drive, name: str
) -> None:
    entry = await entry_of(drive, emulator, name)
    desk = Desk(drive, entry)
    await desk.stored()
    ranges = [line for line in emulator.log("media") if line["status"] == 206]
    assert all(line.get("file_id", line.get("id")) != entry.id for line in ranges)
    if name == "odd.jpg":
        assert entry.size is None
    if name == "empty.jpg":
        assert list(desk.store.objects.values()) == [Kept(b"", "image/jpeg")]


async def test_a_page_under_a_pictures_name_is_set_aside(
    emulator: RunningEmulator, drive: Drive
) -> None:
    desk = Desk(drive, await entry_of(drive, emulator, "page.jpg"))
    why = await desk.refusal()
    assert (type(why), why.reason) == (SetAside, "content_not_an_image")
    assert not desk.store.objects


async def test_a_name_of_5000_characters_is_cut_and_the_file_is_stored(
    emulator: RunningEmulator, drive: Drive
) -> None:
    entry = await entry_of(drive, emulator, "n" * 5_000 + ".jpg")
    assert entry.name == "n" * 1024
    desk = Desk(drive, entry)
    await desk.stored()


@pytest.mark.parametrize(
    "fields", [{"size": "1" * 5_000}, {"size": None, "md5Checksum": None, "sha1Checksum": 5}]
)
async def test_a_malformed_value_of_the_listing_is_dropped_and_the_file_is_stored(
    emulator: RunningEmulator, drive: Drive, fields: dict[str, object]
) -> None:
    emulator.fault({"do": "set", "fields": fields}, kinds=["list"])
    entry = await entry_of(drive, emulator, "small.jpg")
    assert entry.size is None
    await Desk(drive, entry).stored()


async def test_a_download_follows_the_redirect_to_google_s_signed_address(
    emulator: RunningEmulator,
) -> None:
    emulator.knobs(redirect_media=True)
    quota = QuotaRecorder()
    async with reaching(emulator, quota=quota) as drive:
        desk = Desk(drive, await entry_of(drive, emulator, "small.jpg"))
        await desk.stored()
    assert quota.spent == [100, 200]


async def test_an_older_link_needs_its_resource_key(
    emulator: RunningEmulator, drive: Drive
) -> None:
    emulator.add_tree(
        {
            "name": "older",
            "items": [
                {"path": "in", "kind": "folder", "ref": "in", "resourceKey": "0-folder"},
                {"path": ["in", "a.jpg"], "size": 9_000, "ref": "a", "resourceKey": "0-file"},
                {"path": "link", "kind": "shortcut", "ref": "link", "target": "a"},
            ],
        }
    )
    refs = emulator.refs("older")
    (entry,) = (await drive.list_page(refs["in"], token=None, resource_key="0-folder")).entries
    assert entry.resource_key == "0-file"
    file = a_file(file_id=entry.id, resource_key=entry.resource_key)
    async with drive.open(file) as chunks:
        assert sum([len(chunk) async for chunk in chunks]) == entry.size
    shortcut = await drive.look_up(refs["link"], resource_key=None)
    assert shortcut.mime_type == SHORTCUT_TYPE
    assert shortcut.target == Target(id=refs["a"], mime_type="image/jpeg", resource_key="0-file")
    there = await drive.look_up(refs["a"], resource_key="0-file")
    assert (there.id, there.parents) == (entry.id, (refs["in"],))
    for resource_key in (None, "0-wrong"):
        with pytest.raises(SetAside) as caught:
            await drive.look_up(refs["a"], resource_key=resource_key)
        assert caught.value.reason == "not_found"

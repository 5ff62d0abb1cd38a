"""One suite for the Drive in memory and for the adapter against a Drive server."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import pytest

from drive_emulator.testing import RunningEmulator, running_emulator
from services.adapters.drive.client import Drive, open_drive
from services.adapters.drive.settings import DriveSettings
from services.core.errors import SetAside, Stop, TryAgain
from services.core.ports import FOLDER_TYPE, Entry, ReadsFolders, ServesFiles
from services.core.settings import Secret
from tests.fakes.drive import FakeDrive
from tests.fakes.google import QuotaRecorder
from tests.fakes.samples import a_file

PAGE = 4
PICTURES = 10
NO_FOLDER = "1nobodyhasthisfolder00000000000000"


class ADrive(ReadsFolders, ServesFiles, Protocol):
    """All ports in one, as adapter and fake are."""


@dataclass(frozen=True)
class Expected:
    """What the server says of a file elsewhere than in the listing under test."""

    name: str
    size: int
    md5: str


@dataclass(frozen=True)
class Premises:
    """A Drive with one folder of pictures, in which there is another folder."""

    drive: ADrive
    drive_with_wrong_key: ADrive
    folder_id: str
    expected: Mapping[str, Expected]


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("account") / "account.json"


@pytest.fixture(scope="module")
def emulator(key_file: Path) -> Iterator[RunningEmulator]:
    with running_emulator(options=["--service-account", str(key_file)]) as emulator:
        emulator.add_tree({"name": "contract", "pictures": 2 * PICTURES, "depth": 1, "fan_out": 1})
        yield emulator


@asynccontextmanager
async def real_premises(
    emulator: RunningEmulator, key_file: Path | None = None
) -> AsyncIterator[Premises]:
    folder_id = emulator.folder_id("contract")
    async with AsyncExitStack() as stack:

        async def drive(key: str, account: Path | None = None) -> Drive:
            settings = DriveSettings(
                api_url=emulator.url, api_key=Secret(key), credentials_file=account
            )
            return await stack.enter_async_context(
                open_drive(settings, connections=16, quota=QuotaRecorder())
            )

        right = await drive("" if key_file else emulator.api_key, key_file)
        wrong = await drive("AIza-not-a-key-of-this-server")
        files = {
            file["id"]: Expected(file["name"], int(file["size"]), file["md5Checksum"])
            for file in emulator.files("contract")
            if file["path"] in {file["name"], "/" + file["name"]}
        }
        yield Premises(right, wrong, folder_id, files)


def fake_premises() -> Premises:
    drive = FakeDrive()
    drive.add_folder("folder")
    drive.add_folder("below", parent="folder")
    expected = {}
    for number in range(PICTURES):
        body = f"picture {number}".encode() * 10_000
        entry = drive.add_file("folder", f"file-{number}", body)
        expected[entry.id] = Expected(entry.name, len(body), entry.md5 or "")
    return Premises(drive, FakeDrive(key_is_right=False), "folder", expected)


@pytest.fixture(
    params=["fake", *(pytest.param(who, marks=pytest.mark.real) for who in ("key", "account"))]
)
async def premises(request: pytest.FixtureRequest) -> AsyncIterator[Premises]:
    """The fake, and the adapter with an API key and with a service account."""
    if request.param == "fake":
        yield fake_premises()
        return
    account = request.getfixturevalue("key_file") if request.param == "account" else None
    async with real_premises(request.getfixturevalue("emulator"), account) as premises:
        yield premises


async def all_entries(
    drive: ReadsFolders, folder_id: str, page_size: int = PAGE, ids_only: bool = False
) -> list[Entry]:
    entries: list[Entry] = []
    token = None
    while True:
        page = await drive.list_page(
            folder_id, token=token, resource_key=None, page_size=page_size, ids_only=ids_only
        )
        assert not page.incomplete
        entries += page.entries
        token = page.next_token
        if token is None:
            return entries


async def test_the_pages_are_the_whole_folder_without_a_repeat(premises: Premises) -> None:
    entries = await all_entries(premises.drive, premises.folder_id)
    assert len({entry.id for entry in entries}) == len(entries)
    images = {e.id: e for e in entries if e.mime_type.startswith("image/")}
    assert {
        id: Expected(entry.name, entry.size or 0, entry.md5 or "") for id, entry in images.items()
    } == premises.expected
    assert all(entry.can_download and not entry.trashed for entry in images.values())


async def test_a_page_is_no_longer_than_was_asked(premises: Premises) -> None:
    page = await premises.drive.list_page(
        premises.folder_id, token=None, resource_key=None, page_size=PAGE
    )
    assert 0 < len(page.entries) <= PAGE
    assert page.next_token


async def test_a_folder_smaller_than_a_page_comes_in_one(premises: Premises) -> None:
    page = await premises.drive.list_page(premises.folder_id, token=None, resource_key=None)
    assert len(page.entries) == PICTURES + 1
    assert page.next_token is None


@pytest.mark.parametrize("page_size", [1, PAGE, 1000])
async def test_ids_only_gives_the_ids_of_the_whole_folder(
    premises: Premises, page_size: int
) -> None:
    whole = await all_entries(premises.drive, premises.folder_id)
    ids = await all_entries(premises.drive, premises.folder_id, page_size, ids_only=True)
    assert sorted(entry.id for entry in ids) == sorted(entry.id for entry in whole)
    assert {(entry.name, entry.mime_type, entry.size, entry.md5) for entry in ids} == {
        ("", "", None, None)
    }


async def test_a_look_up_gives_what_the_listing_gave_and_the_parents(
    premises: Premises,
) -> None:
    for entry in await all_entries(premises.drive, premises.folder_id):
        found = await premises.drive.look_up(entry.id, resource_key=None)
        assert found == replace(entry, parents=(premises.folder_id,))


async def test_the_folder_itself_can_be_looked_up(premises: Premises) -> None:
    found = await premises.drive.look_up(premises.folder_id, resource_key=None)
    assert (found.id, found.mime_type, found.target) == (premises.folder_id, FOLDER_TYPE, None)


async def test_a_missing_item_cannot_be_looked_up(premises: Premises) -> None:
    with pytest.raises(SetAside) as caught:
        await premises.drive.look_up(NO_FOLDER, resource_key=None)
    assert caught.value.reason == "not_found"
    assert "does not exist, or it is not shared" in caught.value.message


async def test_a_subfolder_is_an_entry_that_can_be_listed(premises: Premises) -> None:
    entries = await all_entries(premises.drive, premises.folder_id)
    (folder,) = [entry for entry in entries if entry.mime_type == FOLDER_TYPE]
    assert (folder.size, folder.md5) == (None, None)
    await premises.drive.list_page(folder.id, token=None, resource_key=None)


async def test_the_bytes_match_size_and_checksum_of_the_listing(premises: Premises) -> None:
    for entry in (await all_entries(premises.drive, premises.folder_id))[-3:]:
        file = a_file(file_id=entry.id, size=entry.size, md5=entry.md5)
        async with premises.drive.open(file) as chunks:
            body = b"".join([chunk async for chunk in chunks])
        said = premises.expected[entry.id]
        assert (len(body), hashlib.md5(body).hexdigest()) == (said.size, said.md5)


async def test_a_download_left_unfinished_does_not_harm_the_next(premises: Premises) -> None:
    first, second = list(premises.expected)[:2]
    async with premises.drive.open(a_file(file_id=first)) as chunks:
        assert await anext(aiter(chunks))
    async with premises.drive.open(a_file(file_id=second)) as chunks:
        assert sum([len(chunk) async for chunk in chunks]) == premises.expected[second].size


async def test_many_files_are_read_at_once(premises: Premises) -> None:
    async def size_of(file_id: str) -> int:
        async with premises.drive.open(a_file(file_id=file_id)) as chunks:
            return sum([len(chunk) async for chunk in chunks])

    sizes = await asyncio.gather(*map(size_of, premises.expected))
    assert sizes == [said.size for said in premises.expected.values()]


async def test_a_missing_folder_is_set_aside(premises: Premises) -> None:
    with pytest.raises(SetAside) as caught:
        await premises.drive.list_page(NO_FOLDER, token=None, resource_key=None)
    assert caught.value.reason == "not_found"
    assert "does not exist, or it is not shared" in caught.value.message


async def test_a_missing_file_is_set_aside(premises: Premises) -> None:
    with pytest.raises(SetAside) as caught:
        async with premises.drive.open(a_file(file_id=NO_FOLDER)):
            pass
    assert caught.value.reason == "not_found"


@pytest.mark.parametrize("token", ["no such place", "~!!~9", "'"])
async def test_a_token_of_another_listing_is_refused(premises: Premises, token: str) -> None:
    with pytest.raises(SetAside) as caught:
        await premises.drive.list_page(premises.folder_id, token=token, resource_key=None)
    assert caught.value.reason == "page_token_invalid"


async def test_a_wrong_key_stops_everything_and_names_its_setting(premises: Premises) -> None:
    drive = premises.drive_with_wrong_key
    with pytest.raises(Stop) as caught:
        await drive.list_page(premises.folder_id, token=None, resource_key=None)
    assert caught.value.reason == "key_refused"
    assert "GOOGLE_API_KEY" in caught.value.message
    with pytest.raises(Stop) as caught:
        async with drive.open(a_file(file_id=next(iter(premises.expected)))):
            pass
    assert caught.value.reason == "key_refused"


@pytest.mark.real
async def test_an_unreachable_drive_is_tried_again(emulator: RunningEmulator) -> None:
    nobody = DriveSettings(api_url="http://127.0.0.1:1", api_key=Secret("k"))
    async with open_drive(nobody, connections=1, quota=QuotaRecorder()) as drive:
        with pytest.raises(TryAgain) as caught:
            await drive.list_page("F", token=None, resource_key=None)
    assert caught.value.reason == "drive_unreachable"


@pytest.mark.real
async def test_a_preview_gets_small_images(emulator: RunningEmulator) -> None:
    settings = DriveSettings(api_url=emulator.url, api_key=Secret(emulator.api_key))
    quota, folder_id = QuotaRecorder(), emulator.folder_id("contract")
    async with open_drive(settings, connections=8, quota=quota, thumbnail_links=True) as drive:
        page = await drive.list_page(folder_id, token=None, resource_key=None)
        links = [entry.thumbnail_link for entry in page.entries if entry.thumbnail_link]
        assert len(links) == PICTURES
        shown = await asyncio.gather(*map(drive.thumbnail, links))
        assert {small.mime_type for small in shown if small} == {"image/jpeg"}
        assert all(small and len(small.body) < 32 * 1024 for small in shown)
        assert await drive.thumbnail(links[0][:-1]) is None
    assert len(quota.spent) == 1


@pytest.mark.real
async def test_hostile_names_are_read_unchanged(emulator: RunningEmulator) -> None:
    settings = DriveSettings(api_url=emulator.url, api_key=Secret(emulator.api_key))
    async with open_drive(settings, connections=4, quota=QuotaRecorder()) as drive:
        entries = await all_entries(drive, emulator.folder_id("hostile"))
        by_id = {file["id"]: file for file in emulator.files("hostile")}
        images = [entry for entry in entries if entry.mime_type.startswith("image/")]
        assert images
        for entry in images:
            assert entry.name == by_id[entry.id]["name"]
            async with drive.open(a_file(file_id=entry.id)) as chunks:
                body = b"".join([chunk async for chunk in chunks])
            assert hashlib.md5(body).hexdigest() == entry.md5

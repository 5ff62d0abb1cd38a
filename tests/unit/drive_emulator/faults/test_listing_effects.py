"""Effects on listings and on the JSON of files."""

from typing import Any

import pytest

from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import File, Tree
from tests.unit.drive_emulator.clients import InProcessEmulator, reason

FOLDER = 8  # files in the folder that is listed


@pytest.fixture
def drive(store: TreeStore, small: Tree) -> InProcessEmulator:
    return InProcessEmulator(store, small)


def group(drive: InProcessEmulator, *more: str) -> str:
    folders = [File(drive.small, ordinal).id for ordinal in (1, 2)]
    return " or ".join(f"'{folder}' in parents" for folder in (*folders, *more))


async def test_a_listing_can_end_early(drive: InProcessEmulator) -> None:
    whole = await drive.ids()
    drive.fault("drop_token", {"from": 2})
    short = await drive.ids()
    assert [len(page) for page in whole] == [3, 3, 2]
    assert short == whole[:2]


async def test_a_page_token_can_repeat_for_ever(drive: InProcessEmulator) -> None:
    drive.fault("repeat_token")
    pages = await drive.ids(most=7)
    assert len(pages) == 7
    assert pages[1] == pages[2] == pages[6] != pages[0]


async def test_a_page_token_can_be_rejected(drive: InProcessEmulator) -> None:
    drive.fault("reject_token", {"from": 3, "times": 1})
    first = (await drive.listed(pageSize="3")).json()
    token = first["nextPageToken"]
    assert (await drive.listed(pageSize="3", pageToken=token)).status_code == 200
    refused = await drive.listed(pageSize="3", pageToken=token)
    assert reason(refused) == (400, "invalid", "pageToken")
    assert (await drive.listed(pageSize="3")).status_code == 200


@pytest.mark.parametrize("size", [0, 1])
async def test_a_page_can_be_short_or_empty(drive: InProcessEmulator, size: int) -> None:
    whole = await drive.all_ids()
    drive.fault("short_page", {"times": 1}, size=size)
    pages = await drive.ids()
    assert len(pages[0]) == size
    assert [each for page in pages for each in page] == whole


async def test_an_item_can_be_on_two_pages(drive: InProcessEmulator) -> None:
    whole = await drive.ids()
    drive.fault("duplicate")
    pages = await drive.ids()
    assert [page[1:] for page in pages[1:]] == whole[1:]
    assert pages[1][0] == whole[0][-1]
    assert pages[2][0] == pages[1][-1]


async def test_different_items_can_be_missing_each_time(drive: InProcessEmulator) -> None:
    drive.fault("omit", {"seed": 4}, share=0.5)
    seen = [frozenset(await drive.all_ids()) for _ in range(6)]
    assert len(set(seen)) > 1
    assert min(map(len, seen)) < FOLDER


async def test_the_same_items_can_always_be_missing(drive: InProcessEmulator) -> None:
    drive.fault("omit", share=0.5, stable=True, seed=2)
    seen = [await drive.all_ids() for _ in range(3)]
    assert seen[0] == seen[1] == seen[2]
    assert 0 < len(seen[0]) < FOLDER


async def test_a_group_of_folders_may_be_empty(drive: InProcessEmulator) -> None:
    drive.fault("group", answer="empty")
    assert await drive.all_ids(group(drive), size=100) == []
    assert len(await drive.all_ids(size=100)) == FOLDER


async def test_a_group_of_folders_may_be_answered_in_part(drive: InProcessEmulator) -> None:
    whole = await drive.all_ids(group(drive), size=100)
    drive.fault("group", answer="partial")
    part = await drive.all_ids(group(drive), size=100)
    assert 0 < len(part) < len(whole)
    assert set(part) < set(whole)


async def test_one_bad_folder_may_empty_the_group(drive: InProcessEmulator) -> None:
    drive.fault("group", answer="bad_parent_empties")
    assert await drive.all_ids(group(drive, "nobody"), size=100) == []
    assert len(await drive.all_ids(group(drive), size=100)) > FOLDER


async def test_a_missing_folder_can_look_empty(drive: InProcessEmulator) -> None:
    nobody = "'nobody' in parents"
    assert (await drive.listed(nobody)).status_code == 404
    drive.fault("empty_for_missing")
    answer = await drive.listed(nobody)
    assert (answer.status_code, answer.json()) == (200, {"incompleteSearch": False, "files": []})
    assert (await drive.client.get("/drive/v3/files/nobody")).status_code == 404


async def test_a_search_may_be_incomplete_where_fields_ask(drive: InProcessEmulator) -> None:
    drive.fault("incomplete")
    assert (await drive.listed()).json()["incompleteSearch"] is True
    assert "incompleteSearch" not in (await drive.listed(fields="files(id)")).json()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"size": "abc"}, {"size": "abc"}),
        ({"size": None}, {}),
        ({"size": 5}, {"size": 5}),
    ],
)
async def test_fields_in_a_response_can_be_overwritten(
    drive: InProcessEmulator, fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    drive.fault("set", fields=fields)
    assert (await drive.get(fields="size")).json() == expected
    for file in (await drive.listed(fields="files(size)")).json()["files"]:
        assert file == expected


async def test_fields_that_are_not_in_a_response_are_not_added(drive: InProcessEmulator) -> None:
    drive.fault("set", fields={"md5Checksum": "0" * 32})
    assert (await drive.get(fields="size")).json() == {"size": "5000"}


async def test_only_matching_files_are_overwritten(drive: InProcessEmulator) -> None:
    meant = drive.picture(1)
    drive.fault("set", fields={"name": "x" * 5_000}, where={"id": meant.id})
    assert len((await drive.get(1, "name")).json()["name"]) == 5_000
    assert (await drive.get(2, "name")).json()["name"] == drive.picture(2).entry.name


async def test_files_can_be_matched_by_name_and_type(drive: InProcessEmulator) -> None:
    drive.fault("set", fields={"mimeType": "application/octet-stream"},
        where={"name": "*", "mime_type": "image/*"})  # fmt: skip
    shown = (await drive.get(fields="mimeType")).json()
    folder = await drive.client.get(f"/drive/v3/files/{drive.folder}")
    assert shown == {"mimeType": "application/octet-stream"}
    assert folder.json()["mimeType"].endswith("folder")


async def test_a_nested_field_can_be_overwritten(drive: InProcessEmulator) -> None:
    drive.fault("set", fields={"imageMediaMetadata.width": 1, "capabilities.canDownload": False,
        "shortcutDetails.targetMimeType": "x", "name.deep": 1})  # fmt: skip
    fields = "imageMediaMetadata(width,height),capabilities(canDownload),name"
    shown = (await drive.get(fields=fields)).json()
    assert shown["imageMediaMetadata"]["width"] == 1
    assert shown["imageMediaMetadata"]["height"] > 1
    assert shown["capabilities"] == {"canDownload": False}
    assert shown["name"] == drive.picture().entry.name
    drive.state.faults.clear()
    assert (await drive.get(fields=fields)).json()["imageMediaMetadata"]["width"] > 1


async def test_effects_on_listings_leave_downloads_alone(drive: InProcessEmulator) -> None:
    for do in ("drop_token", "repeat_token", "reject_token", "duplicate", "omit", "group",
               "short_page", "empty_for_missing", "incomplete"):  # fmt: skip
        drive.fault(do)
    drive.fault("set", fields={"id": "x"})
    assert len((await drive.media()).content) == 5_000

"""about, drives and changes: for those who have logged in."""

from collections.abc import AsyncIterator

import httpx
import pytest

from drive_emulator.forest import Forest
from drive_emulator.world import World
from tests.unit.drive_emulator.answers import reason
from tests.unit.drive_emulator.callers import ACCOUNT, TOKEN, caller, world_of

CHANGES = "/drive/v3/changes"


@pytest.fixture
def world(forest: Forest) -> World:
    return world_of(forest)


@pytest.fixture
async def me(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(world, token=TOKEN) as client:
        yield client


async def test_about_says_who_asks(me: httpx.AsyncClient) -> None:
    answer = await me.get("/drive/v3/about", params={"fields": "user(emailAddress,me)"})
    assert answer.json() == {"user": {"emailAddress": ACCOUNT, "me": True}}


async def test_about_without_fields_is_refused(me: httpx.AsyncClient) -> None:
    assert reason(await me.get("/drive/v3/about")) == (400, "required", "fields")


async def test_about_tells_the_formats_of_exports(me: httpx.AsyncClient) -> None:
    told = (await me.get("/drive/v3/about", params={"fields": "exportFormats"})).json()
    assert "application/pdf" in told["exportFormats"]["application/vnd.google-apps.document"]


async def test_about_gives_everything_for_a_star(me: httpx.AsyncClient) -> None:
    told = (await me.get("/drive/v3/about", params={"fields": "*"})).json()
    assert told["kind"] == "drive#about"
    assert {"user", "storageQuota", "exportFormats", "importFormats"} < set(told)


async def test_about_knows_no_other_field(me: httpx.AsyncClient) -> None:
    answer = await me.get("/drive/v3/about", params={"fields": "nonsense"})
    assert reason(answer) == (400, "invalidParameter", "fields")


@pytest.mark.parametrize(
    "path", ["/drive/v3/about", "/drive/v3/drives", "/drive/v3/drives/x", CHANGES]
)
async def test_a_key_alone_is_told_to_log_in(drive: httpx.AsyncClient, path: str) -> None:
    assert reason(await drive.get(path, params={"fields": "*"}))[:2] == (401, "required")


async def test_there_are_no_shared_drives_unless_a_tree_is_one(me: httpx.AsyncClient) -> None:
    answer = await me.get("/drive/v3/drives")
    assert answer.json() == {"kind": "drive#driveList", "drives": []}
    assert reason(await me.get("/drive/v3/drives/x")) == (404, "notFound", "driveId")


@pytest.mark.parametrize("size", ["0", "101", "x", "9" * 5000])
async def test_a_page_of_drives_has_its_bounds(me: httpx.AsyncClient, size: str) -> None:
    answer = await me.get("/drive/v3/drives", params={"pageSize": size})
    assert reason(answer) == (400, "invalidParameter", "pageSize")


async def test_changes_begin_behind_a_token(me: httpx.AsyncClient) -> None:
    start = (await me.get(f"{CHANGES}/startPageToken")).json()["startPageToken"]
    answer = (await me.get(CHANGES, params={"pageToken": start})).json()
    assert answer["changes"] == []
    assert answer["newStartPageToken"] == start


async def test_changes_need_a_token_that_was_given(me: httpx.AsyncClient) -> None:
    assert reason(await me.get(CHANGES)) == (400, "required", "pageToken")
    answer = await me.get(CHANGES, params={"pageToken": "yesterday"})
    assert reason(answer) == (400, "invalid", "pageToken")

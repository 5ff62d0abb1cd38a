"""about, drives and changes."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from drive_emulator.control.state import State
from drive_emulator.drive_api.backend import ChangeLog
from drive_emulator.tree.generated import parse_tree
from drive_emulator.tree.store import TreeStore
from tests.unit.drive_emulator.clients import ACCOUNT, TOKEN, caller, reason, state_of
from tests.unit.drive_emulator.conftest import KEY

CHANGES = "/drive/v3/changes"


@pytest.fixture
def state(store: TreeStore) -> State:
    return state_of(store)


@pytest.fixture
async def me(state: State) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(state, token=TOKEN) as client:
        yield client


SPEC = b'{"name": "changing", "items": [{"path": "some.jpg", "size": 5000, "ref": "some"}]}'


@pytest.fixture
def store() -> TreeStore:
    """A store for each test, because some of them change it."""
    store = TreeStore(seed=1)
    store.add(parse_tree(SPEC))
    return store


@pytest.fixture
def own(store: TreeStore) -> str:
    """A file that can be changed."""
    tree = store.tree("changing")
    assert tree is not None
    return tree.refs["some"]


async def test_about_shows_the_account(me: httpx.AsyncClient) -> None:
    answer = await me.get("/drive/v3/about", params={"fields": "user(emailAddress,me)"})
    assert answer.json() == {"user": {"emailAddress": ACCOUNT, "me": True}}


async def test_about_without_fields_is_refused(me: httpx.AsyncClient) -> None:
    assert reason(await me.get("/drive/v3/about")) == (400, "required", "fields")


async def test_about_lists_the_export_formats(me: httpx.AsyncClient) -> None:
    told = (await me.get("/drive/v3/about", params={"fields": "exportFormats"})).json()
    assert "application/pdf" in told["exportFormats"]["application/vnd.google-apps.document"]


async def test_about_with_a_star_has_every_field(me: httpx.AsyncClient) -> None:
    told = (await me.get("/drive/v3/about", params={"fields": "*"})).json()
    assert told["kind"] == "drive#about"
    assert {"user", "storageQuota", "exportFormats", "importFormats"} < set(told)


async def test_about_refuses_unknown_fields(me: httpx.AsyncClient) -> None:
    answer = await me.get("/drive/v3/about", params={"fields": "nonsense"})
    assert reason(answer) == (400, "invalidParameter", "fields")


@pytest.mark.parametrize(
    "path", ["/drive/v3/about", "/drive/v3/drives", "/drive/v3/drives/x", CHANGES]
)
async def test_an_api_key_alone_is_unauthorized(drive: httpx.AsyncClient, path: str) -> None:
    assert reason(await drive.get(path, params={"fields": "*"}))[:2] == (401, "required")


async def test_there_are_no_shared_drives_unless_a_tree_is_one(me: httpx.AsyncClient) -> None:
    answer = await me.get("/drive/v3/drives")
    assert answer.json() == {"kind": "drive#driveList", "drives": []}
    assert reason(await me.get("/drive/v3/drives/x")) == (404, "notFound", "driveId")


async def test_a_shared_drive_is_listed_with_its_name(
    me: httpx.AsyncClient, store: TreeStore
) -> None:
    spec = b'{"name": "team", "title": "Root", "drive": "The team", "items": [{"path": "a.jpg"}]}'
    tree = store.add(parse_tree(spec))
    [told] = (await me.get("/drive/v3/drives", params={"fields": "drives(id,name)"})).json()[
        "drives"
    ]
    assert told == {"id": tree.drive_id, "name": "The team"}
    one = (await me.get(f"/drive/v3/drives/{tree.drive_id}")).json()
    assert (one["kind"], one["name"]) == ("drive#drive", "The team")


@pytest.mark.parametrize("size", ["0", "101", "x", "9" * 5000])
async def test_the_page_size_of_drives_is_limited(me: httpx.AsyncClient, size: str) -> None:
    answer = await me.get("/drive/v3/drives", params={"pageSize": size})
    assert reason(answer) == (400, "invalidParameter", "pageSize")


async def tokens_and_changes(
    client: httpx.AsyncClient, token: str, size: int = 100
) -> tuple[list[dict[str, Any]], str]:
    """The changes from a token on, page by page, and the token for the next time."""
    changes: list[dict[str, Any]] = []
    while True:
        answer = await client.get(CHANGES, params={"pageToken": token, "pageSize": size})
        page = answer.json()
        assert len(page["changes"]) <= size
        changes += page["changes"]
        if "newStartPageToken" in page:
            return changes, page["newStartPageToken"]
        token = page["nextPageToken"]


async def test_changes_are_listed_from_a_token_on(me: httpx.AsyncClient, own: str) -> None:
    await me.post("/_emu/mutate", json={"do": "rename", "id": own, "name": "before.jpg"})
    start = (await me.get(f"{CHANGES}/startPageToken")).json()["startPageToken"]
    assert await tokens_and_changes(me, start) == ([], start)
    for name in ("first.jpg", "second.jpg", "third.jpg"):
        await me.post("/_emu/mutate", json={"do": "rename", "id": own, "name": name})
    changes, after = await tokens_and_changes(me, start, size=2)
    assert [each["fileId"] for each in changes] == [own] * 3
    assert changes[0]["file"]["name"] == "third.jpg"  # as it is now, as Drive does
    assert await tokens_and_changes(me, after) == ([], after)


async def test_a_deleted_file_is_shown_as_removed(me: httpx.AsyncClient, own: str) -> None:
    start = (await me.get(f"{CHANGES}/startPageToken")).json()["startPageToken"]
    await me.post("/_emu/mutate", json={"do": "delete", "id": own})
    [change] = (await tokens_and_changes(me, start))[0]
    assert (change["fileId"], change["removed"]) == (own, True)
    assert "file" not in change


def test_the_oldest_changes_are_forgotten() -> None:
    log = ChangeLog(lambda: 0.0, limit=3)
    for number in range(5):
        log.add(f"file {number}")
    assert log.since("2", 10) is None
    assert [each.file_id for each in log.since("3", 10) or []] == ["file 2", "file 3", "file 4"]
    assert log.since("6", 10) == []
    assert log.since("7", 10) is None


async def test_changes_need_a_valid_token(me: httpx.AsyncClient) -> None:
    assert reason(await me.get(CHANGES)) == (400, "required", "pageToken")
    answer = await me.get(CHANGES, params={"pageToken": "yesterday"})
    assert reason(answer) == (400, "invalid", "pageToken")


async def test_root_is_an_accounts_own_empty_folder(me: httpx.AsyncClient) -> None:
    root = (await me.get("/drive/v3/files/root")).json()
    assert root["name"] == "My Drive"
    assert re.fullmatch("0A[A-Za-z0-9_-]{17}", root["id"])
    for one in ("root", root["id"]):
        same = await me.get(f"/drive/v3/files/{one}", params={"fields": "id"})
        assert same.json() == {"id": root["id"]}
        listed = await me.get("/drive/v3/files", params={"q": f"'{one}' in parents"})
        assert listed.json()["files"] == []


async def test_an_anonymous_caller_has_no_root(state: State, me: httpx.AsyncClient) -> None:
    mine = (await me.get("/drive/v3/files/root")).json()["id"]
    async with caller(state, KEY) as client:
        for one in ("root", mine):
            assert reason(await client.get(f"/drive/v3/files/{one}"))[0] == 404
            params = {"q": f"'{one}' in parents"}
            assert reason(await client.get("/drive/v3/files", params=params))[0] == 404

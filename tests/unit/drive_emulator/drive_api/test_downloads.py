"""Who can download a file, and the headers of the response."""

import base64
import hashlib
from collections.abc import AsyncIterator

import httpx
import pytest

from drive_emulator.control.state import State
from drive_emulator.tree.store import TreeStore
from drive_emulator.tree.tree import Tree
from tests.unit.drive_emulator.clients import ACCOUNT, TOKEN, caller, reason, state_of
from tests.unit.drive_emulator.conftest import KEY
from tests.unit.drive_emulator.explicit_trees import plant

MEDIA = {"alt": "media"}


@pytest.fixture
def store() -> TreeStore:
    return TreeStore(seed=1)


@pytest.fixture
def state(store: TreeStore) -> State:
    return state_of(store)


@pytest.fixture
async def anybody(state: State) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(state, key=KEY) as client:
        yield client


@pytest.fixture
async def owner(state: State) -> AsyncIterator[httpx.AsyncClient]:
    async with caller(state, token=TOKEN) as client:
        yield client


@pytest.fixture
def tree(store: TreeStore) -> Tree:
    return plant(
        store,
        {"path": "a.jpg", "size": 5_000, "ref": "good"},
        {"path": "b.jpg", "size": 5_000, "canDownload": False, "ref": "locked"},
        {"path": "c.jpg", "size": 5_000, "abusive": True, "ref": "abusive"},
        {"path": "d.jpg", "size": 5_000, "omit": ["md5Checksum"], "ref": "no md5"},
        {"path": "e.heic", "mimeType": "application/octet-stream", "size": 5_000, "ref": "raw"},
        owner=ACCOUNT,
    )


def address(tree: Tree, ref: str) -> str:
    return f"/drive/v3/files/{tree.refs[ref]}"


async def test_a_refused_download_says_why(anybody: httpx.AsyncClient, tree: Tree) -> None:
    locked = await anybody.get(address(tree, "locked"), params=MEDIA)
    assert reason(locked) == (403, "cannotDownloadFile", "")
    for more in ({}, {"acknowledgeAbuse": "true"}):
        abusive = await anybody.get(address(tree, "abusive"), params={**MEDIA, **more})
        assert reason(abusive) == (403, "cannotDownloadAbusiveFile", "")


async def test_the_owner_can_download_restricted_and_acknowledged_abusive_files(
    owner: httpx.AsyncClient, tree: Tree
) -> None:
    assert (await owner.get(address(tree, "locked"), params=MEDIA)).status_code == 200
    abusive = await owner.get(address(tree, "abusive"), params=MEDIA)
    assert reason(abusive) == (403, "cannotDownloadAbusiveFile", "")
    acknowledged = {**MEDIA, "acknowledgeAbuse": "true"}
    answer = await owner.get(address(tree, "abusive"), params=acknowledged)
    assert (answer.status_code, len(answer.content)) == (200, 5_000)


async def test_a_download_has_the_type_and_the_checksum_of_the_file(
    anybody: httpx.AsyncClient, tree: Tree
) -> None:
    good = await anybody.get(address(tree, "good"), params=MEDIA)
    digest = hashlib.md5(good.content).digest()
    assert good.headers["x-goog-hash"] == f"md5={base64.b64encode(digest).decode()}"
    assert good.headers["content-type"] == "image/jpeg"
    without = await anybody.get(address(tree, "no md5"), params=MEDIA)
    assert "x-goog-hash" not in without.headers
    raw = await anybody.get(address(tree, "raw"), params=MEDIA)
    assert raw.headers["content-type"] == "application/octet-stream"


async def test_media_may_be_a_redirect_to_a_signed_address(
    state: State, anybody: httpx.AsyncClient, tree: Tree
) -> None:
    direct = await anybody.get(address(tree, "good"), params=MEDIA)
    state.knobs.change({"redirect_media": True})
    answer = await anybody.get(address(tree, "good"), params=MEDIA)
    assert (answer.status_code, answer.content) == (302, b"")
    where = answer.headers["location"]
    assert where.startswith("/mediahost/")
    async with caller(state) as nobody:
        assert (await nobody.get(where)).content == direct.content
        part = await nobody.get(where, headers={"range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, direct.content[10:20])
        other = where.replace(tree.refs["good"], tree.refs["locked"])
        for forged in (other, where[:-1], where.partition("?")[0]):
            assert reason(await nobody.get(forged)) == (403, "forbidden", "")
        state.clock.advance(3_601)
        assert reason(await nobody.get(where)) == (403, "forbidden", "")
    refused = await anybody.get(address(tree, "locked"), params=MEDIA)
    assert reason(refused) == (403, "cannotDownloadFile", "")
